//! `cargo xtask bench versioning`: what planning the versions of a large monorepo takes, and a whole release of it.

mod page;
mod repo;
mod story;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::measure::{Program, Took, Work};
use super::process::ask;
use super::release;
use crate::command::run as run_command;
use repo::Repo;

const PACKAGE: &str = "landfall-stage-semantic-versioning";
const BINARY: &str = "semantic-versioning";
/// How often what changes nothing is run; the median counts.
const RUNS: usize = 5;

/// What was found.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) machine: String,
    pub(crate) git: String,
    /// The machine's load before the first run.
    pub(crate) load: Option<f64>,
    /// A repo whose projects have tags.
    pub(crate) tagged: Rows,
    /// The same history without a tag.
    pub(crate) first: Rows,
}

/// One repo, from the plan to a run that has nothing to do.
#[derive(Debug)]
pub(crate) struct Rows {
    /// `--dry-run`.
    pub(crate) plan: Row,
    /// With commit, tags and push to a bare repo on the same disk.
    pub(crate) whole: Row,
    /// The same command again.
    pub(crate) again: Row,
}

/// Medians of time, the largest of memory.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) seconds: f64,
    pub(crate) processor_seconds: f64,
    pub(crate) peak_mib: f64,
}

/// Measures, prints the page, and writes it where `--write` says so.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result<()> {
    let (mut write, mut check, mut ours) = (false, false, None);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match *arg {
            "--write" => write = true,
            "--check" => check = true,
            "--ours" => ours = Some(std::path::absolute(rest.next().context("--ours names a program")?)?),
            other => bail!("`{other}` is not an option of bench versioning: --write, --check, --ours FILE"),
        }
    }
    ensure!(!write || ours.is_none(), "--write is of what is built from here");
    let ours = match ours {
        Some(ours) => ours,
        None => built(root)?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(measure(&ours))?;
    let (page, missed) = page::of(&findings);
    print!("{page}");
    if write {
        std::fs::write(root.join("docs/benchmarks-versioning.md"), page).context("cannot write the page")?;
        eprintln!("wrote docs/benchmarks-versioning.md");
    }
    if check && missed > 0 {
        bail!("{missed} of the goals missed");
    }
    Ok(())
}

/// Builds the stage optimized. xtask itself only starts it and waits, so that it may be as it is.
fn built(root: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--release", "--locked", "--package", PACKAGE, "--target-dir", "target"];
    run_command(Command::new(&cargo).current_dir(root).args(build))?;
    Ok(release(root, BINARY))
}

async fn measure(ours: &Path) -> Result<Findings> {
    let load = super::machine::load();
    let tagged = rows(ours, &Repo::new(true)?).await.context("the repo with tags")?;
    let first = rows(ours, &Repo::new(false)?).await.context("the repo without tags")?;
    let git = super::machine::version(Path::new("git"), &["--version"]);
    Ok(Findings { machine: super::machine::describe(), git, load, tagged, first })
}

async fn rows(ours: &Path, repo: &Repo) -> Result<Rows> {
    let plan = row(ours, repo, &["--dry-run"], RUNS).await?;
    let tags = repo.tags()?;
    // Only once: the second run finds it done.
    let whole = row(ours, repo, &[], 1).await?;
    let made = repo.tags()?.saturating_sub(tags);
    ensure!(made > 0, "the release made no tag");
    let again = row(ours, repo, &[], RUNS).await?;
    ensure!(repo.tags()? == tags + made, "a repeated run made a release");
    eprintln!("{made} tags made; planned in {:.2} s, released in {:.2} s", plan.seconds, whole.seconds);
    Ok(Rows { plan, whole, again })
}

/// Runs the stage in the repo, each time measured by a process that does nothing else.
async fn row(ours: &Path, repo: &Repo, args: &[&str], runs: usize) -> Result<Row> {
    let args: Vec<String> = ["--quiet"].iter().chain(args).map(|&arg| arg.to_owned()).collect();
    let work = Work {
        programs: vec![Program { file: ours.to_owned(), args }],
        at_a_time: 1,
        environment: repo.environment(),
        folder: repo.work().to_owned(),
        user: None,
    };
    let mut all: Vec<Took> = Vec::new();
    for _ in 0..runs {
        let took: Took = ask("measure", &work).await?;
        if let Some(failure) = took.failures.first() {
            bail!("{failure}");
        }
        all.push(took);
    }
    let peak = all.iter().map(|took| took.peak_bytes.max(took.own_peak_bytes)).max().unwrap_or_default();
    let median = |value: fn(&Took) -> f64| {
        let mut values: Vec<f64> = all.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Ok(Row {
        seconds: median(|took| took.seconds),
        processor_seconds: median(|took| took.processor_seconds),
        peak_mib: peak as f64 / f64::from(1 << 20),
    })
}
