//! `promote-artifacts`: the same digest, one repository further.

use std::path::PathBuf;

use futures_util::{StreamExt as _, stream};
use landfall_artifacts::{
    Class, Digest, EventKind, Explain as _, FileError, HttpStatus, ImageLock, LedgerItem, Mode, Problem,
    ProjectName, Promotion, PromotionLog, PromotionLogWriter, Tag, Versions,
};
use landfall_ledger::{Draft, FolderLedger};
use landfall_registry::{Artifactory, Error, PromoteRequest, Promoted, PromotedHow};
use landfall_run::{Event, Run};
use semver::Version;

use crate::{Finished, Item, Outcome, Output, Places, Refusal, Target};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Environment and release.
    pub target: Target,
    /// Where the files are.
    pub places: Places,
    /// The repository key that images are in.
    pub source_key: String,
    /// The repository key that they are to be in.
    pub target_key: String,
    /// The images' folder below the keys.
    pub namespace: String,
    /// What the promotion is called, such as `to-rc`.
    pub promotion_type: String,
    /// Where `promotion-log-<type>.json` goes.
    pub log: PathBuf,
    /// Promotions at a time.
    pub jobs: usize,
    /// Whether a tag at the target with other content may be replaced.
    pub overwrite: bool,
    /// Whether a promotion that failed fails the stage; without it the failure is logged, since the release already runs.
    pub strict: bool,
}

/// Promotes `<namespace>/<project>:<version>` from one repository key to the next for every project of `versions.json`, several at
/// a time; the digest at the source must be the lock's, and the digest at the target is read back.
///
/// Acts on: Artifactory. What is there already is left alone; the log on disk is whole after every entry.
///
/// # Errors
/// Bad files. What Artifactory says of single images is in the log and in the result.
pub async fn run(
    config: &Config,
    artifactory: &Artifactory,
    ledger: &FolderLedger,
    output: &Output,
    run: &Run,
) -> Outcome {
    let versions = Versions::read(&config.places.versions)?;
    let lock = match ImageLock::read(&config.places.lock) {
        Ok(lock) => Some(lock),
        Err(FileError::Missing { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let mut finished = Finished {
        release: Some(config.target.release_of(&versions)),
        lenient: !config.strict,
        ..Finished::default()
    };
    if lock.is_none() && !versions.is_empty() {
        let text = format!(
            "{} is not there: what is promoted is what the tags name now",
            config.places.lock.display()
        );
        finished.warnings.push(text);
    }
    let requests = requests(config, &versions, lock.as_ref())?;
    if output.is_dry_run() {
        return dry_run(config, artifactory, &requests, finished, output, run).await;
    }
    run.progress().event(Event::Phase {
        name: format!("promote from {} to {}", config.source_key, config.target_key),
        items: Some(requests.len() as u64),
    });
    let mut log = PromotionLogWriter::start(&config.log, run.clock().now())?;
    let work: Vec<_> = requests.iter().map(|request| one(artifactory, request, run)).collect();
    let mut ended = stream::iter(work).buffer_unordered(config.jobs.max(1));
    let mut promoted = Vec::new();
    let mut left = 0;
    while let Some((request, result)) = ended.next().await {
        let Some(result) = result else {
            left += 1;
            finished.items.push(Item::new(request.project.as_str(), "not-tried"));
            continue;
        };
        if let Err(error) = log.append(entry(request, &result, run)) {
            finished.problems.push(Problem::of(&error));
        }
        if let Ok(done) = &result {
            promoted.push(ledger_item(request, done.digest, config));
        }
        finished.items.push(item(request, &result));
    }
    drop(ended);
    finished.items.sort_by(|a, b| a.name.cmp(&b.name));
    finished.note_stop(run, left);
    let (log, file) = log.finish(run.clock().now())?;
    finished.files.push(file);
    record(config, ledger, promoted, &mut finished).await;
    conclude(config, &log, left, &mut finished);
    Ok(finished)
}

fn requests(
    config: &Config,
    versions: &Versions,
    lock: Option<&ImageLock>,
) -> Result<Vec<PromoteRequest>, Refusal> {
    let mut problems = Vec::new();
    let mut requests = Vec::new();
    for (project, entry) in &versions.projects {
        let tag: Tag = match entry.version.to_string().replace('+', "_").parse() {
            Ok(tag) => tag,
            Err(error) => {
                let error: landfall_artifacts::NameError = error;
                problems.push(Problem::new("LF-PROMOTE-TAG", Class::Input, error.to_string()));
                continue;
            }
        };
        requests.push(PromoteRequest {
            project: project.clone(),
            source_key: config.source_key.clone(),
            target_key: config.target_key.clone(),
            docker_repository: format!("{}/{project}", config.namespace),
            target_tag: tag.clone(),
            tag,
            expected: lock.and_then(|lock| expected(lock, project, &entry.version)),
            overwrite: config.overwrite,
            environment: config.target.environment.clone(),
            release: Some(config.target.release_of(versions)),
        });
    }
    if problems.is_empty() { Ok(requests) } else { Err(Refusal(problems)) }
}

/// What was deployed: the digest of the index, where the image was chosen from one, since that is what the tag names.
fn expected(lock: &ImageLock, project: &ProjectName, version: &Version) -> Option<Digest> {
    let image = lock.images.iter().find(|image| image.project == *project && image.version == *version)?;
    Some(image.source_index.unwrap_or(image.digest))
}

/// One promotion; `None` where the run was stopped before its turn.
async fn one<'a>(
    artifactory: &Artifactory,
    request: &'a PromoteRequest,
    run: &Run,
) -> (&'a PromoteRequest, Option<Result<Promoted, Error>>) {
    if run.stop().requested().is_some() {
        return (request, None);
    }
    let result = artifactory.promote(request, run).await;
    let said = match &result {
        Ok(done) if done.how == PromotedHow::Promoted => "promoted",
        Ok(_) => "there already",
        Err(_) => "not promoted",
    };
    let event = Event::Finished {
        item: format!("{}:{}", request.docker_repository, request.tag),
        result: said.to_owned(),
    };
    run.progress().event(event);
    (request, Some(result))
}

fn entry(request: &PromoteRequest, result: &Result<Promoted, Error>, run: &Run) -> Promotion {
    let version = request.tag.as_str().replacen('_', "+", 1);
    let promotion = Promotion {
        package: request.project.clone(),
        version: version.parse().unwrap_or_else(|_| Version::new(0, 0, 0)),
        http_status: HttpStatus(match result {
            // Nothing was asked for where the target was right already: what answered was the look at it.
            Ok(done) => done.status.unwrap_or(200),
            Err(error) => error.http_status().unwrap_or(0),
        }),
        timestamp: run.clock().now(),
        success: result.is_ok(),
        response: None,
    };
    match result {
        Ok(_) => promotion,
        Err(error) => promotion.with_response(&run.redactor().redact(&Problem::of(error).what)),
    }
}

fn item(request: &PromoteRequest, result: &Result<Promoted, Error>) -> Item {
    let target = format!("{}/{}:{}", request.target_key, request.docker_repository, request.target_tag);
    let name = request.project.as_str();
    let item = match result {
        Ok(done) if done.how == PromotedHow::Promoted => Item::new(name, "promoted").changed(),
        Ok(_) => Item::new(name, "unchanged"),
        Err(error) if error.class() == Class::Unknown => {
            Item::new(name, "unknown").failed(Problem::of(error))
        }
        Err(error) => Item::new(name, "failed").failed(Problem::of(error)),
    };
    let digest = result.as_ref().ok().map(|done| done.digest.to_string());
    item.with("target", target).with("digest", digest)
}

fn ledger_item(request: &PromoteRequest, digest: Digest, config: &Config) -> LedgerItem {
    LedgerItem {
        name: request.project.to_string(),
        project: Some(request.project.clone()),
        version: request.tag.as_str().replacen('_', "+", 1).parse().ok(),
        lambda: None,
        target: Some(format!("{}/{}:{}", config.target_key, request.docker_repository, request.target_tag)),
        digest: Some(digest),
        before: None,
    }
}

/// Records what was promoted now; a run that found everything promoted records nothing.
async fn record(config: &Config, ledger: &FolderLedger, promoted: Vec<LedgerItem>, finished: &mut Finished) {
    if !finished.items.iter().any(|item| item.changed) {
        return;
    }
    let draft = Draft {
        release: finished.release.clone(),
        environment: config.target.environment.clone(),
        items: promoted,
        reason: Some(format!("{}: {} to {}", config.promotion_type, config.source_key, config.target_key)),
        ..Draft::new(EventKind::Promotion)
    };
    for part in draft.in_parts(100) {
        if let Err(error) = ledger.append(part).await {
            finished.problems.push(Problem::of(&error));
        }
    }
}

fn conclude(config: &Config, log: &PromotionLog, left: usize, finished: &mut Finished) {
    for promotion in &log.promotions {
        let word = if promotion.success { "is in" } else { "is not in" };
        finished
            .lines
            .push(format!("{} {} {word} {}", promotion.package, promotion.version, config.target_key));
    }
    finished.lines.sort();
    finished.summary = format!("{} promoted, {} failed, {left} not tried", log.successful(), log.failed());
    if log.failed() == 0 {
        return;
    }
    let what = format!("{} of {} promotions failed", log.failed(), log.promotions.len());
    if config.strict {
        let remedy = "see the log for each; running again promotes what is left";
        finished.problems.push(Problem::new("LF-PROMOTE-PARTIAL", Class::Partial, what).with_remedy(remedy));
    } else {
        finished.warnings.push(format!(
            "{what}; the stage succeeds all the same, since the release already runs (--strict fails)"
        ));
    }
}

async fn dry_run(
    config: &Config,
    artifactory: &Artifactory,
    requests: &[PromoteRequest],
    mut finished: Finished,
    output: &Output,
    run: &Run,
) -> Outcome {
    run.progress()
        .event(Event::Phase { name: "look at all images".into(), items: Some(requests.len() as u64) });
    let mut planned = 0;
    let mut problems = Vec::new();
    for request in requests {
        let state = match artifactory.observe(request, run).await {
            Ok(state) => state,
            Err(error) => {
                problems.push(Problem::of(&error));
                continue;
            }
        };
        let outcome = match (state.source, state.target) {
            (Some(source), Some(target)) if source == target => "unchanged",
            (Some(_), None) => "planned",
            (Some(_), Some(_)) if config.overwrite => "planned",
            (None | Some(_), _) => "blocked",
        };
        planned += usize::from(outcome == "planned");
        finished.lines.push(format!("{}:{} {outcome}", request.docker_repository, request.tag));
        finished.items.push(Item::new(request.project.as_str(), outcome));
    }
    if !problems.is_empty() {
        return Err(Refusal(problems));
    }
    let log = PromotionLog { promotions: Vec::new(), completed_at: run.clock().now() };
    finished.files.push(output.write(&config.log, &log.to_bytes(), Mode::Shared)?);
    finished.summary =
        format!("{planned} of {} images would be promoted to {}", requests.len(), config.target_key);
    Ok(finished)
}
