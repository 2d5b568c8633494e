//! `landfall ledger dora`: the four figures, by environment and month.

use landfall_artifacts::{EnvironmentName, Settings};
use landfall_cli::{Opt, Values};
use landfall_ledger::view::{Dora, Figures, Span, View, dora};
use landfall_stages::{Outcome, Refusal};

use super::look::Look;
use super::reading::{Reading, unknown};
use super::span::{FROM, TO, span};
use super::table::{Cell, Paint, Set, Table, Tone, WIDTH, wrapped};
use super::words::length;

/// What is asked.
pub(super) struct Asked {
    span: Span,
    environment: Option<EnvironmentName>,
}

impl Look for Asked {
    const NAME: &'static str = "landfall ledger dora";
    const SUMMARY: &'static str =
        "Deployment frequency, lead time, change failure rate and time to restore, by environment and month";

    fn options() -> Vec<Opt> {
        vec![Opt::value("environment", "NAME", "only this environment"), FROM, TO]
    }

    fn asked(values: &mut Values<'_>) -> Result<Self, Refusal> {
        Ok(Self { span: span(values), environment: values.parsed("environment") })
    }

    fn answer(self, reading: &Reading, _: &Settings) -> Outcome {
        let mut dora = dora(&reading.events, self.span, reading.now.0);
        if let Some(wanted) = self.environment {
            let known = dora.environments.iter().map(|one| one.environment.as_str());
            if !known.clone().any(|name| name == wanted.as_str()) {
                return Err(unknown("deployment to", wanted.as_str(), known));
            }
            dora.environments.retain(|one| *one.environment == wanted);
        }
        let people = people(&dora, reading.paint);
        reading.answer(View::Dora(dora), &people)
    }
}

fn people(dora: &Dora<'_>, paint: Paint) -> String {
    let mut text = String::new();
    for one in &dora.environments {
        text.push_str(&paint.heading(one.environment.as_str()));
        let mut table = Table::new(&[
            ("MONTH", Set::Text, 7),
            ("DEPLOYED", Set::Number, 8),
            ("A DAY", Set::Number, 5),
            ("LEAD TIME", Set::Number, 9),
            ("FAILED", Set::Number, 6),
            ("RATE", Set::Number, 4),
            ("RESTORED", Set::Number, 8),
            ("IN", Set::Number, 8),
        ]);
        for month in &one.months {
            table.row(row(&month.month.to_string(), &month.figures));
        }
        table.row(row("all", &one.whole));
        text.push_str(&table.render(paint));
        text.push('\n');
    }
    if dora.environments.is_empty() {
        text.push_str("no deployment is on record\n\n");
    }
    for definition in dora.definitions {
        text.push_str(&paint.heading(definition.figure));
        for line in wrapped(definition.means, WIDTH - 2, 20) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

fn row(name: &str, figures: &Figures) -> [Cell; 8] {
    let or_dash = |text: Option<String>| Cell::new(text.unwrap_or_else(|| "-".to_owned()));
    let restored = match (figures.restored, figures.unrestored) {
        (restored, false) => Cell::new(restored.to_string()),
        (restored, true) => Cell::new(format!("{restored}, not yet")).toned(Tone::Bad),
    };
    let failed = Cell::new(figures.failures.to_string());
    [
        name.into(),
        figures.deployments.to_string().into(),
        format!("{:.2}", figures.deployments_per_day).into(),
        or_dash(figures.lead_time_median_seconds.map(length)),
        if figures.failures > 0 { failed.toned(Tone::Bad) } else { failed },
        or_dash(figures.change_failure_rate.map(|rate| format!("{:.0}%", rate * 100.0))),
        restored,
        or_dash(figures.time_to_restore_median_seconds.map(length)),
    ]
}
