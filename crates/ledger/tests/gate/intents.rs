//! What was begun in the environment before, and perhaps never recorded.

use landfall_artifacts::{EffectResult, EventKind};
use time::Duration;

use crate::world::{SETTINGS, World, ready};

#[test]
fn another_release_breaks_the_time_from_its_first_intent_on() {
    for outcome in [None, Some(EffectResult::Done), Some(EffectResult::Unknown)] {
        let (mut world, subject) = ready();
        world.update("r2", "qa", b"2", outcome);
        assert_eq!(
            world.lines(SETTINGS, &subject),
            "it does not run in qa without a break: the deployment of r2 at 2025-11-20 13:00 UTC"
        );
    }
    let (mut world, subject) = ready();
    world.update("r2", "qa", b"2", Some(EffectResult::Failed));
    assert_eq!(world.missing(SETTINGS, &subject), [], "what failed changed nothing");
    world.update("r1", "qa", b"1", None);
    assert!(!world.lines(SETTINGS, &subject).contains("without a break"), "the release itself is no break");
    // A rollback names in its intents what it takes out.
    let (mut world, subject) = ready();
    world.update("r1", "qa", b"0", None).events.last_mut().expect("one").stage =
        Some("rollback-lambda".to_owned());
    insta::assert_snapshot!(world.lines(SETTINGS, &subject), @"it does not run in qa without a break: a rollback to something else at 2025-11-20 13:00 UTC");
}

#[test]
fn a_late_record_does_not_begin_the_time_of_what_is_gone() {
    let mut world = World::new();
    let (_, subject) = ready();
    world.deploy("r1", "dev", b"1").update("r1", "qa", b"1", Some(EffectResult::Done));
    world.test("r1", "qa", EffectResult::Done).wait(Duration::hours(1));
    world.update("r2", "qa", b"2", Some(EffectResult::Done)).wait(Duration::hours(1));
    world.deploy("r1", "qa", b"1").wait(Duration::hours(48));
    world.approve(&subject, "qa-lead", "ada").approve(&subject, "manager", "joan");
    insta::assert_snapshot!(world.lines(SETTINGS, &subject), @"it does not run in qa without a break: it was never there as a whole");
    // Deployed again it is there, and the record of that is believed.
    world.update("r1", "qa", b"1", Some(EffectResult::Done)).test("r1", "qa", EffectResult::Done);
    world.deploy("r1", "qa", b"1").wait(Duration::hours(10));
    insta::assert_snapshot!(world.lines(SETTINGS, &subject), @"it has been in qa since 2025-11-21 14:00 UTC and must be there until 2025-11-22 14:00 UTC: 14 h 0 min to go");
    world.wait(Duration::hours(14));
    assert_eq!(world.missing(SETTINGS, &subject), []);
    // Also where nothing was left to change, so that only the lock tells of it, which need not name its release.
    for release in ["r1", ""] {
        world.update("r2", "qa", b"2", None);
        let lock = world.add(World::draft(EventKind::Lock, release, "qa"), "dev");
        lock.stage = Some("deploy-lambda".to_owned());
        world.deploy("r1", "qa", b"1").test("r1", "qa", EffectResult::Done).wait(Duration::hours(10));
        assert!(world.lines(SETTINGS, &subject).contains("14 h 0 min to go"), "{release}");
    }
}

#[test]
fn a_test_from_before_the_newest_coming_says_nothing_of_it() {
    const NOT_TESTED: &str = "no test of it has passed in qa since it came there";
    let only = SETTINGS.replace("soak = \"24h\"\n", "");
    let (mut world, subject) = ready();
    // An attempt that failed is no coming.
    world.update("r1", "qa", b"1", Some(EffectResult::Failed));
    assert_eq!(world.missing(&only, &subject), []);
    world.update("r2", "qa", b"2", Some(EffectResult::Done)).deploy("r2", "qa", b"2");
    assert_eq!(world.missing(&only, &subject), [], "it was tested while it was there");
    world.update("r1", "qa", b"1", Some(EffectResult::Done));
    assert_eq!(world.lines(&only, &subject), NOT_TESTED);
    // The record comes after the test, and is of the same coming.
    world.test("r1", "qa", EffectResult::Done).deploy("r1", "qa", b"1");
    assert_eq!(world.missing(&only, &subject), []);
    world.comes(EventKind::Rollback, "r1", "qa", b"1");
    assert_eq!(world.lines(&only, &subject), NOT_TESTED);
    // A first attempt that failed does not make a test before the real coming count.
    let mut world = World::new();
    world.deploy("r1", "dev", b"1").update("r1", "qa", b"1", Some(EffectResult::Failed));
    world.test("r1", "qa", EffectResult::Done).update("r1", "qa", b"1", None).deploy("r1", "qa", b"1");
    world.approve(&subject, "qa-lead", "ada").approve(&subject, "manager", "joan");
    assert_eq!(world.lines(&only, &subject), NOT_TESTED);
}
