//! Promotion by Artifactory itself, several images at a time.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt as _, stream};
use landfall_artifacts::{Class, Explain as _, Problem, ReleaseId};
use landfall_registry::{
    Artifactory, Error, PromoteRequest, Promoted, PromotedHow, PromotionState, PromotionStep,
};
use landfall_run::{Event, Run};
use tokio::time::Instant;

use super::asked::Asked;
use super::layers::Layers;
use super::record::{Ended, How, Record};
use super::{Config, Way};

/// An image and how its promotion is asked for.
pub(super) type Request<'a> = (&'a Asked, PromoteRequest);

pub(super) fn requests<'a>(
    config: &Config,
    way: &Way,
    images: &'a [Asked],
    release: &ReleaseId,
) -> Vec<Request<'a>> {
    let Way::Api { source_key, target_key, namespace, .. } = way else { return Vec::new() };
    let request = |asked: &'a Asked| {
        let request = PromoteRequest {
            project: asked.project.clone(),
            source_key: source_key.clone(),
            target_key: target_key.clone(),
            docker_repository: format!("{namespace}/{}", asked.project),
            tag: asked.tag.clone(),
            target_tag: asked.tag.clone(),
            expected: asked.expected,
            overwrite: config.overwrite,
            environment: config.target.environment.clone(),
            release: Some(release.clone()),
        };
        (asked, request)
    };
    images.iter().map(request).collect()
}

/// Promotes all images, or looks at them where the record is of a dry run.
pub(super) async fn promote(
    artifactory: &Artifactory,
    requests: &[Request<'_>],
    jobs: usize,
    record: &mut Record<'_>,
    run: &Run,
) {
    let foretell = record.is_foretold();
    if foretell && let Some((_, first)) = requests.first() {
        // Nothing is asked of the promotion itself, so that it cannot say what is wrong with a key.
        let keys = artifactory.unfit_keys(&[&first.source_key, &first.target_key], run).await;
        if !keys.is_empty() {
            record.problem(Problem::of(&Error::PromotionKeys { keys, refused: None }));
        }
    }
    let batch = Batch {
        artifactory,
        layers: Layers::new(artifactory, run),
        foretell,
        hopeless: AtomicBool::new(false),
        run,
    };
    let work: Vec<_> =
        requests.iter().enumerate().map(|(at, (_, request))| numbered(at, batch.one(request))).collect();
    let mut ended = stream::iter(work).buffer_unordered(jobs.max(1));
    while let Some((at, ended)) = ended.next().await {
        let Some((asked, request)) = requests.get(at) else { continue };
        match ended {
            Some(ended) => record.ended(asked, ended),
            None => record.not_tried(asked, request.target()),
        }
    }
    if let Some(warning) = batch.layers.warning(foretell) {
        record.warn(warning);
    }
}

async fn numbered<T>(at: usize, work: impl Future<Output = T>) -> (usize, T) {
    (at, work.await)
}

/// What all promotions of a run share.
struct Batch<'a> {
    artifactory: &'a Artifactory,
    layers: Layers<'a>,
    foretell: bool,
    /// Whether one failed for what the others would fail for too.
    hopeless: AtomicBool,
    run: &'a Run,
}

impl Batch<'_> {
    /// One promotion; `None` where the run was stopped before its turn, or there is no hope for any.
    async fn one(&self, request: &PromoteRequest) -> Option<Ended> {
        if self.run.stop().requested().is_some() || self.hopeless.load(Ordering::SeqCst) {
            return None;
        }
        let begun = Instant::now();
        let ended = |state: Option<PromotionState>, how| Ended {
            source: request.source(),
            target: request.target(),
            source_digest: state.and_then(|state| state.source),
            bytes: 0,
            took: begun.elapsed(),
            how,
        };
        let state = match self.artifactory.observe(request, self.run).await {
            Ok(state) => state,
            Err(error) => return Some(ended(None, self.failed(&error))),
        };
        let step = request.step(state);
        if let Ok(PromotionStep::Promote { replaces: Some(_), .. }) = step {
            self.layers.overwriting(&request.target()).await;
        }
        if self.foretell {
            return Some(ended(Some(state), foretold(step)));
        }
        let how = match self.artifactory.promote_from(request, state, self.run).await {
            Ok(done) => how(&done),
            Err(error) => self.failed(&error),
        };
        let item = format!("{}:{}", request.docker_repository, request.tag);
        self.run.progress().event(Event::Finished { item, result: how.said().to_owned() });
        Some(ended(Some(state), how))
    }

    fn failed(&self, error: &Error) -> How {
        if concerns_all(error) {
            self.hopeless.store(true, Ordering::SeqCst);
        }
        How::failed(explained(error), error.http_status())
    }
}

/// Whether all others would fail for it too. A login that is refused again and again locks its account.
fn concerns_all(error: &Error) -> bool {
    match error {
        Error::NoLogin { .. }
        | Error::LoginRefused { .. }
        | Error::LoginExpired { .. }
        | Error::LoginKind { .. }
        | Error::Challenge { .. }
        | Error::Journal { .. }
        | Error::PromotionSamePlace { .. }
        | Error::PromotionKeys { .. } => true,
        Error::PromotionRefused { status, .. } => *status == 401,
        _ => false,
    }
}

fn how(done: &Promoted) -> How {
    let (digest, status) = (done.digest, done.status.unwrap_or(200));
    match done.how {
        PromotedHow::Promoted => How::Promoted { digest, replaced: done.replaced, status },
        // Where nothing was asked for, what answered was the look at the target.
        PromotedHow::Already => How::Already { digest },
    }
}

fn foretold(step: Result<PromotionStep, Error>) -> How {
    match step {
        Ok(PromotionStep::Already(digest)) => How::Already { digest },
        Ok(PromotionStep::Promote { digest, replaces }) => How::Planned { digest, replaces },
        // Nothing was tried: it is a check that says no, whatever the same thing means half-way.
        Err(error) => {
            How::failed(Problem { class: Class::Refused, ..explained(&error) }, error.http_status())
        }
    }
}

/// The problem, with a remedy for this stage, whose login is in variables of its own.
fn explained(error: &Error) -> Problem {
    let problem = Problem::of(error);
    match error.code() {
        "LF-REG-AUTH" | "LF-REG-NO-LOGIN" | "LF-REG-EXPIRED" | "LF-REG-LOGIN-KIND" => problem.with_remedy(
            "renew ARTIFACTORY_USER and ARTIFACTORY_PASS, or ARTIFACTORY_TOKEN, then run again",
        ),
        "LF-REG-DENIED" => problem.with_remedy(
            "give the account of ARTIFACTORY_USER (or ARTIFACTORY_TOKEN) read on the source; read, annotate and deploy on the target, and delete where tags are overwritten",
        ),
        _ => problem,
    }
}
