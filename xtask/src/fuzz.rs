//! `cargo xtask fuzz`: the targets of `fuzz/`, built by the compiler that is there and run for a while.
//!
//! cargo-fuzz wants a nightly compiler for the sanitizers of C's faults, which code without `unsafe` does not have. What
//! finds its way into a parser is coverage, and that every compiler can build in.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::{find, run as run_command};
use crate::real_servers::apt_install;

/// What libFuzzer needs to see of a program: which edges were taken and what was compared (LLVM, "SanitizerCoverage").
const COVERAGE: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
    // These crates are linted nowhere else.
    "-Dwarnings",
];

/// How long each target runs where nobody says it.
const USUAL_SECONDS: u32 = 10;
/// One input that takes longer is a find.
const LONGEST_INPUT_SECONDS: u32 = 10;
/// A target that takes more memory is a find.
const MOST_MEGABYTES: u32 = 1024;
/// How much of a failed target's output is shown.
const SHOWN_LINES: usize = 60;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    seconds: u32,
    targets: Vec<String>,
}

/// Builds the targets, and runs each over its seeds and on for the time asked.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result<()> {
    let fuzz = root.join("fuzz");
    let asked = asked(args, &targets(&fuzz)?)?;
    if find("c++").is_none() {
        // libFuzzer is C++; `cc` builds it with the system's compiler.
        apt_install(&["g++"])?;
    }
    let programs = build(root, &fuzz, &asked.targets)?;
    let at_once = thread::available_parallelism().map_or(1, usize::from).min(asked.targets.len());
    let waiting = Mutex::new(asked.targets.iter());
    let (done, results) = channel();
    thread::scope(|scope| {
        for _ in 0..at_once {
            let (done, waiting, programs, fuzz) = (done.clone(), &waiting, &programs, &fuzz);
            scope.spawn(move || {
                let next = || waiting.lock().ok()?.next();
                while let Some(target) = next() {
                    let ended = run_target(fuzz, programs, target, asked.seconds);
                    if done.send((target, ended)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        let mut failed = Vec::new();
        for (target, ended) in results {
            match ended {
                Ok(said) => println!("{target}: {said}"),
                Err(error) => {
                    println!("{target}: {error:#}");
                    failed.push(target.as_str());
                }
            }
        }
        ensure!(failed.is_empty(), "these did not pass: {}", failed.join(", "));
        Ok(())
    })
}

/// The targets there are: one a file.
fn targets(fuzz: &Path) -> Result<BTreeSet<String>> {
    let folder = fuzz.join("fuzz_targets");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    ensure!(!names.is_empty(), "there is no target in {}", folder.display());
    Ok(names)
}

fn asked(args: &[&str], known: &BTreeSet<String>) -> Result<Asked> {
    let mut asked = Asked { seconds: USUAL_SECONDS, targets: Vec::new() };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match *arg {
            "--seconds" => {
                let number = args.next().and_then(|text| text.parse().ok()).filter(|number| *number > 0);
                asked.seconds = number.context("--seconds wants a whole number above 0")?;
            }
            name if known.contains(name) => asked.targets.push(name.to_owned()),
            other => {
                let names: Vec<&str> = known.iter().map(String::as_str).collect();
                bail!("`{other}` is not a target; there are {}", names.join(", "));
            }
        }
    }
    if asked.targets.is_empty() {
        asked.targets = known.iter().cloned().collect();
    }
    Ok(asked)
}

/// Builds the targets, and returns the folder of their programs.
fn build(root: &Path, fuzz: &Path, targets: &[String]) -> Result<PathBuf> {
    let host = host()?;
    let folder = root.join("target/fuzz");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--locked", "--manifest-path"]).arg(fuzz.join("Cargo.toml"));
    // With a target named, build scripts and macros are built without the flags.
    command.args(["--target", &host, "--target-dir"]).arg(&folder);
    command.args(targets.iter().flat_map(|target| ["--bin", target]));
    run_command(command.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\u{1f}")))?;
    Ok(folder.join(host).join("release"))
}

fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("cannot start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say what it builds for")
}

/// Runs one target; what it found stays in `fuzz/artifacts/`, and its whole output in `target/fuzz/`.
fn run_target(fuzz: &Path, programs: &Path, target: &str, seconds: u32) -> Result<String> {
    let (corpus, artifacts) = (fuzz.join("corpus").join(target), fuzz.join("artifacts").join(target));
    let seeds = fs::read_dir(&corpus).map_or(0, Iterator::count);
    ensure!(seeds > 0, "no seeds in {}", corpus.display());
    fs::create_dir_all(&artifacts).with_context(|| format!("cannot create {}", artifacts.display()))?;
    let log = programs.join(format!("{target}.log"));
    let written = File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
    let dictionary = fuzz.join("dictionaries").join(format!("{target}.dict"));
    let mut command = Command::new(programs.join(target));
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={LONGEST_INPUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={MOST_MEGABYTES}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg("-print_final_stats=1");
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let status = command
        .arg(&corpus)
        .stdin(Stdio::null())
        .stdout(written.try_clone()?)
        .stderr(written)
        .status()
        .with_context(|| format!("cannot start {target}"))?;
    let said = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let said = String::from_utf8_lossy(&said);
    if !status.success() {
        let lines: Vec<&str> = said.lines().collect();
        let last = lines.split_at(lines.len().saturating_sub(SHOWN_LINES)).1.join("\n");
        bail!("{status}\n{last}\nthe whole output is in {}", log.display());
    }
    let runs = runs(&said).with_context(|| format!("{} does not say how often it ran", log.display()))?;
    ensure!(runs >= seeds as u64, "ran {runs} times with {seeds} seeds: see {}", log.display());
    Ok(format!("nothing found in {runs} runs"))
}

/// How many inputs were tried, as libFuzzer counts them.
fn runs(said: &str) -> Option<u64> {
    let number = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    number.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Asked, USUAL_SECONDS, asked, runs};

    fn known() -> BTreeSet<String> {
        ["challenge", "manifest"].map(str::to_owned).into()
    }

    #[test]
    fn all_targets_run_unless_some_are_named() {
        let all = Asked { seconds: USUAL_SECONDS, targets: known().into_iter().collect() };
        assert_eq!(asked(&[], &known()).expect("nothing is asked"), all);
        let one = asked(&["manifest", "--seconds", "3"], &known()).expect("one target");
        assert_eq!(one, Asked { seconds: 3, targets: vec!["manifest".to_owned()] });
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for odd in [&["manifests"][..], &["--seconds"], &["--seconds", "0"], &["--seconds", "-1"], &["--all"]]
        {
            assert!(asked(odd, &known()).is_err(), "{odd:?}");
        }
        let error = asked(&["x"], &known()).expect_err("no such target").to_string();
        assert_eq!(error, "`x` is not a target; there are challenge, manifest");
    }

    #[test]
    fn the_count_of_runs_is_found() {
        assert_eq!(runs("Done\nstat::number_of_executed_units: 1234\nstat::x: 5\n"), Some(1234));
        assert_eq!(runs("==1== ERROR: libFuzzer: deadly signal"), None);
    }
}
