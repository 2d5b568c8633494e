//! The stage `list-buckets` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::list_buckets::Command>()
}
