//! A run from start to end: what [`Progress`] decides is done, and told to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use landfall_artifacts::{CommitId, EnvironmentName, Problem, RunInput, RunJobState, RunReport, Shard};
use landfall_pipeline::{Decision, Ended, Job, Pipeline, Progress, Verdict, Work};
use landfall_run::{Run, Signal};
use tokio::sync::watch;

use crate::environment::Surroundings;
use crate::error::RunError;
use crate::hold::Turn;
use crate::part::{Done, Said, Shop, Unit, kept_of};
use crate::process::{Asked, How};
use crate::record::{Record, distinct, state};
use crate::source::Source;
use crate::{RunFolder, Runs, kept};

/// How often a part of a job is tried where it ends with the exit code after which it may be: as the CI files have it.
const TRIES: u64 = 3;

/// The exit code of a passing fault, after which the same may be done again without a look.
const TRANSIENT: u8 = 5;

/// The exit code of a run that SIGTERM stopped.
const TERMINATED: u8 = 143;

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Order<'o> {
    /// The pipeline.
    pub pipeline: &'o Pipeline,
    /// Its jobs that are to run; the others are taken for done.
    pub jobs: &'o BTreeSet<&'o str>,
    /// Manual jobs that are asked for.
    pub manual: &'o [String],
    /// The environments that it is for; empty: all of the pipeline.
    pub environments: &'o [EnvironmentName],
    /// What was typed in for it, which its report has for who goes on with it; known secrets are left out there.
    pub inputs: &'o BTreeMap<String, String>,
    /// The run whose files of earlier jobs are taken over.
    pub earlier: Option<&'o RunReport>,
    /// How many processes run side by side, 1 or more.
    pub slots: usize,
    /// How long a job whose time is over has to end by itself.
    pub grace: Duration,
    /// Whether folders of jobs that went well are kept too.
    pub keep_workspaces: bool,
}

/// Asks a person whether a manual job is to start; it may take its time, and is called outside of the runtime.
pub type Asking = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What a run is made with.
pub struct Deps<'d> {
    /// All runs.
    pub runs: &'d Runs,
    /// The folder of this one.
    pub folder: &'d RunFolder,
    /// What jobs see of the repo.
    pub source: &'d Source,
    /// What jobs see of the environment.
    pub around: &'d Surroundings,
    /// The program that stands over each job, with its first arguments: it calls [`crate::keep_job`].
    pub keeper: &'d [String],
    /// Who is told what happens.
    pub tell: &'d dyn Tell,
    /// Who is asked for manual jobs; nobody where there is no terminal.
    pub asking: Option<Asking>,
}

/// Watches a run.
pub trait Tell: Send + Sync {
    /// Something happened. The report is as it was then.
    fn told(&self, told: Told<'_>, report: &RunReport);
}

/// What happens in a run.
#[derive(Clone, Copy, Debug)]
pub enum Told<'t> {
    /// The run, or a job of it, is in another state.
    Changed,
    /// A job began, or is tried again.
    Started(&'t str),
    /// A job printed a line.
    Line {
        /// The job.
        job: &'t str,
        /// Which part of it, where it is split.
        part: Option<Shard>,
        /// The line, with known secrets left out, and not made safe for terminals.
        line: &'t str,
    },
    /// A job waits for its environment.
    WaitsFor {
        /// The job.
        job: &'t str,
        /// The run that has it.
        holder: &'t str,
    },
    /// A job ended.
    Ended(&'t str),
    /// Everybody was asked to end; `true`: made to.
    Stopping(bool),
    /// A person is asked for something, or has answered; nothing should be drawn meanwhile.
    Asking(bool),
}

/// A job of which parts run.
#[derive(Debug, Default)]
struct Open {
    left: usize,
    ended: Vec<Ended>,
    problems: Vec<Problem>,
}

/// Runs a pipeline to its end, and gives its report, which is written to the folder of the run after every change.
///
/// A first request to stop is passed on to all jobs, which end as they do; nothing more begins. A second one kills them.
///
/// # Errors
/// [`RunError`] where the run itself fails: no job is left behind then either.
pub async fn execute(order: &Order<'_>, deps: &Deps<'_>, run: &Run) -> Result<RunReport, RunError> {
    let pipeline = order.pipeline;
    // From before there is anybody to end: a signal in between would end this process alone.
    let mut heard = run.stop().hear_all();
    let (ask, asked) = watch::channel(match run.stop().requested() {
        Some(signal) => Asked::Stop(signal),
        None => Asked::Nothing,
    });
    let names: Vec<&str> = order.jobs.iter().copied().collect();
    let mut progress = Progress::new(pipeline);
    if !order.environments.is_empty() {
        progress = progress.of_environments(order.environments);
    }
    progress = progress.only(&names);
    for name in order.manual {
        progress.ask(name);
    }
    if *asked.borrow() != Asked::Nothing {
        progress.stop();
    }
    let commit: CommitId = deps.source.commit.parse().map_err(|_| RunError::Git {
        doing: "name the commit",
        said: landfall_secret::escape(&deps.source.commit, 80),
    })?;
    let mut record = Record::new(deps.folder, pipeline, order.environments.to_vec(), commit, *run.clock());
    record.report.branch.clone_from(&deps.source.branch);
    record.report.resumes = order.earlier.map(|earlier| earlier.id.clone());
    let kept = |(name, value): (&String, &String)| {
        Some((name.clone(), run.redactor().redact(value).parse::<RunInput>().ok()?))
    };
    record.report.inputs = order.inputs.iter().filter_map(kept).collect();
    let presumed = pipeline.jobs.iter().filter(|job| !order.jobs.contains(job.name.as_str()));
    for job in presumed {
        record.change(&job.name, |job| job.state = RunJobState::Presumed);
        if let Some(earlier) = order.earlier {
            take_over(deps, earlier, job)?;
        }
    }
    record.save()?;
    let shop = Shop {
        pipeline,
        source: deps.source,
        runs: deps.runs,
        folder: deps.folder,
        around: deps.around,
        keeper: deps.keeper,
        grace: order.grace,
        keep_workspaces: order.keep_workspaces,
        redactor: run.redactor(),
    };
    let record = Mutex::new(record);
    let tell = |told: Told<'_>| deps.tell.told(told, &lock(&record).report);
    let mut running = FuturesUnordered::new();
    let mut queue: VecDeque<Unit<'_>> = VecDeque::new();
    let mut open: BTreeMap<&str, Open> = BTreeMap::new();
    let mut declined: BTreeSet<&str> = BTreeSet::new();
    let verdict = loop {
        let decision = progress.decide();
        let mut changed = note(&mut lock(&record), &decision);
        for name in &decision.start {
            let Some(job) = pipeline.job(name).filter(|_| running.len() + queue.len() < order.slots) else {
                continue;
            };
            changed = true;
            progress.started(name);
            if matches!(job.work, Work::Call(_)) {
                // Whoever called us runs it when this one is over: nothing that we start outlives us.
                progress.ended(name, Ended::Passed);
                lock(&record).change(name, |job| job.state = RunJobState::Passed);
                continue;
            }
            let units = units(job);
            open.insert(&job.name, Open { left: units.len(), ..Open::default() });
            lock(&record).change(name, |job| {
                job.state = RunJobState::Running;
                job.started_at = Some(run.clock().now());
                job.parts = units.iter().map(Unit::begun).collect();
                job.tries = 1;
            });
            queue.extend(units);
            tell(Told::Started(name));
        }
        while running.len() < order.slots
            && let Some(unit) = queue.pop_front()
        {
            let (asked, shop, tell) = (asked.clone(), &shop, &tell);
            let (job, part) = (&unit.job.name, unit.part);
            running.push(async move {
                let said = |said: Said<'_>| match said {
                    Said::Line(line) => tell(Told::Line { job, part, line }),
                    Said::WaitsFor(holder) => tell(Told::WaitsFor { job, holder }),
                };
                shop.make(unit, asked, said).await
            });
        }
        if changed {
            lock(&record).save()?;
            tell(Told::Changed);
        }
        if running.is_empty() {
            let decision = progress.decide();
            let Some(verdict) = decision.verdict else { continue };
            let next = decision.waiting.iter().copied().find(|name| !declined.contains(name));
            let (Some(name), Some(asking)) = (next, &deps.asking) else { break verdict };
            tell(Told::Asking(true));
            let answer = answer(asking, name);
            let yes = tokio::select! {
                yes = answer => yes,
                Some(signal) = heard.recv() => {
                    stop(signal, &ask, &mut progress);
                    false
                }
            };
            tell(Told::Asking(false));
            if yes {
                progress.ask(name);
            } else {
                declined.insert(name);
            }
            continue;
        }
        tokio::select! {
            Some(done) = running.next() => {
                let unit = done.unit.clone();
                let is_stopping = *asked.borrow() != Asked::Nothing;
                let may_repeat = !is_stopping && unit.tried < TRIES && !unit.job.stages().is_empty();
                let repeats = may_repeat && done.how == Some(How::Code(TRANSIENT));
                note_part(&mut lock(&record), &done);
                if repeats {
                    lock(&record).change(&unit.job.name, |job| job.tries = job.tries.max(unit.tried + 1));
                    let name = &unit.job.name;
                    queue.push_front(Unit { tried: unit.tried + 1, ..unit });
                    lock(&record).save()?;
                    tell(Told::Started(name));
                    continue;
                }
                let Some(parts) = open.get_mut(unit.job.name.as_str()) else { continue };
                parts.left -= 1;
                parts.ended.push(ended(&done, is_stopping));
                parts.problems.extend(done.problems);
                if parts.left == 0 {
                    let parts = open.remove(unit.job.name.as_str()).unwrap_or_default();
                    let how = together(&parts.ended);
                    progress.ended(&unit.job.name, how);
                    note_end(&mut lock(&record), unit.job, how, parts.problems);
                    lock(&record).save()?;
                    tell(Told::Ended(&unit.job.name));
                }
            }
            Some(signal) = heard.recv() => {
                let again = *asked.borrow() != Asked::Nothing;
                stop(signal, &ask, &mut progress);
                // What waits for a free place does not begin any more.
                for unit in std::mem::take(&mut queue) {
                    if let Some(parts) = open.get_mut(unit.job.name.as_str()) {
                        parts.left -= 1;
                        parts.ended.push(Ended::Stopped);
                    }
                }
                tell(Told::Stopping(again));
            }
        }
    };
    drop(running);
    let mut record = record.into_inner().unwrap_or_else(PoisonError::into_inner);
    let how_all: Vec<Ended> =
        record.report.jobs.iter().filter_map(|job| how_of(job.state, job.exit_code)).collect();
    let code = match (verdict, run.stop().requested()) {
        // As whoever is told to end by SIGTERM.
        (Verdict::Interrupted, Some(Signal::Terminate)) => TERMINATED,
        _ => verdict.exit_code(&how_all),
    };
    record.end(verdict, code);
    // Also of jobs that did not come to their end: their workspaces may have keys, too.
    kept::remove_secrets(&deps.folder.path.join("jobs"));
    record.save()?;
    deps.tell.told(Told::Changed, &record.report);
    Ok(record.report)
}

/// The report, for as long as one statement needs it.
fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The parts of a job; one that is not split has one.
fn units(job: &Job) -> Vec<Unit<'_>> {
    let shard = |part: u32, parts: u32| format!("{part}/{parts}").parse().ok();
    let turn = Turn::of(job);
    let unit = |part| Unit { job, part, turn: turn.clone(), tried: 1 };
    match job.parallel {
        Some(parts) => (1..=parts).map(|part| unit(shard(part, parts))).collect(),
        None => vec![unit(None)],
    }
}

/// The first request is passed on, any further one kills.
fn stop(signal: Signal, ask: &watch::Sender<Asked>, progress: &mut Progress<'_>) {
    progress.stop();
    ask.send_modify(|asked| {
        *asked = if *asked == Asked::Nothing { Asked::Stop(signal) } else { Asked::Kill };
    });
}

async fn answer(asking: &Asking, name: &str) -> bool {
    let (asking, name) = (Arc::clone(asking), name.to_owned());
    tokio::task::spawn_blocking(move || asking(&name)).await.unwrap_or(false)
}

/// Has the files of a job that an earlier run did, so that this one is whole by itself.
fn take_over(deps: &Deps<'_>, earlier: &RunReport, job: &Job) -> Result<(), RunError> {
    let from = kept_of(&deps.runs.path(&earlier.id), &job.name);
    let to = kept_of(&deps.folder.path, &job.name);
    kept::hand(&from, &to).map_err(|(path, source)| RunError::Folder {
        path,
        doing: "copied from the run before",
        source,
    })
}

/// How one part ended, for what is decided.
fn ended(done: &Done<'_>, is_stopping: bool) -> Ended {
    match done.how {
        Some(How::Code(0)) if done.problems.is_empty() => Ended::Passed,
        _ if is_stopping => Ended::Stopped,
        Some(How::Code(0)) => Ended::Failed(Some(3)),
        Some(How::Code(code)) => Ended::Failed(Some(code)),
        // A problem before it began is a check that said no.
        None => Ended::Failed(Some(done.problems.first().map_or(3, |problem| match problem.class {
            landfall_artifacts::Class::Input => 2,
            _ => 3,
        }))),
        Some(How::TooLate | How::Killed) => Ended::Failed(None),
    }
}

/// How a job ended, by its parts.
fn together(parts: &[Ended]) -> Ended {
    match parts {
        [one] => *one,
        parts if parts.contains(&Ended::Stopped) => Ended::Stopped,
        parts if parts.iter().all(|part| *part == Ended::Passed) => Ended::Passed,
        parts => Ended::Failed(Some(Verdict::Failed.exit_code(parts))),
    }
}

fn how_of(state: RunJobState, exit_code: Option<u8>) -> Option<Ended> {
    match state {
        RunJobState::Passed => Some(Ended::Passed),
        RunJobState::Failed => Some(Ended::Failed(exit_code)),
        RunJobState::Stopped => Some(Ended::Stopped),
        RunJobState::Presumed => Some(Ended::Presumed),
        RunJobState::Open | RunJobState::Waiting | RunJobState::Running | RunJobState::Skipped => None,
    }
}

/// What is skipped, and what waits; whether anything is new.
fn note(record: &mut Record, decision: &Decision<'_>) -> bool {
    let mut changed = false;
    let skipped = decision.skip.iter().map(|skip| (skip.job, RunJobState::Skipped, skip.because));
    let waiting = decision.waiting.iter().map(|job| (*job, RunJobState::Waiting, None));
    for (name, state, because) in skipped.chain(waiting) {
        record.change(name, |job| {
            changed |= job.state != state;
            job.state = state;
            job.because = because.map(str::to_owned);
        });
    }
    changed
}

fn note_part(record: &mut Record, done: &Done<'_>) {
    record.change(&done.unit.job.name, |job| {
        let took = u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX);
        job.duration_ms = job.duration_ms.saturating_add(took);
        if let Some(part) = job.parts.iter_mut().find(|part| part.shard == done.unit.part) {
            *part = done.part.clone();
        }
    });
}

fn note_end(record: &mut Record, of: &Job, how: Ended, problems: Vec<Problem>) {
    let code = match how {
        Ended::Passed => Some(0),
        Ended::Failed(code) => code,
        Ended::Stopped | Ended::Presumed => None,
    };
    record.change(&of.name, |job| {
        job.state = state(how);
        job.exit_code = code;
        job.may_fail = of.may_fail.allows(code);
        job.problems = distinct(problems);
    });
}
