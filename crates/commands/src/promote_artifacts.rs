//! `promote-artifacts` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_artifacts::PromotionLog;
use landfall_cli::{Opt, Values};
use landfall_registry::{Artifactory, DockerAccess, Login};
use landfall_stages::{Outcome, Refusal, promote_artifacts};

use crate::context::{LOCK, VERSIONS};
use crate::{Context, Effects};

/// The command.
#[derive(Debug)]
pub struct Command;

/// From where to where, and what it is called.
struct Way {
    source: Option<String>,
    target: Option<String>,
    name: Option<String>,
}

impl crate::Command for Command {
    const NAME: &'static str = "promote-artifacts";
    const SUMMARY: &'static str = "Promote what was deployed to the next repository, by the same digest";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        vec![
            VERSIONS,
            LOCK,
            Opt::value("preset", "to-rc|to-release", "build to release candidates, or those to releases"),
            Opt::value("source-key", "KEY", "the repository key that images are in").env(&["SOURCE_BUCKET"]),
            Opt::value("target-key", "KEY", "the repository key that they are to be in")
                .env(&["TARGET_BUCKET"]),
            Opt::value("type", "NAME", "what the promotion is called").env(&["PROMOTION_TYPE"]),
            Opt::value("build-key", "KEY", "repository key of builds, for the presets")
                .env(&["ARTIFACTORY_BUILD_BUCKET"])
                .key("registries.build"),
            Opt::value("rc-key", "KEY", "repository key of release candidates, for the presets")
                .env(&["ARTIFACTORY_RC_BUCKET"])
                .key("registries.rc"),
            Opt::value("release-key", "KEY", "repository key of releases, for the presets")
                .env(&["ARTIFACTORY_RELEASE_BUCKET"])
                .key("registries.release"),
            Opt::value("namespace", "PATH", "the images' folder below the keys")
                .env(&["IMAGE_NAMESPACE"])
                .key("image_namespace"),
            Opt::value("artifactory", "URL", "Artifactory's address, without /artifactory")
                .env(&["ARTIFACTORY_URL"])
                .key("registries.url"),
            Opt::value("user", "NAME", "the account of the password").env(&["ARTIFACTORY_USER"]),
            Opt::secret("password", &["ARTIFACTORY_PASS"], "the account's password"),
            Opt::secret("token", &["ARTIFACTORY_TOKEN"], "an access token in place of user and password"),
            Opt::value(
                "docker-access",
                "api|path",
                "how Artifactory's images are read: by its API, or by the repository path",
            )
            .default("path"),
            Opt::value("jobs", "N", "promotions at a time, 1 to 20").env(&["LANDFALL_JOBS"]).default("4"),
            Opt::switch("overwrite", "replace tags that exist with other content"),
            Opt::switch("strict", "a promotion that failed fails the stage"),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let way = way(&mut values);
            let (address, namespace) = (values.required("artifactory"), values.required("namespace"));
            let login = login(&mut values);
            let access = match values.text("docker-access").as_deref() {
                Some("api") => DockerAccess::Api,
                Some("path") | None => DockerAccess::Path,
                Some(other) => {
                    let what = format!(
                        "--docker-access `{}` is neither api nor path",
                        landfall_secret::escape(other, 40)
                    );
                    values.problem("LF-CONFIG", &what, None);
                    DockerAccess::Path
                }
            };
            let jobs: usize = values.parsed("jobs").unwrap_or(4);
            if !(1..=20).contains(&jobs) {
                values.problem("LF-CONFIG", "--jobs is not a number from 1 to 20", None);
            }
            let (overwrite, strict) = (values.is_on("overwrite"), values.is_on("strict"));
            values.finish().map_err(Refusal)?;
            let (Some(source_key), Some(target_key), Some(name)) = (way.source, way.target, way.name) else {
                return Err(Refusal(Vec::new()));
            };
            let config = promote_artifacts::Config {
                target: context.target().clone(),
                places: context.places(),
                source_key,
                target_key,
                namespace: namespace.unwrap_or_default(),
                log: PathBuf::from(PromotionLog::file_name(&name)),
                promotion_type: name,
                jobs,
                overwrite,
                strict,
            };
            let artifactory =
                Artifactory::new(&context.http()?, &address.unwrap_or_default(), login, access)?;
            promote_artifacts::run(&config, &artifactory, &context.ledger, context.output(), context.run())
                .await
        })
    }
}

fn way(values: &mut Values<'_>) -> Way {
    let way = match values.text("preset").as_deref() {
        Some("to-rc") => Way {
            source: values.required("build-key"),
            target: values.required("rc-key"),
            name: Some("to-rc".to_owned()),
        },
        Some("to-release") => Way {
            source: values.required("rc-key"),
            target: values.required("release-key"),
            name: Some("to-release".to_owned()),
        },
        Some(other) => {
            let what =
                format!("--preset `{}` is neither to-rc nor to-release", landfall_secret::escape(other, 40));
            values.problem("LF-CONFIG", &what, None);
            Way { source: None, target: None, name: None }
        }
        None => Way {
            source: values.required("source-key"),
            target: values.required("target-key"),
            name: values.required("type"),
        },
    };
    let fits = |name: &String| {
        !name.is_empty() && name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if way.name.as_ref().is_some_and(|name| !fits(name)) {
        values.problem("LF-CONFIG", "the promotion type is not 1 to 40 letters, digits and -", None);
    }
    way
}

fn login(values: &mut Values<'_>) -> Option<Login> {
    if let Some(token) = values.secret("token") {
        return Some(Login::Bearer(token));
    }
    let (user, password) = (values.required("user"), values.required_secret("password"));
    Some(Login::basic(user?, password?))
}
