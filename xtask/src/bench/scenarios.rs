//! What is measured, and in which order: in every round each tool runs once, and another one is first.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use hyper::{Method, StatusCode};
use tokio::task::spawn_blocking;

use super::contestants::{Contestant, Programs};
use super::family::{Family, TARGET};
use super::fill::fill;
use super::http::{Connection, expect, nothing};
use super::measure;
use super::options::{Options, Scenario};
use super::process::ask;
use super::registry::Registry;
use super::stores::Stores;
use super::table::{Figure, Row};
use super::{floor, machine, verify};

/// How many blobs the floor moves at a time. The best is the floor.
const WIDTHS: [usize; 3] = [8, 16, 32];
/// Images of the scenario with large layers.
const LARGE_IMAGES: usize = 3;
/// What the link of [`Scenario::Line`] carries in each direction, in megabits a second: what one network card of a small CI runner does.
pub(crate) const LINE_MBIT: f64 = 1000.0;
/// Round trips of which the link's own is the median.
const ROUND_TRIPS: usize = 51;

/// All that was found.
#[derive(Debug)]
pub(crate) struct Findings {
    /// Machine and versions, a sentence each.
    pub(crate) conditions: Vec<String>,
    /// Images, distinct and named bytes of the family.
    pub(crate) family: [u64; 3],
    pub(crate) loopback: Option<Vec<Row>>,
    pub(crate) latency: Option<Vec<Row>>,
    pub(crate) line: Option<Vec<Row>>,
    pub(crate) again: Option<Vec<Row>>,
    pub(crate) memory: Option<Vec<Row>>,
    /// A round trip of a small request: straight, and over the link, in seconds.
    pub(crate) round_trips: Option<[f64; 2]>,
}

/// Measures all that is asked for.
pub(crate) async fn run(options: &Options, programs: &Programs) -> Result<Findings> {
    let mut findings = Findings {
        conditions: conditions(programs),
        family: [0; 3],
        loopback: None,
        latency: None,
        line: None,
        again: None,
        memory: None,
        round_trips: None,
    };
    let copies = [Scenario::Latency, Scenario::Loopback, Scenario::Again];
    if copies.iter().any(|scenario| options.has(*scenario)) {
        let (images, base, own) = (options.images, options.base_mib.clone(), options.own_mib.clone());
        let family = spawn_blocking(move || Family::new(images, &base, &own)).await?;
        findings.family = [options.images as u64, family.distinct_bytes(), family.named_bytes()];
        let mut bench = Bench::prepare(options, programs, family).await?;
        if options.has(Scenario::Latency) {
            findings.latency = Some(bench.copy(true, true).await.context("with latency")?);
        }
        if options.has(Scenario::Again) {
            findings.again = Some(bench.again().await.context("again")?);
        }
        if options.has(Scenario::Latency) || options.has(Scenario::Again) {
            findings.round_trips = Some(bench.round_trips().await?);
        }
        if options.has(Scenario::Loopback) {
            findings.loopback = Some(bench.copy(false, true).await.context("on loopback")?);
        }
        findings.conditions.push(bench.place().to_owned());
    }
    if options.has(Scenario::Line) {
        let options = Options { mbit: LINE_MBIT, ..options.clone() };
        let (images, base, own) = (options.images, options.base_mib.clone(), options.own_mib.clone());
        let family = spawn_blocking(move || Family::new(images, &base, &own)).await?;
        findings.family = [options.images as u64, family.distinct_bytes(), family.named_bytes()];
        let mut bench = Bench::prepare(&options, programs, family).await?;
        findings.line = Some(bench.copy(true, true).await.context("with a line")?);
    }
    if options.has(Scenario::Memory) {
        let layer = options.layer_mib;
        let family = spawn_blocking(move || Family::new(LARGE_IMAGES, &[], &[layer])).await?;
        let mut bench = Bench::prepare(options, programs, family).await?;
        findings.memory = Some(bench.copy(false, false).await.context("with large layers")?);
        let place = bench.place();
        if !findings.conditions.iter().any(|condition| condition == place) {
            findings.conditions.push(format!("{place} for large layers"));
        }
    }
    Ok(findings)
}

fn conditions(programs: &Programs) -> Vec<String> {
    let version = |program: &Path| machine::version(program, &["--version"]);
    let crane = match &programs.crane {
        Some(program) => format!("crane {}", machine::version(program, &["version"])),
        None => "crane was not installed".to_owned(),
    };
    vec![
        machine::describe(),
        format!(
            "docker-registry {}, skopeo {}, {crane}",
            version(&programs.docker_registry),
            version(&programs.skopeo)
        ),
    ]
}

/// One family in one source registry.
struct Bench<'a> {
    options: &'a Options,
    programs: &'a Programs,
    family: Family,
    stores: Stores,
    source: Registry,
}

impl<'a> Bench<'a> {
    async fn prepare(options: &'a Options, programs: &'a Programs, family: Family) -> Result<Self> {
        let began = Instant::now();
        let bytes = family.distinct_bytes();
        // Source, target, and what a target still removes.
        let stores = Stores::for_bytes(bytes * 3);
        let source = Registry::start(&programs.docker_registry, &stores, Some(options)).await?;
        fill(source.direct(), &family).await.context("filling the source")?;
        eprintln!(
            "{} images, {} MiB named, {} MiB distinct: in the source after {:.1} s",
            family.images.len(),
            family.named_bytes() >> 20,
            bytes >> 20,
            began.elapsed().as_secs_f64(),
        );
        Ok(Self { options, programs, family, stores, source })
    }

    fn place(&self) -> &'static str {
        if self.stores.are_in_memory() { "Stores in memory" } else { "Stores on disk" }
    }

    async fn target(&self, linked: bool) -> Result<Registry> {
        Registry::start(&self.programs.docker_registry, &self.stores, linked.then_some(self.options)).await
    }

    fn from(&self, linked: bool) -> std::net::SocketAddr {
        if linked { self.source.address() } else { self.source.direct() }
    }

    /// Every tool copies to a target of its own that is empty.
    async fn copy(&mut self, linked: bool, with_floor: bool) -> Result<Vec<Row>> {
        let mut rows: Vec<Row> = Vec::new();
        let mut tools: Vec<Tool> = Contestant::all(self.programs).into_iter().map(Tool::Contestant).collect();
        if with_floor {
            tools.extend(WIDTHS.map(Tool::Floor));
        } else {
            // Images at a time tell nothing of memory that one by one does not.
            tools.retain(|tool| matches!(tool, Tool::Contestant(Contestant::Ours | Contestant::Skopeo(1))));
        }
        for round in 0..self.options.runs {
            let first = round % tools.len();
            for tool in tools[first..].iter().chain(&tools[..first]) {
                let target = self.target(linked).await?;
                let figure = match tool {
                    Tool::Floor(width) => self.floor(&target, linked, *width).await,
                    Tool::Contestant(contestant) => {
                        let home = self.stores.folder()?;
                        self.measure(*contestant, &target, linked, home.path()).await
                    }
                };
                let figure = figure.with_context(|| tool.name())?;
                match tool {
                    Tool::Floor(_) | Tool::Contestant(Contestant::Pipes) => {
                        verify::blobs(target.direct(), &self.family).await?;
                    }
                    Tool::Contestant(_) => verify::images(target.direct(), &self.family).await?,
                }
                show(round, &tool.name(), &figure);
                Row::add(&mut rows, tool.name(), figure);
            }
        }
        rows.sort_by_key(|row| tools.iter().position(|tool| tool.name() == row.name));
        Ok(rows)
    }

    /// Every tool copies once, unmeasured, and then again to the same target.
    async fn again(&mut self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for contestant in [Contestant::Ours, Contestant::Skopeo(1)] {
            let (target, home) = (self.target(true).await?, self.stores.folder()?);
            // The first time over the link as well: skopeo remembers blobs by the address that it was given.
            self.measure(contestant, &target, true, home.path()).await?;
            for round in 0..self.options.runs {
                let figure = self.measure(contestant, &target, true, home.path()).await?;
                show(round, &contestant.name(), &figure);
                Row::add(&mut rows, contestant.name(), figure);
            }
            verify::images(target.direct(), &self.family).await?;
        }
        Ok(rows)
    }

    async fn measure(
        &self,
        contestant: Contestant,
        target: &Registry,
        linked: bool,
        home: &Path,
    ) -> Result<Figure> {
        let addresses = [self.from(linked), if linked { target.address() } else { target.direct() }];
        let work = contestant.work(self.programs, &self.family, addresses, home)?;
        let before = self.requests(target).await?;
        let took: measure::Took = ask("measure", &work).await?;
        if !took.failures.is_empty() {
            let failures = took.failures.join("\n");
            for registry in [&self.source, target] {
                registry.still_serves().await.with_context(|| failures.clone())?;
            }
            bail!("{failures}");
        }
        let after = self.requests(target).await?;
        // Below its own peak the measuring process cannot tell.
        let peak = Some(took.peak_bytes.max(took.own_peak_bytes));
        let requests = [after[0] - before[0], after[1] - before[1]];
        Ok(Figure { seconds: took.seconds, processor: took.processor_seconds, peak, requests })
    }

    async fn floor(&self, target: &Registry, linked: bool, width: usize) -> Result<Figure> {
        let blobs = self.family.blobs.values().map(|blob| {
            let has = self.family.images.iter().find(|image| image.blobs.contains(&blob.digest));
            let repository = has.map(super::family::Image::repository).context("a blob of no image")?;
            Ok(floor::Piece { repository, digest: blob.digest.clone(), size: blob.size })
        });
        let work = floor::Work {
            source: self.from(linked),
            target: target.address(),
            target_repository: TARGET.to_owned(),
            blobs: blobs.collect::<Result<_>>()?,
            at_a_time: width,
        };
        let before = self.requests(target).await?;
        let took: floor::Took = ask("floor", &work).await?;
        let after = self.requests(target).await?;
        let requests = [0, 1].map(|at| after[at] - before[at] - took.warming_requests);
        Ok(Figure { seconds: took.seconds, processor: took.processor_seconds, peak: None, requests })
    }

    /// Requests that source and target have answered so far.
    async fn requests(&self, target: &Registry) -> Result<[usize; 2]> {
        let (source, target) = tokio::try_join!(self.source.requests(), target.requests())?;
        Ok([source, target])
    }

    /// How long a small request takes on a warm connection: straight, and over the link.
    async fn round_trips(&self) -> Result<[f64; 2]> {
        let mut medians = [0.0; 2];
        for (median, address) in medians.iter_mut().zip([self.source.direct(), self.source.address()]) {
            let mut connection = Connection::open_warm(address).await?;
            let mut seconds = Vec::new();
            for _ in 0..ROUND_TRIPS {
                let began = Instant::now();
                let answer = connection.send(Method::GET, "/v2/", &[], nothing()).await?;
                expect(answer, StatusCode::OK).await?;
                seconds.push(began.elapsed().as_secs_f64());
            }
            *median = super::table::median(&mut seconds);
        }
        Ok(medians)
    }
}

/// What runs in a round.
#[derive(Clone, Copy)]
enum Tool {
    Contestant(Contestant),
    Floor(usize),
}

impl Tool {
    fn name(self) -> String {
        match self {
            Self::Contestant(contestant) => contestant.name(),
            Self::Floor(width) => format!("{} {width} at a time", super::table::FLOOR),
        }
    }
}

fn show(round: usize, name: &str, figure: &Figure) {
    eprintln!(
        "round {}: {name}: {:.2} s, processor {:.2} s, requests {} + {}",
        round + 1,
        figure.seconds,
        figure.processor,
        figure.requests[0],
        figure.requests[1],
    );
}
