//! What a writer says of an event, and what the ledger adds.

use std::collections::BTreeMap;

use landfall_artifacts::{
    Actor, Digest, EffectResult, EnvironmentName, EventKind, LedgerEvent, LedgerItem, ReleaseId,
};
use landfall_run::Clock;
use landfall_secret::Redactor;
use serde_json::Value;

/// Longest free text of an event, in characters; a longer one is cut.
const LONGEST_TEXT: usize = 2_000;

/// Key of the number of an event's writer.
const WRITER: &str = "writer";

/// What is the same in every event of a run.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who acts, and where that identity comes from.
    pub actor: Actor,
    /// The CI job's address.
    pub run: Option<String>,
    /// The release, where the event names none.
    pub release: Option<ReleaseId>,
    /// The environment, where the event names none.
    pub environment: Option<EnvironmentName>,
    /// The stage that runs.
    pub stage: Option<String>,
    /// The version of Landfall.
    pub tool_version: String,
    /// Knows the secrets that no event may hold.
    pub redactor: Redactor,
    /// A number by which this writer's records are told from others' that say the same. Not secret.
    pub writer: u64,
}

impl Context {
    /// A context of which only actor and version are known.
    pub fn new(actor: Actor, tool_version: impl Into<String>) -> Self {
        Self {
            actor,
            run: None,
            release: None,
            environment: None,
            stage: None,
            tool_version: tool_version.into(),
            redactor: Redactor::new(),
            writer: fastrand::u64(..),
        }
    }
}

/// An event that has no place in the chain yet.
///
/// Texts may come from outside: known secrets are removed from them, control characters are escaped, and what is longer
/// than 2,000 characters is cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What happened.
    pub kind: EventKind,
    /// The release; else the context's.
    pub release: Option<ReleaseId>,
    /// The environment; else the context's.
    pub environment: Option<EnvironmentName>,
    /// The action in the service's words.
    pub action: Option<String>,
    /// What it is done to.
    pub target: Option<String>,
    /// The intent that an outcome belongs to.
    pub intent: Option<u64>,
    /// How it ended.
    pub outcome: Option<EffectResult>,
    /// What it concerns.
    pub items: Vec<LedgerItem>,
    /// Why.
    pub reason: Option<String>,
    /// Whatever else is to be told.
    pub details: BTreeMap<String, Value>,
    /// Who did it, where it is known better than from the context: who the CI system says has decided.
    pub actor: Option<Actor>,
}

impl Draft {
    /// A draft of which only the kind is known.
    pub fn new(kind: EventKind) -> Self {
        Self {
            kind,
            release: None,
            environment: None,
            action: None,
            target: None,
            intent: None,
            outcome: None,
            items: Vec::new(),
            reason: None,
            details: BTreeMap::new(),
            actor: None,
        }
    }

    /// The same event in several of at most `most` items each, for batches that do not fit into one record.
    pub fn in_parts(mut self, most: usize) -> Vec<Self> {
        let items = std::mem::take(&mut self.items);
        if items.is_empty() {
            return vec![self];
        }
        items.chunks(most.max(1)).map(|part| Self { items: part.to_vec(), ..self.clone() }).collect()
    }

    /// The event at its place.
    pub(crate) fn event(
        &self,
        sequence: u64,
        previous: Option<Digest>,
        context: &Context,
        clock: &Clock,
    ) -> LedgerEvent {
        let clean = |text: &String| landfall_secret::escape(&context.redactor.redact(text), LONGEST_TEXT);
        let items = self.items.iter().map(|item| LedgerItem {
            name: clean(&item.name),
            target: item.target.as_ref().map(clean),
            ..item.clone()
        });
        let actor = self.actor.as_ref().unwrap_or(&context.actor);
        let details = self.details.iter().map(|(key, value)| (clean(key), clean_value(value, &clean)));
        // Two runs may tell the same in the same second: with it no record of one is taken for that of the other.
        let writer = (WRITER.to_owned(), Value::from(format!("{:016x}", context.writer)));
        LedgerEvent {
            sequence,
            previous,
            time: clock.now(),
            kind: self.kind,
            release: self.release.clone().or_else(|| context.release.clone()),
            environment: self.environment.clone().or_else(|| context.environment.clone()),
            stage: context.stage.as_ref().map(clean),
            action: self.action.as_ref().map(clean),
            target: self.target.as_ref().map(clean),
            intent: self.intent,
            outcome: self.outcome,
            items: items.collect(),
            actor: Actor { name: clean(&actor.name), source: clean(&actor.source) },
            run: context.run.as_ref().map(clean),
            reason: self.reason.as_ref().map(clean),
            tool_version: clean(&context.tool_version),
            details: details.chain([writer]).collect(),
        }
    }
}

fn clean_value(value: &Value, clean: &impl Fn(&String) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(clean(text)),
        Value::Array(items) => items.iter().map(|item| clean_value(item, clean)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (clean(key), clean_value(value, clean))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
