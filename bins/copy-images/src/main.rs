//! The stage `retag-push-ecr` under its other name.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::retag_push_ecr::Command>()
}
