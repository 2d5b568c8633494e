//! The stage `create-jira-tickets` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::create_jira_tickets::Command>()
}
