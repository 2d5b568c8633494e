//! The table of all stages.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;

use landfall_cli::{Environment, Opt, Values};
use landfall_stages::Outcome;

use crate::{
    Command, Context, Effects, Ended, Held, aws_credentials, build_docker_images, build_images_dev,
    build_images_prod, changed_images, cleanup_images, comment_jira_tickets, create_jira_tickets,
    deploy_lambda, gate, generate_mappings, generate_versions, list_buckets, main_of, merge_configs,
    package_artifacts, prepare_docker_config, promote_artifacts, publish_artifacts, retag_push_ecr,
    rollback_lambda, run_stage, s3_sync, semantic_versioning, smoke_test, sync_project_versions,
    transition_jira_tickets, update_jira_instructions, update_version_dashboard,
};

/// A stage, as tools that run any of them see it.
#[derive(Clone, Copy, Debug)]
pub struct StageEntry {
    /// The name.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The stage's own options.
    pub options: fn() -> Vec<Opt>,
    /// Its whole `main`.
    pub main: fn(&[String]) -> ExitCode,
    /// Runs it and returns what it printed.
    pub run: fn(&[String], Environment) -> Ended,
    /// What it changes with these values.
    pub(crate) effects: fn(&Values<'_>) -> Effects,
    /// What keeps it from beginning.
    pub(crate) held: fn(&Context) -> Held,
    /// The options that all parts of its work have alike.
    pub(crate) alike: &'static [&'static str],
    /// Its work alone.
    pub(crate) work: Work,
}

/// What a stage does once its settings are read.
type Work = for<'a> fn(&'a Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

const fn entry<C: Command>() -> StageEntry {
    StageEntry {
        name: C::NAME,
        summary: C::SUMMARY,
        options: C::options,
        main: main_of::<C>,
        run: run_stage::<C>,
        effects: C::effects,
        held: C::held,
        alike: C::ALIKE,
        work: C::run,
    }
}

/// All stages, in the order of a pipeline.
pub fn stages() -> &'static [StageEntry] {
    const STAGES: [StageEntry; 27] = [
        entry::<semantic_versioning::Command>(),
        entry::<sync_project_versions::Command>(),
        entry::<generate_versions::Command>(),
        entry::<changed_images::Command>(),
        entry::<build_docker_images::Command>(),
        entry::<build_images_dev::Command>(),
        entry::<build_images_prod::Command>(),
        entry::<aws_credentials::Command>(),
        entry::<prepare_docker_config::Command>(),
        entry::<retag_push_ecr::Command>(),
        entry::<generate_mappings::Command>(),
        entry::<deploy_lambda::Command>(),
        entry::<rollback_lambda::Command>(),
        entry::<update_version_dashboard::Command>(),
        entry::<create_jira_tickets::Command>(),
        entry::<transition_jira_tickets::Command>(),
        entry::<comment_jira_tickets::Command>(),
        entry::<update_jira_instructions::Command>(),
        entry::<promote_artifacts::Command>(),
        entry::<package_artifacts::Command>(),
        entry::<publish_artifacts::Command>(),
        entry::<merge_configs::Command>(),
        entry::<s3_sync::Command>(),
        entry::<list_buckets::Command>(),
        entry::<smoke_test::Command>(),
        entry::<gate::Command>(),
        entry::<cleanup_images::Command>(),
    ];
    &STAGES
}

/// The stage of a name; `copy-images` is another name of `retag-push-ecr`.
pub fn stage(name: &str) -> Option<&'static StageEntry> {
    let name = if name == "copy-images" { "retag-push-ecr" } else { name };
    stages().iter().find(|stage| stage.name == name)
}
