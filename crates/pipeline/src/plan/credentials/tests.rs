//! Lives of credentials against what earlier runs took.

use std::time::Duration;

use landfall_artifacts::{Actor, EventKind, LedgerEvent, PlannedKeys};
use time::OffsetDateTime;
use time::macros::datetime;

use super::{AtHand, keys, minutes, too_short};
use crate::plan::tests::of;

const BEGIN: OffsetDateTime = datetime!(2025-11-19 08:00:00 UTC);

fn event(sequence: u64, stage: &str, run: &str, minute: i64) -> LedgerEvent {
    LedgerEvent {
        sequence,
        previous: None,
        time: BEGIN + time::Duration::minutes(minute),
        kind: EventKind::Intent,
        release: "r-1".parse().ok(),
        environment: "prod_eu00".parse().ok(),
        stage: Some(stage.to_owned()),
        action: None,
        target: None,
        intent: None,
        outcome: None,
        items: Vec::new(),
        actor: Actor { name: "ci".to_owned(), source: "test".to_owned() },
        run: Some(run.to_owned()),
        reason: None,
        tool_version: "1".to_owned(),
        details: std::collections::BTreeMap::new(),
    }
}

fn of_events(events: &[LedgerEvent], life_minutes: u64) -> PlannedKeys {
    let pipeline = of("production", "[environment.prod_eu00]\nkind = \"production\"\nsuffix = \"prod-eu\"\n");
    let life = Duration::from_secs(60 * life_minutes);
    let all =
        keys(&pipeline, &["prod_eu00".parse().expect("a name")], events, |_| AtHand { life, until: None });
    all.into_iter().next().expect("it shares credentials")
}

#[test]
fn the_median_of_earlier_runs_counts() {
    let runs = [("a", 10), ("b", 50), ("c", 20)];
    let events: Vec<LedgerEvent> = runs
        .iter()
        .zip(0..)
        .flat_map(|((run, took), number)| {
            let begun = number * 600;
            let sequence = u64::try_from(number).unwrap_or_default() * 2;
            [
                event(sequence + 1, "deploy-lambda", run, begun),
                event(sequence + 2, "deploy-lambda", run, begun + took),
            ]
        })
        .collect();
    let known = of_events(&events, 60);
    assert_eq!((known.expected_seconds, known.runs), (Some(20 * 60), 3));
    assert_eq!(too_short(&known), None);
    let problem = too_short(&of_events(&events, 15)).expect("too short");
    insta::assert_snapshot!(problem.what, @"the credentials of prod_eu00 live 15 min, and the work with them took 20 min at the median of 3 earlier runs");
}

#[test]
fn without_earlier_runs_nothing_is_guessed() {
    let alone = of_events(&[event(1, "deploy-lambda", "a", 0)], 1);
    assert_eq!((alone.expected_seconds, alone.runs), (None, 0));
    assert_eq!(alone.unknown, ["deploy-lambda"]);
    assert_eq!(too_short(&alone), None);
}

#[test]
fn a_pause_parts_runs_that_nothing_else_tells_apart() {
    let events = [0, 5, 200, 207]
        .iter()
        .zip(1..)
        .map(|(minute, sequence)| LedgerEvent { run: None, ..event(sequence, "deploy-lambda", "", *minute) });
    assert_eq!(of_events(&events.collect::<Vec<_>>(), 60).runs, 2);
}

#[test]
fn times_are_told_in_minutes() {
    let shown: Vec<String> = [9, 60, 61, 3600, 3900, 7200].map(minutes).into();
    assert_eq!(shown, ["9 s", "1 min", "2 min", "1 h", "1 h 5 min", "2 h"]);
}
