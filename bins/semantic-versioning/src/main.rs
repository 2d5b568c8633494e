//! The stage `semantic-versioning` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::semantic_versioning::Command>()
}
