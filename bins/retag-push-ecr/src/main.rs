//! The stage `retag-push-ecr` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::retag_push_ecr::Command>()
}
