//! Every event of a span, for auditors: who, what, when, why, how it ended, and the job.

use landfall_artifacts::{EffectResult, LedgerEvent, instant_text};
use schemars::JsonSchema;
use serde::Serialize;

use super::moment::Span;
use super::words::what;

/// Every event of a span, oldest first, intents and locks too.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Audit<'a> {
    /// The span.
    pub span: Span,
    /// The events, as they are stored.
    pub events: Vec<&'a LedgerEvent>,
}

/// The columns of [`Audit::to_csv`].
pub const COLUMNS: [&str; 17] = [
    "record",
    "time",
    "kind",
    "who",
    "who_source",
    "release",
    "environment",
    "what",
    "items",
    "why",
    "outcome",
    "intent",
    "link",
    "stage",
    "tool_version",
    "details",
    "previous",
];

/// Every event of a span.
pub fn audit(events: &[LedgerEvent], span: Span) -> Audit<'_> {
    Audit { span, events: events.iter().filter(|event| span.has(event.time)).collect() }
}

impl Audit<'_> {
    /// The same as a table of comma-separated values (RFC 4180, UTF-8, a head line, lines that end in CR LF).
    ///
    /// A cell that a spreadsheet would take for a formula begins with an apostrophe.
    pub fn to_csv(&self) -> String {
        let mut text = COLUMNS.join(",");
        text.push_str("\r\n");
        for event in &self.events {
            text.push_str(&row(event).map(|cell| quoted(&cell)).join(","));
            text.push_str("\r\n");
        }
        text
    }
}

fn row(event: &LedgerEvent) -> [String; COLUMNS.len()] {
    let told = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let items =
        if event.items.is_empty() { String::new() } else { json(serde_json::to_string(&event.items)) };
    let details =
        if event.details.is_empty() { String::new() } else { json(serde_json::to_string(&event.details)) };
    [
        event.sequence.to_string(),
        instant_text(&event.time),
        event.kind.as_str().to_owned(),
        event.actor.name.clone(),
        event.actor.source.clone(),
        told(event.release.as_ref().map(AsRef::as_ref)),
        told(event.environment.as_ref().map(AsRef::as_ref)),
        what(event),
        items,
        told(event.reason.as_deref()),
        told(event.outcome.map(EffectResult::as_str)),
        event.intent.map(|intent| intent.to_string()).unwrap_or_default(),
        told(event.run.as_deref()),
        told(event.stage.as_deref()),
        event.tool_version.clone(),
        details,
        event.previous.map(|digest| digest.to_string()).unwrap_or_default(),
    ]
}

fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !cell.contains([',', '"', '\n', '\r']) {
        return cell.to_owned();
    }
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}
