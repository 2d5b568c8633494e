//! History, audit and locks.

use landfall_artifacts::EffectResult::{Done, Failed};
use landfall_artifacts::EventKind::{self, Approval, Lock, Rejection, Unlock};
use landfall_ledger::view::{COLUMNS, Filter, Span, audit, history, locks};

use crate::told::{Told, at, item};

fn told() -> Told {
    let mut told = Told::default();
    told.add("2026-01-01", Lock, "stg", "");
    told.effect(
        "2026-01-01",
        ("deploy-lambda", "UpdateFunctionCode", "ordersFunction"),
        ("stg", "r1"),
        &[],
        Some(Done),
    );
    told.effect(
        "2026-01-01",
        ("deploy-lambda", "UpdateAlias", "ordersFunction"),
        ("stg", "r1"),
        &[],
        Some(Failed),
    );
    told.deployed("2026-01-02", "stg", "r1", &[item("orders", "1.0.0")]);
    told.deployed("2026-01-03", "prod", "r1", &[item("orders", "1.0.0"), item("prices", "1.0.0")]);
    told.add("2026-01-04", Approval, "prod", "r2").actor.name = String::from("bo");
    told
}

#[test]
fn history_is_newest_first_and_filters_add_up() {
    let told = told();
    let asked = |filter: Filter| {
        let history = history(&told.events, &filter);
        (history.found, history.events.iter().map(|event| event.sequence).collect::<Vec<_>>())
    };
    let all = Filter::default;
    assert_eq!(asked(all()), (4, vec![8, 7, 6, 5]), "what failed is news, what went well and locks are not");
    assert_eq!(asked(Filter { limit: Some(1), ..all() }), (4, vec![8]));
    assert_eq!(asked(Filter { environment: "stg".parse().ok(), ..all() }), (2, vec![6, 5]));
    assert_eq!(asked(Filter { release: "r2".parse().ok(), ..all() }), (1, vec![8]));
    assert_eq!(asked(Filter { actor: Some("bo".into()), ..all() }), (1, vec![8]));
    for name in ["prices", "pricesFunction"] {
        assert_eq!(asked(Filter { function: Some(name.into()), ..all() }), (1, vec![7]), "{name}");
    }
    let span = Span { from: "2026-01-02".parse().ok(), to: "2026-01-04".parse().ok() };
    assert_eq!(asked(Filter { span, ..all() }), (2, vec![7, 6]));
    assert_eq!(
        asked(Filter { kinds: vec![EventKind::Intent, EventKind::Lock], ..all() }),
        (3, vec![4, 2, 1])
    );
    let both = Filter { environment: "stg".parse().ok(), release: "r2".parse().ok(), ..all() };
    assert_eq!(asked(both), (0, vec![]));
}

#[test]
fn an_audit_has_every_event_of_its_span_and_its_cells_break_out_of_nothing() {
    let mut told = told();
    let event = told.add("2026-01-05T08:00:00Z", Rejection, "prod", "r2");
    event.actor.name = String::from("=cmd|' /C calc'!A0");
    event.reason = Some("it said \"no\",\nand left".to_owned());
    event.run = Some("https://ci.example.com/1,2".to_owned());
    let span = Span { from: "2026-01-04".parse().ok(), to: None };
    let audit = audit(&told.events, span);
    assert_eq!(audit.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [8, 9]);
    let csv = audit.to_csv();
    assert!(
        csv.starts_with(&format!("{}\r\n8,2026-01-04T00:00:00Z,approval,bo,", COLUMNS.join(","))),
        "{csv}"
    );
    insta::assert_snapshot!(csv.lines().skip(2).collect::<Vec<_>>().join("\n"), @r#"
    9,2026-01-05T08:00:00Z,rejection,"'=cmd|' /C calc'!A0",GITLAB_USER_LOGIN,r2,prod,"it said ""no"",
    and left",,"it said ""no"",
    and left",,,"https://ci.example.com/1,2",,0.1.0,,sha256:5924513516a5993435ec4a240610304aca7d4acf1f2de5ce6812a8c43610c6e6
    "#);
}

#[test]
fn an_environment_is_held_until_its_lock_is_given_back() {
    let mut told = Told::default();
    told.add("2026-01-01", Lock, "stg", "");
    told.with("expires", "2026-01-01T00:20:00Z");
    told.add("2026-01-01", Lock, "prod", "").stage = Some("deploy-lambda".to_owned());
    told.add("2026-01-01T02:00:00Z", Lock, "stg", "").run = Some("https://ci.example.com/2".to_owned());
    told.with("takesOver", 1);
    told.with("expires", "2026-01-01T02:20:00Z");
    let held = |told: &Told, now: &str| {
        let line = |held: &landfall_ledger::view::Held| {
            format!(
                "{} {} {} until {} over {} instead of {:?}",
                held.environment, held.fence, held.owner, held.expires, held.is_over, held.took_over
            )
        };
        locks(&told.events, at(now)).held.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(held(&told, "2026-01-01T02:10:00Z"), @"
    prod 2 deploy-lambda of ada until 2026-01-01T00:30:00Z over true instead of None
    stg 3 a run of ada, https://ci.example.com/2 until 2026-01-01T02:20:00Z over false instead of Some(1)
    ");
    // Who lost it cannot give it back.
    told.add("2026-01-01T02:11:00Z", Unlock, "stg", "");
    told.with("lock", 1);
    assert!(held(&told, "2026-01-01T02:12:00Z").contains("stg 3"));
    for (environment, lock) in [("stg", 3), ("prod", 2)] {
        told.add("2026-01-01T02:13:00Z", Unlock, environment, "");
        told.with("lock", lock);
    }
    assert_eq!(held(&told, "2026-01-01T02:14:00Z"), "");
}
