//! The life of a release: built, deployed, verified, approved, live, superseded, dead.

use std::collections::{BTreeSet, HashMap};

use landfall_artifacts::{
    Actor, EffectResult, EnvironmentKind, EnvironmentName, EventKind, LedgerEvent, ReleaseId, Settings,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::happened;
use crate::view::function_name;

/// How far a release came. Later ones stand behind earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The ledger has heard of it.
    Built,
    /// It came to an environment.
    Deployed,
    /// A test of it passed.
    Verified,
    /// Somebody let it go on.
    Approved,
    /// It runs in production.
    Live,
    /// It ran in production, and others have taken its place everywhere there.
    Superseded,
    /// A test of it failed, or somebody rejected it. Nothing follows.
    Dead,
}

impl State {
    /// The state in one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Deployed => "deployed",
            Self::Verified => "verified",
            Self::Approved => "approved",
            Self::Live => "live",
            Self::Superseded => "superseded",
            Self::Dead => "dead",
        }
    }
}

/// One step of a release's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it came to be.
    pub state: State,
    /// Where; `None` where the event named no environment.
    pub environment: Option<EnvironmentName>,
    /// When.
    pub time: OffsetDateTime,
    /// By whom.
    pub by: Actor,
    /// Why, where the event says so.
    pub reason: Option<String>,
    /// The CI job.
    pub run: Option<String>,
    /// The event that says so.
    pub sequence: u64,
}

/// What kills a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub enum Cause {
    /// A test found that it is bad.
    #[serde(rename = "test")]
    TestFailed,
    /// A person rejected it.
    #[serde(rename = "rejection")]
    Rejected,
}

impl Cause {
    /// The word for it, which JSON has too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TestFailed => "test",
            Self::Rejected => "rejection",
        }
    }

    /// What an event kills its release of, if it does. The infrastructure's faults kill nothing.
    pub fn of(event: &LedgerEvent) -> Option<Self> {
        match event.kind {
            EventKind::Rejection if happened(event) => Some(Self::Rejected),
            EventKind::Test if verdict(event) == Some(Verdict::Failed) => Some(Self::TestFailed),
            EventKind::Intent
            | EventKind::Outcome
            | EventKind::Deployment
            | EventKind::Test
            | EventKind::Approval
            | EventKind::Rejection
            | EventKind::Promotion
            | EventKind::Rollback
            | EventKind::Sync
            | EventKind::Lock
            | EventKind::Unlock
            | EventKind::Checkpoint
            | EventKind::Freeze => None,
        }
    }
}

/// How a release died. It is never repaired: the next version takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The release.
    pub release: ReleaseId,
    /// What killed it.
    pub cause: Cause,
    /// Where; `None` where the event named no environment.
    pub environment: Option<EnvironmentName>,
    /// When.
    pub time: OffsetDateTime,
    /// By whom: who rejected it, or whose job ran the test.
    pub by: Actor,
    /// Why: the person's words, or what the test said.
    pub reason: Option<String>,
    /// The suite of tests, where it was named.
    pub suite: Option<String>,
    /// The CI job.
    pub run: Option<String>,
    /// The event that says so.
    pub sequence: u64,
}

/// The life of one release so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// The release.
    pub release: ReleaseId,
    /// What it is now.
    pub state: State,
    /// Its first event.
    pub began: OffsetDateTime,
    /// Who made it; see [`author`].
    pub author: Option<String>,
    /// Its steps, oldest first: the first event, each time it came to an environment, each test that passed, each approval, and
    /// how it ended.
    pub steps: Vec<Step>,
    /// How it died, where it did.
    pub death: Option<Death>,
}

/// How a test ended, as far as the release is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It failed by the release's fault.
    Failed,
    /// It says nothing of the release: it was not brought to an end, or what failed was the infrastructure.
    Silent,
}

/// What a test's event says of its release; `None` for other events.
pub fn verdict(event: &LedgerEvent) -> Option<Verdict> {
    if event.kind != EventKind::Test {
        return None;
    }
    if event.details.get("infrastructure") == Some(&Value::Bool(true)) {
        return Some(Verdict::Silent);
    }
    Some(match event.outcome {
        Some(EffectResult::Done) => Verdict::Passed,
        Some(EffectResult::Failed) => Verdict::Failed,
        Some(EffectResult::Unknown) | None => Verdict::Silent,
    })
}

/// The environments whose kind is production.
pub fn production(settings: &Settings) -> BTreeSet<EnvironmentName> {
    let is_production =
        settings.environments.iter().filter(|(_, row)| row.kind == EnvironmentKind::Production);
    is_production.map(|(name, _)| name.clone()).collect()
}

/// How a release died; `None` where it lives, or was never heard of. The first event that kills it counts.
pub fn death(events: &[LedgerEvent], release: &ReleaseId) -> Option<Death> {
    first_death(events.iter().filter(|event| event.release.as_ref() == Some(release)))
}

/// The same by the events of that release.
pub(crate) fn first_death<'a>(of_release: impl IntoIterator<Item = &'a LedgerEvent>) -> Option<Death> {
    of_release.into_iter().find_map(death_by)
}

fn death_by(event: &LedgerEvent) -> Option<Death> {
    Some(Death {
        release: event.release.clone()?,
        cause: Cause::of(event)?,
        environment: event.environment.clone(),
        time: event.time,
        by: event.actor.clone(),
        reason: event.reason.clone(),
        suite: event.details.get("suite").and_then(Value::as_str).map(str::to_owned),
        run: event.run.clone(),
        sequence: event.sequence,
    })
}

/// Who made a release: the `author` that the first event names which names one, else who did the first that is on record for it.
/// Decisions, tests and freezes make nothing, so they do not count.
pub fn author(events: &[LedgerEvent], release: &ReleaseId) -> Option<String> {
    let of_release = events.iter().filter(|event| event.release.as_ref() == Some(release));
    author_of(&of_release.collect::<Vec<_>>())
}

/// The same by the events of that release.
pub(crate) fn author_of(of_release: &[&LedgerEvent]) -> Option<String> {
    let making = || of_release.iter().copied().filter(|event| makes(event));
    let named = making().find_map(named_author);
    named.or_else(|| making().next().map(|event| event.actor.name.as_str())).map(str::to_owned)
}

/// Everybody who made it, by the events of that release, each once: the authors that events name, and whose records stand before it came to its
/// first environment, or the first alone where that came there. They are who the variables of those jobs name.
pub(crate) fn makers_of(of_release: &[&LedgerEvent]) -> Vec<String> {
    let making: Vec<&LedgerEvent> = of_release.iter().copied().filter(|event| makes(event)).collect();
    let before = making.iter().take_while(|event| event.environment.is_none()).count().max(1);
    let named = making.iter().filter_map(|event| named_author(event));
    let mut makers: Vec<String> = Vec::new();
    for name in named.chain(making.iter().take(before).map(|event| event.actor.name.as_str())) {
        if !makers.iter().any(|known| known.to_lowercase() == name.to_lowercase()) {
            makers.push(name.to_owned());
        }
    }
    makers
}

fn named_author(event: &LedgerEvent) -> Option<&str> {
    event.details.get("author").and_then(Value::as_str)
}

fn makes(event: &LedgerEvent) -> bool {
    match event.kind {
        EventKind::Intent
        | EventKind::Outcome
        | EventKind::Deployment
        | EventKind::Promotion
        | EventKind::Rollback
        | EventKind::Sync => true,
        EventKind::Test
        | EventKind::Approval
        | EventKind::Rejection
        | EventKind::Lock
        | EventKind::Unlock
        | EventKind::Checkpoint
        | EventKind::Freeze => false,
    }
}

/// The lives of all releases, the one that began last first. `production` names the environments in which a release is live.
///
/// What failed, or whose outcome is not known, is no step. After its death a release takes no further step.
pub fn lives(events: &[LedgerEvent], production: &BTreeSet<EnvironmentName>) -> Vec<Life> {
    let mut fold = Fold { production, lives: HashMap::new(), runs: HashMap::new(), held: HashMap::new() };
    for event in events {
        fold.take(event);
    }
    let mut lives: Vec<Known> = fold.lives.into_values().collect();
    lives.sort_by_key(|known| std::cmp::Reverse(known.first));
    lives.into_iter().map(|known| known.life).collect()
}

/// A life, and what is to be known to go on with it.
struct Known {
    life: Life,
    /// The sequence of its first event.
    first: u64,
    /// Whether an event named its author.
    is_named: bool,
}

struct Fold<'a> {
    production: &'a BTreeSet<EnvironmentName>,
    lives: HashMap<&'a ReleaseId, Known>,
    /// What runs in each environment's functions.
    runs: HashMap<(&'a EnvironmentName, &'a str), &'a ReleaseId>,
    /// How many functions of production a release has.
    held: HashMap<&'a ReleaseId, usize>,
}

impl<'a> Fold<'a> {
    fn take(&mut self, event: &'a LedgerEvent) {
        if let Some(release) = &event.release {
            self.of_release(release, event);
        }
        if matches!(event.kind, EventKind::Deployment | EventKind::Rollback) && happened(event) {
            self.comes(event);
        }
    }

    fn of_release(&mut self, release: &'a ReleaseId, event: &LedgerEvent) {
        let known = self.lives.entry(release).or_insert_with(|| {
            let life = Life {
                release: release.clone(),
                state: State::Built,
                began: event.time,
                author: None,
                steps: vec![step(State::Built, event)],
                death: None,
            };
            Known { life, first: event.sequence, is_named: false }
        });
        let Known { life, is_named, .. } = known;
        match named_author(event).filter(|_| makes(event)) {
            Some(named) if !*is_named => (life.author, *is_named) = (Some(named.to_owned()), true),
            None if life.author.is_none() && makes(event) => life.author = Some(event.actor.name.clone()),
            Some(_) | None => {}
        }
        if life.death.is_some() {
            return;
        }
        if let Some(death) = death_by(event) {
            life.death = Some(death);
            life.reach(step(State::Dead, event));
        } else if verdict(event) == Some(Verdict::Passed) {
            life.reach(step(State::Verified, event));
        } else if event.kind == EventKind::Approval && happened(event) {
            life.reach(step(State::Approved, event));
        }
    }

    /// Something came to an environment; what was there before may have gone from it.
    fn comes(&mut self, event: &'a LedgerEvent) {
        let (Some(release), Some(environment)) = (&event.release, &event.environment) else { return };
        let is_live = self.production.contains(environment);
        let was_live = self.held.get(release).is_some_and(|held| *held > 0);
        let mut is_news = false;
        for function in functions(event) {
            let before = self.runs.insert((environment, function), release);
            if before == Some(release) {
                continue;
            }
            is_news = true;
            if is_live {
                *self.held.entry(release).or_default() += 1;
                if let Some(before) = before {
                    self.goes(before, event);
                }
            }
        }
        let known = self.lives.get_mut(release).map(|known| &mut known.life);
        let Some(life) = known.filter(|life| is_news && life.death.is_none()) else { return };
        life.reach(step(State::Deployed, event));
        if is_live && !was_live {
            life.reach(step(State::Live, event));
        }
    }

    /// A function of production runs this release no longer.
    fn goes(&mut self, release: &'a ReleaseId, event: &LedgerEvent) {
        let held = self.held.entry(release).or_default();
        *held = held.saturating_sub(1);
        if *held > 0 {
            return;
        }
        let known = self.lives.get_mut(release).map(|known| &mut known.life);
        if let Some(life) = known.filter(|life| life.death.is_none()) {
            life.reach(step(State::Superseded, event));
        }
    }
}

impl Life {
    /// Takes a step. Only what happens in production changes what a live release is.
    fn reach(&mut self, step: Step) {
        self.state = match step.state {
            State::Live | State::Superseded | State::Dead => step.state,
            State::Built | State::Deployed | State::Verified | State::Approved => self.state.max(step.state),
        };
        self.steps.push(step);
    }
}

fn step(state: State, event: &LedgerEvent) -> Step {
    Step {
        state,
        environment: event.environment.clone(),
        time: event.time,
        by: event.actor.clone(),
        reason: event.reason.clone(),
        run: event.run.clone(),
        sequence: event.sequence,
    }
}

/// The functions that an event is about, each by its name; one without items is about the environment as a whole.
pub(crate) fn functions(event: &LedgerEvent) -> BTreeSet<&str> {
    if event.items.is_empty() {
        return BTreeSet::from([""]);
    }
    event.items.iter().map(function_name).collect()
}
