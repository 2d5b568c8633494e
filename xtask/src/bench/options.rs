//! The options of `cargo xtask bench registry`.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

pub(crate) const HELP: &str = "\
  bench registry [OPTIONS]   copy images between two registries: ours, skopeo, crane where it is installed, and the floor
    --only loopback|latency|line|again|memory   one scenario; may be repeated [default: all]
    --images N               images of the family [default: 20]
    --base-mib N,N..         sizes of the layers that all images share [default: 40,30,10]
    --own-mib N,N..          sizes of each image's own layers [default: 5,1]
    --layer-mib N            size of the one layer of each of the three images of `memory` [default: 1024]
    --rtt-ms N               round trip of the link [default: 20]
    --handshake-rtts N       round trips that a new connection costs: TCP and TLS [default: 2]
    --mbit N                 what the link carries in each direction; 0 is without limit [default: 0]
    --runs N                 rounds, in each of which every tool runs once [default: 3]
    --ours \"FILE ARG..\"     measure this program, which takes the options of retag-push-ecr [default: built from here]
    --unoptimized            with xtask as it is, to try the benchmark itself; the figures mean nothing
    --write                  write the results to docs/benchmarks.md
    --check                  end with 1 where a goal is missed
  bench lambda [--write] [--check]
                             deploy 200 functions on the sandbox's Lambda, and 10 on moto beside a loop of AWS CLI calls
  bench versioning [--write] [--check] [--ours FILE]
                             plan and release the versions of a repo with 200 functions and 10,000 commits
  bench s3 [--write] [--check]
                             publish 5,000 small files: ours, rclone, s5cmd and the AWS CLI
  bench dashboard [--write] [--check] [--ours FILE]
                             draw the pages of 200 functions, 12 environments and 5,000 releases
  bench ledger [--write] [--check] [--records N] [--folder DIR] [--ours FILE]
                             prove a chain of a million records, beside the verifier in Python and sha256sum
";

/// One question that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// An empty target, registries on loopback.
    Loopback,
    /// An empty target, both registries behind the link.
    Latency,
    /// As before, and the link carries a gigabit a second.
    Line,
    /// A target that has everything, both registries behind the link.
    Again,
    /// Large layers, registries on loopback.
    Memory,
}

impl FromStr for Scenario {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "loopback" => Self::Loopback,
            "latency" => Self::Latency,
            "line" => Self::Line,
            "again" => Self::Again,
            "memory" => Self::Memory,
            other => bail!("`{other}` is not a scenario: loopback, latency, line, again, memory"),
        })
    }
}

/// What to measure.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) only: Vec<Scenario>,
    pub(crate) images: usize,
    pub(crate) base_mib: Vec<u64>,
    pub(crate) own_mib: Vec<u64>,
    pub(crate) layer_mib: u64,
    pub(crate) rtt: Duration,
    pub(crate) handshake_rtts: f64,
    pub(crate) mbit: f64,
    pub(crate) runs: usize,
    /// The program to measure with its first arguments, where it is not built from here.
    pub(crate) ours: Option<Vec<String>>,
    pub(crate) unoptimized: bool,
    pub(crate) write: bool,
    pub(crate) check: bool,
    /// What was given of that which changes figures, as it is typed.
    pub(crate) given: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            images: 20,
            base_mib: vec![40, 30, 10],
            own_mib: vec![5, 1],
            layer_mib: 1024,
            rtt: Duration::from_millis(20),
            handshake_rtts: 2.0,
            mbit: 0.0,
            runs: 3,
            ours: None,
            unoptimized: false,
            write: false,
            check: false,
            given: String::new(),
        }
    }
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// What is unknown, is not a number, or leaves nothing to measure.
    pub(crate) fn parse(args: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(&name) = args.next() {
            match name {
                "--write" => options.write = true,
                "--check" => options.check = true,
                "--unoptimized" => options.unoptimized = true,
                _ => {
                    let value =
                        args.next().with_context(|| format!("`{name}` is unknown or lacks a value"))?;
                    options.set(name, value).with_context(|| format!("`{name} {value}`"))?;
                    if name != "--ours" {
                        options.given.push_str(&format!(" {name} {value}"));
                    }
                }
            }
        }
        ensure!(options.images > 0 && options.runs > 0, "--images and --runs are at least 1");
        ensure!(options.images < 100, "--images is at most 99: names of images have two digits");
        ensure!(
            !options.write || (options.only.is_empty() && !options.unoptimized && options.ours.is_none()),
            "--write is for all scenarios, optimized, of what is built from here"
        );
        ensure!(
            !options.unoptimized || options.ours.is_some(),
            "--unoptimized builds nothing: name --ours, too"
        );
        ensure!(options.own_mib.iter().all(|mib| *mib > 0), "a layer has at least 1 MiB");
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "--only" => self.only.push(value.parse()?),
            "--images" => self.images = value.parse()?,
            "--base-mib" => self.base_mib = list(value)?,
            "--own-mib" => self.own_mib = list(value)?,
            "--layer-mib" => self.layer_mib = value.parse()?,
            "--rtt-ms" => self.rtt = Duration::try_from_secs_f64(value.parse::<f64>()? / 1e3)?,
            "--handshake-rtts" => self.handshake_rtts = not_negative(value)?,
            "--mbit" => self.mbit = not_negative(value)?,
            "--runs" => self.runs = value.parse()?,
            "--ours" => self.ours = Some(program(value)?),
            _ => bail!("is not an option"),
        }
        Ok(())
    }

    /// Whether the scenario is asked for.
    pub(crate) fn has(&self, scenario: Scenario) -> bool {
        self.only.is_empty() || self.only.contains(&scenario)
    }
}

/// A program and its first arguments. It is started in other folders, so its path is made absolute.
fn program(value: &str) -> Result<Vec<String>> {
    let mut words = value.split_whitespace().map(str::to_owned);
    let file = words.next().context("names no program")?;
    let file = std::path::absolute(file)?;
    ensure!(file.is_file(), "{} is not a file", file.display());
    Ok(std::iter::once(file.display().to_string()).chain(words).collect())
}

fn list(value: &str) -> Result<Vec<u64>> {
    value.split(',').filter(|part| !part.is_empty()).map(|part| Ok(part.parse()?)).collect()
}

fn not_negative(value: &str) -> Result<f64> {
    let number: f64 = value.parse()?;
    ensure!(number.is_finite() && number >= 0.0, "is not a number from 0");
    Ok(number)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Options, Scenario};

    #[test]
    fn all_scenarios_are_measured_unless_some_are_named() {
        let all = Options::parse(&[]).expect("defaults");
        assert!(all.has(Scenario::Memory) && all.has(Scenario::Again));
        let some = Options::parse(&["--only", "loopback", "--only", "again"]).expect("two");
        assert!(some.has(Scenario::Loopback) && some.has(Scenario::Again) && !some.has(Scenario::Memory));
    }

    #[test]
    fn values_are_read() {
        let options = Options::parse(&["--rtt-ms", "7.5", "--base-mib", "2", "--own-mib", "1,1", "--check"]);
        let options = options.expect("options");
        assert_eq!(options.rtt, Duration::from_micros(7500));
        assert_eq!((options.base_mib, options.own_mib, options.check), (vec![2], vec![1, 1], true));
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        for args in [
            ["--images", "0"],
            ["--images", "100"],
            ["--runs", "0"],
            ["--rtt-ms", "-1"],
            ["--mbit", "NaN"],
            ["--only", "everything"],
            ["--own-mib", "0"],
            ["--colour", "red"],
            ["--ours", "/no/such/file"],
        ] {
            assert!(Options::parse(&args).is_err(), "{args:?}");
        }
        for args in [&["--runs"][..], &["--unoptimized"], &["--write", "--only", "again"]] {
            assert!(Options::parse(args).is_err(), "{args:?}");
        }
    }
}
