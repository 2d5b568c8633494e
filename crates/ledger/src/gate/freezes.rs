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
    },
}

/// Everything that freezes an environment now.
pub fn frozen(
    events: &[LedgerEvent],
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
    of_settings.chain(by_people(events, environment, now)).collect()
}

/// What people froze and nobody ended. A freeze that names no environment is of all.
fn by_people(events: &[LedgerEvent], environment: &EnvironmentName, now: OffsetDateTime) -> Vec<Frozen> {
    let mut open: BTreeMap<u64, Frozen> = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind == EventKind::Freeze && happened(event)) {
        if let Some(ended) = event.details.get("ends") {
            // What cannot be read as a number ends nothing.
            ended.as_u64().and_then(|ended| open.remove(&ended));
            continue;
        }
        if event.environment.as_ref().is_some_and(|other| other != environment) {
            continue;
        }
        let time = |key: &str| {
            let text = event.details.get(key).and_then(Value::as_str);
            text.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
        };
        let (from, until) = (time("from").unwrap_or(event.time), time("until"));
        if from <= now && until.is_none_or(|until| now < until) {
            let frozen = Frozen {
                environment: environment.clone(),
                until,
                reason: event.reason.clone(),
                by: FrozenBy::Person { by: event.actor.clone(), sequence: event.sequence },
            };
            open.insert(event.sequence, frozen);
        }
    }
    open.into_values().collect()
}
