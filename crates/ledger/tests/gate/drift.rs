//! An approval is of what it names, and of nothing else.

use landfall_artifacts::{Digest, EventKind, LedgerEvent};
use landfall_ledger::gate::{Content, Subject, check};
use serde_json::json;
use time::Duration;

use crate::world::{SETTINGS, World, ready, settings, subject};

type Mutation = fn(&mut LedgerEvent);

fn tell(event: &mut LedgerEvent, key: &str, text: &str) {
    event.details.insert(key.to_owned(), json!(text));
}

fn untell(event: &mut LedgerEvent, key: &str) {
    event.details.remove(key);
}

#[test]
fn every_bound_field_that_differs_voids_the_approval() {
    let (world, subject) = ready();
    assert_eq!(world.missing(SETTINGS, &subject), []);
    let mutations: [(&str, Mutation); 12] = [
        ("release", |event| event.release = "r2".parse().ok()),
        ("no release", |event| event.release = None),
        ("environment", |event| event.environment = "qa".parse().ok()),
        ("no environment", |event| event.environment = None),
        ("digest", |event| event.items[0].digest = Some(Digest::of(b"other"))),
        ("no digest", |event| event.items[0].digest = None),
        ("no items", |event| event.items.clear()),
        ("plan", |event| tell(event, "plan", &Digest::of(b"other").to_string())),
        ("no plan", |event| untell(event, "plan")),
        ("expires", |event| tell(event, "expires", "2025-11-20T00:00:00Z")),
        ("no expires", |event| untell(event, "expires")),
        ("role", |event| tell(event, "role", "qa")),
    ];
    for (name, mutate) in mutations {
        for place in 0..world.events.len() {
            let mut events = world.events.clone();
            if !events[place].details.contains_key("role") {
                continue;
            }
            mutate(&mut events[place]);
            let missing = check(&events, &settings(SETTINGS), &subject, world.now);
            assert_eq!(missing.len(), 1, "{name} of record {place}: {missing:?}");
        }
    }
}

#[test]
fn what_is_to_come_may_not_differ_from_what_was_approved() {
    let only = "[approvers]\nmanager = [\"joan\"]\n[environment.prod]\napprovals = [\"manager\"]\n";
    let mut world = World::new();
    let content = |project: &str, content: &[u8]| Content {
        project: project.parse().ok(),
        version: None,
        digest: Digest::of(content),
    };
    let of = |contents: &[Content]| {
        Subject::new("r1".parse().expect("a release"), "prod".parse().expect("a name"), contents.to_vec())
    };
    let (a, b) = (content("a", b"1"), content("b", b"2"));
    let approved = of(&[a.clone(), b.clone()]);
    world.add(World::draft(EventKind::Intent, "r1", "build"), "dev");
    world.approve(&approved, "manager", "joan");
    assert_eq!(world.missing(only, &approved), []);
    // The order does not matter, nor whether a name is known.
    assert_eq!(world.missing(only, &of(&[b.clone(), a.clone(), a.clone()])), []);
    let nameless = Content { project: None, ..b.clone() };
    assert_eq!(world.missing(only, &of(&[a.clone(), nameless])), []);
    let shown: Vec<String> = [
        vec![a.clone()],
        vec![a.clone(), b.clone(), content("c", b"3")],
        vec![a.clone(), content("b", b"3")],
        vec![content("a", b"2"), content("b", b"1")],
        vec![],
    ]
    .iter()
    .map(|contents| world.lines(only, &of(contents)))
    .collect();
    insta::assert_snapshot!(shown.join("\n\n"), @r#"
    no manager has approved it; that of joan does not count: b was part of it and is not any more, the plan was sha256:608e8eb5c1ab… and is sha256:3b220e3c9af4

    no manager has approved it; that of joan does not count: c was not part of it, the plan was sha256:608e8eb5c1ab… and is sha256:b8b2ce8cacc7

    no manager has approved it; that of joan does not count: b was sha256:d4735e3a265e and is sha256:4e07408562be, the plan was sha256:608e8eb5c1ab… and is sha256:f6b4c2030119

    no manager has approved it; that of joan does not count: a was sha256:6b86b273ff34 and is sha256:d4735e3a265e, b was sha256:d4735e3a265e and is sha256:6b86b273ff34

    no manager has approved it; that of joan does not count: a was part of it and is not any more, b was part of it and is not any more, the plan was sha256:608e8eb5c1ab… and is sha256:bca432debde4
    "#);
}

#[test]
fn large_releases_are_bound_by_their_plan() {
    let only = "[approvers]\nmanager = [\"joan\"]\n[environment.prod]\napprovals = [\"manager\"]\n";
    let contents = |changed: usize| -> Subject {
        let content = |number: usize| Content {
            project: format!("p{number:03}").parse().ok(),
            version: None,
            digest: Digest::of(format!("{number} {}", number == changed).as_bytes()),
        };
        Subject::new(
            "r1".parse().expect("a release"),
            "prod".parse().expect("a name"),
            (0..300).map(content).collect(),
        )
    };
    let mut world = World::new();
    let approved = contents(1000);
    world.add(World::draft(EventKind::Intent, "r1", "build"), "dev");
    world.approve(&approved, "manager", "joan");
    assert!(world.events[1].canonical_bytes().len() < 64 * 1024);
    assert_eq!(world.missing(only, &approved), []);
    for changed in [0, 99, 100, 250, 299] {
        assert_eq!(world.missing(only, &contents(changed)).len(), 1, "{changed}");
    }
}

#[test]
fn who_may_speak_is_asked_when_it_counts() {
    let (mut world, subject) = ready();
    let without = SETTINGS.replace("[\"joan\", \"grace\"]", "[\"grace\"]");
    insta::assert_snapshot!(world.lines(&without, &subject), @r#"
    no manager has approved it; that of joan does not count: they may not speak for this role
    "#);
    world.wait(Duration::hours(73));
    insta::assert_snapshot!(world.lines(SETTINGS, &subject), @r#"
    no qa-lead has approved it; that of ada does not count: it expired at 2025-11-23 13:00 UTC
    no manager has approved it; that of joan does not count: it expired at 2025-11-23 13:00 UTC
    "#);
}

#[test]
fn the_plan_is_of_release_environment_and_contents() {
    let plans: std::collections::BTreeSet<Digest> = [
        subject("r1", "prod", b"1"),
        subject("r2", "prod", b"1"),
        subject("r1", "uat", b"1"),
        subject("r1", "prod", b"2"),
    ]
    .map(|subject| subject.plan)
    .into();
    assert_eq!(plans.len(), 4);
    assert_eq!(
        subject("r1", "prod", b"1").plan,
        Digest::of(format!("landfall plan 1\nr1\nprod\n{}\n", Digest::of(b"1")).as_bytes())
    );
}
