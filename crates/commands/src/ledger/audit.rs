//! `landfall ledger audit`: every event of a span, for auditors.

use landfall_artifacts::{EffectResult, Settings};
use landfall_cli::{Opt, Values};
use landfall_ledger::view::{Audit, Moment, Span, View, audit, what};
use landfall_stages::{Finished, Outcome, Refusal, ToCaller};

use super::look::Look;
use super::reading::Reading;
use super::span::{FROM, TO, span};
use super::table::{Paint, Set, Table};
use super::words::{ending, minute, or_dash};

/// What is asked.
pub(super) struct Asked {
    span: Span,
    csv: bool,
}

impl Look for Asked {
    const NAME: &'static str = "landfall ledger audit";
    const SUMMARY: &'static str = "Every event of a span: who, what, when, why, how it ended, in which job";

    fn options() -> Vec<Opt> {
        vec![FROM, TO, Opt::switch("csv", "write comma-separated values instead of a table")]
    }

    fn asked(values: &mut Values<'_>) -> Result<Self, Refusal> {
        let span = span(values);
        let csv = values.is_on("csv");
        if csv && values.text("output").as_deref() == Some("json") {
            let remedy = Some("give one of --csv and --output json".to_owned());
            values.problem("LF-CONFIG", "the answer is wanted as CSV and as JSON", remedy);
        }
        Ok(Self { span, csv })
    }

    fn answer(self, reading: &Reading, _: &Settings) -> Outcome {
        let audit = audit(&reading.events, self.span);
        if self.csv {
            let to_caller = ToCaller::Answer { people: audit.to_csv(), json: String::new() };
            return Ok(Finished { to_caller, ..Finished::default() });
        }
        let people = people(&audit, reading.paint);
        reading.answer(View::Audit(audit), &people)
    }
}

fn people(audit: &Audit<'_>, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("RECORD", Set::Number, 6),
        ("WHEN", Set::Text, 16),
        ("KIND", Set::Text, 10),
        ("WHO", Set::Name, 6),
        ("WHERE", Set::Name, 8),
        ("RELEASE", Set::Name, 8),
        ("WHAT", Set::Text, 12),
    ]);
    for event in &audit.events {
        table.row([
            event.sequence.to_string().into(),
            minute(Moment(event.time)).into(),
            ending(event.outcome.unwrap_or(EffectResult::Done), event.kind.as_str()),
            event.actor.name.as_str().into(),
            or_dash(event.environment.as_ref().map(AsRef::as_ref)).into(),
            or_dash(event.release.as_ref().map(AsRef::as_ref)).into(),
            what(event).into(),
        ]);
        if let Some(why) = &event.reason {
            table.note(format!("why: {why}"));
        }
        if let Some(link) = &event.run {
            table.note(link);
        }
    }
    if table.is_empty() {
        return "nothing is on record in that span\n".to_owned();
    }
    let count = audit.events.len();
    format!(
        "{}\n{}\n",
        table.render(paint),
        paint.dim(&format!("{count} events; --csv has all their fields"))
    )
}
