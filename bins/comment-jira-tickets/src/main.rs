//! The stage `comment-jira-tickets` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::comment_jira_tickets::Command>()
}
