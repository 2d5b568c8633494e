//! The stage `update-jira-instructions` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::update_jira_instructions::Command>()
}
