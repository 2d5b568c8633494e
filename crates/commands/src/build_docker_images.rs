//! `build-docker-images` as a command.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use landfall_artifacts::{BuildVersions, ImageSettings};
use landfall_cli::{Opt, Values};
use landfall_registry::Registries;
use landfall_stages::build_docker_images::{
    Builder, CommandTemplate, Config, Options, images_of_versions, run,
};
use landfall_stages::{Outcome, Refusal};

use crate::context::{FUNCTIONS, VERSIONS};
use crate::{Context, Effects, Held, aws, builder_environment, context, logins, registries};

/// The command.
#[derive(Debug)]
pub struct Command;

/// What builds; without a default.
pub(crate) const BUILDER: Opt = Opt::value(
    "builder",
    "nx|docker|buildah|command",
    "what builds: the repo's Nx targets docker and docker-push, a builder of Dockerfiles, or the programs of \
     [images] in landfall.toml",
)
.env(&["LANDFALL_BUILDER"])
.key("images.builder");

/// How is built, whatever is built.
pub(crate) const BUILDING: [Opt; 3] = [
    Opt::switch("rebuild", "build images too whose tag is there already"),
    Opt::value("jobs", "N", "how many are built at a time, 1 to 64").env(&["LANDFALL_JOBS"]).default("2"),
    Opt::value("build-timeout", "DURATION", "how long one build or push may take").default("1h"),
];

impl crate::Command for Command {
    const NAME: &'static str = "build-docker-images";
    const SUMMARY: &'static str = "Build the image of every project, and push it";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        [
            vec![
                VERSIONS,
                FUNCTIONS,
                BUILDER.default("nx"),
                Opt::value(
                    "source",
                    "HOST/PATH",
                    "where the images go, without the namespace; else registries.docker_host/registries.build. Tags that \
                     are there are not built again",
                )
                .env(&["BUILD_ARTIFACTORY_URL"]),
                context::NAMESPACE,
                Opt::value("commit", "SHA", "the tag of projects without a version; else latest")
                    .env(&["CI_COMMIT_SHA"]),
            ],
            BUILDING.to_vec(),
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
            let mut config = building(context, &mut values);
            let registry = context.source_of_images(&mut values);
            if registry.is_none() && config.builder.needs_target() {
                values.problem(
                    "LF-CONFIG-MISSING",
                    "where the images go is missing: this builder has to be told",
                    Some("give it by --source, or the variable BUILD_ARTIFACTORY_URL".to_owned()),
                );
            }
            let commit = values.text("commit");
            values.finish().map_err(Refusal)?;
            let places = context.places();
            let versions = BuildVersions::read(&places.versions)?;
            let projects = versions
                .projects
                .iter()
                .map(|(name, project)| (name, project.folder.as_str(), project.version.as_ref()));
            let images =
                images_of_versions(projects, &places.functions, commit.as_deref(), registry.as_ref())?;
            config.variables = builder_environment::variables(context);
            // Kept until the last build has ended.
            let _logins = builder_environment::show_logins(context, &mut config.variables);
            let registries = match &registry {
                Some(registry) if !images.is_empty() => {
                    registries::registries(context, &context.http()?, &[registry.host()]).await?
                }
                Some(_) | None => Registries::new(),
            };
            run(&config, &images, &registries, context.output(), context.run()).await
        })
    }
}

/// How is built, as the options say it; without variables.
pub(crate) fn building(context: &Context, values: &mut Values<'_>) -> Config {
    let jobs: usize = values.parsed("jobs").unwrap_or(2);
    if !(1..=64).contains(&jobs) {
        values.problem("LF-CONFIG", "--jobs is not a number from 1 to 64", None);
    }
    Config {
        builder: builder(values, &context.settings.images),
        root: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        rebuild: values.is_on("rebuild"),
        jobs,
        timeout: values.duration("build-timeout").unwrap_or(Duration::from_secs(3600)),
        variables: BTreeMap::new(),
    }
}

fn builder(values: &mut Values<'_>, settings: &ImageSettings) -> Builder {
    let options = || Options {
        context: settings.context.clone(),
        build: settings.build_arguments.clone(),
        push: settings.push_arguments.clone(),
    };
    match values.text("builder").as_deref() {
        Some("nx") | None => Builder::Nx,
        Some("docker") => Builder::Docker(options()),
        Some("buildah") => Builder::Buildah(options()),
        Some("command") => {
            if settings.build.is_empty() {
                let help =
                    Some("set build = [\"program\", \"argument\"] in [images] of landfall.toml".to_owned());
                values.problem("LF-CONFIG-MISSING", "--builder command needs a program", help);
            }
            let push = Some(settings.push.clone()).filter(|push| !push.is_empty()).map(CommandTemplate);
            Builder::Command { build: CommandTemplate(settings.build.clone()), push }
        }
        Some(other) => {
            let shown = landfall_secret::escape(other, 40);
            let what = format!("--builder `{shown}` is neither nx, docker, buildah nor command");
            values.problem("LF-CONFIG", &what, None);
            Builder::Nx
        }
    }
}
