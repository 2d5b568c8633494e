//! The stage `package-artifacts` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::package_artifacts::Command>()
}
