//! One module a stage: its options, its configuration, its real clients; and the table of all stages.
//!
//! A stage's binary is `landfall_commands::main::<stage::Command>()`; the same code serves `landfall stage <name>`.

mod aws;
mod context;
mod every_stage;
mod jira;
mod report;
mod runner;
mod settings;
mod table;

pub mod aws_credentials;
pub mod comment_jira_tickets;
pub mod create_jira_tickets;
pub mod deploy_lambda;
pub mod generate_mappings;
pub mod generate_versions;
pub mod transition_jira_tickets;
pub mod update_jira_instructions;
pub mod update_version_dashboard;
pub mod tool;

pub use context::Context;
pub use runner::{Ended, main, main_of, run_stage};
pub use table::{StageEntry, stage, stages};

use std::future::Future;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_stages::Outcome;

/// A stage as a command: its name, its options, and what it does with their values.
pub trait Command: 'static {
    /// The stage's name, which is also its binary's.
    const NAME: &'static str;
    /// One sentence for the help, without a full stop.
    const SUMMARY: &'static str;
    /// Whether the stage changes anything but files of its own folder: such a stage records intents and outcomes in the ledger.
    const CHANGES_WORLD: bool;

    /// The stage's own options.
    fn options() -> Vec<Opt>;

    /// Reads the configuration, makes the clients, and runs the stage.
    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>>;
}
