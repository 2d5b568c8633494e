//! `landfall ledger history`: what happened, newest first.

use landfall_artifacts::{EventKind, Settings};
use landfall_cli::{Opt, Values};
use landfall_ledger::view::{Filter, History, Moment, View, history, what};
use landfall_stages::{Outcome, Refusal};

use super::look::Look;
use super::reading::Reading;
use super::span::{FROM, TO, span};
use super::table::{Paint, Set, Table};
use super::words::{kind, minute, or_dash};

/// What is asked.
pub(super) struct Asked(Filter);

impl Look for Asked {
    const NAME: &'static str = "landfall ledger history";
    const SUMMARY: &'static str =
        "What happened, newest first, by environment, release, function, kind, person or time";

    fn options() -> Vec<Opt> {
        vec![
            Opt::value("environment", "NAME", "only what happened in this environment"),
            Opt::value("release", "ID", "only what happened to this release"),
            Opt::value("function", "NAME", "only what is about this function or project"),
            Opt::list(
                "kind",
                "KIND",
                "only events of this kind, such as deployment; may be given several times. Without it intents, locks and \
                 outcomes of what went well are left out",
            ),
            Opt::value("actor", "NAME", "only what this person or machine did"),
            FROM,
            TO,
            Opt::value("limit", "N", "as many at most; 0 for all of them").default("50"),
        ]
    }

    fn asked(values: &mut Values<'_>) -> Result<Self, Refusal> {
        Ok(Self(filter(values)))
    }

    fn answer(self, reading: &Reading, _: &Settings) -> Outcome {
        let Self(filter) = self;
        reading.knows(filter.environment.as_ref(), filter.release.as_ref())?;
        if let Some(function) = &filter.function {
            reading.knows_function(function)?;
        }
        let history = history(&reading.events, &filter);
        let people = people(&history, reading.paint);
        reading.answer(View::History(history), &people)
    }
}

fn filter(values: &mut Values<'_>) -> Filter {
    let mut kinds = Vec::new();
    for word in values.list("kind") {
        if let Some(kind) = EventKind::ALL.iter().find(|kind| kind.as_str() == word) {
            kinds.push(*kind);
        } else {
            let known: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
            let what = format!("--kind `{}` is no kind of event", landfall_secret::escape(&word, 60));
            values.problem("LF-CONFIG", &what, Some(format!("give one of {}", known.join(", "))));
        }
    }
    Filter {
        environment: values.parsed("environment"),
        release: values.parsed("release"),
        function: values.text("function"),
        kinds,
        actor: values.text("actor"),
        span: span(values),
        limit: values.parsed("limit").filter(|limit| *limit > 0),
    }
}

fn people(history: &History<'_>, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("RECORD", Set::Number, 6),
        ("WHEN", Set::Text, 16),
        ("KIND", Set::Text, 10),
        ("WHERE", Set::Name, 8),
        ("RELEASE", Set::Name, 8),
        ("BY", Set::Name, 6),
        ("WHAT", Set::Text, 12),
    ]);
    for event in &history.events {
        table.row([
            event.sequence.to_string().into(),
            minute(Moment(event.time)).into(),
            kind(event),
            or_dash(event.environment.as_ref().map(AsRef::as_ref)).into(),
            or_dash(event.release.as_ref().map(AsRef::as_ref)).into(),
            event.actor.name.as_str().into(),
            what(event).into(),
        ]);
    }
    if table.is_empty() {
        return "nothing of that kind is on record\n".to_owned();
    }
    let mut text = table.render(paint);
    let shown = history.events.len();
    if (shown as u64) < history.found {
        let line = format!("\nthe newest {shown} of {} events; --limit shows more", history.found);
        text.push_str(&format!("{}\n", paint.dim(&line)));
    }
    text
}
