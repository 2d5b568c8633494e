//! The stage `aws-credentials` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::aws_credentials::Command>()
}
