//! The stage `build-docker-images` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::build_docker_images::Command>()
}
