//! `cargo xtask bench s3`: what publishing a folder of small files to S3 takes, beside rclone, s5cmd and the AWS CLI.

mod contestants;
mod count;
mod listing;
mod page;
mod server;
mod tree;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::measure::{Took, Work};
use super::process::ask;
use super::release;
use crate::command::run as run_command;
use crate::real_servers::S3Programs;
use contestants::{Contestant, OURS};
use count::Requests;
use server::Server;
use tree::Tree;

const PACKAGE: &str = "landfall-stage-s3-sync";
const BINARY: &str = "s3-sync";
/// Files that are published.
const FILES: usize = 5000;
/// Files that get other content of the same size.
const CHANGED: usize = 50;
/// Files of the folder whose publication is looked at for its memory alone.
const MANY: usize = 100_000;
/// Rounds, in each of which every tool runs once.
const ROUNDS: usize = 3;
/// A tool that took longer than this for a scenario, in seconds, is not run for it again, nor for those after it where nothing or little
/// changes: one figure says enough.
const LONG: f64 = 20.0;

/// What is done to the folder before it is published once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scenario {
    /// The bucket is empty.
    First,
    /// Nothing.
    Unchanged,
    /// Every file has a new time and its old content.
    Touched,
    /// [`CHANGED`] files have other content of the same size.
    Changed,
}

impl Scenario {
    const ALL: [Self; 4] = [Self::First, Self::Unchanged, Self::Touched, Self::Changed];

    /// How many files have content that the bucket has not.
    fn news(self) -> u64 {
        match self {
            Self::First => FILES as u64,
            Self::Unchanged | Self::Touched => 0,
            Self::Changed => CHANGED as u64,
        }
    }
}

/// What one tool took for one scenario, a value a round.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    took: Vec<Took>,
    /// Of a round of its own, in which nothing is timed; `None` where it took too long for another one.
    requests: Option<Requests>,
}

impl Figures {
    fn median(&self, of: impl Fn(&Took) -> f64) -> f64 {
        middle(self.took.iter().map(of).collect())
    }

    fn seconds(&self) -> f64 {
        self.median(|took| took.seconds)
    }

    fn peak_mib(&self) -> f64 {
        let peak = self.took.iter().map(|took| took.peak_bytes.max(took.own_peak_bytes)).max();
        peak.unwrap_or_default() as f64 / f64::from(1 << 20)
    }
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Findings {
    machine: String,
    figures: BTreeMap<(Scenario, &'static str), Figures>,
    tools: Vec<&'static str>,
    /// Seconds that the list of what ours has published takes by itself, a value a round.
    listing: Vec<f64>,
    /// Peak memory of ours for [`MANY`] files, first and unchanged, in MiB.
    peak_of_many: f64,
}

/// Measures, prints the page, and writes it where `--write` says so.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result<()> {
    let (mut write, mut check) = (false, false);
    for arg in args {
        match *arg {
            "--write" => write = true,
            "--check" => check = true,
            other => bail!("`{other}` is not an option of bench s3: --write, --check"),
        }
    }
    if cfg!(debug_assertions) {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        for package in [PACKAGE, "xtask"] {
            let build = ["build", "--release", "--locked", "--package", package, "--target-dir", "target"];
            run_command(Command::new(&cargo).current_dir(root).args(build))?;
        }
        let mut xtask = Command::new(release(root, "xtask"));
        xtask.args(["bench", "s3"]).args(args);
        return Err(std::os::unix::process::CommandExt::exec(&mut xtask))
            .context("cannot start the optimized xtask");
    }
    let programs = S3Programs::ensure(root)?;
    let contestants = contestants::all(&release(root, BINARY), &programs);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let findings = runtime.block_on(measure(&contestants, &programs))?;
    let (page, missed) = page::of(&findings);
    print!("{page}");
    if write {
        std::fs::write(root.join("docs/benchmarks-s3.md"), page).context("cannot write the page")?;
        eprintln!("wrote docs/benchmarks-s3.md");
    }
    if check && missed > 0 {
        bail!("{missed} of the goals missed");
    }
    Ok(())
}

async fn measure(contestants: &[Contestant], programs: &S3Programs) -> Result<Findings> {
    let mut figures: BTreeMap<(Scenario, &'static str), Figures> = BTreeMap::new();
    let mut listing = Vec::new();
    for round in 0..=ROUNDS {
        for contestant in contestants {
            let server = Server::start(programs).await?;
            // In the last round requests are counted, by a process in between that costs time.
            let counted =
                if round == ROUNDS { Some(count::Relay::start(server.address()).await?) } else { None };
            let address = counted.as_ref().map_or(server.address(), count::Relay::address);
            let tree = Tree::new(FILES)?;
            for scenario in Scenario::ALL {
                let took_long = |of| {
                    figures.get(&(of, contestant.name)).is_some_and(|known: &Figures| known.seconds() > LONG)
                };
                if took_long(scenario) || (scenario > Scenario::Unchanged && took_long(Scenario::Unchanged)) {
                    continue;
                }
                tree.prepare(scenario)?;
                let took = publish(contestant, address, &tree, &server).await?;
                verify(contestant, scenario, &tree, &server)?;
                let row = figures.entry((scenario, contestant.name)).or_default();
                if let Some(relay) = &counted {
                    row.requests = Some(relay.take());
                } else {
                    eprintln!("round {}: {} {scenario:?}: {:.2} s", round + 1, contestant.name, took.seconds);
                    row.took.push(took);
                    if (contestant.name, scenario) == (OURS, Scenario::Unchanged) {
                        listing.push(listing::alone(&server, programs).await?);
                    }
                }
            }
        }
    }
    let ours = contestants.iter().find(|one| one.name == OURS).context("ours")?;
    let server = Server::start(programs).await?;
    let tree = Tree::new(MANY)?;
    let mut peak_of_many: f64 = 0.0;
    for _ in 0..2 {
        let took = publish(ours, server.address(), &tree, &server).await?;
        let peak = took.peak_bytes.max(took.own_peak_bytes) as f64 / f64::from(1 << 20);
        eprintln!("{MANY} files: {:.1} s, {peak:.1} MiB", took.seconds);
        peak_of_many = peak_of_many.max(peak);
    }
    Ok(Findings {
        machine: super::machine::describe(),
        figures,
        tools: contestants.iter().map(|one| one.name).collect(),
        listing,
        peak_of_many,
    })
}

async fn publish(
    contestant: &Contestant,
    address: std::net::SocketAddr,
    tree: &Tree,
    server: &Server,
) -> Result<Took> {
    let work = Work {
        programs: vec![contestant.program(tree.folder(), address)],
        at_a_time: 1,
        environment: server::environment(address, tree.home()),
        folder: tree.home().to_owned(),
        user: None,
    };
    let took: Took = ask("measure", &work).await?;
    if let Some(failure) = took.failures.first() {
        bail!("{}: {failure}\n{}", contestant.name, server.told());
    }
    Ok(took)
}

/// What is published is what is there, byte for byte. Some tools are known to miss what has its old size and an older time; here all
/// changes are newer.
fn verify(contestant: &Contestant, scenario: Scenario, tree: &Tree, server: &Server) -> Result<()> {
    let published = server.objects()?;
    for (name, bytes) in tree.contents()? {
        let there = published.get(&name);
        ensure!(there == Some(&bytes), "{} {scenario:?}: {name} is not what was published", contestant.name);
    }
    Ok(())
}
