//! `cargo xtask bench lambda`: what a deployment of many functions takes beside the least that it can take under Lambda's rates, and
//! beside a loop of AWS CLI calls.

mod cli;
mod page;
mod scene;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::measure::{Program, Took, Work};
use super::process::ask;
use super::release;
use crate::command::run as run_command;
use crate::real_servers::RealServers;
use scene::Scene;

const PACKAGE: &str = "landfall-stage-deploy-lambda";
const BINARY: &str = "deploy-lambda";
/// Functions of the deployment that is timed.
const FUNCTIONS: usize = 200;
/// Functions of the deployment whose memory is looked at.
const MANY: usize = 1000;

/// What was found.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) machine: String,
    pub(crate) seconds: f64,
    /// The least that the same plan can take under the rates.
    pub(crate) least: f64,
    /// Answers of status 429.
    pub(crate) throttled: u64,
    pub(crate) peak_mib: f64,
    pub(crate) peak_of_many_mib: f64,
    /// Seconds of the run that finds nothing to do, its calls of GetFunction, and all its other requests to Lambda.
    pub(crate) again: (f64, u64, u64),
    pub(crate) cli: cli::Beside,
}

/// Measures, prints the page, and writes it where `--write` says so.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result<()> {
    let (mut write, mut check) = (false, false);
    for arg in args {
        match *arg {
            "--write" => write = true,
            "--check" => check = true,
            other => bail!("`{other}` is not an option of bench lambda: --write, --check"),
        }
    }
    if cfg!(debug_assertions) {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        for package in [PACKAGE, "xtask"] {
            let build = ["build", "--release", "--locked", "--package", package, "--target-dir", "target"];
            run_command(Command::new(&cargo).current_dir(root).args(build))?;
        }
        let mut xtask = Command::new(release(root, "xtask"));
        xtask.args(["bench", "lambda"]).args(args);
        return Err(std::os::unix::process::CommandExt::exec(&mut xtask))
            .context("cannot start the optimized xtask");
    }
    let servers = RealServers::ensure(root)?;
    let ours = release(root, BINARY);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let findings = runtime.block_on(measure(&ours, &servers))?;
    let (page, missed) = page::of(&findings);
    print!("{page}");
    if write {
        std::fs::write(root.join("docs/benchmarks-lambda.md"), page).context("cannot write the page")?;
        eprintln!("wrote docs/benchmarks-lambda.md");
    }
    if check && missed > 0 {
        bail!("{missed} of the goals missed");
    }
    Ok(())
}

async fn measure(ours: &Path, servers: &RealServers) -> Result<Findings> {
    let scene = Scene::start(FUNCTIONS, scene::seconds_of).await?;
    let first = deploy(ours, &scene).await?;
    let throttled = scene.throttled();
    eprintln!("{FUNCTIONS} functions: {:.1} s, least {:.1} s", first.seconds, scene.least());
    let before = scene.calls();
    let again = deploy(ours, &scene).await?;
    let after = scene.calls();
    eprintln!("again: {:.2} s", again.seconds);
    let least = scene.least();
    drop(scene);
    let many = Scene::start(MANY, |_| 1.0).await?;
    let of_many = deploy(ours, &many).await?;
    eprintln!("{MANY} functions: {:.1} s", of_many.seconds);
    let throttled = throttled + many.throttled();
    drop(many);
    let cli = cli::beside(ours, servers).await?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    Ok(Findings {
        machine: super::machine::describe(),
        seconds: first.seconds,
        least,
        throttled,
        peak_mib: mib(first.peak_bytes.max(first.own_peak_bytes)),
        peak_of_many_mib: mib(of_many.peak_bytes.max(of_many.own_peak_bytes)),
        again: (again.seconds, after.0 - before.0, after.1 - before.1),
        cli,
    })
}

/// Runs the stage in the scene's folder, measured by a process that does nothing else.
async fn deploy(ours: &Path, scene: &Scene) -> Result<Took> {
    let args = ["--quiet", "--on-failure", "stop"].map(str::to_owned).to_vec();
    let work = Work {
        programs: vec![Program { file: ours.to_owned(), args }],
        at_a_time: 1,
        environment: scene.environment(),
        folder: scene.folder().to_owned(),
        user: None,
    };
    let took: Took = ask("measure", &work).await?;
    if let Some(failure) = took.failures.first() {
        bail!("{failure}");
    }
    Ok(took)
}
