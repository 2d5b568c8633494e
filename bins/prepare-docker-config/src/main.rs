//! The stage `prepare-docker-config` as a binary of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    landfall_commands::main::<landfall_commands::prepare_docker_config::Command>()
}
