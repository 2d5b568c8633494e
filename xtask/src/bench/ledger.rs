//! `cargo xtask bench ledger`: what it takes to prove a chain of a million records, beside what others need for it.

mod chain;
mod page;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::measure::{Program, Took, Work};
use super::process::ask;

/// Records, unless `--records` says otherwise: the most that a folder may have.
const RECORDS: u64 = 1_000_000;

/// How often each program runs; the median counts.
const RUNS: usize = 3;

/// The verifier in Python gets this part of the records: it takes minutes for all of them.
const PART: u64 = 10;

/// What was found.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) machine: String,
    /// The machine's load before the first run.
    pub(crate) load: Option<f64>,
    pub(crate) records: u64,
    pub(crate) all_mib: f64,
    /// `landfall ledger verify`.
    pub(crate) ours: Row,
    /// `verify_ledger.py`, on a part of the records.
    pub(crate) python: Row,
    /// `sha256sum` over all files: it hashes, and proves nothing.
    pub(crate) sums: Row,
}

/// A median of time, the largest of memory.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) records: u64,
    pub(crate) seconds: f64,
    pub(crate) processor_seconds: f64,
    pub(crate) peak_mib: f64,
}

impl Row {
    pub(crate) fn records_a_second(&self) -> f64 {
        self.records as f64 / self.seconds
    }
}

#[derive(Debug)]
struct Options {
    records: u64,
    folder: Option<PathBuf>,
    ours: Option<PathBuf>,
    write: bool,
    check: bool,
}

/// Measures, prints the page, and writes it where `--write` says so.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result<()> {
    let options = parse(args)?;
    let ours = match &options.ours {
        Some(ours) => ours.clone(),
        None => super::dashboard::built(root)?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(measure(root, &options, &ours))?;
    let (page, missed) = page::of(&findings);
    print!("{page}");
    if options.write {
        std::fs::write(root.join("docs/benchmarks-ledger.md"), page).context("cannot write the page")?;
        eprintln!("wrote docs/benchmarks-ledger.md");
    }
    if options.check && missed > 0 {
        bail!("{missed} of the goals missed");
    }
    Ok(())
}

fn parse(args: &[&str]) -> Result<Options> {
    let mut options = Options { records: RECORDS, folder: None, ours: None, write: false, check: false };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut value = || rest.next().with_context(|| format!("{arg} lacks its value"));
        match *arg {
            "--write" => options.write = true,
            "--check" => options.check = true,
            "--ours" => options.ours = Some(std::path::absolute(value()?)?),
            "--folder" => options.folder = Some(std::path::absolute(value()?)?),
            "--records" => options.records = value()?.parse().context("--records is a number")?,
            other => bail!(
                "`{other}` is not an option of bench ledger: --write, --check, --records N, --folder DIR, --ours FILE"
            ),
        }
    }
    ensure!((PART..=RECORDS).contains(&options.records), "--records is a number from {PART} to {RECORDS}");
    let is_whole = options.ours.is_none() && options.records == RECORDS;
    ensure!(!options.write || is_whole, "--write is of {RECORDS} records and what is built from here");
    Ok(options)
}

async fn measure(root: &Path, options: &Options, ours: &Path) -> Result<Findings> {
    let load = super::machine::load();
    let folder = match &options.folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let (whole, part) = (folder.path().join("ledger"), folder.path().join("part"));
    eprintln!("writing {} records into {}", options.records, whole.display());
    let bytes = chain::write(&whole, options.records)?;
    chain::link(&whole, &part, options.records / PART)?;

    let python = root.join("docs/verify_ledger.py").display().to_string();
    let sums = "find ledger -type f -print0 | xargs -0 -n 10000 sha256sum > sums";
    let row = async |records: u64, file: &Path, args: &[&str]| -> Result<Row> {
        let mut all = Vec::new();
        for _ in 0..RUNS {
            all.push(once(folder.path(), file, args).await?);
        }
        Ok(of(records, &all))
    };
    Ok(Findings {
        machine: super::machine::describe(),
        load,
        records: options.records,
        all_mib: bytes as f64 / f64::from(1 << 20),
        ours: row(options.records, ours, &["ledger", "verify", "--ledger", "ledger"]).await?,
        python: row(options.records / PART, Path::new("python3"), &[&python, "part"]).await?,
        sums: row(options.records, Path::new("sh"), &["-c", sums]).await?,
    })
}

async fn once(folder: &Path, file: &Path, args: &[&str]) -> Result<Took> {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
    let work = Work {
        programs: vec![Program {
            file: file.to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        }],
        at_a_time: 1,
        environment: BTreeMap::from([("PATH".to_owned(), path)]),
        folder: folder.to_owned(),
        user: None,
    };
    let took: Took = ask("measure", &work).await?;
    if let Some(failure) = took.failures.first() {
        bail!("{failure}");
    }
    Ok(took)
}

fn of(records: u64, all: &[Took]) -> Row {
    let peak = all.iter().map(|took| took.peak_bytes.max(took.own_peak_bytes)).max().unwrap_or_default();
    let median = |value: fn(&Took) -> f64| {
        let mut values: Vec<f64> = all.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Row {
        records,
        seconds: median(|took| took.seconds),
        processor_seconds: median(|took| took.processor_seconds),
        peak_mib: peak as f64 / f64::from(1 << 20),
    }
}

#[cfg(test)]
mod tests {
    use super::{RECORDS, parse};

    #[test]
    fn a_million_records_are_the_measure_unless_fewer_are_asked_for() {
        assert_eq!(parse(&["--check"]).expect("defaults").records, RECORDS);
        assert_eq!(parse(&["--records", "1000"]).expect("fewer").records, 1000);
        for bad in [&["--records", "9"][..], &["--records"], &["--records", "1000", "--write"], &["--colour"]]
        {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
