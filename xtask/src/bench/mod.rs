//! `cargo xtask bench`: what a copy of images, a deployment, or a plan of versions costs beside what others need for it and beside what it
//! must cost.

mod contents;
mod contestants;
mod dashboard;
mod family;
mod fill;
mod floor;
mod goals;
mod http;
mod lambda;
mod ledger;
mod link;
mod machine;
mod measure;
mod options;
mod page;
mod pipes;
mod process;
mod registry;
mod s3;
mod scenarios;
mod stores;
mod table;
mod verify;
mod versioning;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::command::run as run_command;
use crate::real_servers::registry_and_skopeo;
use contestants::Programs;
use options::Options;

/// The options, for the help of xtask.
pub(crate) const HELP: &str = options::HELP;

/// The stage that is measured.
const PACKAGE: &str = "landfall-stage-retag-push-ecr";
const BINARY: &str = "retag-push-ecr";

/// The command under which xtask starts itself for what needs a process of its own.
pub(crate) const CHILD: &str = "bench-child";

/// `cargo xtask bench <what> [OPTIONS]`.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result<()> {
    let args = match args {
        ["registry", args @ ..] => args,
        ["lambda", args @ ..] => return lambda::run(root, args),
        ["versioning", args @ ..] => return versioning::run(root, args),
        ["s3", args @ ..] => return s3::run(root, args),
        ["dashboard", args @ ..] => return dashboard::run(root, args),
        ["ledger", args @ ..] => return ledger::run(root, args),
        _ => bail!(
            "say what to measure: `cargo xtask bench registry`, `lambda`, `versioning`, `s3`, `dashboard` or `ledger`"
        ),
    };
    let options = Options::parse(args)?;
    if cfg!(debug_assertions) && !options.unoptimized {
        registry_and_skopeo()?;
        return as_release(root, args, &options);
    }
    let ours = options.ours.clone();
    let programs = Programs::find(ours.unwrap_or_else(|| vec![release(root, BINARY).display().to_string()]))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Whatever was started ends with the value that stands for it, so dropping the work is all a signal has to do.
    let findings = runtime.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            done = scenarios::run(&options, &programs) => done,
            _ = interrupt.recv() => bail!("interrupted; servers are stopped, stores removed"),
            _ = terminate.recv() => bail!("terminated; servers are stopped, stores removed"),
        }
    });
    // Layers that are still being hashed are not waited for.
    runtime.shutdown_background();
    let findings = findings?;
    let goals = goals::judge(&findings);
    let page = page::of(&options, &findings, &goals);
    print!("{page}");
    if options.write {
        let file = root.join("docs/benchmarks.md");
        std::fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))?;
        eprintln!("wrote docs/benchmarks.md");
    }
    let missed = goals.iter().filter(|goal| goal.is_met() == Some(false)).count();
    if options.check && missed > 0 {
        bail!("{missed} of the goals missed");
    }
    Ok(())
}

/// Builds the stage and xtask itself optimized and goes on as the latter: the link and the floor are measured, too.
fn as_release(root: &Path, args: &[&str], options: &Options) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let stage = options.ours.is_none().then_some(PACKAGE);
    // One after the other: built together, the stage would get features that only xtask asks for.
    for package in stage.into_iter().chain(["xtask"]) {
        run_command(
            Command::new(&cargo)
                .current_dir(root)
                .args(["build", "--release", "--locked", "--package", package])
                // Wherever else cargo was told to build, the programs are looked for here.
                .args(["--target-dir", "target"]),
        )?;
    }
    let mut xtask = Command::new(release(root, "xtask"));
    xtask.args(["bench", "registry"]).args(args);
    Err(std::os::unix::process::CommandExt::exec(&mut xtask)).context("cannot start the optimized xtask")
}

/// Where cargo puts an optimized program.
fn release(root: &Path, binary: &str) -> PathBuf {
    root.join("target/release").join(binary)
}

/// What xtask does as a process of its own.
pub(crate) fn run_child(args: &[&str]) -> Result<()> {
    process::end_with_parent()?;
    match args {
        ["link", args @ ..] => link::serve(args),
        ["measure"] => measure::serve(),
        ["floor"] => floor::serve(),
        ["guarded", program, args @ ..] => process::become_program(program, args),
        unknown => bail!("`{}` is not for people to start", unknown.join(" ")),
    }
}
