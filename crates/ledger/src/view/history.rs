//! What happened, newest first.

use landfall_artifacts::{EffectResult, EnvironmentName, EventKind, LedgerEvent, ReleaseId};
use schemars::JsonSchema;
use serde::Serialize;

use super::moment::Span;
use super::words::is_about;

/// Which events are asked for; one that is left open leaves none out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Events in this environment.
    pub environment: Option<EnvironmentName>,
    /// Events of this release.
    pub release: Option<ReleaseId>,
    /// Events about this function or project.
    pub function: Option<String>,
    /// Events of these kinds. Where none is named: all but intents, locks, and outcomes of what went well.
    pub kinds: Vec<EventKind>,
    /// Events by this person or machine.
    pub actor: Option<String>,
    /// Events in this span.
    pub span: Span,
    /// As many at most; default all.
    pub limit: Option<usize>,
}

/// Events that were asked for, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct History<'a> {
    /// How many there are, those beyond the limit too.
    pub found: u64,
    /// The events, as they are stored.
    pub events: Vec<&'a LedgerEvent>,
}

impl Filter {
    /// Whether an event is asked for.
    pub fn takes(&self, event: &LedgerEvent) -> bool {
        let is_kind = if self.kinds.is_empty() { is_news(event) } else { self.kinds.contains(&event.kind) };
        is_kind
            && self.environment.as_ref().is_none_or(|name| event.environment.as_ref() == Some(name))
            && self.release.as_ref().is_none_or(|release| event.release.as_ref() == Some(release))
            && self.actor.as_ref().is_none_or(|actor| event.actor.name == *actor)
            && self.function.as_ref().is_none_or(|name| {
                event.target.as_ref() == Some(name) || event.items.iter().any(|item| is_about(item, name))
            })
            && self.span.has(event.time)
    }
}

/// Intents and their outcomes are evidence for an auditor; a reader wants what came of them.
fn is_news(event: &LedgerEvent) -> bool {
    match event.kind {
        EventKind::Intent | EventKind::Lock | EventKind::Unlock => false,
        EventKind::Outcome => event.outcome != Some(EffectResult::Done),
        _ => true,
    }
}

/// The events that a filter takes.
pub fn history<'a>(events: &'a [LedgerEvent], filter: &Filter) -> History<'a> {
    let mut history = History::default();
    for event in events.iter().rev().filter(|event| filter.takes(event)) {
        history.found += 1;
        if filter.limit.is_none_or(|limit| history.events.len() < limit) {
            history.events.push(event);
        }
    }
    history
}
