//! Work on the workspace that takes more than one command: `cargo xtask` lists it.

mod bench;
mod ci_files;
mod command;
mod exit_codes;
mod files_table;
mod fuzz;
mod generate;
mod npm_packages;
mod real_servers;
mod tests_on_real_servers;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

const HELP: &str = "\
cargo xtask <command>

  test [ARGS]        install what the tests on real servers need, then run all tests; ARGS go to `cargo test`
  generate           write what is generated under docs/: schemas, exit codes, who reads and writes which file,
                     what to do about each failure
  generate --check   fail where that is stale
  fuzz [--seconds N] [TARGET...]
                     run the fuzz targets, or those named, for N seconds each (10 where N is not said)
";

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let root = root()?;
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}{}", bench::HELP);
            Ok(())
        }
        ["test", passed @ ..] => tests_on_real_servers::run(&root, passed),
        ["fuzz", passed @ ..] => fuzz::run(&root, passed),
        ["generate"] => generate::write(&root),
        ["generate", "--check"] => generate::check(&root),
        ["bench", args @ ..] => bench::run(&root, args),
        [bench::CHILD, args @ ..] => bench::run_child(args),
        unknown => bail!("`{}` is not a command\n\n{HELP}", unknown.join(" ")),
    }
}

/// The workspace's folder.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("xtask stands in a folder of the workspace")?.to_owned())
}
