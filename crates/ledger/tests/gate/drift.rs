//! An approval is of what it names, and of nothing else.

use landfall_artifacts::{Digest, EffectResult, EventKind, LedgerEvent};
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
    no manager has approved it; that of joan does not count: b was part of it and is not any more, the plan was sha256:9c982c3f9127… and is sha256:80b53569a3cc

    no manager has approved it; that of joan does not count: c was not part of it, the plan was sha256:9c982c3f9127… and is sha256:f4dd91787d63

    no manager has approved it; that of joan does not count: b was sha256:d4735e3a265e and is sha256:4e07408562be, the plan was sha256:9c982c3f9127… and is sha256:2c2ffeb726d1

    no manager has approved it; that of joan does not count: a was sha256:6b86b273ff34 and is sha256:d4735e3a265e, b was sha256:d4735e3a265e and is sha256:6b86b273ff34, the plan was sha256:9c982c3f9127… and is sha256:fd0ab3b99833

    no manager has approved it; that of joan does not count: a was part of it and is not any more, b was part of it and is not any more, the plan was sha256:9c982c3f9127… and is sha256:2c09f202a45b
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
    // Two projects have each other's contents: the set of digests is the same.
    for (one, other) in [(0, 1), (3, 299), (250, 251)] {
        let Subject { release, environment, mut contents, .. } = approved.clone();
        let digest = contents[one].digest;
        contents[one].digest = std::mem::replace(&mut contents[other].digest, digest);
        let swapped = Subject::new(release, environment, contents);
        assert_eq!(world.missing(only, &swapped).len(), 1, "{one} {other}");
    }
    // A job that knew no names approved the digests, of a release of any size.
    let nameless = |count: usize| {
        let Subject { release, environment, mut contents, .. } = contents(1000);
        contents.truncate(count);
        let named = Subject::new(release.clone(), environment.clone(), contents.clone());
        for content in &mut contents {
            content.project = None;
        }
        (named, Subject::new(release, environment, contents))
    };
    for count in [3, 100, 300] {
        let (named, nameless) = nameless(count);
        let mut world = World::new();
        world.add(World::draft(EventKind::Intent, "r1", "build"), "dev");
        world.approve(&nameless, "manager", "joan");
        assert_eq!(world.missing(only, &named), [], "{count}");
        assert_eq!(world.missing(only, &nameless), [], "{count}");
    }
}

/// Plans of before, which were of the set of digests alone.
#[test]
fn an_approval_of_an_older_plan_is_none() {
    let (mut world, subject) = ready();
    let old = Digest::of(format!("landfall plan 1\nr1\nprod\n{}\n", Digest::of(b"1")).as_bytes());
    for event in world.events.iter_mut().filter(|event| event.details.contains_key("role")) {
        tell(event, "plan", &old.to_string());
    }
    assert_eq!(world.missing(SETTINGS, &subject).len(), 2);
}

#[test]
fn what_a_rollback_took_out_is_approved_anew() {
    let only = "[approvers]\nmanager = [\"joan\"]\n[environment.prod]\napprovals = [\"manager\"]\n";
    let subject = subject("r1", "prod", b"1");
    let lives = |world: &mut World| {
        world.deploy("r0", "prod", b"0").approve(&subject, "manager", "joan");
        world.update("r1", "prod", b"1", Some(EffectResult::Done)).deploy("r1", "prod", b"1");
        assert_eq!(world.missing(only, &subject), []);
    };
    let mut world = World::new();
    lives(&mut world);
    world.comes(EventKind::Rollback, "r0", "prod", b"0");
    insta::assert_snapshot!(world.lines(only, &subject), @"no manager has approved it; that of joan does not count: a rollback took the release out at 2025-11-19 12:00 UTC");
    world.approve(&subject, "manager", "joan");
    assert_eq!(world.missing(only, &subject), [], "it was approved since");
    world.deploy("r1", "prod", b"1").comes(EventKind::Rollback, "r1", "prod", b"1");
    assert_eq!(world.missing(only, &subject), [], "a rollback to it takes it not out");
    world.comes(EventKind::Rollback, "r0", "qa", b"0").comes(EventKind::Rollback, "r2", "prod", b"2");
    assert_eq!(world.missing(only, &subject).len(), 1, "nor one elsewhere, but this one");

    // What the rollback says that it took out, of a deployment that was cut off before its record.
    let mut world = World::new();
    world.add(World::draft(EventKind::Intent, "r1", "build"), "dev");
    world.deploy("r0", "prod", b"0").approve(&subject, "manager", "joan");
    world.comes(EventKind::Rollback, "r0", "prod", b"0");
    assert_eq!(world.missing(only, &subject), [], "it was not there");
    let mut back = World::draft(EventKind::Rollback, "r0", "prod");
    back.details = crate::world::details(&[("from", "r1")]);
    world.add(back, "dev");
    assert_eq!(world.missing(only, &subject).len(), 1);

    // A rollback that was killed before its record, and one that failed.
    for (outcome, missing) in [(None, 1), (Some(EffectResult::Failed), 0)] {
        let mut world = World::new();
        lives(&mut world);
        let at = world.events.len();
        world.update("r1", "prod", b"0", outcome).events[at].stage = Some("rollback-lambda".to_owned());
        assert_eq!(world.missing(only, &subject).len(), missing);
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
        Digest::of(format!("landfall plan 2\nr1\nprod\norderService {}\n", Digest::of(b"1")).as_bytes())
    );
}
