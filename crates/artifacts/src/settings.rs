//! `landfall.toml`: a repo's settings.

mod blanks;
mod configs;
mod environment;
mod images;
mod jira;
pub(crate) mod keys;
mod read;
mod registries;
mod stores;
mod sync;
mod table;
mod vault;
mod versioning;

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;

use crate::file::read_bounded;
use crate::file_error::{FileError, FileErrors, Problems};
use crate::gate_settings::{IdentitySettings, PersonName, RoleName};
use crate::json::{At, FromJson as _, Limits};
use crate::name::EnvironmentName;
use crate::notify_settings::{NotifyTarget, TargetName};
use crate::pipeline_settings::{CiSettings, PartName, PipelineSettings};
use crate::smoke::SmokeCheck;
use crate::text_name::RegionKey;
use crate::toml_node::toml_node;
use blanks::refuse_blanks;
pub use configs::ConfigSettings;
pub use environment::{EnvironmentKind, EnvironmentSettings, OnFailure};
pub use images::ImageSettings;
pub use jira::{JiraFieldValue, JiraSettings};
use keys::refuse_unknown;
pub use registries::Registries;
pub use stores::{LedgerSettings, ReleaseSettings};
pub use sync::{SyncSettings, SyncTarget};
pub(crate) use vault::Ttl;
pub use vault::VaultSettings;
pub use versioning::VersioningSettings;

/// What a repo settles for all its pipelines. Optional, as is every key; unknown keys are refused; secrets are never read
/// from it. Flags and environment variables stand above it.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
pub struct Settings {
    /// Folder of the Lambda projects, below the repo's root. Default `functions`.
    pub functions: Option<String>,
    /// Folder of images on the registry, above the project's name.
    pub image_namespace: Option<String>,
    /// The artifact registry.
    #[schemars(default)]
    pub registries: Registries,
    /// The environments by name.
    #[schemars(default, rename = "environment")]
    pub environments: BTreeMap<EnvironmentName, EnvironmentSettings>,
    /// Role to the people who may speak for it, as CI names them.
    #[schemars(default)]
    pub approvers: BTreeMap<RoleName, Vec<PersonName>>,
    /// Who vouches for people.
    #[schemars(default)]
    pub identity: IdentitySettings,
    /// Release tickets.
    #[schemars(default)]
    pub jira: JiraSettings,
    /// Who is told of what, by a name of one's own.
    #[schemars(default)]
    pub notify: BTreeMap<TargetName, NotifyTarget>,
    /// The ledger.
    #[schemars(default)]
    pub ledger: LedgerSettings,
    /// The store of releases.
    #[schemars(default)]
    pub releases: ReleaseSettings,
    /// Where configuration is published, and what of it.
    #[schemars(default)]
    pub sync: SyncSettings,
    /// How images are built.
    #[schemars(default)]
    pub images: ImageSettings,
    /// How versions are counted.
    #[schemars(default)]
    pub versioning: VersioningSettings,
    /// How configuration files are merged.
    #[schemars(default)]
    pub configs: ConfigSettings,
    /// Checks of a deployment, in every environment.
    #[schemars(default)]
    pub smoke: Vec<SmokeCheck>,
    /// How CI files are written.
    #[schemars(default)]
    pub ci: CiSettings,
    /// What the repo adds to the pipelines, or puts in their place.
    #[schemars(default)]
    pub pipelines: BTreeMap<PartName, PipelineSettings>,
    /// Every value by its dotted key, also keys of stages that this crate does not know.
    #[schemars(skip)]
    pub(crate) values: BTreeMap<String, String>,
}

impl Settings {
    /// Name of the file at the repo's root.
    pub const FILE_NAME: &'static str = "landfall.toml";

    /// What a text begins with that stands where a value has to be filled in; what is wanted follows. A file with such a text is refused,
    /// and each is named with its place.
    pub const BLANK: &'static str = "?? ";

    /// The most bytes such a file may have.
    pub const MAX_BYTES: usize = 256 * 1024;

    const LIMITS: Limits = Limits { max_bytes: Self::MAX_BYTES, max_depth: 16, max_values: 100_000 };

    /// Reads the format from bytes; `name` stands for them in messages.
    ///
    /// `further` names dotted keys that are known besides, such as `deploy.jobs`; `environment.x` stands for the key `x` of
    /// every environment.
    ///
    /// # Errors
    /// [`FileErrors`]: every problem at once.
    pub fn parse(bytes: &[u8], name: &str, further: &[&str]) -> Result<Self, FileErrors> {
        let text = if bytes.len() <= Self::MAX_BYTES { std::str::from_utf8(bytes).ok() } else { None };
        let Some(text) = text else {
            let mut problems = Problems::new(name, "", false);
            problems.add_whole(
                format!("{} bytes", bytes.len()),
                format!("UTF-8 text of at most {} bytes", Self::MAX_BYTES),
            );
            return problems.finish(None);
        };
        let mut problems = Problems::new(name, text, false);
        let root = toml_node(text, Self::LIMITS, &mut problems);
        let settings = root.as_ref().and_then(|root| {
            let at = At::root(root);
            // Alone: what else is wrong is often the blank's fault.
            if refuse_blanks(at, &mut problems) {
                return None;
            }
            refuse_unknown(at, further, &mut problems);
            Self::from_json(at, &mut problems)
        });
        problems.finish(settings)
    }

    /// Reads a file. A file of zero bytes says nothing and is valid.
    ///
    /// # Errors
    /// [`FileError`] where it cannot be read or breaks its format.
    pub fn read(path: &Path, further: &[&str]) -> Result<Self, FileError> {
        let bytes = match read_bounded(path, Self::MAX_BYTES) {
            Err(FileError::Empty { .. }) => Vec::new(),
            other => other?,
        };
        Ok(Self::parse(&bytes, &path.to_string_lossy(), further)?)
    }

    /// Every value as text by its dotted key. Of the environments only the named one is given, its keys under
    /// `environment.`, such as `environment.vault.address`; lists are joined by commas.
    pub fn layer(&self, environment: Option<&EnvironmentName>) -> BTreeMap<String, String> {
        let mut layer = BTreeMap::new();
        for (key, value) in &self.values {
            // A NUL stands between the steps of a key, so that names with dots stay whole.
            let mut steps: Vec<&str> = key.split('\0').collect();
            if steps.first() == Some(&"environment") {
                if steps.get(1).copied() != environment.map(EnvironmentName::as_str) {
                    continue;
                }
                steps.remove(1);
            }
            layer.insert(steps.join("."), value.clone());
        }
        // A store of the environment's own stands in place of the common one.
        for key in ["releases.bucket", "releases.owner", "sync.bucket", "sync.prefix"] {
            if let Some(own) = layer.remove(&format!("environment.{key}")) {
                layer.insert(key.to_owned(), own);
            }
        }
        layer
    }

    /// The store of releases that an environment has: its own, and what that does not say from the common one.
    pub fn releases_of(&self, environment: &EnvironmentName) -> ReleaseSettings {
        let own = self.environments.get(environment).map(|row| row.releases.clone()).unwrap_or_default();
        ReleaseSettings {
            bucket: own.bucket.or_else(|| self.releases.bucket.clone()),
            owner: own.owner.or_else(|| self.releases.owner.clone()),
        }
    }

    /// The row of an environment. Without any row every name is good and has none.
    ///
    /// # Errors
    /// [`FileErrors`] where there are rows and none of that name; it lists the known ones.
    pub fn environment(&self, name: &EnvironmentName) -> Result<Option<&EnvironmentSettings>, FileErrors> {
        if self.environments.is_empty() {
            return Ok(None);
        }
        self.environments.get(name).map(Some).ok_or_else(|| {
            let known: Vec<&str> = self.environments.keys().map(EnvironmentName::as_str).collect();
            let mut problems = Problems::new(Self::FILE_NAME, "", false);
            problems.add_whole(format!("no environment `{name}`"), format!("one of {}", known.join(", ")));
            match problems.finish::<()>(None) {
                Err(errors) => errors,
                Ok(()) => unreachable!("a problem was added"),
            }
        })
    }

    /// The checks of an environment: those of all environments first, then its own.
    pub fn smoke_checks(&self, environment: Option<&EnvironmentName>) -> Vec<&SmokeCheck> {
        let own = environment.and_then(|name| self.environments.get(name)).map(|row| row.smoke.as_slice());
        let all = self.smoke.iter().chain(own.unwrap_or_default());
        all.filter(|check| check.is_for(environment)).collect()
    }

    /// The region key of an environment: configured, else the letters of the last part of its name.
    pub fn region_key(&self, name: &EnvironmentName) -> Option<RegionKey> {
        self.environments.get(name).and_then(|row| row.region_key.clone()).or_else(|| RegionKey::derive(name))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{OnFailure, Settings};

    fn sample() -> String {
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/v1/landfall.toml"))
            .expect("a sample")
    }

    fn refusal(text: &str) -> String {
        Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect_err("bad").to_string()
    }

    #[test]
    fn settings_are_typed() {
        let settings = Settings::parse(sample().as_bytes(), "landfall.toml", &[]).expect("valid");
        let staging = "stg_eu00".parse().expect("a name");
        let row = settings.environment(&staging).expect("known").expect("a row");
        assert_eq!(row.vault.ttl, Some(Duration::from_secs(3600)));
        assert_eq!(row.on_failure(), OnFailure::Rollback);
        assert_eq!(settings.region_key(&staging).map(|k| k.to_string()).as_deref(), Some("eu"));
        let unknown = settings.environment(&"stg_eu01".parse().expect("a name")).expect_err("unknown");
        insta::assert_snapshot!(unknown, @r"landfall.toml: found no environment `stg_eu01`, expected one of prod_eu00, stg_eu00");
        assert_eq!(Settings::parse(b"", "x", &[]), Ok(Settings::default()));
    }

    #[test]
    fn the_layer_has_one_environment_under_its_own_name() {
        let settings = Settings::parse(sample().as_bytes(), "landfall.toml", &[]).expect("valid");
        let layer = settings.layer("stg_eu00".parse().ok().as_ref());
        assert_eq!(layer.get("functions").map(String::as_str), Some("functions"));
        assert_eq!(layer.get("environment.vault.aws_path").map(String::as_str), Some("aws/sts/deployer"));
        assert_eq!(layer.get("jira.status.pp-testing").map(String::as_str), Some("Pre-Prod Testing"));
        let other = settings.layer(None);
        assert!(!other.keys().any(|key| key.starts_with("environment")));
    }

    #[test]
    fn every_problem_is_said_at_once() {
        let text = r#"
fucntions = "functions"
image_namespace = 7

[registries]
url = "https://user:pass@artifactory.example.com"
password = "canary"
nonsense = 1

[environment.stg_eu00]
kind = "stagging"
acount = "1"
account = "12345"
aws_region = "Europe"
ecr = "https://example.com/app"
vault = { addres = "x", ttl = "1d" }
after = ["nowhere"]
variables = { "A B" = "x" }

[environment."../prod"]
on_failure = "explode"

[environment.prod_eu00]
after = ["prod_eu00"]
"#;
        let shown = refusal(text);
        assert!(!shown.contains("canary"));
        insta::assert_snapshot!(shown, @r"
        14 problems in landfall.toml
          /fucntions at 2:1: found the unknown key `fucntions`, expected `functions`, perhaps
          /image_namespace at 3:19: found 7, expected a text
          /registries/url at 6:7: found `https://<redacted>@artifactory.example.com`, expected an http(s) address without user, password, query or fragment
          /registries/password at 7:1: found the unknown key `password`, expected no secret here: give it by its environment variable or a file
          /registries/nonsense at 8:1: found the unknown key `nonsense`, expected one of auth_hosts, build, docker_host, docker_hosts, rc, release, url
          /environment/stg_eu00/kind at 11:8: found `stagging`, expected one of `staging` `production` `other`
          /environment/stg_eu00/acount at 12:1: found the unknown key `acount`, expected `account`, perhaps
          /environment/stg_eu00/account at 13:11: found `12345`, expected an AWS account: 12 digits
          /environment/stg_eu00/aws_region at 14:14: found `Europe`, expected an AWS region such as eu-west-2
          /environment/stg_eu00/ecr at 15:7: found `https://example.com/app`, expected a repository: host[:port]/path without scheme
          /environment/stg_eu00/vault/addres at 16:11: found the unknown key `addres`, expected `address`, perhaps
          /environment/stg_eu00/vault/ttl at 16:31: found `1d`, expected a time such as 1h, 30m or 900s, at most 36h
          /environment/..~1prod at 20:14: found the key `../prod`, expected an environment: 1 to 64 of A-Z a-z 0-9 _ . / -, beginning with a letter or digit
          /environment/..~1prod/on_failure at 21:14: found `explode`, expected one of `stop` `continue` `rollback`
        ");
    }

    #[test]
    fn the_order_of_environments_must_exist() {
        let text = "[environment.a]\nafter = [\"b\", \"x\"]\n[environment.b]\nafter = [\"a\"]\n[environment.c]\nvariables = { \"A B\" = \"x\" }\n[registries]\nurl = \"https://a.example.com/artifactory/\"\n";
        insta::assert_snapshot!(refusal(text), @r"
        5 problems in landfall.toml
          /environment/a/after at 2:9: found a list of 2, expected environments that have a row; `x` has none
          /environment/a/after at 2:9: found a list of 2, expected an order without a circle; a comes after itself
          /environment/b/after at 4:9: found a list of 1, expected an order without a circle; b comes after itself
          /environment/c/variables at 6:13: found an object with 1 key, expected names of environment variables; `A B` is none
          /registries/url at 8:7: found `https://a.example.com/artifactory/`, expected the address without `/artifactory`
        ");
    }

    #[test]
    fn what_is_no_toml_is_refused() {
        insta::assert_snapshot!(refusal("functions = \nfunctions = \"a\"\nfunctions = \"b\"\n[x\n"), @r"
        4 problems in landfall.toml
          at 1:13: found no TOML: string values must be quoted, expected literal string, expected TOML 1.0
          /functions at 2:1: found the same key a second time, expected one such key; the first stands at 1:1
          /functions at 3:1: found the same key a second time, expected one such key; the first stands at 1:1
          at 4:3: found no TOML: unclosed table, expected `]`, expected TOML 1.0
        ");
        assert!(Settings::parse(&[0xff], "x", &[]).is_err());
        let deep = format!("{} = 1", vec!["a"; 100_000].join("."));
        assert!(Settings::parse(deep.as_bytes(), "x", &[]).is_err());
        let lists = format!("a = {}{}", "[".repeat(50_000), "]".repeat(50_000));
        assert!(Settings::parse(lists.as_bytes(), "x", &[]).is_err());
        let dots = format!("a = {}", "{a.a.a.a.a.a.a.a.a.a.a.a=".repeat(1000));
        assert!(Settings::parse(dots.as_bytes(), "x", &[]).is_err());
        assert!(Settings::parse(&vec![b'#'; 300_000], "x", &[]).is_err());
    }

    #[test]
    fn stages_may_add_keys_of_their_own() {
        let text = "[deploy]\njobs = 4\n[environment.a]\nprobe = \"x\"\n";
        assert!(Settings::parse(text.as_bytes(), "x", &[]).is_err());
        let settings =
            Settings::parse(text.as_bytes(), "x", &["deploy.jobs", "environment.probe"]).expect("valid");
        assert_eq!(settings.layer(None).get("deploy.jobs").map(String::as_str), Some("4"));
        assert_eq!(
            settings.layer("a".parse().ok().as_ref()).get("environment.probe").map(String::as_str),
            Some("x")
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[ -~\n\t\u{e9}]{0,120}") {
            let _ = Settings::parse(text.as_bytes(), "x", &[]);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Settings::parse(&bytes, "x", &[]);
        }
    }
}
