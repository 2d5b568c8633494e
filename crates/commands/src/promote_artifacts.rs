//! `promote-artifacts` as a command.

mod api;
mod copy;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_artifacts::PromotionLog;
use landfall_cli::{Opt, Values};
use landfall_stages::{Outcome, Refusal, promote_artifacts};

use crate::context::{LOCK, VERSIONS};
use crate::{Context, Effects, Held, aws, logins};

/// The command.
#[derive(Debug)]
pub struct Command;

/// By what images are promoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Via {
    Api,
    Copy,
}

/// What a promotion is called, and the options that name the repository keys it is between.
struct Keys {
    source: &'static str,
    target: &'static str,
    name: Option<String>,
}

impl crate::Command for Command {
    const NAME: &'static str = "promote-artifacts";
    const SUMMARY: &'static str = "Promote what was deployed to the next repository, by the same digest";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        let keys = [
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
        ];
        let rest = [
            Opt::value(
                "via",
                "api|copy",
                "by Artifactory's promotion, or by copying between registries; api where Artifactory's address is given",
            ),
            Opt::value("jobs", "N", "promotions at a time with api, 1 to 20")
                .env(&["LANDFALL_JOBS"])
                .default("4"),
            Opt::switch("overwrite", "replace tags that exist with other content"),
            Opt::switch("strict", "a promotion that failed fails the stage"),
        ];
        [&[VERSIONS, LOCK], &keys[..], &rest, &api::OPTIONS, &copy::OPTIONS, &logins::OPTIONS, &aws::OPTIONS]
            .concat()
    }

    fn held(_: &Context) -> Held {
        Held::Dead
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let keys = keys(&mut values);
            let via = via(&mut values);
            let jobs: usize = values.parsed("jobs").unwrap_or(4);
            if !(1..=20).contains(&jobs) {
                values.problem("LF-CONFIG", "--jobs is not a number from 1 to 20", None);
            }
            let (overwrite, strict) = (values.is_on("overwrite"), values.is_on("strict"));
            let config = |name: String| promote_artifacts::Config {
                target: context.target().clone(),
                places: context.places(),
                log: PathBuf::from(PromotionLog::file_name(&name)),
                promotion_type: name,
                jobs,
                overwrite,
                strict,
            };
            let (name, way) = match via {
                Via::Api => {
                    let told = api::told(&keys, &mut values);
                    values.finish().map_err(Refusal)?;
                    (keys.name, api::way(context, told)?)
                }
                Via::Copy => {
                    let places = copy::places(context, &keys, &mut values);
                    values.finish().map_err(Refusal)?;
                    (keys.name, copy::way(context, places).await?)
                }
            };
            let (Some(name), Some(way)) = (name, way) else { return Err(Refusal(Vec::new())) };
            let (config, run) = (config(name), context.run());
            promote_artifacts::run(&config, &way, &context.ledger, context.output(), run).await
        })
    }
}

fn via(values: &mut Values<'_>) -> Via {
    let by_address = if values.text("artifactory").is_some() { Via::Api } else { Via::Copy };
    let via = match values.text("via").as_deref() {
        Some("api") => Via::Api,
        Some("copy") => Via::Copy,
        Some(other) => {
            let what = format!("--via `{}` is neither api nor copy", landfall_secret::escape(other, 40));
            values.problem("LF-CONFIG", &what, None);
            by_address
        }
        None => by_address,
    };
    if via == Via::Api && (values.text("source").is_some() || values.text("target").is_some()) {
        values.problem(
            "LF-CONFIG",
            "--source and --target are places of registries, and Artifactory's promotion takes repository keys",
            Some("add --via copy; or give --source-key and --target-key, or --preset, in their place".to_owned()),
        );
    }
    via
}

fn keys(values: &mut Values<'_>) -> Keys {
    let (source, target, name) = match values.text("preset").as_deref() {
        Some("to-rc") => ("build-key", "rc-key", Some("to-rc".to_owned())),
        Some("to-release") => ("rc-key", "release-key", Some("to-release".to_owned())),
        Some(other) => {
            let what =
                format!("--preset `{}` is neither to-rc nor to-release", landfall_secret::escape(other, 40));
            values.problem("LF-CONFIG", &what, None);
            ("source-key", "target-key", None)
        }
        None => ("source-key", "target-key", values.required("type")),
    };
    let fits = |name: &String| {
        !name.is_empty() && name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if name.as_ref().is_some_and(|name| !fits(name)) {
        values.problem("LF-CONFIG", "the promotion type is not 1 to 40 letters, digits and -", None);
    }
    Keys { source, target, name }
}

/// Notes that a promotion would be from a place to itself.
fn same(values: &mut Values<'_>, place: &str) {
    let what = format!("source and target are both `{}`", landfall_secret::escape(place, 120));
    values.problem("LF-CONFIG", &what, Some("name two different places".to_owned()));
}
