//! Freezes: windows of the settings, and what people froze.

use std::collections::BTreeMap;

use landfall_artifacts::{Actor, EnvironmentName, EventKind, FreezeWindow, LedgerEvent, Settings};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::calendar;
use crate::happened;

/// A time in which nothing is deployed to an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// The environment.
    pub environment: EnvironmentName,
    /// The first moment after it; `None` where somebody must end it.
    pub until: Option<OffsetDateTime>,
    /// Why.
    pub reason: Option<String>,
    /// Who or what froze it.
    pub by: FrozenBy,
}

/// Who or what froze an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrozenBy {
    /// A window of the settings.
    Settings {
        /// The part of the week and the zone, where it is of every week.
        weekly: Option<String>,
    },
    /// A person.
    Person {
        /// Who.
        by: Actor,
        /// The event, which `gate unfreeze` ends.
        sequence: u64,
        /// Whether it is of all environments: what is decided for one of them does not end it.
        everywhere: bool,
    },
}

/// What a person froze and nobody ended, also where it has not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// The event.
    pub sequence: u64,
    /// The environment; `None` is all.
    pub environment: Option<EnvironmentName>,
    /// The first moment.
    pub from: OffsetDateTime,
    /// The first moment after it; `None` where somebody must end it.
    pub until: Option<OffsetDateTime>,
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: Option<String>,
}

impl Freeze {
    /// Whether nothing may come to its environments now.
    pub fn holds(&self, now: OffsetDateTime) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }
}

/// Everything that freezes an environment now.
pub fn frozen(
    events: &[LedgerEvent],
    settings: &Settings,
    environment: &EnvironmentName,
    now: OffsetDateTime,
) -> Vec<Frozen> {
    frozen_by(&freezes(events), settings, environment, now)
}

/// The same by the events that freeze.
pub(super) fn frozen_by(
    freezes: &[&LedgerEvent],
    settings: &Settings,
    environment: &EnvironmentName,
    now: OffsetDateTime,
) -> Vec<Frozen> {
    let row = settings.environments.get(environment);
    let windows = row.map(|row| row.freeze.as_slice()).unwrap_or_default();
    let of_settings = windows.iter().filter_map(|freeze| {
        let (until, weekly) = match &freeze.window {
            FreezeWindow::Once { from, until } => ((*from <= now && now < *until).then_some(*until), None),
            FreezeWindow::Weekly { span, zone } => {
                (calendar::weekly_until(*span, zone, now), Some(format!("{span} {zone}")))
            }
        };
        Some(Frozen {
            environment: environment.clone(),
            until: Some(until?),
            reason: freeze.reason.clone(),
            by: FrozenBy::Settings { weekly },
        })
    });
    of_settings.chain(by_people(freezes, environment, now)).collect()
}

/// What people froze and nobody ended, the oldest first, without what is over by its time. A freeze that names no environment is of
/// all; the decision for one environment ends what is of that one alone.
pub fn standing_freezes(events: &[LedgerEvent], now: OffsetDateTime) -> Vec<Freeze> {
    standing_of(&freezes(events), now)
}

fn freezes(events: &[LedgerEvent]) -> Vec<&LedgerEvent> {
    events.iter().filter(|event| event.kind == EventKind::Freeze).collect()
}

fn standing_of(freezes: &[&LedgerEvent], now: OffsetDateTime) -> Vec<Freeze> {
    let mut open: BTreeMap<u64, Freeze> = BTreeMap::new();
    for event in freezes.iter().filter(|event| happened(event)) {
        if let Some(ended) = event.details.get("ends") {
            // What cannot be read as a number ends nothing.
            let ended = ended.as_u64().and_then(|ended| open.get(&ended));
            let may =
                |freeze: &&Freeze| event.environment.is_none() || event.environment == freeze.environment;
            if let Some(sequence) = ended.filter(may).map(|freeze| freeze.sequence) {
                open.remove(&sequence);
            }
            continue;
        }
        let time = |key: &str| {
            let text = event.details.get(key).and_then(Value::as_str);
            text.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
        };
        let freeze = Freeze {
            sequence: event.sequence,
            environment: event.environment.clone(),
            from: time("from").unwrap_or(event.time),
            until: time("until"),
            by: event.actor.clone(),
            reason: event.reason.clone(),
        };
        open.insert(event.sequence, freeze);
    }
    open.into_values().filter(|freeze| freeze.until.is_none_or(|until| now < until)).collect()
}

fn by_people(freezes: &[&LedgerEvent], environment: &EnvironmentName, now: OffsetDateTime) -> Vec<Frozen> {
    let is_here = |freeze: &Freeze| freeze.environment.as_ref().is_none_or(|one| one == environment);
    let frozen = |freeze: Freeze| Frozen {
        environment: environment.clone(),
        until: freeze.until,
        reason: freeze.reason,
        by: FrozenBy::Person {
            by: freeze.by,
            sequence: freeze.sequence,
            everywhere: freeze.environment.is_none(),
        },
    };
    let standing = standing_of(freezes, now).into_iter();
    standing.filter(|freeze| freeze.holds(now) && is_here(freeze)).map(frozen).collect()
}
