//! The record of each write: an intent before it, an outcome after it.

use landfall_artifacts::{Class, Explain as _, Problem, ReleaseManifest};
use landfall_run::{Effect, EffectItem, EffectOutcome, Event, Intent, Run};

use crate::upload::{Created, Wanted};
use crate::{Error, ReleaseStore};

impl ReleaseStore {
    /// Creates an object as [`ReleaseStore::create`] does, with an intent before and an outcome after.
    ///
    /// # Errors
    /// [`Error::Journal`] where the intent could not be recorded: nothing was sent then.
    pub(crate) async fn create_recorded(
        &self,
        wanted: Wanted<'_>,
        name: &str,
        manifest: &ReleaseManifest,
        run: &Run,
    ) -> Result<Created, Error> {
        let address = self.address(wanted.key);
        if run.stop().requested().is_some() {
            return Err(Error::Stopped { address });
        }
        let effect = Effect {
            action: "PutObject".to_owned(),
            target: address.clone(),
            // A release is for all environments; which one runs it is recorded when it is deployed.
            environment: None,
            release: Some(manifest.release.to_string()),
            details: Vec::new(),
            items: vec![EffectItem {
                name: name.to_owned(),
                version: manifest.release.as_str().strip_prefix('v').map(str::to_owned),
                digest: Some(wanted.sha256.digest()),
                before: None,
            }],
        };
        let intent = run.journal().intend(effect).await.map_err(|cause| Error::Journal { address, cause })?;
        let created = self.create(wanted, run).await;
        self.note(intent, created.as_ref().err(), run).await;
        created
    }

    async fn note(&self, intent: Intent, failure: Option<&Error>, run: &Run) {
        let outcome = match failure {
            None => EffectOutcome::Done,
            Some(error) => {
                let said = run.redactor().redact(&Problem::of(error).told());
                match error.class() {
                    Class::Unknown => EffectOutcome::Unknown(said),
                    _ => EffectOutcome::Failed(said),
                }
            }
        };
        let target = intent.effect.target.clone();
        if let Err(lost) = run.journal().outcome(intent, outcome).await {
            run.progress()
                .event(Event::Warning(format!("the outcome for {target} was not recorded: {lost}")));
        }
    }
}
