//! The four figures of DORA, by environment and month.

mod fold;

use std::collections::BTreeMap;

use landfall_artifacts::{EnvironmentName, LedgerEvent};
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::moment::{Month, Span};
use fold::Told;

/// What each figure means, in the order in which they are told.
pub const DEFINITIONS: [Definition; 5] = [
    Definition {
        figure: "deployments",
        means: "A deployment is a release's coming to an environment, however many functions it has and in however many \
                records it was written down: records of one release that follow each other there are one. Coming back after \
                another release or a rollback is another deployment. A rollback is none. One whose outcome is not known is \
                left out.",
    },
    Definition {
        figure: "frequency",
        means: "Deployments that were done, by the days of the month that have begun; of a span that cuts the month, by those that \
                are in it, in part too.",
    },
    Definition {
        figure: "lead time",
        means: "The median of the seconds from the newest commit of what came, by its committer's clock, where the push of its tags \
                or another record of the release tells its time (details.commitTime), else from the first record of the \
                release, to its first deployment in the environment, in the month of that deployment. A release of which \
                nothing is recorded before has none.",
    },
    Definition {
        figure: "change failure rate",
        means: "Of the deployments of the month, tried ones too, the part that failed: that did not come to be, or that was \
                followed by a failed test of its release, its rejection there, or a rollback from it, before another release \
                came. A rollback of what nobody recorded is of a deployment that was tried. A test that the infrastructure \
                failed does not count.",
    },
    Definition {
        figure: "time to restore",
        means: "The median of the seconds from a failure to the next rollback, passed test of the release, or deployment that \
                was done in the environment, in the month of that end. A failure that a rollback is the first word of began \
                with its deployment. A deployment that failed and left everything as it was left nothing to restore.",
    },
];

/// What a figure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Definition {
    /// The figure.
    pub figure: &'static str,
    /// What it means.
    pub means: &'static str,
}

/// The four figures, by environment and month.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Dora<'a> {
    /// What the figures mean.
    pub definitions: [Definition; DEFINITIONS.len()],
    /// Only what happened in this span is counted.
    pub span: Span,
    /// By environment, in the order of their names.
    pub environments: Vec<DoraEnvironment<'a>>,
}

/// The figures of an environment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DoraEnvironment<'a> {
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// By month, oldest first, from the month of its first deployment (or the beginning of the span) to the present one (or
    /// the end of the span); months without a deployment too.
    pub months: Vec<DoraMonth>,
    /// Over all those months.
    pub whole: Figures,
}

/// The figures of a month.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DoraMonth {
    /// The month, in UTC.
    pub month: Month,
    /// Its figures.
    pub figures: Figures,
}

/// The figures of some time. What cannot be said for want of cases is `null`, not 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Days of it, as far as they are in the span, that have begun.
    pub days: u64,
    /// Deployments that were done.
    pub deployments: u64,
    /// Deployments that did not come to be.
    pub not_done: u64,
    /// Deployments that were done, a day, to four decimals.
    pub deployments_per_day: f64,
    /// Lead times that are known.
    pub lead_times: u64,
    /// Their median in seconds; of an even number the mean of the two in the middle, rounded down.
    pub lead_time_median_seconds: Option<u64>,
    /// Deployments that failed, those too that did not come to be.
    pub failures: u64,
    /// Their part of all deployments, from 0 to 1, to four decimals.
    pub change_failure_rate: Option<f64>,
    /// Failures that came to an end.
    pub restored: u64,
    /// The median of how long they lasted, in seconds, as the lead time's.
    pub time_to_restore_median_seconds: Option<u64>,
    /// Whether a failure of this time lasts still.
    pub unrestored: bool,
}

/// The figures of what happened in a span, as they stand `now`. One pass over the events.
pub fn dora(events: &[LedgerEvent], span: Span, now: OffsetDateTime) -> Dora<'_> {
    let environments = fold::environments(events)
        .into_iter()
        .filter_map(|(environment, told)| of_environment(environment, &told, span, now))
        .collect();
    Dora { definitions: DEFINITIONS, span, environments }
}

fn of_environment<'a>(
    environment: &'a EnvironmentName,
    told: &Told,
    span: Span,
    now: OffsetDateTime,
) -> Option<DoraEnvironment<'a>> {
    let mut by_month: BTreeMap<Month, Gathered> = BTreeMap::new();
    let mut whole = Gathered::default();
    let mut gather = |at: OffsetDateTime, note: &dyn Fn(&mut Gathered)| {
        if span.has(at) {
            note(by_month.entry(Month::of(at)).or_default());
            note(&mut whole);
        }
    };
    for deployment in &told.deployments {
        gather(deployment.at, &|gathered| gathered.deployed(deployment));
    }
    for restored in &told.restored {
        gather(restored.at, &|gathered| gathered.restored.push(restored.after_seconds));
    }
    if let Some(since) = told.failing_since {
        gather(since, &|gathered| gathered.unrestored = true);
    }
    // An environment that has no case in the span is one all the same.
    let oldest = Month::of(told.deployments.first()?.at);
    let first = span.from.map_or(oldest, |from| Month::of(from.0));
    // The end of a span is not in it: one that ends with a month does not show the next.
    let present = Month::of(span.to.map_or(now, |to| now.min(to.0 - time::Duration::nanoseconds(1))));
    let mut months = Vec::new();
    let (mut month, mut days) = (first, 0);
    let end = by_month.keys().next_back().map_or(present, |newest| present.max(*newest));
    while month <= end {
        // A clock that is behind the ledger's must not make a month of no days.
        let of_month = month.days_of(span, now).max(u64::from(by_month.contains_key(&month)));
        let gathered = by_month.remove(&month).unwrap_or_default();
        months.push(DoraMonth { month, figures: gathered.figures(of_month) });
        days += of_month;
        month = month.next();
    }
    Some(DoraEnvironment { environment, months, whole: whole.figures(days) })
}

/// What a time's figures are made of.
#[derive(Debug, Default)]
struct Gathered {
    done: u64,
    not_done: u64,
    failed: u64,
    lead_seconds: Vec<u64>,
    restored: Vec<u64>,
    unrestored: bool,
}

impl Gathered {
    fn deployed(&mut self, deployment: &fold::Deployment) {
        if deployment.was_done {
            self.done += 1;
        } else {
            self.not_done += 1;
        }
        self.failed += u64::from(deployment.has_failed);
        self.lead_seconds.extend(deployment.lead_seconds);
    }

    fn figures(mut self, days: u64) -> Figures {
        let tried = self.done + self.not_done;
        Figures {
            days,
            deployments: self.done,
            not_done: self.not_done,
            deployments_per_day: part(self.done, days).unwrap_or_default(),
            lead_times: self.lead_seconds.len() as u64,
            lead_time_median_seconds: median(&mut self.lead_seconds),
            failures: self.failed,
            change_failure_rate: part(self.failed, tried),
            restored: self.restored.len() as u64,
            time_to_restore_median_seconds: median(&mut self.restored),
            unrestored: self.unrestored,
        }
    }
}

/// To four decimals; `None` of nothing.
fn part(of: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| (of as f64 / all as f64 * 10_000.0).round() / 10_000.0)
}

fn median(seconds: &mut [u64]) -> Option<u64> {
    seconds.sort_unstable();
    let middle = seconds.len() / 2;
    let upper = *seconds.get(middle)?;
    if seconds.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *seconds.get(middle.checked_sub(1)?)?;
    Some(lower.midpoint(upper))
}

#[cfg(test)]
mod tests {
    use super::{median, part};

    #[test]
    fn medians_and_parts() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [5]), Some(5));
        assert_eq!(median(&mut [9, 1, 4]), Some(4));
        assert_eq!(median(&mut [10, 1, 4, 9]), Some(6));
        assert_eq!(part(0, 0), None);
        assert_eq!(part(1, 3), Some(0.3333));
    }
}
