//! One module a stage: its options, its configuration, its real clients; and the table of all stages.
//!
//! A stage's binary is `landfall_commands::main::<stage::Command>()`; the same code serves `landfall stage <name>`.

mod aws;
mod aws_keys;
mod aws_login;
mod builder_environment;
mod context;
mod ending;
mod every_stage;
mod git;
mod image_flow;
mod jira;
mod jira_settings;
mod logins;
mod passed;
mod prepare;
mod registries;
mod report;
mod runner;
mod settings;
mod table;
mod updating;

pub mod aws_credentials;
pub mod build_docker_images;
pub mod build_images_dev;
pub mod build_images_prod;
pub mod changed_images;
pub mod cleanup_images;
pub mod comment_jira_tickets;
pub mod create_jira_tickets;
pub mod deploy_lambda;
pub mod generate_mappings;
pub mod generate_versions;
pub mod list_buckets;
pub mod merge_configs;
pub mod package_artifacts;
pub mod prepare_docker_config;
pub mod promote_artifacts;
pub mod publish_artifacts;
pub mod retag_push_ecr;
pub mod rollback_lambda;
pub mod s3_sync;
pub mod semantic_versioning;
pub mod smoke_test;
pub mod sync_project_versions;
pub mod tool;
pub mod transition_jira_tickets;
pub mod update_jira_instructions;
pub mod update_version_dashboard;

pub use context::Context;
pub use runner::{Ended, main, main_of, run_stage};
pub use table::{StageEntry, stage, stages};

use std::future::Future;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_stages::Outcome;

/// What a stage changes besides its own result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effects {
    /// Files of the folder it runs in.
    Files,
    /// The world outside: intents and outcomes are recorded in the ledger.
    Recorded,
    /// An environment, which it holds meanwhile, so that two runs on one environment do not interleave.
    Exclusive,
}

/// A stage as a command: its name, its options, and what it does with their values.
pub trait Command: 'static {
    /// The stage's name, which is also its binary's.
    const NAME: &'static str;
    /// One sentence for the help, without a full stop.
    const SUMMARY: &'static str;
    /// What the stage changes.
    const EFFECTS: Effects;

    /// The stage's own options.
    fn options() -> Vec<Opt>;

    /// Reads the configuration, makes the clients, and runs the stage.
    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>>;
}
