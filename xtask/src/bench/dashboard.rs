//! `cargo xtask bench dashboard`: what drawing the pages of a large ledger takes.

mod page;
mod story;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::measure::{Program, Took, Work};
use super::process::ask;
use super::release;
use crate::command::run as run_command;

/// How often it is drawn anew; the median counts.
const RUNS: usize = 5;

/// What was found.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) machine: String,
    /// The machine's load before the first run.
    pub(crate) load: Option<f64>,
    /// Into an empty folder.
    pub(crate) first: Row,
    /// Into the folder that has them, a moment later.
    pub(crate) again: Row,
    pub(crate) pages: usize,
    pub(crate) all_mib: f64,
    pub(crate) largest_kib: f64,
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
            other => bail!("`{other}` is not an option of bench dashboard: --write, --check, --ours FILE"),
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
        std::fs::write(root.join("docs/benchmarks-dashboard.md"), page).context("cannot write the page")?;
        eprintln!("wrote docs/benchmarks-dashboard.md");
    }
    if check && missed > 0 {
        bail!("{missed} of the goals missed");
    }
    Ok(())
}

/// Builds the tool optimized, without the demo. xtask itself only starts it and waits, so that it may be as it is.
pub(super) fn built(root: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = [
        "build",
        "--release",
        "--locked",
        "--package",
        "landfall",
        "--no-default-features",
        "--target-dir",
        "target",
    ];
    run_command(Command::new(&cargo).current_dir(root).args(build))?;
    Ok(release(root, "landfall"))
}

async fn measure(ours: &Path) -> Result<Findings> {
    let load = super::machine::load();
    let folder = tempfile::tempdir()?;
    story::write(&folder.path().join("ledger"))?;
    std::fs::write(folder.path().join("landfall.toml"), story::settings())?;
    let mut firsts = Vec::new();
    for number in 0..RUNS {
        firsts.push(once(ours, folder.path(), &format!("site-{number}")).await?);
    }
    let mut agains = Vec::new();
    for _ in 0..RUNS {
        agains.push(once(ours, folder.path(), "site-0").await?);
    }
    // Styles, the script and its names are loaded too.
    let mut sizes = vec![std::fs::metadata(folder.path().join("site-0/index.html"))?.len()];
    let mut pages = 1;
    for entry in std::fs::read_dir(folder.path().join("site-0/pages"))? {
        let entry = entry?;
        sizes.push(entry.metadata()?.len());
        pages += usize::from(entry.path().extension().is_some_and(|end| end == "html"));
    }
    ensure!(pages > story::RELEASES, "only {pages} pages were drawn");
    Ok(Findings {
        machine: super::machine::describe(),
        load,
        first: row(&firsts),
        again: row(&agains),
        pages,
        all_mib: sizes.iter().sum::<u64>() as f64 / f64::from(1 << 20),
        largest_kib: sizes.iter().max().copied().unwrap_or_default() as f64 / 1024.0,
    })
}

async fn once(ours: &Path, folder: &Path, out: &str) -> Result<Took> {
    let args = ["dashboard", "build", "--quiet", "--ledger", "ledger", "--out", out];
    let work = Work {
        programs: vec![Program { file: ours.to_owned(), args: args.map(str::to_owned).to_vec() }],
        at_a_time: 1,
        environment: BTreeMap::new(),
        folder: folder.to_owned(),
        user: None,
    };
    let took: Took = ask("measure", &work).await?;
    if let Some(failure) = took.failures.first() {
        bail!("{failure}");
    }
    Ok(took)
}

fn row(all: &[Took]) -> Row {
    let peak = all.iter().map(|took| took.peak_bytes.max(took.own_peak_bytes)).max().unwrap_or_default();
    let median = |value: fn(&Took) -> f64| {
        let mut values: Vec<f64> = all.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Row {
        seconds: median(|took| took.seconds),
        processor_seconds: median(|took| took.processor_seconds),
        peak_mib: peak as f64 / f64::from(1 << 20),
    }
}
