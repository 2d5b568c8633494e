//! The stage `sync-project-versions` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::sync_project_versions::Command>()
}
