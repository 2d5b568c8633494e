//! What the ledger is told of a rollback.

use std::collections::BTreeMap;

use landfall_artifacts::{Digest, EnvironmentName, EventKind, LedgerEvent, LedgerItem, Problem, ReleaseId};
use landfall_lambda_deploy::{Function, FunctionResult, Outcome as Ended, Step};
use landfall_ledger::{Draft, Ledger, deployments};

use super::goals::known;
use super::way::{Way, kept};
use crate::{Finished, Item};

/// Items of one event; a larger rollback is recorded in several.
const ITEMS_OF_AN_EVENT: usize = 100;

/// Records what was confirmed, where it is news: something was changed since the last record, or the ledger says otherwise.
pub(super) async fn write_down(
    way: &Way<'_>,
    environment: Option<&EnvironmentName>,
    from: Option<&ReleaseId>,
    ended: &[Option<FunctionResult>],
    ledger: &Ledger,
    finished: &mut Finished,
) {
    let events = match ledger.events().await {
        Ok(events) => events,
        Err(error) => return finished.problems.push(Problem::of(&error)),
    };
    let is_confirmed = |one: &Option<FunctionResult>| {
        one.as_ref().is_none_or(|one| {
            one.problem.is_none()
                && matches!(one.outcome, Ended::RolledBack | Ended::Updated | Ended::Unchanged)
        })
    };
    let confirmed: Vec<&Step> =
        way.plan.steps.iter().zip(ended).filter(|(_, one)| is_confirmed(one)).map(|(step, _)| step).collect();
    if !is_owed(environment, &events) && !is_news(environment, &events, &confirmed) {
        return;
    }
    let mut by_release: BTreeMap<Option<ReleaseId>, Vec<LedgerItem>> = BTreeMap::new();
    for step in confirmed {
        let digest = step.desired.code.digest();
        let function = &step.desired.function;
        let known = known(&events, environment, function, digest);
        let before = step.before.as_ref().and_then(Function::digest);
        by_release.entry(known.and_then(|(_, event)| event.release.clone())).or_default().push(LedgerItem {
            project: known.and_then(|(item, _)| item.project.clone()),
            version: known.and_then(|(item, _)| item.version.clone()),
            lambda: Some(function.clone()),
            target: Some(kept(&step.desired.code)),
            digest: Some(digest),
            before: before.filter(|before| *before != digest),
            ..LedgerItem::new(function.as_str())
        });
    }
    for (release, items) in by_release {
        // The release of the event is the one that is gone back to.
        let from_release = from.map(|from| ("from".to_owned(), from.as_str().into()));
        let draft = Draft {
            release,
            details: from_release.into_iter().collect(),
            environment: environment.cloned(),
            items,
            reason: from.map(|from| format!("the deployment of {from} was rolled back")),
            ..Draft::new(EventKind::Rollback)
        };
        for part in draft.in_parts(ITEMS_OF_AN_EVENT) {
            match ledger.append(part).await {
                Ok(head) => {
                    let name = format!("ledger record {}", head.sequence);
                    finished.items.push(Item::new(name, "recorded").changed());
                }
                Err(error) => return finished.problems.push(Problem::of(&error)),
            }
        }
    }
}

/// Whether the stage has changed something since it last recorded what came of it, perhaps in a run that was killed.
fn is_owed(environment: Option<&EnvironmentName>, events: &[LedgerEvent]) -> bool {
    let of_environment = |event: &&LedgerEvent| event.environment.as_ref() == environment;
    let is_ours = |event: &&LedgerEvent| event.stage.as_deref() == Some("rollback-lambda");
    let newest =
        events.iter().rev().filter(of_environment).filter(is_ours).find_map(|event| match event.kind {
            EventKind::Rollback => Some(false),
            EventKind::Intent => Some(true),
            EventKind::Outcome
            | EventKind::Deployment
            | EventKind::Test
            | EventKind::Approval
            | EventKind::Rejection
            | EventKind::Promotion
            | EventKind::Sync
            | EventKind::Lock
            | EventKind::Unlock
            | EventKind::Checkpoint
            | EventKind::Freeze => None,
        });
    newest.unwrap_or(false)
}

/// Whether the ledger shows another digest for any of these functions.
fn is_news(environment: Option<&EnvironmentName>, events: &[LedgerEvent], confirmed: &[&Step]) -> bool {
    let standing: BTreeMap<String, Option<Digest>> = deployments(events)
        .into_iter()
        .filter(|deployed| Some(&deployed.environment) == environment)
        .map(|deployed| (deployed.function, deployed.digest))
        .collect();
    let differs = |step: &&Step| {
        let known = standing.get(step.desired.function.as_str());
        known.is_some_and(|digest| *digest != Some(step.desired.code.digest()))
    };
    confirmed.iter().any(differs)
}
