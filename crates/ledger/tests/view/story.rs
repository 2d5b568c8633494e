//! One story in all views: two releases, one of which dies.

use landfall_artifacts::EffectResult::{Done, Failed, Unknown};
use landfall_artifacts::EventKind::{Approval, Promotion, Rejection, Rollback};
use landfall_ledger::view::{environment, function, graveyard, overview, release, standing};

use crate::told::{Told, item};

pub(crate) fn story() -> Told {
    let mut told = Told::default();
    let (orders, prices) = (item("orders", "1.4.2"), item("prices", "2.0.0"));
    told.effect(
        "2026-01-01",
        ("build-docker-images", "PushImage", "host/orders:1.4.2"),
        ("", ""),
        std::slice::from_ref(&orders),
        Some(Done),
    );
    told.effect(
        "2026-01-01T01:00:00Z",
        ("deploy-lambda", "UpdateFunctionCode", "ordersFunction"),
        ("stg", "r1"),
        std::slice::from_ref(&orders),
        Some(Done),
    );
    told.deployed("2026-01-01T02:00:00Z", "stg", "r1", &[orders.clone(), prices.clone()]);
    told.tested("2026-01-01T03:00:00Z", "stg", "r1", Done);
    let event = told.add("2026-01-01T04:00:00Z", Promotion, "", "r1");
    event.items = vec![orders.clone(), prices.clone()];
    event.reason = Some("to-rc: build to rc".to_owned());
    let event = told.add("2026-01-02", Approval, "prod", "r1");
    event.actor.name = String::from("bo");
    event.run = Some("https://ci.example.com/7".to_owned());
    told.with("role", "qa-lead");
    told.deployed("2026-01-02T01:00:00Z", "prod", "r1", &[orders.clone(), prices.clone()]);
    // r2 dies in staging, is tested again, and is rejected on top.
    let newer = item("orders", "1.5.0");
    told.effect(
        "2026-01-03",
        ("deploy-lambda", "UpdateFunctionCode", "ordersFunction"),
        ("stg", "r2"),
        std::slice::from_ref(&newer),
        None,
    );
    told.deployed("2026-01-03T01:00:00Z", "stg", "r2", &[newer.clone(), prices]);
    told.tested("2026-01-03T02:00:00Z", "stg", "r2", Unknown);
    told.tested("2026-01-03T03:00:00Z", "stg", "r2", Failed);
    told.with("suite", "smoke");
    told.tested("2026-01-03T04:00:00Z", "stg", "r2", Failed);
    told.add("2026-01-03T05:00:00Z", Rejection, "prod", "r2").reason = Some("no".to_owned());
    let event = told.add("2026-01-03T06:00:00Z", Rollback, "stg", "r1");
    event.items = vec![orders];
    event.reason = Some("the deployment of r2 was rolled back".to_owned());
    told
}

#[test]
fn a_release_and_where_it_stands() {
    let told = story();
    let standing = standing(&told.events);
    let of = |name: &str| release(&told.events, &standing, &name.parse().expect("a release"));
    let shown = |name: &str| {
        let found = of(name).expect("it is on record");
        let mut lines = vec![format!(
            "began {} latest {} died {:?}",
            found.began.record,
            found.latest.record,
            found.died.as_ref().map(|died| (died.cause.as_str(), died.mark.record))
        )];
        lines.extend(found.contents.iter().map(|content| {
            format!(
                "{} {} {}",
                content.name,
                content.version.expect("a version"),
                content.digest.expect("one").short()
            )
        }));
        lines.extend(found.environments.iter().map(|place| {
            let gone = place.gone.map(|gone| gone.record);
            format!(
                "{} came {} brought {} runs {} gone {gone:?}",
                place.environment, place.came.record, place.functions, place.running
            )
        }));
        lines.extend(found.steps.iter().map(|step| {
            format!("{} {} {}: {}", step.mark.record, step.step.as_str(), step.outcome.as_str(), step.what)
        }));
        lines.join("\n")
    };
    insta::assert_snapshot!(shown("r1"), @r#"
    began 3 latest 16 died None
    orders 1.4.2 sha256:8473fec4b3c5
    prices 2.0.0 sha256:d7e173454527
    stg came 5 brought 1 runs 1 gone None
    prod came 9 brought 2 runs 2 gone None
    5 deployment done: orders 1.4.2, prices 2.0.0
    6 test done: 2 of 3 checks passed
    7 promotion done: orders 1.4.2, prices 2.0.0
    8 approval done: as qa-lead
    9 deployment done: orders 1.4.2, prices 2.0.0
    16 rollback done: orders 1.4.2
    "#);
    insta::assert_snapshot!(shown("r2"), @r#"
    began 10 latest 15 died Some(("test", 13))
    orders 1.5.0 sha256:3daac0aedd93
    prices 2.0.0 sha256:d7e173454527
    stg came 11 brought 2 runs 1 gone None
    10 change unknown: UpdateFunctionCode ordersFunction
    11 deployment done: orders 1.5.0, prices 2.0.0
    12 test unknown: 2 of 3 checks passed
    13 test failed: smoke
    14 test failed: 2 of 3 checks passed
    15 rejection done: no
    "#);
    assert!(of("r9").is_none());
}

#[test]
fn the_dead_are_told_by_what_killed_them_first() {
    let told = story();
    let graveyard = graveyard(&told.events);
    let lines: Vec<String> = graveyard
        .deaths
        .iter()
        .map(|death| {
            let contents: Vec<String> =
                death.contents.iter().map(|content| content.name.to_owned()).collect();
            format!(
                "{} of {} in {:?} ({:?}), record {}, aged {} s, was in {:?}, had {contents:?}, {} further",
                death.release,
                death.cause.as_str(),
                death.environment,
                death.suite,
                death.mark.record,
                death.age_seconds,
                death.environments,
                death.further
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    r2 of test in Some(stg) (Some("smoke")), record 13, aged 10800 s, was in [stg], had ["orders", "prices"], 2 further
    "#);
}

#[test]
fn environments_and_functions() {
    let told = story();
    let standing = standing(&told.events);
    let all: Vec<String> = overview(&told.events, &standing)
        .environments
        .iter()
        .map(|line| {
            let latest = &line.latest;
            format!(
                "{}: {} functions, {:?} {} {}",
                line.environment, line.functions, latest.release, latest.is_rollback, latest.mark.record
            )
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    prod: 2 functions, Some(r1) false 9
    stg: 2 functions, Some(r1) true 16
    "#);
    let stg = environment(&told.events, &standing, &"stg".parse().expect("a name")).expect("it is on record");
    let arrivals: Vec<String> = stg
        .arrivals
        .iter()
        .map(|one| {
            let tested = one.tested.as_ref().map(|test| (test.outcome.as_str(), test.mark.record));
            format!(
                "{} {:?} rollback {} of {}, tested {tested:?}",
                one.mark.record, one.release, one.is_rollback, one.functions
            )
        })
        .collect();
    insta::assert_snapshot!(arrivals.join("\n"), @r#"
    16 Some(r1) rollback true of 1, tested None
    11 Some(r2) rollback false of 2, tested Some(("failed", 14))
    5 Some(r1) rollback false of 2, tested Some(("done", 6))
    "#);
    assert_eq!(stg.running.len(), 2);
    assert!(environment(&told.events, &standing, &"dr".parse().expect("a name")).is_none());

    let orders =
        function(&told.events, &standing, "orders").expect("a project is known as well as its function");
    assert_eq!(function(&told.events, &standing, "ordersFunction"), Some(orders.clone()));
    let changes: Vec<String> = orders
        .changes
        .iter()
        .map(|change| {
            format!(
                "{} {} {} {}",
                change.mark.record,
                change.environment,
                change.version.expect("one"),
                change.is_rollback
            )
        })
        .collect();
    insta::assert_snapshot!(changes.join("\n"), @r#"
    16 stg 1.4.2 true
    11 stg 1.5.0 false
    9 prod 1.4.2 false
    5 stg 1.4.2 false
    "#);
    let running: Vec<String> = orders
        .running
        .iter()
        .map(|one| format!("{} {}", one.environment, one.version.expect("one")))
        .collect();
    assert_eq!(running, ["prod 1.4.2", "stg 1.4.2"]);
    assert!(function(&told.events, &standing, "nobody").is_none());
}
