//! What runs where, against a plain model; comings; drift.

use std::collections::BTreeMap;

use landfall_artifacts::{Digest, EffectResult, EventKind};
use landfall_ledger::view::{Seen, Sight, Standing, comings, drift, standing};
use landfall_ledger::{deployments, happened};
use proptest::prelude::*;

use crate::told::{Told, item};

#[test]
fn a_function_runs_since_its_content_came_and_not_since_it_was_confirmed() {
    let mut told = Told::default();
    told.deployed("2026-01-01", "stg", "r1", &[item("orders", "1.0.0"), item("prices", "1.0.0")]);
    told.deployed("2026-01-02", "stg", "r2", &[item("orders", "2.0.0"), item("prices", "1.0.0")]);
    told.add("2026-01-03", EventKind::Rollback, "stg", "r1").items = vec![item("orders", "1.0.0")];
    told.deployed("2026-01-04", "stg", "r1", &[item("orders", "1.0.0")]);
    let seen: Vec<String> = standing(&told.events)
        .iter()
        .map(|r| {
            let version = r.version.map(ToString::to_string).unwrap_or_default();
            format!(
                "{} {version} since {} ({}), confirmed {} ({})",
                r.function, r.since.record, r.rolled_back, r.confirmed.record, r.confirmed_by_rollback
            )
        })
        .collect();
    insta::assert_snapshot!(seen.join("\n"), @"
    ordersFunction 1.0.0 since 3 (true), confirmed 4 (false)
    pricesFunction 1.0.0 since 1 (false), confirmed 2 (false)
    ");
    let old: Vec<(u64, bool)> =
        deployments(&told.events).iter().map(|d| (d.sequence, d.rolled_back)).collect();
    assert_eq!(old, [(4, true), (2, false)]);
    let came: Vec<_> = deployments(&told.events).iter().map(|d| d.time).collect();
    assert_eq!(came, [told.events[2].time, told.events[0].time]);
}

#[test]
fn records_of_one_deployment_are_one_coming() {
    let mut told = Told::default();
    for (environment, release) in
        [("stg", "r1"), ("stg", "r1"), ("prod", "r1"), ("stg", "r1"), ("stg", "r2"), ("stg", "r1")]
    {
        told.deployed("2026-01-01", environment, release, &[]);
    }
    for release in ["r2", "r0"] {
        told.add("2026-01-02", EventKind::Rollback, "stg", release);
    }
    told.deployed("2026-01-03", "stg", "r1", &[]);
    told.deployed("2026-01-03", "stg", "r1", &[]);
    told.events.last_mut().expect("an event").outcome = Some(EffectResult::Failed);
    let seen: Vec<String> = comings(&told.events)
        .iter()
        .map(|coming| {
            let records: Vec<String> = coming.events().map(|event| event.sequence.to_string()).collect();
            format!("{} {} {}", coming.environment, coming.is_rollback(), records.join(" "))
        })
        .collect();
    insta::assert_snapshot!(seen.join("\n"), @"
    stg false 1 2 4
    prod false 3
    stg false 5
    stg false 6
    stg true 7 8
    stg false 9
    stg false 10
    ");
}

proptest! {
    #[test]
    fn the_fold_says_what_a_plain_search_says(
        rows in proptest::collection::vec((0u8..3, 0u8..3, 0u8..3, 0u8..6), 0..40)
    ) {
        let mut told = Told::default();
        for (environment, function, content, kind) in rows {
            let kind_of = if kind == 0 { EventKind::Rollback } else { EventKind::Deployment };
            let event = told.add("2026-01-01", kind_of, &format!("e{environment}"), "r1");
            event.items = vec![item(&format!("p{function}"), &format!("{content}.0.0"))];
            event.outcome = match kind { 1 => Some(EffectResult::Failed), 2 => Some(EffectResult::Unknown), _ => None };
        }
        let mut model: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
        for environment in 0..3u8 {
            for function in 0..3u8 {
                let (environment, function) = (format!("e{environment}"), format!("p{function}Function"));
                let is_its = |event: &&landfall_artifacts::LedgerEvent| {
                    happened(event)
                        && event.environment.as_ref().is_some_and(|name| name.as_str() == environment)
                        && event.items[0].lambda.as_ref().is_some_and(|name| name.as_str() == function)
                };
                let its: Vec<_> = told.events.iter().filter(is_its).collect();
                let Some(newest) = its.last() else { continue };
                let same = its.iter().rev().take_while(|event| event.items[0].digest == newest.items[0].digest);
                let since = same.last().expect("itself").sequence;
                model.insert((environment, function), (newest.sequence, since));
            }
        }
        let found: BTreeMap<(String, String), (u64, u64)> = standing(&told.events)
            .iter()
            .map(|r| ((r.environment.to_string(), r.function.to_owned()), (r.confirmed.record, r.since.record)))
            .collect();
        prop_assert_eq!(found, model);
    }
}

#[test]
fn drift_is_what_stands_otherwise_than_recorded() {
    let mut told = Told::default();
    let mut unknown = item("rates", "1.0.0");
    unknown.digest = None;
    let items = ["orders", "prices", "mails", "stock", "late"].map(|name| item(name, "1.0.0"));
    told.deployed("2026-01-01", "prod", "r1", &items);
    told.deployed("2026-01-01", "prod", "r1", &[unknown]);
    told.deployed("2026-01-01", "stg", "r1", &[item("orders", "1.0.0")]);
    let digest = |name: &str| item(name, "1.0.0").digest.expect("a digest");
    let sight: Sight = [
        ("ordersFunction", Seen::Runs(digest("orders"))),
        ("pricesFunction", Seen::Runs(Digest::of(b"by hand"))),
        ("mailsFunction", Seen::Absent),
        ("stockFunction", Seen::NotSeen("access denied".to_owned())),
        ("ratesFunction", Seen::Runs(Digest::of(b"x"))),
        ("foreignFunction", Seen::Runs(Digest::of(b"y"))),
        ("nowhereFunction", Seen::Absent),
        ("lateFunction", Seen::Other("it is being updated".to_owned())),
    ]
    .into_iter()
    .map(|(function, seen)| (("prod".parse().expect("a name"), function.to_owned()), seen))
    .collect();
    let standing = standing(&told.events);
    let drift = drift(&standing, &sight);
    let seen: Vec<String> = drift
        .functions
        .iter()
        .map(|one| format!("{} {} {}", one.function, one.standing.as_str(), one.note.unwrap_or_default()))
        .collect();
    insta::assert_snapshot!(seen.join("\n"), @"
    foreignFunction unrecorded 
    lateFunction differs it is being updated
    mailsFunction absent 
    nowhereFunction same 
    ordersFunction same 
    pricesFunction differs 
    ratesFunction no-digest 
    stockFunction not-seen access denied
    ");
    assert_eq!((drift.compared, drift.drifted), (8, 4));
    assert!(!Standing::NotSeen.is_drift(), "what could not be read is told apart from what differs");
}
