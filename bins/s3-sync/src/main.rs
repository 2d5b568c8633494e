//! The stage `s3-sync` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::s3_sync::Command>()
}
