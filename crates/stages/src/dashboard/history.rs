//! What happened, as rows.

use landfall_artifacts::{EffectResult, EventKind, LedgerEvent, LedgerItem};
use landfall_dashboard::{HistoryRow, Moved, PromotedRow, PromotionRow, Went};
use landfall_ledger::view::function_name;

/// Items that a row names; further ones are counted.
const MOST_NAMED: usize = 6;

/// Newest first. Intents, outcomes that went well, and locks are evidence for an auditor; the pages show what came of them.
pub(super) fn rows(events: &[LedgerEvent]) -> Vec<HistoryRow> {
    events.iter().rev().filter(|event| is_shown(event)).map(row).collect()
}

fn is_shown(event: &LedgerEvent) -> bool {
    match event.kind {
        EventKind::Intent | EventKind::Lock | EventKind::Unlock => false,
        EventKind::Outcome => went(event) != Went::Well,
        _ => true,
    }
}

/// How it went. What failed by the infrastructure says nothing of the release.
pub(super) fn went(event: &LedgerEvent) -> Went {
    if event.details.get("infrastructure").and_then(serde_json::Value::as_bool) == Some(true) {
        return Went::Unknown;
    }
    match event.outcome {
        None | Some(EffectResult::Done) => Went::Well,
        Some(EffectResult::Failed) => Went::Failed,
        Some(EffectResult::Unknown) => Went::Unknown,
    }
}

fn row(event: &LedgerEvent) -> HistoryRow {
    let moves = matches!(event.kind, EventKind::Deployment | EventKind::Rollback);
    HistoryRow {
        sequence: event.sequence,
        at: event.time,
        kind: event.kind.as_str().to_owned(),
        environment: event.environment.as_ref().map(ToString::to_string),
        release: event.release.as_ref().map(ToString::to_string),
        moved: if moves { event.items.iter().map(moved).collect() } else { Vec::new() },
        what: what(event, moves),
        by: event.actor.name.clone(),
        run: event.run.clone(),
        went: went(event),
    }
}

fn moved(item: &LedgerItem) -> Moved {
    Moved {
        function: function_name(item).to_owned(),
        version: item.version.as_ref().map(ToString::to_string),
    }
}

/// What exactly, in a line.
fn what(event: &LedgerEvent, moves: bool) -> String {
    let named = |item: &LedgerItem| match &item.version {
        Some(version) => format!("{} {version}", item.name),
        None => item.name.clone(),
    };
    let mut parts = Vec::new();
    if let Some(action) = &event.action {
        parts.push(format!("{action} {}", event.target.as_deref().unwrap_or_default()));
    }
    if !moves && !event.items.is_empty() {
        let mut items: Vec<String> = event.items.iter().take(MOST_NAMED).map(named).collect();
        if event.items.len() > items.len() {
            items.push(format!("and {} more", event.items.len() - items.len()));
        }
        parts.push(items.join(", "));
    }
    parts.extend(note(event));
    parts.join(": ")
}

/// What an event says in words: its suite or role, and its reason.
pub(super) fn note(event: &LedgerEvent) -> Option<String> {
    let told = |name: &str| event.details.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let parts: Vec<String> =
        [told("suite"), told("role"), event.reason.clone()].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(": "))
}

/// Promotions between registries, newest first. The records of one release that follow each other in one job are one.
pub(super) fn promotions(events: &[LedgerEvent]) -> Vec<PromotionRow> {
    let mut rows: Vec<PromotionRow> = Vec::new();
    for event in events.iter().filter(|event| event.kind == EventKind::Promotion) {
        let went = went(event);
        let to = event.reason.clone().unwrap_or_else(|| "promotion".to_owned());
        let release = event.release.as_ref().map(ToString::to_string);
        let items = event.items.iter().map(|item| PromotedRow {
            package: item.name.clone(),
            version: item.version.as_ref().map(ToString::to_string),
            went,
            note: item.digest.map(|digest| digest.short()).unwrap_or_default(),
        });
        match rows.last_mut() {
            Some(last) if last.to == to && last.release == release && last.run == event.run => {
                last.at = event.time;
                last.items.extend(items);
            }
            Some(_) | None => rows.push(PromotionRow {
                at: event.time,
                to,
                release,
                by: event.actor.name.clone(),
                run: event.run.clone(),
                items: items.collect(),
            }),
        }
    }
    rows.reverse();
    rows
}
