//! The stage `update-version-dashboard` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::update_version_dashboard::Command>()
}
