//! The stage `deploy-lambda` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::deploy_lambda::Command>()
}
