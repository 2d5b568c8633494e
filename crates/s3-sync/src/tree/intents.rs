//! The record of changes: an intent before the first of a kind, an outcome after the last.

use landfall_artifacts::Digest;
use landfall_run::{Effect, EffectItem, EffectOutcome, Event, Intent, Run};

use super::{Labels, Tree, TreeError};

/// Names that an intent tells; the digest stands for all of them.
const MOST_NAMES: usize = 40;

/// Most characters of a name there: a record takes 64 KiB.
const MOST_NAME: usize = 200;

impl Tree {
    /// Records that changes are about to be made.
    ///
    /// # Errors
    /// [`TreeError::Journal`]: nothing may be changed then.
    pub(crate) async fn intend<'a>(
        &self,
        action: &str,
        plan: Digest,
        names: impl ExactSizeIterator<Item = &'a str>,
        labels: &Labels,
        run: &Run,
    ) -> Result<Intent, TreeError> {
        let address = self.address().to_string();
        let item = |name: String, digest| EffectItem { name, version: None, digest, before: None };
        let count = names.len();
        let mut items = vec![item(format!("plan: {count} objects"), Some(plan))];
        items.extend(names.take(MOST_NAMES).map(|name| item(landfall_secret::escape(name, MOST_NAME), None)));
        if count > MOST_NAMES {
            items.push(item(format!("{} more", count - MOST_NAMES), None));
        }
        let effect = Effect {
            action: action.to_owned(),
            target: address.clone(),
            environment: labels.environment.clone(),
            release: labels.release.clone(),
            details: Vec::new(),
            items,
        };
        run.journal().intend(effect).await.map_err(|cause| TreeError::Journal { address, cause })
    }

    /// Records how they ended.
    pub(crate) async fn ended(&self, intent: Intent, outcome: EffectOutcome, run: &Run) {
        if let Err(lost) = run.journal().outcome(intent, outcome).await {
            let text = format!("the outcome for {} was not recorded: {lost}", self.address());
            run.progress().event(Event::Warning(text));
        }
    }
}
