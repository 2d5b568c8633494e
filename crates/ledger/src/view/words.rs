//! What an event concerns, in few words.

use landfall_artifacts::{EffectResult, EventKind, LedgerEvent, LedgerItem};

use crate::life::{self, Verdict};

/// Items that are told by name; of more, only the number is.
const MOST_NAMED: usize = 3;

/// The function that an item is about, or the item's name where it is about none.
pub fn function_name(item: &LedgerItem) -> &str {
    item.lambda.as_ref().map_or(item.name.as_str(), |lambda| lambda.as_str())
}

/// Whether an item is about something of that name: a function, a project, or whatever the item is called.
pub fn is_about(item: &LedgerItem, name: &str) -> bool {
    item.name == name
        || item.lambda.as_ref().is_some_and(|lambda| lambda.as_str() == name)
        || item.project.as_ref().is_some_and(|project| project.as_str() == name)
}

/// What an event concerns: the action and its target, else its items, else its reason. Not escaped.
pub fn what(event: &LedgerEvent) -> String {
    let named = |item: &LedgerItem| {
        let name = item.project.as_ref().map_or_else(|| function_name(item), |project| project.as_str());
        match &item.version {
            Some(version) => format!("{name} {version}"),
            None => name.to_owned(),
        }
    };
    if let Some(action) = &event.action {
        return match &event.target {
            Some(target) => format!("{action} {target}"),
            None => action.clone(),
        };
    }
    if event.items.is_empty() {
        let role = event.details.get("role").and_then(|role| role.as_str()).map(|role| format!("as {role}"));
        let told = event.target.clone().or_else(|| suite(event).map(str::to_owned)).or(role);
        return told.or_else(|| event.reason.clone()).unwrap_or_default();
    }
    if event.kind == EventKind::Test {
        return format!("{} checks", event.items.len());
    }
    let mut names: Vec<String> = event.items.iter().take(MOST_NAMED).map(named).collect();
    if let Some(more) = event.items.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}

/// The name of the suite whose result a test's event is, where it was told.
pub fn suite(event: &LedgerEvent) -> Option<&str> {
    event.details.get("suite").and_then(|suite| suite.as_str())
}

/// The release that a rollback went back from, where it tells (`details.from`). Its own release is the one gone back to.
pub fn from(event: &LedgerEvent) -> Option<&str> {
    let is_rollback = event.kind == EventKind::Rollback;
    event.details.get("from").filter(|_| is_rollback).and_then(|from| from.as_str())
}

/// How a test ended, as far as what it tested is concerned: `unknown` where it was not brought to an end, or what failed was
/// the infrastructure; `None` for every other event.
pub fn verdict(event: &LedgerEvent) -> Option<EffectResult> {
    Some(match life::verdict(event)? {
        Verdict::Passed => EffectResult::Done,
        Verdict::Failed => EffectResult::Failed,
        Verdict::Silent => EffectResult::Unknown,
    })
}
