//! The promotion itself.
//!
//! Source: JFrog REST API, "Promote Docker Image". Left to itself it *moves*, takes *all* tags and overwrites silently; so
//! `copy`, `tag` and `targetTag` are always sent, the target is looked at first, and the result is read back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use landfall_artifacts::{Class, Digest, Explain as _, Problem, Version};
use landfall_run::{EffectOutcome, Event, Hint, Run};
use landfall_transport::{Cap, retry_after};
use serde::Serialize;

use super::Artifactory;
use super::refused::{leaves_open, may_be_the_key, may_be_there};
use super::request::{PromoteRequest, Promoted, PromotedHow, PromotionState, PromotionStep};
use crate::{Error, refusal};

/// How long a promotion may take to answer. Artifactory copies the records of all layers before it does; most proxies give up
/// after a minute.
const PATIENCE: Duration = Duration::from_secs(180);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    target_repo: &'a str,
    docker_repository: &'a str,
    tag: &'a str,
    target_tag: &'a str,
    copy: bool,
    overwrite: bool,
}

/// What is to come about, and what came of it so far.
struct Attempts<'a> {
    request: &'a PromoteRequest,
    wanted: Digest,
    before: Option<Digest>,
    /// Status and text of the last answer, once one attempt was made.
    last: Mutex<Option<Answered>>,
}

/// How one request for a promotion was answered.
#[derive(Clone, Default)]
struct Answered {
    status: Option<u16>,
    text: String,
}

impl Artifactory {
    /// What both tags of a promotion name, for a plan.
    ///
    /// # Errors
    /// [`Error::PromotionSamePlace`], and what a registry may answer.
    pub async fn observe(&self, request: &PromoteRequest, run: &Run) -> Result<PromotionState, Error> {
        if self.is_one_place(&request.source_key, &request.target_key, &request.docker_repository)
            && request.tag == request.target_tag
        {
            return Err(Error::PromotionSamePlace {
                source_key: request.source_key.clone(),
                target_key: request.target_key.clone(),
            });
        }
        let (registry, path) = self.registry(&request.source_key, &request.docker_repository)?;
        let source = registry.head_manifest(&path, &Version::Tag(request.tag.clone()), run).await?;
        Ok(PromotionState { source, target: self.target(request, run).await? })
    }

    /// Promotes an image and reads the target back: [`Self::observe`], then [`Self::promote_from`].
    ///
    /// # Errors
    /// As for both.
    pub async fn promote(&self, request: &PromoteRequest, run: &Run) -> Result<Promoted, Error> {
        let state = self.observe(request, run).await?;
        self.promote_from(request, state, run).await
    }

    /// Promotes an image of which it was just seen what both tags name, and reads the target back. Where the target has the same
    /// content already nothing is asked for, so that repeating it is harmless; a promotion whose answer was lost is repeated only
    /// after the target was seen without it.
    ///
    /// # Errors
    /// [`Error::PromotionSource`], [`Error::PromotionContent`], [`Error::TagTaken`] before anything is changed;
    /// [`Error::PromotionRefused`], [`Error::PromotionKeys`], [`Error::TagDiffers`], [`Error::NotWritten`],
    /// [`Error::Unconfirmed`] after.
    pub async fn promote_from(
        &self,
        request: &PromoteRequest,
        state: PromotionState,
        run: &Run,
    ) -> Result<Promoted, Error> {
        let (wanted, before) = match request.step(state)? {
            PromotionStep::Already(digest) => return Ok(Promoted::already(digest)),
            PromotionStep::Promote { digest, replaces } => (digest, replaces),
        };
        let target = request.target();
        if run.stop().requested().is_some() {
            return Err(Error::Stopped { doing: format!("the promotion to {target}") });
        }
        let intent = run
            .journal()
            .intend(request.effect(wanted))
            .await
            .map_err(|cause| Error::Journal { target: target.clone(), cause })?;
        let attempts = Attempts { request, wanted, before, last: Mutex::default() };
        let what = format!("promote {target}");
        let ended = run.retry(&what, hint, || self.attempt(&attempts, run)).await;
        let ended = match ended {
            Err(refused) => Err(self.with_keys(request, refused, run).await),
            done => done,
        };
        let outcome = match &ended {
            Ok(_) => EffectOutcome::Done,
            Err(error) => {
                let said = run.redactor().redact(&Problem::of(error).told());
                match error.class() {
                    Class::Unknown => EffectOutcome::Unknown(said),
                    _ => EffectOutcome::Failed(said),
                }
            }
        };
        if let Err(lost) = run.journal().outcome(intent, outcome).await {
            run.progress()
                .event(Event::Warning(format!("the outcome for {target} was not recorded: {lost}")));
        }
        ended
    }

    /// One request for the promotion. Every one but the first looks first whether an earlier one came through late.
    async fn attempt(&self, attempts: &Attempts<'_>, run: &Run) -> Result<Promoted, Error> {
        let &Attempts { request, wanted, before, .. } = attempts;
        let target = request.target();
        if let Some(earlier) = attempts.last() {
            match self.target(request, &run.to_its_end()).await {
                Ok(Some(held)) if held == wanted => {
                    return Ok(attempts.promoted(PromotedHow::Promoted, earlier));
                }
                Ok(held) if held == before => {}
                Ok(Some(held)) => return Err(Error::TagDiffers { target, held, wanted }),
                Ok(None) => return Err(vanished(target)),
                Err(cause) => return Err(Error::Unconfirmed { target, cause: Box::new(cause) }),
            }
        }
        let (answered, refused) = self.post(request, run).await?;
        attempts.note(&answered);
        let is_open = answered.status.is_none_or(leaves_open);
        let refused = match refused {
            Some(refused) if !answered.status.is_none_or(may_be_there) => return Err(refused),
            other => other,
        };
        match (self.target(request, &run.to_its_end()).await, refused) {
            (Ok(Some(held)), refused) if held == wanted => {
                // What was refused outright was done by somebody else.
                let how =
                    if refused.is_some() && !is_open { PromotedHow::Already } else { PromotedHow::Promoted };
                Ok(attempts.promoted(how, answered))
            }
            // What was there before is there still: the promotion did not happen.
            (Ok(held), Some(cause)) if held == before => match cause {
                Error::PromotionRefused { .. } => Err(cause),
                cause => Err(Error::NotWritten { target, cause: Box::new(cause) }),
            },
            (Ok(Some(held)), Some(_)) if !is_open => Err(Error::TagTaken { target, held, wanted }),
            (Ok(Some(held)), _) => Err(Error::TagDiffers { target, held, wanted }),
            (Ok(None), Some(cause)) => Err(Error::Unconfirmed { target, cause: Box::new(cause) }),
            (Ok(None), None) => Err(vanished(target)),
            (Err(cause), _) => Err(Error::Unconfirmed { target, cause: Box::new(cause) }),
        }
    }

    /// Asks for the promotion once. What surely changed nothing and got no answer is an error; a refusal, and an answer that did
    /// not come, stand beside what was answered.
    async fn post(&self, request: &PromoteRequest, run: &Run) -> Result<(Answered, Option<Error>), Error> {
        let target = request.target();
        let body = Body {
            target_repo: &request.target_key,
            docker_repository: &request.docker_repository,
            tag: request.tag.as_str(),
            target_tag: request.target_tag.as_str(),
            copy: true,
            overwrite: true,
        };
        let path = format!("/artifactory/api/docker/{}/v2/promote", request.source_key);
        let posted = self.site.post_json(&path, &body).counted_as("promotion").timeout(PATIENCE);
        match posted.send(run, Cap::JSON).await {
            Ok(answer) if answer.status().is_success() => {
                let (status, text) = (Some(answer.status().as_u16()), answer.excerpt(400));
                Ok((Answered { status, text }, None))
            }
            Ok(answer) => {
                let (status, said) = (answer.status().as_u16(), refusal::read(&answer, run).said);
                let refused = Error::PromotionRefused {
                    what: format!("{} to {target}", request.source()),
                    status,
                    said: said.clone(),
                    retry_after: retry_after(answer.headers(), run.clock().now()),
                };
                Ok((Answered { status: Some(status), text: said }, Some(refused)))
            }
            Err(cause) => {
                let error = Error::transport(format!("POST the promotion of {target}"), cause);
                if error.leaves_write_open() { Ok((Answered::default(), Some(error))) } else { Err(error) }
            }
        }
    }

    /// The refusal with what is wrong with the repository keys, where Artifactory tells.
    async fn with_keys(&self, request: &PromoteRequest, refused: Error, run: &Run) -> Error {
        let Error::PromotionRefused { status, .. } = &refused else { return refused };
        if !may_be_the_key(*status) {
            return refused;
        }
        let keys = self.unfit_keys(&[&request.source_key, &request.target_key], run).await;
        if keys.is_empty() {
            refused
        } else {
            Error::PromotionKeys { keys, refused: Some(Box::new(refused)) }
        }
    }

    /// What the target names. A target that may not be looked at counts as empty only where it may be overwritten.
    async fn target(&self, request: &PromoteRequest, run: &Run) -> Result<Option<Digest>, Error> {
        let (registry, path) = self.registry(&request.target_key, &request.docker_repository)?;
        if request.overwrite {
            return registry.observe_tag(&path, &request.target_tag, run).await;
        }
        registry.head_manifest(&path, &Version::Tag(request.target_tag.clone()), run).await
    }
}

impl Attempts<'_> {
    fn last(&self) -> Option<Answered> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, answered: &Answered) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(answered.clone());
    }

    fn promoted(&self, how: PromotedHow, answered: Answered) -> Promoted {
        let replaced = self.before.filter(|_| how == PromotedHow::Promoted);
        Promoted { how, status: answered.status, text: answered.text, digest: self.wanted, replaced }
    }
}

/// A promotion that was answered with success, or was there, and is not to be seen.
fn vanished(target: String) -> Error {
    let missing = Error::ImageMissing { reference: target.clone() };
    Error::Unconfirmed { target, cause: Box::new(missing) }
}

/// Repeated is only what was read back as not done; what the request itself repeats (429) is not repeated here.
fn hint(error: &Error) -> Hint {
    match error {
        Error::NotWritten { .. } => Hint::Again,
        Error::PromotionRefused { status, .. } if may_be_there(*status) => error.hint(),
        _ => Hint::Stop,
    }
}
