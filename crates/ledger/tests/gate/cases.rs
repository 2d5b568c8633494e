use landfall_artifacts::{EffectResult, EventKind, Explain as _};
use landfall_ledger::Draft;
use landfall_ledger::gate::{
    Decision, Identity, Missing, approve, break_glass, freeze, has_broken_glass, reject, standing,
    standing_freezes, unfreeze,
};
use serde_json::json;
use time::Duration;

use crate::world::{SETTINGS, World, ready, settings, subject};

#[test]
fn a_release_with_everything_may_come() {
    let (world, subject) = ready();
    assert_eq!(world.missing(SETTINGS, &subject), []);
    let standing = standing(&world.events, &settings(SETTINGS), &subject, world.now);
    let given: Vec<String> =
        standing.given.iter().map(|(role, approval)| format!("{role} {}", approval.by.name)).collect();
    assert_eq!(given, ["qa-lead ada", "manager joan"]);
    assert_eq!(standing.author.as_deref(), Some("dev"));
}

#[test]
fn everything_that_is_missing_is_said_at_once() {
    let mut world = World::new();
    let subject = subject("r1", "prod", b"1");
    world.deploy("r1", "dev", b"1").wait(Duration::hours(1));
    insta::assert_snapshot!(world.lines(SETTINGS, &subject), @r#"
    it was not deployed to qa with orderService
    no qa-lead has approved it
    no manager has approved it
    "#);
    world.deploy("r1", "qa", b"1").wait(Duration::minutes(90));
    world.approve(&subject, "qa-lead", "dev").approve(&subject, "manager", "mallory");
    world.add(freeze(None, None, None, Identity::Unverified, "the shop is full"), "grace");
    insta::assert_snapshot!(world.lines(SETTINGS, &subject), @r#"
    no test of it has passed in qa since it came there
    it has been in qa since 2025-11-19 13:00 UTC and must be there until 2025-11-20 13:00 UTC: 22 h 30 min to go
    no qa-lead has approved it; that of dev does not count: they may not speak for this role, they made the release
    no manager has approved it; that of mallory does not count: they may not speak for this role
    prod is frozen until somebody ends it by grace: the shop is full
    "#);
    let mut codes: Vec<&str> = world.missing(SETTINGS, &subject).iter().map(Missing::code).collect();
    codes.sort_unstable();
    assert_eq!(
        codes,
        ["LF-GATE-APPROVAL", "LF-GATE-APPROVAL", "LF-GATE-FROZEN", "LF-GATE-SOAK", "LF-GATE-VERIFIED"]
    );
    let remedies: Vec<String> =
        world.missing(SETTINGS, &subject).iter().filter_map(|one| Some(one.remedy()?.into_owned())).collect();
    insta::assert_snapshot!(remedies.join("\n"), @r#"
    run smoke-test in qa, or record the result of another suite
    run again after 2025-11-20 13:00 UTC
    let ada or grace run gate approve --role qa-lead
    let joan or grace run gate approve --role manager
    let somebody run gate unfreeze --everywhere; in an emergency gate approve --break-glass --reason opens it, and is recorded
    "#);
}

#[test]
fn time_in_the_environment_before_must_not_be_broken() {
    for (name, broken) in [("another release", EventKind::Deployment), ("a rollback", EventKind::Rollback)] {
        let (mut world, subject) = ready();
        world.comes(broken, "r0", "qa", b"0");
        let missing = world.missing(SETTINGS, &subject);
        assert!(matches!(missing.as_slice(), [Missing::Before { .. }]), "{name}: {missing:?}");
        // Back again and tested again, but its time begins anew.
        world.wait(Duration::hours(1)).deploy("r1", "qa", b"1").test("r1", "qa", EffectResult::Done);
        world.wait(Duration::hours(23));
        assert_eq!(world.missing(SETTINGS, &subject).len(), 1, "{name}");
        world.wait(Duration::hours(1));
        assert_eq!(world.missing(SETTINGS, &subject), [], "{name}");
    }
    // A rollback to the release itself, or its failed test's other cause, counts from then on too.
    let (mut world, subject) = ready();
    world.comes(EventKind::Rollback, "r1", "qa", b"1").test("r1", "qa", EffectResult::Done);
    world.wait(Duration::hours(23));
    assert_eq!(world.missing(SETTINGS, &subject).len(), 1);
    world.wait(Duration::hours(1));
    assert_eq!(world.missing(SETTINGS, &subject), []);
}

#[test]
fn what_does_not_touch_the_release_breaks_nothing() {
    let (mut world, subject) = ready();
    world.deploy("r2", "dev", b"2");
    world.test("r1", "qa", EffectResult::Unknown);
    let mut other = World::draft(EventKind::Deployment, "r3", "qa");
    other.items = vec![landfall_artifacts::LedgerItem::new("AnotherFunction")];
    world.add(other, "dev");
    let mut failed = World::draft(EventKind::Deployment, "r4", "qa");
    failed.outcome = Some(EffectResult::Failed);
    world.add(failed, "dev");
    // The same again is no break.
    world.deploy("r1", "qa", b"1");
    assert_eq!(world.missing(SETTINGS, &subject), []);
}

#[test]
fn a_test_of_something_else_that_failed_there_begins_the_time_anew() {
    let (mut world, subject) = ready();
    world.test("r7", "qa", EffectResult::Failed).wait(Duration::hours(23));
    insta::assert_snapshot!(world.lines(SETTINGS, &subject), @r#"
    it has been in qa since 2025-11-20 13:00 UTC and must be there until 2025-11-21 13:00 UTC: 1 h 0 min to go
    "#);
}

#[test]
fn the_newest_test_that_says_anything_counts() {
    let (mut world, subject) = ready();
    world.test("r1", "qa", EffectResult::Unknown);
    assert_eq!(world.missing(SETTINGS, &subject), []);
    let (mut world, subject) = ready();
    // Other content under the same name was not tested.
    world.deploy("r1", "qa", b"2");
    let other = crate::world::subject("r1", "prod", b"2");
    assert!(world.lines(SETTINGS, &other).contains("no test of it has passed in qa"));
    assert!(world.lines(SETTINGS, &subject).contains("it does not run in qa without a break"));
}

#[test]
fn a_dead_release_is_dead_whatever_else_it_has() {
    for kill in ["test", "reject"] {
        let (mut world, subject) = ready();
        if kill == "test" {
            world.test("r1", "qa", EffectResult::Failed);
        } else {
            let decision = Decision {
                subject: &subject,
                identity: Identity::Verified,
                author: None,
                reason: Some("no\u{1b}[2J"),
            };
            world.add(reject(&decision, None), "grace");
        }
        let decision =
            Decision { subject: &subject, identity: Identity::Verified, author: None, reason: Some("fire") };
        world.add(break_glass(&decision, world.now + Duration::hours(1)), "ada");
        world.wait(Duration::minutes(30));
        let missing = world.missing(SETTINGS, &subject);
        assert!(missing.iter().any(|one| one.code() == "LF-GATE-DEAD"), "{kill}");
        if kill == "reject" {
            insta::assert_snapshot!(world.lines(SETTINGS, &subject), @r#"
            release r1 was rejected in prod at 2025-11-20 13:00 UTC by grace: no\u{1b}[2J
            "#);
        }
    }
    let (mut world, subject) = ready();
    let mut draft = World::draft(EventKind::Test, "r1", "qa");
    draft.outcome = Some(EffectResult::Failed);
    draft.details.insert("infrastructure".to_owned(), json!(true));
    world.add(draft, "robot");
    assert_eq!(world.missing(SETTINGS, &subject), [], "what was not its fault does not kill it");
}

#[test]
fn the_glass_opens_freezes_and_approvals_and_nothing_else() {
    let mut world = World::new();
    let subject = subject("r1", "prod", b"1");
    world.deploy("r1", "dev", b"1").deploy("r1", "qa", b"1");
    world.add(freeze(Some(&subject.environment), None, None, Identity::Verified, "fair"), "grace");
    let glass = |reason| Decision { subject: &subject, identity: Identity::Verified, author: None, reason };
    let expires = world.now + Duration::hours(4);
    let closed = world.missing(SETTINGS, &subject).len();
    for (by, reason) in [("ada", None), ("ada", Some(" ")), ("mallory", Some("let me"))] {
        world.add(break_glass(&glass(reason), expires), by);
        assert_eq!(world.missing(SETTINGS, &subject).len(), closed, "{by} {reason:?}");
    }
    world.add(break_glass(&glass(Some("fire")), expires), "ada");
    let codes: Vec<&str> = world.missing(SETTINGS, &subject).iter().map(Missing::code).collect();
    assert_eq!(codes, ["LF-GATE-VERIFIED", "LF-GATE-SOAK"]);
    let shown = standing(&world.events, &settings(SETTINGS), &subject, world.now);
    assert_eq!(shown.glass.and_then(|glass| glass.reason).as_deref(), Some("fire"));
    world.wait(Duration::hours(4));
    assert_eq!(world.missing(SETTINGS, &subject).len(), closed, "it holds for its time");
}

#[test]
fn people_freeze_and_unfreeze() {
    let (mut world, subject) = ready();
    let prod = Some(&subject.environment);
    let qa = "qa".parse().ok();
    world.add(freeze(qa.as_ref(), None, None, Identity::Verified, "not here"), "grace");
    let (from, until) = (world.now + Duration::hours(1), world.now + Duration::hours(2));
    world.add(freeze(prod, Some(from), Some(until), Identity::Verified, "later"), "grace");
    assert_eq!(world.missing(SETTINGS, &subject), []);
    world.wait(Duration::hours(1));
    insta::assert_snapshot!(world.lines(SETTINGS, &subject), @r#"
    prod is frozen until 2025-11-20 15:00 UTC by grace: later
    "#);
    world.wait(Duration::hours(1));
    assert_eq!(world.missing(SETTINGS, &subject), []);
    let everywhere = world.add(freeze(None, None, None, Identity::Verified, "all"), "grace").sequence;
    assert_eq!(world.missing(SETTINGS, &subject).len(), 1);
    world.add(unfreeze(None, everywhere + 1, Identity::Verified, None), "grace");
    assert_eq!(world.missing(SETTINGS, &subject).len(), 1, "another freeze was ended");
    world.add(unfreeze(prod, everywhere, Identity::Verified, None), "grace");
    assert_eq!(world.missing(SETTINGS, &subject).len(), 1, "one environment does not speak for all");
    world.add(unfreeze(None, everywhere, Identity::Verified, None), "grace");
    assert_eq!(world.missing(SETTINGS, &subject), []);
    let here = world.add(freeze(prod, None, None, Identity::Verified, "here"), "grace").sequence;
    world.add(unfreeze(qa.as_ref(), here, Identity::Verified, None), "grace");
    assert_eq!(world.missing(SETTINGS, &subject).len(), 1, "nor for another");
    world.add(unfreeze(prod, here, Identity::Verified, None), "grace");
    assert_eq!(world.missing(SETTINGS, &subject), []);
    let standing: Vec<u64> =
        standing_freezes(&world.events, world.now).iter().map(|one| one.sequence).collect();
    assert_eq!(standing.len(), 1, "that of qa alone");
}

#[test]
fn one_person_fills_one_role_and_the_author_none() {
    let two = "[approvers]\nqa-lead = [\"ada\", \"grace\", \"dev\"]\nmanager = [\"grace\", \"joan\"]\n[environment.prod]\napprovals = [\"qa-lead\", \"manager\"]\n";
    let mut world = World::new();
    let subject = subject("r1", "prod", b"1");
    world.deploy("r1", "dev", b"1");
    world.approve(&subject, "qa-lead", "Grace").approve(&subject, "manager", "grace");
    insta::assert_snapshot!(world.lines(two, &subject), @r#"
    no manager has approved it; that of grace does not count: they speak for qa-lead already
    "#);
    world.approve(&subject, "qa-lead", "ada");
    assert_eq!(world.missing(two, &subject), [], "grace is manager where ada is qa-lead");
    let mut world = World::new();
    world.deploy("r1", "dev", b"1").approve(&subject, "qa-lead", "DEV");
    assert!(world.lines(two, &subject).contains("that of DEV does not count: they made the release"));
}

#[test]
fn whoever_had_a_part_in_making_it_approves_nothing() {
    let one = "[approvers]\nqa-lead = [\"ada\", \"grace\"]\n[environment.prod]\napprovals = [\"qa-lead\"]\n";
    let mut world = World::new();
    let subject = subject("r1", "prod", b"1");
    // A bot began it, a person built it; who brought it to an environment had no part in that.
    for by in ["bot", "Ada"] {
        world.add(Draft { environment: None, ..World::draft(EventKind::Promotion, "r1", "dev") }, by);
    }
    world.add(World::draft(EventKind::Intent, "r1", "dev"), "grace");
    world.deploy("r1", "dev", b"1").approve(&subject, "qa-lead", "ada");
    let told = standing(&world.events, &settings(one), &subject, world.now);
    assert_eq!(
        (told.author.as_deref(), &*told.makers),
        (Some("bot"), ["bot", "Ada"].map(str::to_owned).as_slice())
    );
    insta::assert_snapshot!(world.lines(one, &subject), @"no qa-lead has approved it; that of ada does not count: they made the release");
    world.approve(&subject, "qa-lead", "grace");
    assert_eq!(world.missing(one, &subject), []);
}

#[test]
fn one_environment_before_may_be_enough() {
    let any = SETTINGS
        .replace("after = [\"qa\"]\nsoak = \"24h\"", "after = [\"qa\", \"dev\"]\nafter_rule = \"any\"");
    let (mut world, subject) = (World::new(), subject("r1", "prod", b"1"));
    world.approve(&subject, "qa-lead", "ada").approve(&subject, "manager", "joan");
    insta::assert_snapshot!(world.lines(&any, &subject), @r#"
    it was not deployed to qa with orderService; one of the environments before is enough
    it was not deployed to dev with orderService; one of the environments before is enough
    nobody knows who made release r1: nothing is on record of how it came about
    "#);
    world.deploy("r1", "dev", b"1");
    assert_eq!(world.missing(&any, &subject), []);
    let all = any.replace("\"any\"", "\"all\"");
    assert_eq!(world.missing(&all, &subject).len(), 1);
}

#[test]
fn hostile_words_are_harmless() {
    let (mut world, subject) = ready();
    let hostile = format!("\u{202e}\u{1b}]0;x\u{7}\n::set-env name=A::b\n{}", "x".repeat(10_000));
    let decision =
        Decision { subject: &subject, identity: Identity::Verified, author: None, reason: Some(&hostile) };
    world.add(reject(&decision, None), &hostile);
    world.add(freeze(None, None, None, Identity::Verified, &hostile), &hostile);
    world.approve(&subject, "manager", &hostile);
    for one in world.missing(SETTINGS, &subject) {
        let shown = one.to_string();
        let is_bad = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!shown.contains(is_bad) && shown.len() < 4000, "{shown:?}");
    }
}

/// Production takes a part of what staging has: a release of its own, whose contents are known from there.
#[test]
fn a_part_of_a_release_is_what_that_release_is() {
    let (mut world, _) = ready();
    let part = subject("part-of-r1", "prod", b"1");
    world.approve(&part, "qa-lead", "ada").approve(&part, "manager", "joan");
    assert_eq!(world.missing(SETTINGS, &part), []);
    world.test("r1", "qa", EffectResult::Failed).wait(Duration::hours(24));
    insta::assert_snapshot!(world.lines(SETTINGS, &part), @r#"
    release r1 failed a test in qa at 2025-11-20 13:00 UTC by robot: 3 of 4 checks passed
    no test of it has passed in qa since it came there
    "#);
    // What another release has too, which lives, is not dead.
    world.deploy("r2", "qa", b"1").test("r2", "qa", EffectResult::Done);
    world.wait(Duration::hours(24));
    assert!(!world.lines(SETTINGS, &part).contains("failed"));
}

#[test]
fn the_word_of_variables_is_worth_what_the_environment_says() {
    let (mut world, subject) = ready();
    let as_if = |world: &mut World, role: &str, by: &str| {
        let role = role.parse().expect("a role");
        let decision = Decision {
            subject: &subject,
            identity: Identity::Unverified,
            author: None,
            reason: Some("fire"),
        };
        let until = world.now + Duration::hours(1);
        world.add(approve(&decision, &role, until), by);
        world.add(break_glass(&decision, until), by);
    };
    as_if(&mut world, "manager", "joan");
    let lines = world.lines(SETTINGS, &subject);
    assert_eq!(
        lines,
        "no manager has approved it; that of joan does not count: no CI system vouches for who gave it"
    );
    let taking = format!("{SETTINGS}unverified_approvals = \"count\"\n");
    assert_eq!(world.lines(&taking, &subject), "");
    // The same of the glass.
    let environment = "prod".parse().expect("a name");
    let is_open = |text: &str| has_broken_glass(&world.events, &settings(text), &environment, world.now);
    assert!(!is_open(SETTINGS) && is_open(&taking));
}

#[test]
fn who_made_a_release_must_be_known_where_approvals_are_asked_for() {
    let text = "[approvers]\nmanager = [\"joan\"]\n[environment.prod]\napprovals = [\"manager\"]\n";
    let (mut world, subject) = (World::new(), subject("r1", "prod", b"1"));
    world.approve(&subject, "manager", "joan");
    assert_eq!(
        world.lines(text, &subject),
        "nobody knows who made release r1: nothing is on record of how it came about"
    );
    world.add(World::draft(EventKind::Intent, "r1", "build"), "joan");
    assert_eq!(
        world.lines(text, &subject),
        "no manager has approved it; that of joan does not count: they made the release"
    );
    world.events.swap(0, 1);
    world.events[0].actor.name = "dev".to_owned();
    assert_eq!(world.lines(text, &subject), "");
}
