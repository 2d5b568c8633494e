//! The record of a batch: an intent for an image before the first thing that is done for it, an outcome when it is over.

use std::sync::atomic::{AtomicBool, Ordering};

use landfall_artifacts::{Class, Explain as _, Problem};
use landfall_run::{Effect, EffectItem, EffectOutcome, Event, Intent, Run};
use tokio::sync::OnceCell;

use super::plan::{CopyPlan, PlannedCopy};
use crate::Error;

/// The intents of all copies of a plan.
#[derive(Debug)]
pub(super) struct Intents<'a> {
    plan: &'a CopyPlan,
    run: &'a Run,
    recorded: Vec<OnceCell<Intent>>,
    refused: AtomicBool,
}

impl<'a> Intents<'a> {
    pub(super) fn new(plan: &'a CopyPlan, run: &'a Run) -> Self {
        let recorded = plan.copies.iter().map(|_| OnceCell::new()).collect();
        Self { plan, run, recorded, refused: AtomicBool::new(false) }
    }

    /// Whether an effect may not be made: whoever closed the journal's door closed it for the others too.
    pub(super) fn are_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }

    /// Whether anything may have been done for an image.
    pub(super) fn is_recorded(&self, at: usize) -> bool {
        self.recorded.get(at).is_some_and(OnceCell::initialized)
    }

    /// Returns when the intent to put an image is on record.
    ///
    /// # Errors
    /// [`Error::Journal`].
    pub(super) async fn ensure(&self, at: usize) -> Result<(), Error> {
        let (Some(cell), Some(copy)) = (self.recorded.get(at), self.plan.copies.get(at)) else {
            return Ok(());
        };
        let target = || copy.request.target.to_string();
        let recorded = cell.get_or_try_init(|| self.run.journal().intend(effect(copy))).await;
        match recorded {
            Ok(_) => Ok(()),
            Err(cause) => {
                self.refused.store(true, Ordering::SeqCst);
                Err(Error::Journal { target: target(), cause })
            }
        }
    }

    /// Records how an image ended, where its intent is on record.
    pub(super) async fn outcome(&self, at: usize, failure: Option<&Error>) {
        let (Some(intent), Some(copy)) =
            (self.recorded.get(at).and_then(OnceCell::get), self.plan.copies.get(at))
        else {
            return;
        };
        let outcome = match failure {
            None => EffectOutcome::Done,
            Some(error) => {
                let said = self.run.redactor().redact(&Problem::of(error).told());
                match error.class() {
                    Class::Unknown => EffectOutcome::Unknown(said),
                    _ => EffectOutcome::Failed(said),
                }
            }
        };
        if let Err(lost) = self.run.journal().outcome(intent.clone(), outcome).await {
            let target = &copy.request.target;
            self.run
                .progress()
                .event(Event::Warning(format!("the outcome for {target} was not recorded: {lost}")));
        }
    }
}

fn effect(copy: &PlannedCopy) -> Effect {
    let request = &copy.request;
    let name = request.project.as_ref().map_or_else(|| request.target.to_string(), ToString::to_string);
    Effect {
        action: "PUT manifest".to_owned(),
        target: request.target.to_string(),
        environment: request.environment.as_ref().map(ToString::to_string),
        release: request.release.as_ref().map(ToString::to_string),
        details: Vec::new(),
        items: vec![EffectItem {
            name,
            version: request.version.clone(),
            digest: Some(copy.digest()),
            before: None,
        }],
    }
}
