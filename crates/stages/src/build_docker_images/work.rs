//! One image on its way: its programs one after the other, and a look at what they pushed.

use std::time::Duration;

use landfall_artifacts::{Class, Problem};
use landfall_registry::Registries;
use landfall_run::{Effect, EffectItem, EffectOutcome, Event, Run};
use tokio::time::Instant;

use super::builder::Step;
use super::{Config, Image, digest};
use crate::child::{Ended, Program, how};

/// One image, and what it is built with.
pub(super) struct Work<'a> {
    pub(super) image: &'a Image,
    pub(super) config: &'a Config,
    pub(super) registries: &'a Registries,
}

/// What became of an image.
#[derive(Debug)]
pub(super) enum Built {
    /// It was built and pushed; the digest where the registry was asked.
    Done { digest: Option<String>, took: Duration },
    /// It was not, for this reason.
    Failed(Problem),
    /// The run was stopped before.
    NotTried,
}

impl Work<'_> {
    /// Builds and pushes.
    pub(super) async fn done(self, run: &Run) -> Built {
        if run.stop().requested().is_some() {
            return Built::NotTried;
        }
        let name = self.image.project.to_string();
        run.progress().event(Event::Started { item: name.clone(), size_bytes: None });
        let begun = Instant::now();
        let built = self.steps(run).await;
        let result = match &built {
            Ok(_) => format!("built in {:.0} s", begun.elapsed().as_secs_f64()),
            Err(problem) => problem.what.clone(),
        };
        run.progress().event(Event::Finished { item: name, result });
        match built {
            Ok(digest) => Built::Done { digest, took: begun.elapsed() },
            Err(problem) => Built::Failed(*problem),
        }
    }

    async fn steps(&self, run: &Run) -> Result<Option<String>, Box<Problem>> {
        let effect = Effect {
            action: "PushImage".to_owned(),
            target: self.image.shown(),
            environment: None,
            release: None,
            details: Vec::new(),
            items: vec![EffectItem {
                name: self.image.project.to_string(),
                version: Some(self.image.tag.to_string()),
                digest: None,
                before: None,
            }],
        };
        // A build may push as well, so that all of it is one effect.
        let intent = run.journal().intend(effect).await.map_err(|cause| {
            let what = format!("that {} is to be built cannot be recorded: {cause}", self.image.shown());
            Box::new(Problem::new("LF-LEDGER-WRITE", Class::Refused, what))
        })?;
        let mut may_have_pushed = false;
        let built = self.programs(&mut may_have_pushed, run).await;
        let outcome = match &built {
            Ok(_) => EffectOutcome::Done,
            // What fails after the push began may have left the image, or what a tag of before named.
            Err(problem) if may_have_pushed || problem.class == Class::Interrupted => {
                EffectOutcome::Unknown(run.redactor().redact(&problem.told()))
            }
            Err(problem) => EffectOutcome::Failed(run.redactor().redact(&problem.told())),
        };
        if let Err(lost) = run.journal().outcome(intent, outcome).await {
            let text = format!("the outcome for {} was not recorded: {lost}", self.image.shown());
            run.progress().event(Event::Warning(text));
        }
        built
    }

    /// Runs its programs, and looks what they pushed. `may_have_pushed` is set when the first of them that may push was started.
    async fn programs(&self, may_have_pushed: &mut bool, run: &Run) -> Result<Option<String>, Box<Problem>> {
        for step in self.config.builder.steps(self.image, &self.config.root) {
            self.step(&step, may_have_pushed, run).await?;
        }
        let Some((repository, tag)) = &self.image.target else { return Ok(None) };
        match digest(repository, tag, self.registries, run).await {
            Ok(Some(digest)) => Ok(Some(digest)),
            Ok(None) => {
                let what = format!("{} was pushed and is not there", self.image.shown());
                Err(Box::new(Problem::new("LF-BUILD-NOT-PUSHED", Class::Refused, what).with_remedy(
                    "let the build push to the repository that this stage was told of, or correct that one",
                )))
            }
            Err(error) => Err(Box::new(Problem::of(&error))),
        }
    }

    /// Runs one program. Its output is shown, whole where it failed.
    async fn step(&self, step: &Step, may_have_pushed: &mut bool, run: &Run) -> Result<(), Box<Problem>> {
        let failed = |what: String, remedy: &str| {
            let what = format!("the {} of {} failed: {what}", step.name, self.image.shown());
            Box::new(Problem::new("LF-BUILD-FAILED", Class::Refused, what).with_remedy(remedy))
        };
        let mut variables = self.config.variables.clone();
        variables.extend(step.variables.clone());
        let program = Program { words: &step.words, variables: &variables, folder: Some(&self.config.root) };
        let item = format!("{} of {}", step.name, self.image.project);
        let ended = program.run_shown(item, self.config.timeout, run).await;
        *may_have_pushed |= step.may_push && !matches!(ended, Ended::NotStarted(_));
        match ended {
            Ended::Well => Ok(()),
            Ended::Badly(status) => Err(failed(
                how(status),
                "read its output above, correct it, and run again: what is built is not built again",
            )),
            Ended::Unseen(cause) => Err(failed(format!("its end cannot be seen: {cause}"), "run again")),
            Ended::TooLate => {
                let what = format!("it did not end in {} s and was ended", self.config.timeout.as_secs());
                Err(failed(what, "raise --build-timeout, or find out what it waits for"))
            }
            Ended::NotKept(cause) => {
                Err(failed(format!("its output cannot be kept: {cause}"), "free the disk"))
            }
            Ended::NotStarted(cause) => {
                let shown = landfall_secret::escape(step.words.first().map_or("", String::as_str), 100);
                Err(failed(
                    format!("`{shown}` cannot be started: {cause}"),
                    "install it in the image that this job runs in, or choose another builder (--builder)",
                ))
            }
            Ended::Stopped => {
                let what = format!("the {} of {} was stopped", step.name, self.image.shown());
                Err(Box::new(Problem::new("LF-STOPPED", Class::Interrupted, what).with_remedy("run again")))
            }
        }
    }
}
