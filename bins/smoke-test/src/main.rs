//! The stage `smoke-test` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::smoke_test::Command>()
}
