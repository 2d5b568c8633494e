//! The stage `publish-artifacts` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::publish_artifacts::Command>()
}
