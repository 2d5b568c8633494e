use std::collections::BTreeMap;

use landfall_artifacts::{
    Actor, AliasName, AliasState, DeployOutcome, DeployReport, DeployedFunction, Digest, EffectResult,
    EnvironmentName, EventKind, FunctionState, LedgerEvent, LedgerItem, PinnedReference, ReleaseId,
    Repository, Shard,
};
use landfall_lambda_deploy::AliasBefore;
use time::OffsetDateTime;

use super::{Goals, of_ledger, of_release, of_report, of_the_dead};
use crate::Refusal;
use crate::recorded::Recorded;

fn image(content: &str) -> PinnedReference {
    format!("127.0.0.1:5000/app@{}", Digest::of(content.as_bytes())).parse().expect("a reference")
}

fn state(content: &str, alias: Option<&str>) -> FunctionState {
    FunctionState {
        code_sha256: Some(Digest::of(content.as_bytes()).hex()),
        image: Some(image(content)),
        version: None,
        alias: alias.map(|version| AliasState {
            name: "live".to_owned(),
            version: version.to_owned(),
            weights: BTreeMap::new(),
        }),
        revision_id: None,
    }
}

fn function(
    name: &str,
    outcome: DeployOutcome,
    before: impl Into<Option<FunctionState>>,
    after: impl Into<Option<FunctionState>>,
) -> DeployedFunction {
    DeployedFunction {
        name: name.parse().expect("a name"),
        environment: None,
        shard: None,
        before: before.into(),
        after: after.into(),
        outcome,
        reason: None,
        seconds: 0.0,
        calls: BTreeMap::new(),
    }
}

fn report(functions: Vec<DeployedFunction>) -> DeployReport {
    DeployReport { release: "r-2".parse().ok(), environment: None, alias: None, functions }
}

fn names(goals: &Goals) -> Vec<&str> {
    goals.functions.iter().map(|goal| goal.function.as_str()).collect()
}

fn runs(goals: &Goals, content: &str) -> bool {
    goals.functions.iter().all(|goal| goal.code == Some(Recorded::Image(image(content))))
}

#[test]
fn what_a_deployment_did_not_change_is_left_alone() {
    use DeployOutcome::{Failed, Planned, RolledBack, Unchanged, Unknown, Updated};
    let of = |name, outcome, after: Option<FunctionState>| function(name, outcome, state("old", None), after);
    let goals = of_report(&report(vec![
        of("Updated", Updated, Some(state("new", None))),
        of("Unchanged", Unchanged, Some(state("old", None))),
        of("ByAnEarlierTry", Unchanged, Some(state("new", None))),
        of("Failed", Failed, None),
        of("Lost", Unknown, None),
        of("Back", RolledBack, Some(state("old", None))),
        of("NotTried", Planned, None),
    ]));
    let goals = goals.expect("goals");
    assert_eq!(names(&goals), ["Updated", "ByAnEarlierTry", "Failed", "Lost", "Back"]);
    assert_eq!((goals.left_alone, goals.from.as_ref().map(ReleaseId::as_str)), (2, Some("r-2")));
    assert!(runs(&goals, "old"));
}

#[test]
fn a_part_that_was_cut_off_may_have_changed_all_of_its_functions() {
    let part = |name, outcome, index: u32| DeployedFunction {
        shard: Some(format!("{index}/2").parse::<Shard>().expect("a part")),
        ..function(name, outcome, state("old", None), None)
    };
    let both = report(vec![
        part("A", DeployOutcome::Planned, 1),
        part("B", DeployOutcome::Planned, 2),
        part("C", DeployOutcome::Failed, 2),
    ]);
    let live: AliasName = "live".parse().expect("an alias");
    let goals = of_report(&DeployReport { alias: Some(live.clone()), ..both }).expect("goals");
    assert_eq!(names(&goals), ["A", "C"], "B's part was ended, and it had no turn");
    let aliases: Vec<_> = goals.functions.iter().map(|goal| goal.alias.clone()).collect();
    assert_eq!(aliases, [Some(AliasBefore::Absent(live)), None]);
}

#[test]
fn an_alias_goes_back_where_it_was_or_away() {
    use DeployOutcome::{Unchanged, Updated};
    let goals = of_report(&report(vec![
        function("Moved", Updated, state("old", Some("3")), state("new", Some("4"))),
        function("Made", Updated, state("old", None), state("new", Some("1"))),
        function("OnlyMoved", Unchanged, state("old", Some("3")), state("old", Some("4"))),
    ]))
    .expect("goals");
    let shown = |goal: &super::Goal| match &goal.alias {
        Some(AliasBefore::Pointed(name, state)) => format!("{name} to {}", state.version),
        Some(AliasBefore::Absent(name)) => format!("{name} away"),
        None => "none".to_owned(),
    };
    let aliases: Vec<String> = goals.functions.iter().map(shown).collect();
    assert_eq!(aliases, ["live to 3", "live away", "live to 3"]);
}

#[test]
fn archives_are_known_by_their_sha256_and_what_was_not_seen_is_not_known() {
    let zip = FunctionState {
        code_sha256: Some("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".to_owned()),
        image: None,
        version: None,
        alias: None,
        revision_id: None,
    };
    let goals = of_report(&report(vec![
        function("Zip", DeployOutcome::Updated, zip, None),
        function("Unseen", DeployOutcome::Updated, None, None),
    ]))
    .expect("goals");
    let codes: Vec<_> = goals.functions.iter().map(|goal| goal.code.clone()).collect();
    assert_eq!(codes, [Some(Recorded::Archive(Digest::of(b""))), None]);
}

fn item(name: &str, content: &str) -> LedgerItem {
    LedgerItem {
        lambda: name.parse().ok(),
        digest: Some(Digest::of(content.as_bytes())),
        target: Some(image(content).to_string()),
        ..LedgerItem::new(name)
    }
}

/// The events of one environment, in their order.
fn events(of: &[(EventKind, &str, Vec<LedgerItem>)]) -> Vec<LedgerEvent> {
    let event = |(at, (kind, release, items)): (usize, &(EventKind, &str, Vec<LedgerItem>))| LedgerEvent {
        sequence: at as u64 + 1,
        previous: None,
        time: OffsetDateTime::UNIX_EPOCH,
        kind: *kind,
        release: release.parse().ok(),
        environment: Some(environment()),
        stage: None,
        action: None,
        target: None,
        intent: None,
        outcome: None,
        items: items.clone(),
        actor: Actor { name: "ada".to_owned(), source: "test".to_owned() },
        run: None,
        reason: None,
        tool_version: "0.1.0".to_owned(),
        details: BTreeMap::new(),
    };
    of.iter().enumerate().map(event).collect()
}

fn environment() -> EnvironmentName {
    "stg_eu00".parse().expect("an environment")
}

fn codes(refused: Result<Goals, Refusal>) -> Vec<String> {
    refused.expect_err("refused").0.into_iter().map(|problem| problem.code).collect()
}

#[test]
fn the_ledger_tells_what_ran_before_the_newest_deployment() {
    use EventKind::{Deployment, Rejection, Rollback};
    let first = (Deployment, "r-1", vec![item("A", "one"), item("B", "one")]);
    let second = (Deployment, "r-2", vec![item("A", "two")]);
    let more_of_it = (Deployment, "r-2", vec![item("B", "two")]);
    let back = (Rollback, "r-1", vec![item("A", "one"), item("B", "one")]);
    let third = (Deployment, "r-3", vec![item("A", "three")]);
    let goals = |of: &[_]| of_ledger(&events(of), &environment(), None).expect("goals");

    let ways = goals(&[first.clone(), second.clone(), more_of_it.clone()]);
    assert!(names(&ways) == ["A", "B"] && runs(&ways, "one"), "a deployment may be in several events");
    assert_eq!(ways.from.as_ref().map(ReleaseId::as_str), Some("r-2"));
    let again = goals(&[first.clone(), second.clone(), more_of_it.clone(), back.clone()]);
    assert_eq!(again, ways, "what was rolled back is not rolled back further");
    let after_that = goals(&[first.clone(), second.clone(), more_of_it, back, third.clone()]);
    assert!(names(&after_that) == ["A"] && runs(&after_that, "one"));
    let dead = goals(&[first, second, (Rejection, "r-2", Vec::new()), third]);
    assert!(runs(&dead, "one"), "what somebody rejected is not gone back to");
}

#[test]
fn what_failed_a_test_is_not_gone_back_to() {
    use EventKind::{Deployment, Rejection, Test};
    let killed = |kind, release: &str, of: &[(EventKind, &str, Vec<LedgerItem>)]| {
        let mut events = events(of);
        for event in events.iter_mut().filter(|event| event.kind == kind) {
            assert_eq!(event.release.as_ref().map(ReleaseId::as_str), Some(release));
            event.outcome = Some(EffectResult::Failed);
        }
        events
    };
    let goals = |events: &[LedgerEvent]| of_ledger(events, &environment(), None);
    let one = (Deployment, "r-1", vec![item("A", "one")]);
    let two = (Deployment, "r-2", vec![LedgerItem { before: Some(Digest::of(b"one")), ..item("A", "two") }]);
    let three =
        (Deployment, "r-3", vec![LedgerItem { before: Some(Digest::of(b"two")), ..item("A", "three") }]);
    let told = [one.clone(), two.clone(), (Test, "r-2", Vec::new()), three.clone()];
    assert!(runs(&goals(&killed(Test, "r-2", &told)).expect("goals"), "one"));
    // Also where what ran before is known from what the dead one found alone.
    let told = [two.clone(), (Test, "r-2", Vec::new()), three.clone()];
    assert!(runs(&goals(&killed(Test, "r-2", &told)).expect("goals"), "one"));
    let unfounded = (Deployment, "r-2", vec![item("A", "two")]);
    let told = [unfounded, (Test, "r-2", Vec::new()), three.clone()];
    assert_eq!(codes(goals(&killed(Test, "r-2", &told))), ["LF-ROLLBACK-UNKNOWN"]);
    // A rejection that was not recorded to its end kills nothing.
    let told = [one, two, (Rejection, "r-2", Vec::new()), three];
    assert!(runs(&goals(&killed(Rejection, "r-2", &told)).expect("goals"), "two"));
    let dead = killed(Test, "r-2", &[told[1].clone(), (Test, "r-2", Vec::new())]);
    let goals = of_release(&dead, &environment(), &"r-2".parse().expect("a release"), None).expect("goals");
    assert_eq!(
        goals.warnings,
        ["release r-2 failed a test in stg_eu00 at 1970-01-01 00:00 UTC by ada: no reason was given"]
    );
}

#[test]
fn what_a_report_brings_back_of_a_dead_release_is_said() {
    use EventKind::{Deployment, Test};
    let goals = |before: &str| {
        let functions = ["A", "B"]
            .map(|name| function(name, DeployOutcome::Updated, state(before, None), state("three", None)));
        of_report(&report(functions.to_vec())).expect("goals")
    };
    let mut told = events(&[
        (Deployment, "r-1", vec![item("A", "one"), item("B", "one")]),
        (Deployment, "r-2", vec![item("A", "two"), item("B", "two")]),
        (Test, "r-2", Vec::new()),
        (Deployment, "r-3", vec![item("A", "three"), item("B", "three")]),
    ]);
    told[2].outcome = Some(EffectResult::Failed);
    let here = environment();
    insta::assert_snapshot!(of_the_dead(&told, Some(&here), &goals("two")).join("\n"), @"release r-2 failed a test in stg_eu00 at 1970-01-01 00:00 UTC by ada: no reason was given; what it brought runs again: --from-ledger goes back to what ran before it");
    assert!(of_the_dead(&told, Some(&here), &goals("one")).is_empty(), "it lives");
    assert!(of_the_dead(&told, Some(&here), &goals("unknown")).is_empty(), "nobody brought it");
    assert!(of_the_dead(&told, None, &goals("two")).is_empty());
    // What a release that lives ran here too is not the dead one's.
    told[0].items = vec![item("A", "two"), item("B", "two")];
    assert!(of_the_dead(&told, Some(&here), &goals("two")).is_empty());
}

#[test]
fn what_the_ledger_does_not_know_is_said_of_all_functions() {
    use EventKind::Deployment;
    let here = environment();
    assert_eq!(codes(of_ledger(&[], &here, None)), ["LF-ROLLBACK-NOTHING"]);
    let unknown = events(&[(Deployment, "r-1", vec![item("A", "one"), item("B", "one")])]);
    assert_eq!(codes(of_ledger(&unknown, &here, None)), ["LF-ROLLBACK-UNKNOWN"; 2]);
    let before = Some(Digest::of(b"zero"));
    let told = LedgerItem { before, ..item("A", "one") };
    let goals = of_ledger(&events(&[(Deployment, "r-1", vec![told])]), &here, None).expect("goals");
    assert!(runs(&goals, "zero"), "the first deployment recorded what it found");

    let nowhere = LedgerItem { target: None, before, ..item("A", "one") };
    let nowhere = events(&[(Deployment, "r-1", vec![nowhere])]);
    assert_eq!(codes(of_ledger(&nowhere, &here, None)), ["LF-LEDGER-REGISTRY"]);
    let registry: Repository = "127.0.0.1:5000/app".parse().expect("a repository");
    assert!(runs(&of_ledger(&nowhere, &here, Some(&registry)).expect("goals"), "zero"));
}

#[test]
fn a_release_is_gone_back_to_by_its_name() {
    use EventKind::{Deployment, Rejection};
    let of = events(&[
        (Deployment, "r-1", vec![item("A", "one"), item("B", "one")]),
        (Deployment, "r-2", vec![item("A", "two"), item("B", "two")]),
        (Deployment, "r-3", vec![item("A", "three"), item("B", "three")]),
        (Rejection, "r-1", Vec::new()),
    ]);
    let to = |name: &str| of_release(&of, &environment(), &name.parse().expect("a release"), None);
    let goals = to("r-1").expect("goals");
    assert!(names(&goals) == ["A", "B"] && runs(&goals, "one"));
    assert_eq!(goals.from.as_ref().map(ReleaseId::as_str), Some("r-3"));
    assert_eq!(
        goals.warnings,
        ["release r-1 was rejected in stg_eu00 at 1970-01-01 00:00 UTC by ada: no reason was given"]
    );
    let refused = to("r-9").expect_err("refused").0;
    assert_eq!(refused[0].remedy.as_deref(), Some("name one of r-1, r-2, r-3"));
}
