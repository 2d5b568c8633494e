//! What is changed at GitLab, in the run's journal: before, and how it ended. No value stands there.

use std::future::Future;

use landfall_artifacts::Problem;
use landfall_run::{Effect, EffectOutcome, Event, Run};

use super::api::Unset;
use super::{GitLabVariables, Owner};
use crate::DestinationError;

/// Makes one change, once it is recorded that it is about to be made.
pub(super) async fn recorded<T>(
    at: &GitLabVariables,
    run: &Run,
    action: &str,
    name: &'static str,
    change: impl Future<Output = Result<T, Unset>>,
) -> Result<T, Unset> {
    let (kind, id) = match &at.owner {
        Owner::Project(id) => ("project", id),
        Owner::Group(id) => ("group", id),
    };
    let effect = Effect {
        action: action.to_owned(),
        target: format!("{name} of the {kind} {id}, scope {}", at.scope),
        environment: Some(at.scope.clone()),
        release: None,
        details: Vec::new(),
        items: Vec::new(),
    };
    let intent = run.journal().intend(effect).await;
    let intent = intent.map_err(|cause| Unset::from(DestinationError::Journal { name, cause }))?;
    let ended = change.await;
    let outcome = match &ended {
        Ok(_) => EffectOutcome::Done,
        Err(Unset { error, is_unknown }) => {
            let told = run.redactor().redact(&Problem::of(error).told());
            if *is_unknown { EffectOutcome::Unknown(told) } else { EffectOutcome::Failed(told) }
        }
    };
    if let Err(lost) = run.journal().outcome(intent, outcome).await {
        let what = format!("the outcome of the change of the variable {name} is not recorded: {lost}");
        run.progress().event(Event::Warning(what));
    }
    ended
}
