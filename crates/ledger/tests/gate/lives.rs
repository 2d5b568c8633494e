//! The life of a release.

use landfall_artifacts::{EffectResult, EventKind};
use landfall_ledger::gate::{Decision, Identity, Subject, reject};
use landfall_ledger::life::{State, author, death, lives, production};
use serde_json::json;
use time::Duration;

use crate::world::{SETTINGS, World, details, ready, settings, subject};

fn told(world: &World) -> String {
    let mut lines = Vec::new();
    for life in lives(&world.events, &production(&settings(SETTINGS))) {
        lines.push(format!(
            "{} {} by {}",
            life.release,
            life.state.as_str(),
            life.author.as_deref().unwrap_or("nobody")
        ));
        for step in life.steps {
            let place = step.environment.map(|name| format!(" in {name}")).unwrap_or_default();
            lines.push(format!("  {} {}{place} by {}", step.sequence, step.state.as_str(), step.by.name));
        }
    }
    lines.join("\n")
}

#[test]
fn a_release_goes_its_way() {
    let (mut world, _) = ready();
    world.deploy("r1", "prod", b"1").deploy("r1", "prod", b"1");
    world.test("r1", "prod", EffectResult::Done);
    world.deploy("r2", "dev", b"2").deploy("r2", "prod", b"2");
    world.comes(EventKind::Rollback, "r1", "prod", b"1");
    world.test("r2", "dev", EffectResult::Failed).deploy("r2", "qa", b"2");
    insta::assert_snapshot!(told(&world), @r#"
    r2 dead by dev
      9 built in dev by dev
      9 deployed in dev by dev
      10 deployed in prod by dev
      10 live in prod by dev
      11 superseded in prod by dev
      12 dead in dev by robot
    r1 live by dev
      1 built in dev by dev
      1 deployed in dev by dev
      2 deployed in qa by dev
      3 verified in qa by robot
      4 approved in prod by ada
      5 approved in prod by joan
      6 deployed in prod by dev
      6 live in prod by dev
      8 verified in prod by robot
      10 superseded in prod by dev
      11 deployed in prod by dev
      11 live in prod by dev
    "#);
}

#[test]
fn what_is_unknown_or_the_infrastructures_fault_kills_nothing() {
    let mut world = World::new();
    world.deploy("r1", "qa", b"1").test("r1", "qa", EffectResult::Unknown);
    let mut draft = World::draft(EventKind::Test, "r1", "qa");
    draft.outcome = Some(EffectResult::Failed);
    draft.details.insert("infrastructure".to_owned(), json!(true));
    world.add(draft, "robot");
    let r1 = "r1".parse().expect("a release");
    assert_eq!(death(&world.events, &r1), None);
    // Somebody else's failure neither.
    world.test("r2", "qa", EffectResult::Failed);
    assert_eq!(death(&world.events, &r1), None);
    let mut draft = World::draft(EventKind::Test, "r1", "qa");
    draft.outcome = Some(EffectResult::Failed);
    draft.details = details(&[("suite", "selenium")]);
    world.wait(Duration::hours(1)).add(draft, "robot");
    let first = death(&world.events, &r1).expect("dead");
    assert_eq!((first.suite.as_deref(), first.sequence), (Some("selenium"), 5));
    let subject = Subject::of_ledger(&world.events, &r1, &"qa".parse().expect("a name"));
    let decision =
        Decision { subject: &subject, identity: Identity::Verified, author: None, reason: Some("x") };
    world.add(reject(&decision, None), "grace");
    assert_eq!(death(&world.events, &r1), Some(first), "the first death counts");
}

#[test]
fn the_author_is_who_made_it_first_or_who_is_named() {
    let r1 = "r1".parse().expect("a release");
    let mut world = World::new();
    world.test("r1", "qa", EffectResult::Done);
    assert_eq!(author(&world.events, &r1), None);
    world.add(World::draft(EventKind::Intent, "r1", "dev"), "ada");
    world.deploy("r1", "dev", b"1");
    assert_eq!(author(&world.events, &r1).as_deref(), Some("ada"));
    let mut named = World::draft(EventKind::Promotion, "r1", "dev");
    named.details = details(&[("author", "grace")]);
    world.add(named, "robot");
    let mut forged = World::draft(EventKind::Approval, "r1", "dev");
    forged.details = details(&[("author", "mallory")]);
    world.add(forged, "mallory");
    assert_eq!(author(&world.events, &r1).as_deref(), Some("grace"));
    let of_life = lives(&world.events, &production(&settings(SETTINGS)));
    assert_eq!(of_life.first().and_then(|life| life.author.as_deref()), Some("grace"));
    assert_eq!(of_life.first().map(|life| life.state), Some(State::Approved));
}

#[test]
fn a_release_of_other_functions_supersedes_nothing() {
    let mut world = World::new();
    world.deploy("r1", "prod", b"1");
    let mut other = World::draft(EventKind::Deployment, "r2", "prod");
    other.items = vec![landfall_artifacts::LedgerItem::new("AnotherFunction")];
    world.add(other, "dev");
    let states: Vec<State> =
        lives(&world.events, &production(&settings(SETTINGS))).iter().map(|life| life.state).collect();
    assert_eq!(states, [State::Live, State::Live]);
    let known =
        Subject::of_ledger(&world.events, &"r1".parse().expect("a release"), &"uat".parse().expect("a name"));
    assert_eq!(known, subject("r1", "uat", b"1"));
}
