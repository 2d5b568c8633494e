//! What a stage's command works with.

use std::path::PathBuf;
use std::sync::Arc;

use landfall_artifacts::{
    Class, EnvironmentName, MissingName, Platform, Problem, Repository, Settings, Shard,
};
use landfall_cli::{Environment, Layers, Opt, Values};
use landfall_ledger::Ledger;
use landfall_run::{Event, Run};
use landfall_stages::{Output, Places, Refusal, Target};
use landfall_transport::{Http, HttpConfig, PlainHttp, Proxy};

/// The AWS keys of the run, once they were asked for: one login for the stage and its ledger.
pub(crate) type Keys = Arc<tokio::sync::OnceCell<Option<landfall_aws::HeldKeys>>>;

/// Values, run and output of one stage.
#[derive(Debug)]
pub struct Context {
    pub(crate) options: Vec<Opt>,
    pub(crate) layers: Layers,
    pub(crate) run: Run,
    pub(crate) output: Output,
    pub(crate) target: Target,
    pub(crate) settings: Settings,
    pub(crate) ledger: Ledger,
    /// The AWS keys of the run, once they were asked for.
    pub(crate) aws_keys: Keys,
}

impl Context {
    /// The values of the stage's options.
    pub fn values(&self) -> Values<'_> {
        Values::new(&self.options, &self.layers)
    }

    /// The handle of the run.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Where files go.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Environment and release.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The environment variables.
    pub fn environment(&self) -> &Environment {
        &self.layers.environment
    }

    /// The environment, for stages that act on one.
    ///
    /// # Errors
    /// Where none was named.
    pub fn environment_name(&self) -> Result<&EnvironmentName, Refusal> {
        self.target.environment.as_ref().ok_or_else(|| {
            Refusal::one(
                Problem::new("LF-CONFIG-MISSING", Class::Input, "the environment is missing")
                    .with_remedy("give it by --environment, or the variable CI_ENVIRONMENT_NAME"),
            )
        })
    }

    /// Whether the stage has an option of that name.
    pub(crate) fn is_declared(&self, name: &str) -> bool {
        self.options.iter().any(|option| option.name == name)
    }

    /// The part of the work that this job does, where the stage splits its work and a part was named.
    pub fn shard(&self) -> Option<Shard> {
        if self.is_declared("shard") {
            self.values().text("shard").and_then(|text| text.parse().ok())
        } else {
            None
        }
    }

    /// The files that stages share.
    pub fn places(&self) -> Places {
        let values = self.values();
        let path = |name: &str| PathBuf::from(values.text(name).unwrap_or_default());
        let or_default = |name: &str, default: &str| {
            if self.is_declared(name) { path(name) } else { PathBuf::from(default) }
        };
        Places {
            functions: or_default("functions", "functions"),
            versions: or_default("versions", "versions.json"),
            mappings: or_default("mappings", "lambda-ecr-mappings.json"),
            lock: or_default("lock", "image-lock.json"),
        }
    }

    /// The repository that holds one repository a project, by `--source` and `--namespace`, else by `landfall.toml`; `None` where
    /// nothing says it, or what says it is noted as a problem.
    pub(crate) fn source_of_images(&self, values: &mut Values<'_>) -> Option<Repository> {
        let base = self.source_text(values)?;
        let parsed = below(&base, values.text("namespace").as_deref()).parse::<Repository>();
        if let Err(cause) = &parsed {
            let what = format!(
                "the place of the images ({}) cannot be used: {cause}",
                landfall_secret::escape(&base, 200)
            );
            values.problem("LF-CONFIG", &what, None);
        }
        parsed.ok()
    }

    /// The same, where that nothing says it is a problem.
    pub(crate) fn required_source_of_images(&self, values: &mut Values<'_>) -> Option<Repository> {
        if self.source_text(values).is_none() {
            values.required("source");
        }
        self.source_of_images(values)
    }

    fn source_text(&self, values: &Values<'_>) -> Option<String> {
        let file = &self.settings.registries;
        let of_file = file.docker_host.as_ref().zip(file.build.as_ref());
        values.text("source").or_else(|| of_file.map(|(host, key)| format!("{host}/{key}")))
    }

    /// What a missing `.deployment` file means, by `--skip-missing`.
    pub fn missing(&self) -> MissingName {
        if self.values().is_on("skip-missing") { MissingName::Skip } else { MissingName::Refuse }
    }

    /// The HTTP client, told of certificates, proxies and plain-http hosts; what of the environment takes part is said.
    ///
    /// # Errors
    /// A bad file of certificates or proxy address.
    pub fn http(&self) -> Result<Http, Refusal> {
        let values = self.values();
        let mut used = Vec::new();
        let mut variable = |names: &[&str]| {
            let found = names.iter().find_map(|name| Some((*name, self.environment().get(name)?)));
            found.map(|(name, value)| {
                used.push(name.to_owned());
                value.to_owned()
            })
        };
        let proxy = Proxy {
            https: variable(&["HTTPS_PROXY", "https_proxy"]),
            http: variable(&["http_proxy"]),
            bypass: variable(&["NO_PROXY", "no_proxy"]).unwrap_or_default(),
        };
        if !used.is_empty() {
            self.run.progress().event(Event::Note(format!("proxies as set in {}", used.join(", "))));
        }
        // A variable that is set to nothing is no certificate file: it is refused rather than taken for "not set".
        if self.environment().is_set("SSL_CERT_FILE") && self.environment().get("SSL_CERT_FILE").is_none() {
            return Err(Refusal::one(
                Problem::new("LF-TLS-CA-FILE", Class::Input, "the variable SSL_CERT_FILE is set to nothing")
                    .with_remedy("unset SSL_CERT_FILE, or let it name a PEM file of certificates"),
            ));
        }
        let hosts = values.text("plain-http").unwrap_or_default();
        let config = HttpConfig {
            ca_file: values.text("ca-file").map(PathBuf::from),
            proxy,
            plain_http: PlainHttp {
                hosts: hosts.split([',', ' ']).filter(|host| !host.is_empty()).map(str::to_owned).collect(),
            },
            ..HttpConfig::default()
        };
        Ok(Http::new(config)?)
    }
}

/// Options of stages that read the versions and the functions' names.
pub(crate) const FUNCTIONS: Opt = Opt::value("functions", "DIR", "the folder of the Lambda projects")
    .env(&["LANDFALL_FUNCTIONS"])
    .key("functions")
    .default("functions");
/// `versions.json`.
pub(crate) const VERSIONS: Opt =
    Opt::value("versions", "FILE", "the versions that are to be deployed").default("versions.json");
/// `lambda-ecr-mappings.json`.
pub(crate) const MAPPINGS: Opt = Opt::value("mappings", "FILE", "the deployment plan: function to image tag")
    .default("lambda-ecr-mappings.json");
/// `image-lock.json`.
pub(crate) const LOCK: Opt =
    Opt::value("lock", "FILE", "the deployment plan pinned to digests").default("image-lock.json");
/// Whether a project without `.deployment` is passed over.
pub(crate) const SKIP_MISSING: Opt =
    Opt::switch("skip-missing", "warn of projects without a .deployment file and leave them out");

/// A repository below another, where it may be written as an address and the folder may be empty.
pub(crate) fn below(base: &str, folder: Option<&str>) -> String {
    let bare = base.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    match folder.map(|folder| folder.trim_matches('/')).filter(|folder| !folder.is_empty()) {
        Some(folder) => format!("{bare}/{folder}"),
        None => bare.to_owned(),
    }
}

/// The images' folder in their registry.
pub(crate) const NAMESPACE: Opt =
    Opt::value("namespace", "PATH", "the images' folder below the source; may be empty")
        .env(&["IMAGE_NAMESPACE"])
        .key("image_namespace");

/// The platform of images.
pub(crate) const PLATFORM: Opt = Opt::value(
    "platform",
    "OS/ARCH",
    "what the functions run on, linux/amd64 or linux/arm64; else what the images say",
)
.env(&["LANDFALL_PLATFORM"]);

/// The platform, by `--platform`.
pub(crate) fn platform(values: &mut Values<'_>) -> Option<Platform> {
    match values.text("platform").as_deref() {
        Some("linux/arm64") => Some(Platform::LinuxArm64),
        Some("linux/amd64") => Some(Platform::LinuxAmd64),
        Some(other) => {
            let what = format!(
                "--platform `{}` is neither linux/amd64 nor linux/arm64",
                landfall_secret::escape(other, 40)
            );
            values.problem("LF-CONFIG", &what, None);
            None
        }
        None => None,
    }
}

/// `versions.json` from standard input.
pub(crate) fn versions_of_stdin() -> Result<landfall_artifacts::Versions, Refusal> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let most = landfall_artifacts::Versions::MAX_BYTES as u64 + 1;
    std::io::stdin().take(most).read_to_end(&mut bytes).map_err(|cause| {
        Refusal::one(Problem::new(
            "LF-FILE-READ",
            Class::Input,
            format!("cannot read the versions from standard input: {cause}"),
        ))
    })?;
    Ok(landfall_artifacts::Versions::parse(&bytes, "standard input")?)
}
