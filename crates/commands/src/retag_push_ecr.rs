//! `retag-push-ecr` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_artifacts::{Repository, Versions};
use landfall_cli::Opt;
use landfall_registry::EcrHost;
use landfall_stages::{Outcome, Refusal, retag_push_ecr};

use crate::context::{self, FUNCTIONS, LOCK, MAPPINGS, SKIP_MISSING, VERSIONS};
use crate::{Context, Effects, Held, aws, logins, registries};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "retag-push-ecr";
    const SUMMARY: &'static str = "Copy every image of the release to where Lambda takes it from";
    const EFFECTS: Effects = Effects::Exclusive;
    // The mapping and the lock are what it writes: a part that comes late finds those of one that has ended.
    const ALIKE: &'static [&'static str] = &["versions", "source", "namespace", "registry", "platform"];

    fn options() -> Vec<Opt> {
        [
            vec![
                VERSIONS,
                FUNCTIONS,
                MAPPINGS,
                LOCK,
                SKIP_MISSING,
                Opt::value(
                    "source",
                    "HOST/PATH",
                    "where the images are, without the namespace; else registries.docker_host/registries.build",
                )
                .env(&["BUILD_ARTIFACTORY_URL"]),
                context::NAMESPACE,
                Opt::value(
                    "registry",
                    "HOST/PATH",
                    "where the images go: one repository, tagged <LambdaName>-<version>",
                )
                .env(&["ECR_REGISTRY_URI"])
                .key("environment.ecr"),
                context::PLATFORM,
                Opt::switch("overwrite", "move tags that exist with other content"),
                Opt::value("plan-out", "FILE", "write the plan as JSON, also on a dry run and where it has problems"),
                Opt::value("plan", "FILE", "an approved plan: nothing is copied where something differs from it"),
                Opt::value("shard", "I/N", "the part of the images that this job copies")
                    .env(&["LANDFALL_SHARD"]),
            ],
            logins::OPTIONS.to_vec(),
            aws::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn held(_: &Context) -> Held {
        Held::Dead
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let (platform, shard) = (context::platform(&mut values), values.parsed("shard"));
            if Versions::read(&context.places().versions).is_ok_and(|versions| versions.is_empty()) {
                values.finish().map_err(Refusal)?;
                let (target, places) = (context.target(), context.places());
                return retag_push_ecr::nothing(
                    target,
                    &places,
                    platform.unwrap_or_default(),
                    context.output(),
                );
            }
            let source = context.required_source_of_images(&mut values);
            let registry: Option<Repository> = values.required_parsed("registry");
            let overwrite = values.is_on("overwrite");
            let (plan_out, approved) = (values.text("plan-out"), values.text("plan"));
            values.finish().map_err(Refusal)?;
            let (Some(source), Some(registry)) = (source, registry) else { return Err(Refusal(Vec::new())) };
            let config = retag_push_ecr::Config {
                target: context.target().clone(),
                places: context.places(),
                source,
                registry,
                platform,
                overwrite,
                shard,
                missing: context.missing(),
                plan_out: plan_out.map(PathBuf::from),
                approved: approved.map(PathBuf::from),
            };
            if let Some(region) = context.values().text("region") {
                EcrHost::check_region(config.registry.host(), &region)?;
            }
            let hosts = [config.source.host(), config.registry.host()];
            let registries = registries::registries(context, &context.http()?, &hosts).await?;
            retag_push_ecr::run(&config, &registries, context.output(), context.run()).await
        })
    }
}
