//! `landfall ledger dora`: the four figures, by environment and month.

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::EnvironmentName;
use landfall_cli::Opt;
use landfall_ledger::view::{Dora, Figures, View, dora};
use landfall_stages::{Outcome, Refusal};

use super::reading::{Reading, unknown};
use super::span::{FROM, TO, span};
use super::table::{Cell, Paint, Set, Table, Tone, WIDTH, wrapped};
use super::words::length;
use crate::{Context, Effects, Shared};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall ledger dora";
    const SUMMARY: &'static str =
        "Deployment frequency, lead time, change failure rate and time to restore, by environment and month";
    const EFFECTS: Effects = Effects::Files;
    const READS_LEDGER: bool = true;
    const SHARED: Shared = Shared::View;

    fn options() -> Vec<Opt> {
        vec![Opt::value("environment", "NAME", "only this environment"), FROM, TO]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let span = span(&mut values);
            let environment: Option<EnvironmentName> = values.parsed("environment");
            values.finish().map_err(Refusal)?;
            let reading = Reading::of(context, None).await?;
            let mut dora = dora(&reading.events, span, reading.now.0);
            if let Some(wanted) = environment {
                let known = dora.environments.iter().map(|one| one.environment.as_str());
                if !known.clone().any(|name| name == wanted.as_str()) {
                    return Err(unknown("deployment to", wanted.as_str(), known));
                }
                dora.environments.retain(|one| *one.environment == wanted);
            }
            let people = people(&dora, reading.paint);
            reading.answer(View::Dora(dora), &people)
        })
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
