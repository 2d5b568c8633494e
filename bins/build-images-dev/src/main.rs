//! The stage `build-images-dev` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::build_images_dev::Command>()
}
