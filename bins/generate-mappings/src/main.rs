//! The stage `generate-mappings` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::generate_mappings::Command>()
}
