//! The stage `changed-images` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::changed_images::Command>()
}
