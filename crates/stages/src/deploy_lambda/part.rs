//! A part of a deployment among the others of the same work, which may have begun long before it.

use landfall_artifacts::{Class, EnvironmentName, EventKind, LedgerEvent, Problem};
use landfall_ledger::{Ledger, Lock, happened};

use crate::Refusal;

/// What whoever starts a part alone, and may not, does instead.
const ANEW: &str = "run all parts anew: start another pipeline, or deploy the whole without --shard; by hand give the parts a --run-id \
    that was not used before";

/// The lock of the part that this process does; `None` where it does the whole, or holds nothing as on a dry run.
pub(super) async fn own(ledger: &Ledger) -> Option<Lock> {
    ledger.own_lock().await.filter(|lock| lock.part.is_some())
}

/// Why the part comes too late, where it does: the environment was rolled back since the first part of its work began.
///
/// # Errors
/// A ledger that cannot be read.
pub(super) async fn too_late(ledger: &Ledger) -> Result<Option<Problem>, Refusal> {
    let Some(own) = own(ledger).await else { return Ok(None) };
    Ok(rolled_back(&own, &ledger.events().await?))
}

/// No rollback works while this part holds the environment, so that what the ledger says of one is all that there is. One that
/// was begun counts: nobody records how far a run came that was killed.
fn rolled_back(own: &Lock, events: &[LedgerEvent]) -> Option<Problem> {
    let part = own.part.as_ref()?.shard;
    let begun = own.begun(events);
    let is_back = |event: &&LedgerEvent| {
        let is_begun = event.kind == EventKind::Intent && event.stage.as_deref() == Some("rollback-lambda");
        is_begun || (event.kind == EventKind::Rollback && happened(event))
    };
    let since = events.iter().filter(|event| event.sequence > begun);
    let back = since.filter(|event| event.environment.as_ref() == Some(&own.environment)).find(is_back)?;
    let what = format!(
        "{} was rolled back by {} (record {}) since the first part of this deployment began (record {begun}): part {part} would \
         bring its share of it back alone",
        own.environment,
        landfall_secret::escape(&back.actor.name, 120),
        back.sequence
    );
    Some(
        Problem::new("LF-DEPLOY-ROLLED-BACK", Class::Refused, what)
            .with_remedy(format!("stop this pipeline; to deploy that again {ANEW}")),
    )
}

/// That the example of a deployment is not what it was when the first part began: the parts would bring different things.
pub(super) fn moved(own: &Lock, begun: u64, example: &EnvironmentName) -> Problem {
    let part = own.part.as_ref().map(|part| format!("part {}", part.shard)).unwrap_or_default();
    let what = format!(
        "what {example} runs, by the ledger, is not what it was when the first part of this deployment began (record {begun}): {part} \
         would bring something else than the others"
    );
    Problem::new("LF-LIKE-MOVED", Class::Refused, what).with_remedy(ANEW)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use landfall_artifacts::{Actor, Digest, EnvironmentName, EventKind, Problem};
    use landfall_ledger::{Context, Draft, Ledger, Part};
    use landfall_run::Clock;

    use super::too_late;

    fn environment() -> EnvironmentName {
        "prod_eu00".parse().expect("a name")
    }

    async fn open(folder: &Path, stage: &str) -> Ledger {
        let actor = Actor { name: "ada".to_owned(), source: "test".to_owned() };
        let context = Context { stage: Some(stage.to_owned()), ..Context::new(actor, "0.1.0") };
        Ledger::open(folder, context, Clock::system()).await.expect("a ledger")
    }

    /// What keeps a part of a run's deployment from beginning; one that may begins a change, and goes.
    async fn refused(folder: &Path, run: &str, shard: &str) -> Option<Problem> {
        let ledger = open(folder, "deploy-lambda").await;
        let part = Part { shard: shard.parse().expect("a part"), work: Digest::of(run.as_bytes()) };
        let hold = ledger.hold_part(&environment(), part).await.expect("free");
        let problem = too_late(&ledger).await.expect("read");
        if problem.is_none() {
            let intent = Draft { environment: Some(environment()), ..Draft::new(EventKind::Intent) };
            ledger.append(intent).await.expect("written");
        }
        hold.release().await.expect("released");
        problem
    }

    async fn tell(folder: &Path, stage: &str, kind: EventKind, environment: &str) {
        let draft = Draft { environment: environment.parse().ok(), ..Draft::new(kind) };
        open(folder, stage).await.append(draft).await.expect("written");
    }

    #[tokio::test]
    async fn a_part_does_not_come_after_a_rollback_of_the_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        tell(folder, "rollback-lambda", EventKind::Rollback, "prod_eu00").await;
        assert_eq!(refused(folder, "1", "1/3").await, None, "that was before");
        tell(folder, "deploy-lambda", EventKind::Intent, "prod_eu00").await;
        tell(folder, "rollback-lambda", EventKind::Rollback, "prod_na03").await;
        assert_eq!(
            refused(folder, "1", "2/3").await,
            None,
            "what is done elsewhere, or put back by the part itself"
        );

        tell(folder, "rollback-lambda", EventKind::Rollback, "prod_eu00").await;
        let problem = refused(folder, "1", "3/3").await.expect("too late");
        insta::assert_snapshot!(
            format!("{} {}\n{}", problem.code, problem.what, problem.remedy.unwrap_or_default()),
            @r"
        LF-DEPLOY-ROLLED-BACK prod_eu00 was rolled back by ada (record 10) since the first part of this deployment began (record 2): part 3/3 would bring its share of it back alone
        stop this pipeline; to deploy that again run all parts anew: start another pipeline, or deploy the whole without --shard; by hand give the parts a --run-id that was not used before
        "
        );
        assert!(refused(folder, "1", "1/3").await.is_some(), "also one that was there before");
        assert_eq!(refused(folder, "2", "3/3").await, None, "another run begins anew");

        tell(folder, "rollback-lambda", EventKind::Intent, "prod_eu00").await;
        assert!(
            refused(folder, "2", "1/3").await.is_some(),
            "one that was killed, who knows how far it came"
        );
        let whole = open(folder, "deploy-lambda").await;
        let hold = whole.hold(&environment()).await.expect("free");
        assert_eq!(too_late(&whole).await.expect("read"), None, "the whole is never late");
        hold.release().await.expect("released");
    }
}
