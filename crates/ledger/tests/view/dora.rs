//! The figures of DORA against cases that were computed by hand.

use landfall_artifacts::EffectResult::{Done, Failed, Unknown};
use landfall_artifacts::EventKind::{Approval, Deployment, Rejection, Rollback};
use landfall_artifacts::LedgerItem;
use landfall_ledger::view::{DoraEnvironment, Figures, Span, dora};

use crate::told::{Told, at, item};

/// Figures of an environment in one line a month, then over all of it.
fn shown(environment: &DoraEnvironment<'_>) -> String {
    let line = |name: String, f: &Figures| {
        format!(
            "{name}: {} done, {} not, in {} days ({}); lead {:?} of {}; {} failed ({:?}); {} restored in {:?}{}",
            f.deployments,
            f.not_done,
            f.days,
            f.deployments_per_day,
            f.lead_time_median_seconds,
            f.lead_times,
            f.failures,
            f.change_failure_rate,
            f.restored,
            f.time_to_restore_median_seconds,
            if f.unrestored { "; failing" } else { "" }
        )
    };
    let mut lines: Vec<String> =
        environment.months.iter().map(|month| line(month.month.to_string(), &month.figures)).collect();
    lines.push(line("whole".to_owned(), &environment.whole));
    lines.join("\n")
}

fn of(told: &Told, span: Span, now: &str) -> Vec<String> {
    let dora = dora(&told.events, span, at(now));
    dora.environments.iter().map(|one| format!("{}\n{}", one.environment, shown(one))).collect()
}

fn prod(told: &Told, now: &str) -> String {
    let dora = dora(&told.events, Span::default(), at(now));
    let found = dora.environments.iter().find(|one| one.environment.as_str() == "prod");
    found.map(shown).unwrap_or_default()
}

#[test]
fn a_quarter_by_hand() {
    let mut told = Told::default();
    // r1: two days from its first record; well.
    told.add("2026-01-01", Approval, "prod", "r1");
    told.deployed("2026-01-03", "prod", "r1", &[item("orders", "1.0.0")]);
    told.tested("2026-01-03T00:10:00Z", "prod", "r1", Done);
    // r2: a day; recorded in two parts, several functions each; its test fails, three hours later it is rolled back.
    told.add("2026-01-10", Approval, "prod", "r2");
    told.deployed("2026-01-11", "prod", "r2", &[item("orders", "2.0.0"), item("prices", "2.0.0")]);
    told.deployed("2026-01-11T00:00:01Z", "prod", "r2", &[item("rates", "2.0.0")]);
    told.tested("2026-01-11T02:00:00Z", "prod", "r2", Failed);
    told.tested("2026-01-11T03:00:00Z", "prod", "r2", Failed);
    told.add("2026-01-11T05:00:00Z", Rollback, "prod", "r1").items = vec![item("orders", "1.0.0")];
    told.add("2026-01-11T05:00:01Z", Rollback, "prod", "r0").items = vec![item("rates", "1.0.0")];
    // Nothing in February. r3: six hours; a rollback after four hours is the first word of its failure.
    told.add("2026-03-01", Approval, "prod", "r3");
    told.deployed("2026-03-01T06:00:00Z", "prod", "r3", &[item("orders", "3.0.0")]);
    told.add("2026-03-01T10:00:00Z", Rollback, "prod", "r1").items = vec![item("orders", "1.0.0")];
    // r4: two days; its test fails and passes half an hour later.
    told.add("2026-03-02", Approval, "prod", "r4");
    told.deployed("2026-03-04", "prod", "r4", &[item("orders", "4.0.0")]);
    told.tested("2026-03-04T01:00:00Z", "prod", "r4", Failed);
    told.tested("2026-03-04T01:30:00Z", "prod", "r4", Done);
    // r5: does not come to be, and twenty minutes later does.
    told.deployed("2026-03-05", "prod", "r5", &[item("orders", "5.0.0")]);
    told.events.last_mut().expect("an event").outcome = Some(Failed);
    told.deployed("2026-03-05T00:20:00Z", "prod", "r5", &[item("orders", "5.0.0")]);
    insta::assert_snapshot!(prod(&told, "2026-03-10T12:00:00Z"), @"
    2026-01: 2 done, 0 not, in 31 days (0.0645); lead Some(129600) of 2; 1 failed (Some(0.5)); 1 restored in Some(10800)
    2026-02: 0 done, 0 not, in 28 days (0); lead None of 0; 0 failed (None); 0 restored in None
    2026-03: 3 done, 1 not, in 10 days (0.3); lead Some(21600) of 3; 3 failed (Some(0.75)); 3 restored in Some(1800)
    whole: 5 done, 1 not, in 69 days (0.0725); lead Some(86400) of 5; 4 failed (Some(0.6667)); 4 restored in Some(6300)
    ");
}

#[test]
fn what_is_no_failure_of_a_release() {
    let mut told = Told::default();
    told.deployed("2026-01-01", "prod", "r1", &[item("orders", "1.0.0")]);
    // The infrastructure's fault, a stop, another release's test, another environment's, a rejection for another one.
    told.tested("2026-01-01T01:00:00Z", "prod", "r1", Failed);
    told.with("infrastructure", true);
    told.tested("2026-01-01T02:00:00Z", "prod", "r1", Unknown);
    told.tested("2026-01-01T03:00:00Z", "prod", "r0", Failed);
    told.tested("2026-01-01T04:00:00Z", "stg", "r1", Failed);
    told.add("2026-01-01T05:00:00Z", Rejection, "dr", "r1");
    // Of this one nobody knows whether it came to be.
    told.deployed("2026-01-02", "prod", "r2", &[item("orders", "2.0.0")]);
    told.events.last_mut().expect("an event").outcome = Some(Unknown);
    insta::assert_snapshot!(prod(&told, "2026-01-02T12:00:00Z"), @"
    2026-01: 1 done, 0 not, in 2 days (0.5); lead None of 0; 0 failed (Some(0.0)); 0 restored in None
    whole: 1 done, 0 not, in 2 days (0.5); lead None of 0; 0 failed (Some(0.0)); 0 restored in None
    ");
    told.add("2026-01-02T13:00:00Z", Rejection, "prod", "r1");
    insta::assert_snapshot!(prod(&told, "2026-01-03T12:00:00Z"), @"
    2026-01: 1 done, 0 not, in 3 days (0.3333); lead None of 0; 1 failed (Some(1.0)); 0 restored in None; failing
    whole: 1 done, 0 not, in 3 days (0.3333); lead None of 0; 1 failed (Some(1.0)); 0 restored in None; failing
    ");
}

#[test]
fn a_rollback_blames_what_it_was_from() {
    // The second release fails half-way, and nobody records its deployment; the first stood all the time.
    let unrecorded = |from: Option<&str>| {
        let mut told = Told::default();
        told.deployed("2026-01-01", "prod", "r1", &[item("orders", "1.0.0")]);
        let event = told.add("2026-02-01", Rollback, "prod", "r1");
        event.items = vec![item("orders", "1.0.0")];
        if let Some(from) = from {
            told.with("from", from);
        }
        told
    };
    insta::assert_snapshot!(prod(&unrecorded(None), "2026-02-02T12:00:00Z"), @"
    2026-01: 1 done, 0 not, in 31 days (0.0323); lead None of 0; 0 failed (Some(0.0)); 0 restored in None
    2026-02: 0 done, 1 not, in 2 days (0); lead None of 0; 1 failed (Some(1.0)); 1 restored in Some(0)
    whole: 1 done, 1 not, in 33 days (0.0303); lead None of 0; 1 failed (Some(0.5)); 1 restored in Some(0)
    ");
    let now = "2026-02-02T12:00:00Z";
    assert_eq!(prod(&unrecorded(Some("r2")), now), prod(&unrecorded(None), now));
    // Functions of several releases go back, the one that stands last; a second job brings the rest back.
    let mut told = unrecorded(None);
    told.events.truncate(1);
    for (release, run) in [("r0", "1"), ("r1", "1"), ("r1", "2")] {
        told.add("2026-02-01", Rollback, "prod", release).run = Some(run.to_owned());
        told.with("from", "r2");
    }
    assert_eq!(prod(&told, now), prod(&unrecorded(None), now));
}

#[test]
fn a_deployment_that_failed_is_counted_once() {
    let failed = |told: &mut Told, time: &str, items: &[LedgerItem]| {
        told.deployed(time, "prod", "r2", items);
        told.events.last_mut().expect("an event").outcome = Some(Failed);
    };
    let mut told = Told::default();
    told.deployed("2026-01-01", "prod", "r1", &[item("orders", "1.0.0")]);
    failed(&mut told, "2026-01-02", &[item("orders", "2.0.0")]);
    let mut back = told.events.clone();
    // It is rolled back.
    told.add("2026-01-02T01:00:00Z", Rollback, "prod", "r1").items = vec![item("orders", "1.0.0")];
    insta::assert_snapshot!(prod(&told, "2026-01-02T12:00:00Z"), @"
    2026-01: 1 done, 1 not, in 2 days (0.5); lead None of 0; 1 failed (Some(0.5)); 1 restored in Some(3600)
    whole: 1 done, 1 not, in 2 days (0.5); lead None of 0; 1 failed (Some(0.5)); 1 restored in Some(3600)
    ");
    // It put itself back: nothing is left to restore.
    std::mem::swap(&mut told.events, &mut back);
    told.with("asBefore", true);
    insta::assert_snapshot!(prod(&told, "2026-01-02T12:00:00Z"), @"
    2026-01: 1 done, 1 not, in 2 days (0.5); lead None of 0; 1 failed (Some(0.5)); 0 restored in None
    whole: 1 done, 1 not, in 2 days (0.5); lead None of 0; 1 failed (Some(0.5)); 0 restored in None
    ");
    // One function of three failed: what the others run is no deployment of its own, until nothing is missing any more.
    told.events.truncate(1);
    failed(&mut told, "2026-01-02", &[item("rates", "2.0.0")]);
    told.deployed("2026-01-02T00:01:00Z", "prod", "r2", &[item("orders", "2.0.0"), item("prices", "2.0.0")]);
    insta::assert_snapshot!(prod(&told, "2026-01-02T12:00:00Z"), @"
    2026-01: 1 done, 1 not, in 2 days (0.5); lead None of 0; 1 failed (Some(0.5)); 0 restored in None; failing
    whole: 1 done, 1 not, in 2 days (0.5); lead None of 0; 1 failed (Some(0.5)); 0 restored in None; failing
    ");
    failed(&mut told, "2026-01-02T00:02:00Z", &[item("rates", "2.0.0")]);
    told.deployed("2026-01-02T00:20:00Z", "prod", "r2", &[item("orders", "2.0.0"), item("rates", "2.0.0")]);
    insta::assert_snapshot!(prod(&told, "2026-01-02T12:00:00Z"), @"
    2026-01: 2 done, 1 not, in 2 days (1); lead Some(1200) of 1; 1 failed (Some(0.3333)); 1 restored in Some(1200)
    whole: 2 done, 1 not, in 2 days (1); lead Some(1200) of 1; 1 failed (Some(0.3333)); 1 restored in Some(1200)
    ");
}

#[test]
fn lead_time_begins_at_the_newest_commit_of_what_came() {
    let pushed = |told: &mut Told, tag: &str, commit: &str| {
        let push =
            ("semantic-versioning", "git push", "origin main 9fceb02d0ae598e95dc970b74767f19372d61af8");
        told.effect("2026-01-03", push, ("", ""), &[LedgerItem::new(tag)], Some(Done));
        let intent = told.events.len() - 2;
        told.events[intent].details.insert("commitTime".to_owned(), commit.into());
    };
    let mut told = Told::default();
    pushed(&mut told, "orders@1.0.0", "2026-01-01T00:00:00Z");
    pushed(&mut told, "prices-v1.0.0", "2026-01-02T00:00:00Z");
    pushed(&mut told, "rates@1.0.0", "2026-01-02T12:00:00Z");
    pushed(&mut told, "others@1.0.0", "2026-01-02T23:00:00Z");
    told.deployed("2026-01-04", "prod", "r1", &[item("orders", "1.0.0"), item("prices", "1.0.0")]);
    insta::assert_snapshot!(prod(&told, "2026-01-04T12:00:00Z"), @"
    2026-01: 1 done, 0 not, in 4 days (0.25); lead Some(172800) of 1; 0 failed (Some(0.0)); 0 restored in None
    whole: 1 done, 0 not, in 4 days (0.25); lead Some(172800) of 1; 0 failed (Some(0.0)); 0 restored in None
    ");
    // A second record of it brings what is newer.
    told.deployed("2026-01-04T00:00:01Z", "prod", "r1", &[item("rates", "1.0.0")]);
    insta::assert_snapshot!(prod(&told, "2026-01-04T12:00:00Z"), @"
    2026-01: 1 done, 0 not, in 4 days (0.25); lead Some(129600) of 1; 0 failed (Some(0.0)); 0 restored in None
    whole: 1 done, 0 not, in 4 days (0.25); lead Some(129600) of 1; 0 failed (Some(0.0)); 0 restored in None
    ");
    let standing = landfall_ledger::view::standing(&told.events);
    let release = landfall_ledger::view::release(&told.events, &standing, &"r1".parse().expect("a release"));
    assert_eq!(release.and_then(|release| release.commit), Some("9fceb02d0ae598e95dc970b74767f19372d61af8"));
}

#[test]
fn a_push_that_failed_tells_no_commit() {
    let mut told = Told::default();
    for (end, commit) in [(Done, "2026-01-01T00:00:00Z"), (Failed, "2026-01-02T12:00:00Z")] {
        let push = ("semantic-versioning", "git push", "origin main");
        told.effect("2026-01-03", push, ("", ""), &[LedgerItem::new("v1.0.0")], Some(end));
        let intent = told.events.len() - 2;
        told.events[intent].details.insert("commitTime".to_owned(), commit.into());
    }
    told.deployed("2026-01-04", "prod", "r1", &[item("orders", "1.0.0")]);
    let shown = prod(&told, "2026-01-04T12:00:00Z");
    assert!(shown.contains("lead Some(259200) of 1;"), "three days, not a day and a half: {shown}");
}

#[test]
fn a_release_that_comes_back_is_another_deployment_and_has_one_lead_time() {
    let mut told = Told::default();
    told.add("2026-01-01", Approval, "prod", "r1");
    told.deployed("2026-01-02", "prod", "r1", &[item("orders", "1.0.0")]);
    told.deployed("2026-01-02T01:00:00Z", "prod", "r1", &[item("orders", "1.0.0")]);
    told.add("2026-01-02T06:00:00Z", Approval, "prod", "r2");
    told.with("commitTime", "2026-01-01T02:00:00+02:00");
    told.deployed("2026-01-03", "prod", "r2", &[item("orders", "2.0.0")]);
    told.deployed("2026-01-04", "prod", "r1", &[item("orders", "1.0.0")]);
    // Without a release, jobs tell deployments apart.
    for job in ["a", "a", "b"] {
        told.add("2026-01-05", Deployment, "prod", "").run = Some(job.to_owned());
    }
    insta::assert_snapshot!(prod(&told, "2026-01-05T12:00:00Z"), @"
    2026-01: 5 done, 0 not, in 5 days (1); lead Some(129600) of 2; 0 failed (Some(0.0)); 0 restored in None
    whole: 5 done, 0 not, in 5 days (1); lead Some(129600) of 2; 0 failed (Some(0.0)); 0 restored in None
    ");
}

#[test]
fn a_deployment_of_which_nobody_knows_parts_none() {
    let mut told = Told::default();
    for end in [Done, Unknown, Done, Unknown, Unknown] {
        told.deployed("2026-01-02", "prod", "r1", &[item("orders", "1.0.0")]);
        told.events.last_mut().expect("an event").outcome = Some(end);
    }
    let shown = prod(&told, "2026-01-02T12:00:00Z");
    assert!(shown.starts_with("2026-01: 1 done, 0 not, in 2 days (0.5);"), "{shown}");
}

#[test]
fn environments_stand_apart_and_spans_cut() {
    let mut told = Told::default();
    told.deployed("2025-12-31T23:59:59Z", "stg", "r1", &[item("orders", "1.0.0")]);
    told.deployed("2026-02-03", "prod", "r1", &[item("orders", "1.0.0")]);
    told.deployed("2026-02-28", "stg", "r2", &[item("orders", "2.0.0")]);
    let span = Span { from: "2026-01-01".parse().ok(), to: "2026-03-01".parse().ok() };
    insta::assert_snapshot!(of(&told, span, "2026-06-15").join("\n"), @"
    prod
    2026-01: 0 done, 0 not, in 31 days (0); lead None of 0; 0 failed (None); 0 restored in None
    2026-02: 1 done, 0 not, in 28 days (0.0357); lead Some(2851201) of 1; 0 failed (Some(0.0)); 0 restored in None
    whole: 1 done, 0 not, in 59 days (0.0169); lead Some(2851201) of 1; 0 failed (Some(0.0)); 0 restored in None
    stg
    2026-01: 0 done, 0 not, in 31 days (0); lead None of 0; 0 failed (None); 0 restored in None
    2026-02: 1 done, 0 not, in 28 days (0.0357); lead None of 0; 0 failed (Some(0.0)); 0 restored in None
    whole: 1 done, 0 not, in 59 days (0.0169); lead None of 0; 0 failed (Some(0.0)); 0 restored in None
    ");
    // Nobody deployed in the first days of March: the environments are there, the days are those of the span.
    let span = Span { from: "2026-02-27".parse().ok(), to: "2026-03-03".parse().ok() };
    insta::assert_snapshot!(of(&told, span, "2026-06-15").join("\n"), @"
    prod
    2026-02: 0 done, 0 not, in 2 days (0); lead None of 0; 0 failed (None); 0 restored in None
    2026-03: 0 done, 0 not, in 2 days (0); lead None of 0; 0 failed (None); 0 restored in None
    whole: 0 done, 0 not, in 4 days (0); lead None of 0; 0 failed (None); 0 restored in None
    stg
    2026-02: 1 done, 0 not, in 2 days (0.5); lead None of 0; 0 failed (Some(0.0)); 0 restored in None
    2026-03: 0 done, 0 not, in 2 days (0); lead None of 0; 0 failed (None); 0 restored in None
    whole: 1 done, 0 not, in 4 days (0.25); lead None of 0; 0 failed (Some(0.0)); 0 restored in None
    ");
    assert!(dora(&[], Span::default(), at("2026-01-01")).environments.is_empty());
    // A clock behind the ledger's makes no month of no days.
    assert!(prod(&told, "2026-01-01").starts_with("2026-02: 1 done, 0 not, in 1 days (1)"));
}
