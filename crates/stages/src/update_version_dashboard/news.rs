//! What of a report is news to the ledger, and what is older than what it knows.

use std::collections::BTreeMap;

use landfall_artifacts::{
    Digest, EffectResult, EnvironmentName, EventKind, LedgerEvent, LedgerItem, ReleaseId,
};
use landfall_ledger::{deployments, happened};

/// Whether the ledger shows for this environment that each of these functions came to this digest by this release, and that it was not
/// deployed anew since.
pub(super) fn is_recorded(
    events: &[LedgerEvent],
    environment: &EnvironmentName,
    release: &ReleaseId,
    items: &[LedgerItem],
) -> bool {
    let standing: BTreeMap<String, (Option<Digest>, Option<ReleaseId>)> = deployments(events)
        .into_iter()
        .filter(|deployed| deployed.environment == *environment)
        .map(|deployed| (deployed.function, (deployed.digest, deployed.release)))
        .collect();
    let stands = items.iter().all(|item| {
        standing
            .get(&item.name)
            .is_some_and(|(digest, by)| *digest == item.digest && by.as_ref() == Some(release))
    });
    stands && !is_back(events, environment, release)
}

/// Whether the release took the place of another whose changes were begun and never recorded: the gates take it to be gone until its
/// coming back is on record.
fn is_back(events: &[LedgerEvent], environment: &EnvironmentName, release: &ReleaseId) -> bool {
    let here = events.iter().rev().filter(|event| event.environment.as_ref() == Some(environment));
    let is_record = |event: &&LedgerEvent| {
        matches!(event.kind, EventKind::Deployment | EventKind::Rollback) && happened(event)
    };
    let mut is_at_work = false;
    for event in here.take_while(|event| !is_record(event)) {
        let is_change =
            event.kind == EventKind::Intent && event.action.as_deref() == Some("UpdateFunctionCode");
        let is_lock = event.kind == EventKind::Lock && event.stage.as_deref() == Some("deploy-lambda");
        // A lock need not name its release.
        if event.release.as_ref() == Some(release) || (is_lock && event.release.is_none()) {
            is_at_work |= is_change || is_lock;
        } else if is_change {
            // A report that is older than another release's changes tells nothing of what runs after them.
            return is_at_work;
        }
    }
    false
}

/// Whether the newest that was done to the environment is a rollback of this release: then a report of its deployment is older
/// than what runs.
pub(super) fn is_rolled_back(
    events: &[LedgerEvent],
    environment: &EnvironmentName,
    release: &ReleaseId,
) -> bool {
    let last = |is_meant: fn(&LedgerEvent) -> bool| {
        let here = |event: &&LedgerEvent| event.environment.as_ref() == Some(environment);
        events.iter().filter(here).rfind(|event| is_meant(event))
    };
    // Intents of a rollback name the release that is rolled back.
    let undone =
        last(|event| event.kind == EventKind::Intent && event.stage.as_deref() == Some("rollback-lambda"));
    if undone.and_then(|event| event.release.as_ref()).is_some_and(|undone| undone != release) {
        return false;
    }
    let newest = |is_meant| last(is_meant).map(|event| event.sequence);
    let deployed =
        newest(|event| event.kind == EventKind::Intent && event.stage.as_deref() == Some("deploy-lambda"));
    let rolled_back = newest(|event| event.kind == EventKind::Rollback);
    // Where the ledger saw no deployment begin, it cannot tell which came first.
    deployed.is_some() && rolled_back > deployed
}

/// Takes out the functions that run something else since, and returns their names: those that the ledger saw last going to another content,
/// by a rollback or by another deployment, also one that put back what it had changed. What failed changed nothing.
///
/// What was begun and never ended may have changed nothing either. Whoever deployed this release afterwards looked, and so it counts no more.
pub(super) fn put_back(
    events: &[LedgerEvent],
    environment: &EnvironmentName,
    release: &ReleaseId,
    confirmed: &mut Vec<LedgerItem>,
) -> Vec<String> {
    let outcomes = events.iter().filter(|event| event.kind == EventKind::Outcome);
    let outcomes: BTreeMap<u64, Option<EffectResult>> =
        outcomes.filter_map(|event| Some((event.intent?, event.outcome))).collect();
    let outcome = |event: &LedgerEvent| outcomes.get(&event.sequence).copied().flatten();
    // Of each function its content, and whether that is sure.
    let mut newest: BTreeMap<&str, (Option<Digest>, bool)> = BTreeMap::new();
    for event in events.iter().filter(|event| event.environment.as_ref() == Some(environment)) {
        let stage = event.stage.as_deref();
        match (event.kind, event.action.as_deref(), event.target.as_deref()) {
            (EventKind::Intent, Some("UpdateFunctionCode"), Some(function))
                if matches!(stage, Some("rollback-lambda" | "deploy-lambda"))
                    && outcome(event) != Some(EffectResult::Failed) =>
            {
                let digest = event.items.first().and_then(|item| item.digest);
                newest.insert(function, (digest, outcome(event) == Some(EffectResult::Done)));
            }
            (EventKind::Rollback | EventKind::Deployment, ..) if happened(event) => {
                newest.extend(event.items.iter().map(|item| (item.name.as_str(), (item.digest, true))));
            }
            // A lock need not name its release.
            (EventKind::Lock, ..)
                if stage == Some("deploy-lambda")
                    && event.release.as_ref().is_none_or(|of| of == release) =>
            {
                newest.retain(|_, (_, is_sure)| *is_sure);
            }
            _ => {}
        }
    }
    let is_other = |item: &mut LedgerItem| {
        newest.get(item.name.as_str()).is_some_and(|(digest, _)| *digest != item.digest)
    };
    confirmed.extract_if(.., is_other).map(|item| item.name).collect()
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Actor;

    use super::*;

    /// Events of `qa`, one after another, each of a release; those of `deploy-lambda` are changes of code and locks.
    fn events(of: &[(EventKind, &str)]) -> Vec<LedgerEvent> {
        let event = |(at, (kind, release)): (usize, &(EventKind, &str))| LedgerEvent {
            sequence: at as u64 + 1,
            previous: None,
            time: time::OffsetDateTime::UNIX_EPOCH,
            kind: *kind,
            release: release.parse().ok(),
            environment: "qa".parse().ok(),
            stage: Some("deploy-lambda".to_owned()),
            action: (*kind == EventKind::Intent).then(|| "UpdateFunctionCode".to_owned()),
            target: Some("Orders".to_owned()),
            intent: None,
            outcome: None,
            items: Vec::new(),
            actor: Actor { name: "ada".to_owned(), source: "test".to_owned() },
            run: None,
            reason: None,
            tool_version: "0.1.0".to_owned(),
            details: BTreeMap::new(),
        };
        of.iter().enumerate().map(event).collect()
    }

    /// An event of `qa` that tells of `Orders` that it runs, or is to run, this content.
    fn of_function(kind: EventKind, stage: &str, content: &str) -> LedgerEvent {
        let digest = Some(Digest::of(content.as_bytes()));
        let mut event = events(&[(kind, "r1")]).remove(0);
        event.stage = Some(stage.to_owned());
        event.action = Some("UpdateFunctionCode".to_owned());
        event.items = vec![LedgerItem { digest, ..LedgerItem::new("Orders") }];
        event
    }

    /// The same events, one after the other.
    fn numbered(of: &[LedgerEvent]) -> Vec<LedgerEvent> {
        let number =
            |(at, event): (usize, &LedgerEvent)| LedgerEvent { sequence: at as u64 + 1, ..event.clone() };
        of.iter().enumerate().map(number).collect()
    }

    #[test]
    fn a_function_that_was_put_back_is_not_what_an_older_report_says() {
        use EventKind::{Deployment, Intent, Lock, Outcome, Rollback};
        let (qa, r1) = ("qa".parse().expect("a name"), "r1".parse().expect("a release"));
        let put_back = |of: &[&LedgerEvent]| {
            let of: Vec<LedgerEvent> = of.iter().map(|event| (*event).clone()).collect();
            let digest = Some(Digest::of(b"new"));
            let mut items: Vec<LedgerItem> =
                ["Orders", "Baskets"].map(|name| LedgerItem { digest, ..LedgerItem::new(name) }).into();
            let names = put_back(&numbered(&of), &qa, &r1, &mut items);
            assert_eq!(names.len() + items.len(), 2);
            names
        };
        let come = of_function(Intent, "deploy-lambda", "new");
        let back = of_function(Rollback, "rollback-lambda", "old");
        let begun = of_function(Intent, "rollback-lambda", "old");
        let ended = |number: u64, outcome| LedgerEvent {
            intent: Some(number),
            outcome: Some(outcome),
            ..of_function(Outcome, "rollback-lambda", "old")
        };
        let nothing = [""; 0];
        assert_eq!(put_back(&[&come, &back]), ["Orders"]);
        assert_eq!(put_back(&[&come, &begun]), ["Orders"], "by a run that was killed");
        assert_eq!(put_back(&[&back, &come]), nothing, "it came again");
        let recorded = of_function(Deployment, "update-version-dashboard", "new");
        assert_eq!(put_back(&[&back, &recorded]), nothing);
        let same = of_function(Rollback, "rollback-lambda", "new");
        assert_eq!(put_back(&[&come, &same]), nothing, "the release did not change it");
        let failed = ended(2, EffectResult::Failed);
        assert_eq!(put_back(&[&come, &begun, &failed]), nothing);
        let older = of_function(Intent, "rollback-lambda", "older");
        let failed = ended(3, EffectResult::Failed);
        assert_eq!(
            put_back(&[&come, &back, &older, &failed]),
            ["Orders"],
            "the first of two rollbacks stands"
        );
        let failed = ended(3, EffectResult::Failed);
        assert_eq!(put_back(&[&come, &back, &come, &failed]), ["Orders"], "a later deployment was refused");
        let undone = of_function(Intent, "deploy-lambda", "old");
        assert_eq!(put_back(&[&come, &back, &come, &undone]), ["Orders"], "a later deployment put it back");

        // Whoever deploys afterwards, and finds nothing to change, knows better than a rollback that was killed.
        let locked = of_function(Lock, "deploy-lambda", "");
        assert_eq!(put_back(&[&come, &begun, &locked]), nothing);
        let done = ended(2, EffectResult::Done);
        assert_eq!(put_back(&[&come, &begun, &done, &locked]), ["Orders"], "of this one the end is known");
        let other = LedgerEvent { release: "r2".parse().ok(), ..locked };
        assert_eq!(put_back(&[&come, &begun, &other]), ["Orders"], "it looked for something else");
    }

    #[test]
    fn a_release_that_took_the_place_of_another_is_recorded_again() {
        use EventKind::{Deployment, Intent, Lock};
        let (qa, r1) = ("qa".parse().expect("a name"), "r1".parse().expect("a release"));
        let is_back = |of: &[_]| is_back(&events(of), &qa, &r1);
        let begun = [(Deployment, "r1"), (Intent, "r2")];
        assert!(!is_back(&begun), "a report from before r2 tells nothing of now");
        assert!(is_back(&[&begun[..], &[(Intent, "r1")]].concat()));
        assert!(is_back(&[&begun[..], &[(Lock, "r1")]].concat()), "also where nothing was left to change");
        assert!(is_back(&[&begun[..], &[(Lock, "")]].concat()), "and the lock does not say for whom");
        assert!(!is_back(&[&begun[..], &[(Lock, "r2")]].concat()));
        assert!(!is_back(&[&begun[..], &[(Intent, "r1"), (Deployment, "r1")]].concat()), "once");
        assert!(!is_back(&[(Deployment, "r1"), (Intent, "r1")]), "it did not go");
    }
}
