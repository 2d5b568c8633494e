//! What a check tells.

use landfall_artifacts::{Explain as _, Problem};
use landfall_ledger::gate::{Approval, Missing, Standing, Subject};
use landfall_notify::News;
use time::format_description::well_known::Rfc3339;

use crate::{Finished, Item};

/// The check's result: an item for everything that was given and everything that is missing. `decision` is the record of what people decided
/// last about it.
pub(super) fn check(subject: &Subject, standing: &Standing, decision: Option<u64>) -> Finished {
    let Subject { release, environment, plan, .. } = subject;
    let mut finished = Finished { release: Some(release.clone()), ..Finished::default() };
    finished.lines.push(format!(
        "release {release} to {environment}: {} contents, plan {plan}",
        subject.contents.len()
    ));
    for (role, approval) in &standing.given {
        finished.lines.push(format!("{role}: approved by {}", by(approval)));
        finished.items.push(given(format!("approval of {role}"), "given", approval));
    }
    if let Some(glass) = &standing.glass {
        finished.warnings.push(format!("the glass was broken by {}", by(glass)));
        finished.items.push(given("glass".to_owned(), "broken", glass));
    }
    for missing in &standing.missing {
        let item = Item::new(name(missing), "missing").with("code", missing.code());
        finished.lines.push(format!("missing: {missing}"));
        finished.items.push(item.failed(Problem::of(missing)));
    }
    // People are told of what people can do: what waits for time or tests alone comes by itself, and what is dead never.
    let is_dead = standing.missing.iter().any(|missing| matches!(missing, Missing::Dead(_)));
    if !is_dead && standing.missing.iter().any(|missing| matches!(missing, Missing::Approval { .. })) {
        let missing = standing.missing.iter().map(name).collect();
        finished.news = Some(News::Waits { missing, plan: *plan, decision });
    }
    finished.summary = match standing.missing.len() {
        0 => format!("release {release} may come to {environment}"),
        1 => format!("release {release} may not come to {environment}: 1 thing is missing"),
        count => format!("release {release} may not come to {environment}: {count} things are missing"),
    };
    finished
}

fn name(missing: &Missing) -> String {
    match missing {
        Missing::Dead(_) => "life".to_owned(),
        Missing::Before { before, .. } => before.to_string(),
        Missing::Approval { role, .. } => format!("approval of {role}"),
        Missing::Author(_) => "author".to_owned(),
        Missing::Frozen(_) => "freeze".to_owned(),
    }
}

fn by(approval: &Approval) -> String {
    let name = landfall_secret::escape(&approval.by.name, 120);
    let reason =
        approval.reason.as_deref().map(|reason| format!(": {}", landfall_secret::escape(reason, 200)));
    format!(
        "{name} ({}, record {}){}",
        approval.identity.as_str(),
        approval.sequence,
        reason.unwrap_or_default()
    )
}

fn given(name: String, outcome: &'static str, approval: &Approval) -> Item {
    let item = Item::new(name, outcome)
        .with("by", landfall_secret::escape(&approval.by.name, 120))
        .with("identity", approval.identity.as_str())
        .with("sequence", approval.sequence);
    match approval.expires.and_then(|expires| expires.format(&Rfc3339).ok()) {
        Some(expires) => item.with("expires", expires),
        None => item,
    }
}
