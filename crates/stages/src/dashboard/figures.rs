//! The four figures of delivery, by environment and month.

use landfall_artifacts::LedgerEvent;
use landfall_dashboard::{Definition, Figures, Month, MonthOf};
use landfall_ledger::view::{self, Span, dora};
use time::OffsetDateTime;

/// As `landfall ledger dora` tells them.
pub(super) fn figures(events: &[LedgerEvent], now: OffsetDateTime) -> Vec<Figures> {
    let told = dora(events, Span::default(), now);
    told.environments
        .into_iter()
        .map(|environment| Figures {
            environment: environment.environment.clone(),
            months: environment
                .months
                .into_iter()
                .map(|month| MonthOf {
                    month: month_of(month.month),
                    deployments: u32::try_from(month.figures.deployments).unwrap_or(u32::MAX),
                    lead_seconds: month.figures.lead_time_median_seconds.map(|seconds| seconds as f64),
                    failure_rate: month.figures.change_failure_rate,
                    unrestored: month.figures.unrestored,
                    restore_seconds: month
                        .figures
                        .time_to_restore_median_seconds
                        .map(|seconds| seconds as f64),
                })
                .collect(),
        })
        .collect()
}

/// What they mean, in the view's words.
pub(super) fn definitions() -> Vec<Definition> {
    let told =
        |one: &view::Definition| Definition { figure: one.figure.to_owned(), means: one.means.to_owned() };
    view::DEFINITIONS.iter().map(told).collect()
}

/// The view's month has one form for all: `2025-11`.
fn month_of(month: view::Month) -> Month {
    let text = month.to_string();
    let (year, month) = text.rsplit_once('-').unwrap_or_default();
    Month { year: year.parse().unwrap_or_default(), month: month.parse().unwrap_or(1) }
}
