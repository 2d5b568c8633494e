//! One module a stage: its options, its configuration, its real clients; and the table of all stages.
//!
//! A stage's binary is `landfall_commands::main::<stage::Command>()`; the same code serves `landfall stage <name>`.

mod aws;
mod aws_keys;
mod aws_login;
mod builder_environment;
mod context;
mod dashboard;
mod doctor;
mod ending;
mod every_stage;
mod git;
mod held;
mod image_flow;
mod init;
mod jira;
mod jira_settings;
mod ledger_store;
mod logins;
mod nearest;
mod notify;
mod part;
mod passed;
mod posting;
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
pub mod gate;
pub mod generate_mappings;
pub mod generate_versions;
pub mod ledger;
pub mod list_buckets;
pub mod merge_configs;
pub mod package_artifacts;
pub mod pipelines;
pub mod plan;
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
pub use landfall_runner::keep_job;
pub use runner::{Ended, main, main_of, run_stage};
pub use table::{StageEntry, stage, stages};

use std::future::Future;
use std::pin::Pin;

use landfall_cli::{Opt, Values};
use landfall_notify::Way;
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

/// What of its release or environment keeps a stage from beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nothing, or what the stage finds itself.
    Never,
    /// That the release is dead.
    Dead,
    /// That the release is dead, or the environment frozen.
    DeadOrFrozen,
}

/// Which options a command has besides its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// Those of every stage. An environment that is named is a row of `landfall.toml`, where there are rows.
    Stage,
    /// Those of every view: where the ledger is, and how the answer is written. An environment or a release that is named is one
    /// that the ledger knows.
    View,
    /// Those of a view, for what looks at the world besides: an environment that is named is a row of `landfall.toml`, as a stage's.
    Look,
    /// Those of every command that works on files of the repo alone: where its settings are, and how the answer is written.
    Local,
}

/// A stage as a command: its name, its options, and what it does with their values.
pub trait Command: 'static {
    /// The stage's name, which is also its binary's.
    const NAME: &'static str;
    /// One sentence for the help, without a full stop.
    const SUMMARY: &'static str;
    /// What the stage changes.
    const EFFECTS: Effects;
    /// Whether it reads the ledger, by default where it records in it.
    const READS_LEDGER: bool = !matches!(Self::EFFECTS, Effects::Files);
    /// Whether it is the one that makes the keys which others open a ledger in a bucket with: without keys it records nothing there.
    const MAKES_KEYS: bool = false;

    /// The options that say what a work is which is split by `--shard`: all its parts have them alike.
    const ALIKE: &'static [&'static str] = &[];

    /// What people are told of how it ended: of what changes the world, by default, that it failed.
    const TELLS: Way = match Self::EFFECTS {
        Effects::Files => Way::Looks,
        Effects::Recorded | Effects::Exclusive => Way::Changes,
    };

    /// What it changes with these values, where that depends on them.
    fn effects(_values: &Values<'_>) -> Effects {
        Self::EFFECTS
    }

    /// Which options it has besides its own.
    const SHARED: Shared = Shared::Stage;

    /// The stage's own options.
    fn options() -> Vec<Opt>;

    /// What keeps the stage from beginning. Default: nothing, for stages that look, record, or go back.
    fn held(_: &Context) -> Held {
        Held::Never
    }

    /// Reads the configuration, makes the clients, and runs the stage.
    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>>;
}
