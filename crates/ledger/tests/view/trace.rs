//! One deployment from its commit to production.

use landfall_artifacts::EffectResult::{self, Done, Failed, Unknown};
use landfall_artifacts::LedgerItem;
use landfall_ledger::view::{Question, Trace, release, standing, trace};

use crate::story::story;
use crate::told::Told;

fn shown(trace: &Trace<'_>) -> String {
    let mut lines = vec![format!(
        "{} {:?} {} {} releases {:?} commit {:?} tag {:?}",
        trace.function,
        trace.project,
        trace.version.map(ToString::to_string).unwrap_or_default(),
        trace.digest.map(|digest| digest.short()).unwrap_or_default(),
        trace.releases,
        trace.commit,
        trace.tag
    )];
    lines.extend(trace.steps.iter().map(|step| {
        let place = step.environment.map(|name| format!(" in {name}")).unwrap_or_default();
        let by = step.mark.by;
        format!(
            "{} {}{place} {} by {}: {}",
            step.mark.record,
            step.step.as_str(),
            step.outcome.as_str(),
            by.name,
            step.what
        )
    }));
    lines.extend(trace.gaps.iter().map(|gap| format!("gap: {gap}")));
    lines.join("\n")
}

fn question(function: &str) -> Question {
    Question { function: function.to_owned(), ..Question::default() }
}

#[test]
fn a_deployment_is_followed_and_what_is_missing_is_said() {
    let told = story();
    let prod = Question { environment: "prod".parse().ok(), ..question("ordersFunction") };
    insta::assert_snapshot!(shown(&trace(&told.events, &prod, &[]).expect("it is on record")), @r#"
    ordersFunction Some(orders) 1.4.2 sha256:8473fec4b3c5 releases [r1] commit None tag None
    1 build done by ada: PushImage host/orders:1.4.2
    3 change in stg done by ada: UpdateFunctionCode ordersFunction
    5 deployment in stg done by ada: orders 1.4.2, prices 2.0.0
    6 test in stg done by ada: 2 of 3 checks passed
    7 promotion done by ada: orders 1.4.2, prices 2.0.0
    8 approval in prod done by bo: as qa-lead
    9 deployment in prod done by ada: orders 1.4.2, prices 2.0.0
    16 rollback in stg done by ada: orders 1.4.2
    gap: its commit is not on record
    gap: no push of its tag is on record
    gap: no ticket of its release is on record
    gap: no test of its release in prod is on record
    "#);
    let newer = Question { version: "1.5.0".parse().ok(), ..question("orders") };
    let order = ["stg".parse().expect("a name"), "prod".parse().expect("a name")];
    insta::assert_snapshot!(shown(&trace(&told.events, &newer, &order).expect("it is on record")), @r#"
    ordersFunction Some(orders) 1.5.0 sha256:3daac0aedd93 releases [r2] commit None tag None
    10 change in stg unknown by ada: UpdateFunctionCode ordersFunction
    11 deployment in stg done by ada: orders 1.5.0, prices 2.0.0
    12 test in stg unknown by ada: 2 of 3 checks passed
    13 test in stg failed by ada: smoke
    14 test in stg failed by ada: 2 of 3 checks passed
    15 rejection in prod done by ada: no
    gap: its commit is not on record
    gap: no push of its tag is on record
    gap: no build of it is on record
    gap: no promotion of it is on record
    gap: no approval of its release is on record
    gap: no ticket of its release is on record
    gap: it did not come to prod
    gap: how record 10 ended is not on record
    "#);
    assert!(trace(&told.events, &question("nobody"), &[]).is_none());
    let never = Question { release: "r2".parse().ok(), ..prod };
    assert!(trace(&told.events, &never, &[]).is_none(), "r2 never came to prod");
}

#[test]
fn commit_and_tag_are_told_where_they_are_on_record() {
    for (tag, is_its) in [
        ("orders@1.4.2", true),
        ("v1.4.2", true),
        ("orders-v1.4.2", true),
        ("prices@1.4.2", false),
        ("orders@11.4.2", false),
    ] {
        let mut told = Told::default();
        told.effect(
            "2025-12-31",
            ("semantic-versioning", "git push", "origin main 9fceb02d0ae598e95dc970b74767f19372d61af8"),
            ("", ""),
            &[LedgerItem::new(tag)],
            Some(Done),
        );
        told.deployed("2026-01-01", "stg", "r1", &[crate::told::item("orders", "1.4.2")]);
        let found = trace(&told.events, &question("orders"), &[]).expect("it is on record");
        assert_eq!(
            (found.tag, found.commit),
            (is_its.then_some(tag), is_its.then_some("9fceb02d0ae598e95dc970b74767f19372d61af8")),
            "{tag}"
        );
    }
    let mut told = Told::default();
    told.deployed("2026-01-01", "stg", "r1", &[crate::told::item("orders", "1.4.2")]);
    told.with("commit", "4f2a");
    let found = trace(&told.events, &question("orders"), &[]).expect("it is on record");
    assert_eq!(found.commit, Some("4f2a"));
}

#[test]
fn a_push_that_failed_is_not_that_of_the_tag() {
    // Each is begun before one of them ends, as by runs at once.
    let commit = |pushes: &[(char, Option<EffectResult>)]| {
        let mut told = Told::default();
        let intents: Vec<u64> = pushes
            .iter()
            .map(|(commit, _)| {
                let target = format!("origin main {}", commit.to_string().repeat(40));
                let push = ("semantic-versioning", "git push", target.as_str());
                told.effect("2025-12-31", push, ("", ""), &[LedgerItem::new("v1.4.2")], None)
            })
            .collect();
        for (intent, end) in
            intents.into_iter().zip(pushes).filter_map(|(one, (_, end))| Some((one, (*end)?)))
        {
            told.ended("2025-12-31", intent, end);
        }
        told.deployed("2026-01-01", "stg", "r1", &[crate::told::item("orders", "1.4.2")]);
        let traced = trace(&told.events, &question("orders"), &[]).expect("it is on record");
        let of = release(&told.events, &standing(&told.events), &"r1".parse().expect("a release"));
        assert_eq!(of.expect("it is on record").commit, traced.commit, "{pushes:?}");
        assert_eq!(traced.tag, traced.commit.map(|_| "v1.4.2"), "{pushes:?}");
        let tries = traced.steps.iter().filter(|step| step.what.starts_with("git push")).count();
        assert_eq!(tries, pushes.len(), "each try is told");
        traced.commit.and_then(|commit| commit.chars().next())
    };
    let (done, failed) = (Some(Done), Some(Failed));
    assert_eq!(commit(&[('a', done), ('b', failed)]), Some('a'), "another run came too late");
    assert_eq!(commit(&[('b', failed), ('a', done)]), Some('a'), "it was tried again");
    assert_eq!(commit(&[('a', done), ('b', Some(Unknown))]), Some('a'));
    assert_eq!(commit(&[('a', done), ('b', None)]), Some('a'));
    assert_eq!(commit(&[('b', None), ('a', None)]), Some('a'), "the earlier came too late");
    assert_eq!(commit(&[('b', failed)]), None);
}
