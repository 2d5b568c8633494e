//! Every change passes the run's journal: intent before, outcome after.

use std::future::Future;

use landfall_artifacts::{Class, Digest, Explain as _, Problem};
use landfall_run::{Effect, EffectItem, EffectOutcome, Event, Run};

use crate::{ApplyOptions, Desired, Error};

/// Why a change ended without success.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It went wrong.
    Error(Error),
    /// The journal did not let it begin.
    Door(Problem),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Ended {
    /// As a report has it.
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::Error(error) => Problem::of(error),
            Self::Door(problem) => problem.clone(),
        }
    }
}

/// Makes a change between its intent and its outcome. `before` is what the function ran, so that the ledger knows it before the change.
///
/// # Errors
/// What the journal refuses, before anything is changed, and what the change fails with.
pub(crate) async fn recorded<T>(
    action: &str,
    desired: &Desired,
    before: Option<Digest>,
    options: &ApplyOptions,
    run: &Run,
    change: impl Future<Output = Result<T, Error>>,
) -> Result<T, Ended> {
    let effect = Effect {
        action: action.to_owned(),
        target: desired.function.to_string(),
        environment: desired.environment.as_ref().map(ToString::to_string),
        release: options.release.as_ref().map(ToString::to_string),
        details: Vec::new(),
        items: vec![EffectItem {
            name: desired.project.as_ref().map_or_else(|| desired.function.to_string(), ToString::to_string),
            version: desired.version.clone(),
            digest: Some(desired.code.digest()),
            before,
        }],
    };
    let intent = run.journal().intend(effect).await.map_err(|refused| Ended::Door(Problem::of(&refused)))?;
    let ended = change.await;
    let outcome = match &ended {
        Ok(_) => EffectOutcome::Done,
        Err(error) if matches!(error.class(), Class::Unknown | Class::Integrity) => {
            EffectOutcome::Unknown(told(error, run))
        }
        Err(error) => EffectOutcome::Failed(told(error, run)),
    };
    if let Err(error) = run.journal().outcome(intent, outcome).await {
        let warning = format!("the outcome of {} is not recorded: {error}", desired.function);
        run.progress().event(Event::Warning(warning));
    }
    Ok(ended?)
}

/// An error and its causes, for the journal.
fn told(error: &Error, run: &Run) -> String {
    run.redactor().redact(&Problem::of(error).told())
}
