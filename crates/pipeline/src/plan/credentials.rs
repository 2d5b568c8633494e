//! How long shared credentials live, and how long the work with them took before.

use std::collections::BTreeSet;
use std::time::Duration;

use landfall_artifacts::{Class, EnvironmentName, LedgerEvent, PlannedKeys, Problem};
use time::OffsetDateTime;

use crate::model::{Job, Login, Pipeline};

/// Earlier runs that count: the newest ones.
const MOST_RUNS: usize = 20;

/// Events of one stage that are further apart belong to different runs, where nothing else tells runs apart.
const APART_SECONDS: i64 = 3600;

/// What is known of the credentials of an environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct AtHand {
    /// How long those are asked to live that the run makes.
    pub life: Duration,
    /// Until when those hold that the plan was made with; `None` where they do not say.
    pub until: Option<OffsetDateTime>,
}

/// The credentials of each environment whose jobs share some, and the problems of those that are likely to end before the work does.
pub fn keys(
    pipeline: &Pipeline,
    environments: &[EnvironmentName],
    events: &[LedgerEvent],
    at_hand: impl Fn(&EnvironmentName) -> AtHand,
) -> Vec<PlannedKeys> {
    let of = |environment: &EnvironmentName| {
        let here = || pipeline.jobs.iter().filter(|job| job.environment.as_ref() == Some(environment));
        let maker = here().find(|job| job.runs("aws-credentials"))?;
        let is_user = |job: &&Job| job.login == Login::Shared && job.name != maker.name;
        let stages: BTreeSet<&str> =
            here().filter(is_user).flat_map(Job::stages).map(|stage| stage.name).collect();
        if stages.is_empty() {
            return None;
        }
        let (mut expected, mut runs, mut unknown) = (0, None::<usize>, Vec::new());
        for stage in stages {
            let mut spans = spans(events, environment, stage);
            if spans.is_empty() {
                unknown.push(stage.to_owned());
                continue;
            }
            runs = Some(runs.map_or(spans.len(), |runs| runs.min(spans.len())));
            spans.sort_unstable();
            expected += spans.get(spans.len() / 2).copied().unwrap_or_default();
        }
        let AtHand { life, until } = at_hand(environment);
        Some(PlannedKeys {
            environment: environment.clone(),
            job: maker.name.clone(),
            life_seconds: life.as_secs(),
            expected_seconds: runs.map(|_| expected),
            runs: runs.unwrap_or_default() as u64,
            unknown,
            at_hand_until: until,
        })
    };
    environments.iter().filter_map(of).collect()
}

/// What is wrong where credentials live shorter than the work took before.
pub(crate) fn too_short(keys: &PlannedKeys) -> Option<Problem> {
    let expected = keys.expected_seconds.filter(|expected| *expected >= keys.life_seconds)?;
    let what = format!(
        "the credentials of {} live {}, and the work with them took {} at the median of {} earlier runs",
        keys.environment,
        minutes(keys.life_seconds),
        minutes(expected),
        keys.runs
    );
    Some(Problem::new("LF-PLAN-CREDENTIALS", Class::Refused, what).with_remedy(format!(
        "raise `ttl` of [environment.{}.vault] in landfall.toml, or set `credentials = \"per-job\"` in [ci]: each job then logs in itself",
        keys.environment
    )))
}

/// A time in whole minutes, or in seconds below one.
pub fn minutes(seconds: u64) -> String {
    match (seconds / 3600, seconds.div_ceil(60) % 60) {
        _ if seconds < 60 => format!("{seconds} s"),
        (0, _) => format!("{} min", seconds.div_ceil(60)),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// How long earlier runs of a stage took in an environment, in seconds, the newest last: from the first record to the last.
fn spans(events: &[LedgerEvent], environment: &EnvironmentName, stage: &str) -> Vec<u64> {
    let of_stage = events.iter().filter(|event| {
        event.environment.as_ref() == Some(environment) && event.stage.as_deref() == Some(stage)
    });
    let mut runs: Vec<(&LedgerEvent, &LedgerEvent)> = Vec::new();
    for event in of_stage {
        let seconds = |from: &LedgerEvent| (event.time - from.time).whole_seconds();
        match runs.last_mut() {
            Some((_, last))
                if last.run == event.run
                    && last.release == event.release
                    && seconds(last) < APART_SECONDS =>
            {
                *last = event;
            }
            Some(_) | None => runs.push((event, event)),
        }
    }
    // One record alone says nothing of how long it took.
    let spans = runs.iter().filter(|(first, last)| first.sequence != last.sequence).map(|(first, last)| {
        u64::try_from((last.time - first.time).whole_seconds()).unwrap_or_default().max(1)
    });
    let all: Vec<u64> = spans.collect();
    all.iter().skip(all.len().saturating_sub(MOST_RUNS)).copied().collect()
}

#[cfg(test)]
mod tests;
