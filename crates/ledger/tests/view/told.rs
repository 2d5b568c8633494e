//! Ledgers made by hand, event after event.

use std::collections::BTreeMap;

use landfall_artifacts::{Actor, Digest, EffectResult, EventKind, LedgerEvent, LedgerItem};
use landfall_ledger::view::Moment;
use serde_json::Value;
use time::OffsetDateTime;

/// Events in their order.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) events: Vec<LedgerEvent>,
}

/// A day such as `2026-01-31`, or a time such as `2026-01-31T12:00:00Z`.
pub(crate) fn at(time: &str) -> OffsetDateTime {
    time.parse::<Moment>().expect(time).0
}

/// A version of a project, whose function has its name and whose content is made of both.
pub(crate) fn item(project: &str, version: &str) -> LedgerItem {
    LedgerItem {
        project: project.parse().ok(),
        version: version.parse().ok(),
        lambda: format!("{project}Function").parse().ok(),
        digest: Some(Digest::of(format!("{project}@{version}").as_bytes())),
        ..LedgerItem::new(project)
    }
}

impl Told {
    /// Adds an event; of `environment` and `release` an empty one is none.
    pub(crate) fn add(
        &mut self,
        time: &str,
        kind: EventKind,
        environment: &str,
        release: &str,
    ) -> &mut LedgerEvent {
        let sequence = self.events.len() as u64 + 1;
        self.events.push(LedgerEvent {
            sequence,
            previous: (sequence > 1).then(|| Digest::of(&sequence.to_be_bytes())),
            time: at(time),
            kind,
            release: release.parse().ok(),
            environment: environment.parse().ok(),
            stage: None,
            action: None,
            target: None,
            intent: None,
            outcome: None,
            items: Vec::new(),
            actor: Actor { name: "ada".to_owned(), source: "GITLAB_USER_LOGIN".to_owned() },
            run: None,
            reason: None,
            tool_version: "0.1.0".to_owned(),
            details: BTreeMap::new(),
        });
        self.events.last_mut().expect("it was just added")
    }

    /// A deployment of these items.
    pub(crate) fn deployed(&mut self, time: &str, environment: &str, release: &str, items: &[LedgerItem]) {
        self.add(time, EventKind::Deployment, environment, release).items = items.to_vec();
    }

    /// A test and how it ended.
    pub(crate) fn tested(&mut self, time: &str, environment: &str, release: &str, outcome: EffectResult) {
        let event = self.add(time, EventKind::Test, environment, release);
        event.outcome = Some(outcome);
        event.reason = Some("2 of 3 checks passed".to_owned());
    }

    /// An effect on a service and its outcome; gives the number of its intent.
    pub(crate) fn effect(
        &mut self,
        time: &str,
        (stage, action, target): (&str, &str, &str),
        (environment, release): (&str, &str),
        items: &[LedgerItem],
        outcome: Option<EffectResult>,
    ) -> u64 {
        let event = self.add(time, EventKind::Intent, environment, release);
        event.stage = Some(stage.to_owned());
        event.action = Some(action.to_owned());
        event.target = Some(target.to_owned());
        event.items = items.to_vec();
        let intent = event.sequence;
        if let Some(outcome) = outcome {
            let event = self.add(time, EventKind::Outcome, environment, release);
            event.intent = Some(intent);
            event.outcome = Some(outcome);
        }
        intent
    }

    /// How an effect ended that was begun before others.
    pub(crate) fn ended(&mut self, time: &str, intent: u64, outcome: EffectResult) {
        let event = self.add(time, EventKind::Outcome, "", "");
        event.intent = Some(intent);
        event.outcome = Some(outcome);
    }

    /// Notes a detail of the newest event.
    pub(crate) fn with(&mut self, key: &str, value: impl Into<Value>) {
        let event = self.events.last_mut().expect("an event");
        event.details.insert(key.to_owned(), value.into());
    }
}
