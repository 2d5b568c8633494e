//! `promote-artifacts`: the same digest, one repository further.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use landfall_artifacts::{
    Class, Digest, EffectResult, EventKind, Explain as _, FileError, HttpStatus, ImageLock, LedgerEvent,
    LedgerItem, LockedImage, Mode, Problem, ProjectName, Promotion, PromotionLog, PromotionLogWriter,
    ReleaseId, Tag, Versions,
};
use landfall_ledger::{Draft, FolderLedger};
use landfall_registry::{Artifactory, Error, PromoteRequest, Promoted, PromotedHow, PromotionState};
use landfall_run::{Event, Run};
use semver::Version;
use tokio::time::Instant;

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
    /// Whether a promotion that failed fails the stage; without it the failure is logged, since the release already runs. Where
    /// none succeeded the stage fails in any case.
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
    let mut finished = Finished { release: Some(config.target.release_of(&versions)), ..Finished::default() };
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
    let mut there = Vec::new();
    let mut left = 0;
    while let Some((request, result)) = ended.next().await {
        let Some((result, took)) = result else {
            left += 1;
            finished.items.push(Item::new(request.project.as_str(), "not-tried"));
            continue;
        };
        // The entry is kept all the same: what the end says of the file decides.
        let _ = log.append(entry(request, &result, run));
        if let Ok(done) = &result {
            there.push(ledger_item(request, done.digest, lock.as_ref()));
        }
        finished.items.push(item(request, &result, took));
    }
    drop(ended);
    finished.items.sort_by(|a, b| a.name.cmp(&b.name));
    finished.note_stop(run, left);
    let promotions = log.log().promotions.clone();
    match log.finish(run.clock().now()) {
        Ok((_, file)) => finished.files.push(file),
        Err(error) => finished.problems.push(Problem::of(&error)),
    }
    record(config, ledger, there, &mut finished).await;
    conclude(config, &promotions, &mut finished);
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
) -> (&'a PromoteRequest, Option<(Result<Promoted, Error>, Duration)>) {
    if run.stop().requested().is_some() {
        return (request, None);
    }
    let begun = Instant::now();
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
    (request, Some((result, begun.elapsed())))
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

fn item(request: &PromoteRequest, result: &Result<Promoted, Error>, took: Duration) -> Item {
    let name = request.project.as_str();
    let item = match result {
        Ok(done) if done.how == PromotedHow::Promoted => Item::new(name, "promoted").changed(),
        Ok(_) => Item::new(name, "unchanged"),
        Err(error) if error.class() == Class::Unknown => Item::new(name, "unknown").failed(explained(error)),
        Err(error) => Item::new(name, "failed").failed(explained(error)),
    };
    let digest = result.as_ref().ok().map(|done| done.digest.to_string());
    Item { duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX), ..item }
        .with("target", target(request))
        .with("digest", digest)
}

/// The problem, with a remedy for this stage, whose login is in variables of its own.
fn explained(error: &Error) -> Problem {
    let problem = Problem::of(error);
    match problem.code.as_str() {
        "LF-REG-AUTH" | "LF-REG-NO-LOGIN" | "LF-REG-EXPIRED" | "LF-REG-LOGIN-KIND" => problem.with_remedy(
            "renew ARTIFACTORY_USER and ARTIFACTORY_PASS, or ARTIFACTORY_TOKEN, then run again",
        ),
        "LF-REG-DENIED" => problem.with_remedy(
            "give the account of ARTIFACTORY_USER (or ARTIFACTORY_TOKEN) read and annotate on the source, deploy and delete on the target",
        ),
        _ => problem,
    }
}

/// The content is recorded as deployments record it: by the digest of the image, also where the tag names an index that it was
/// chosen from, whose digest then stands behind the target.
fn ledger_item(request: &PromoteRequest, digest: Digest, lock: Option<&ImageLock>) -> LedgerItem {
    let chosen = lock.and_then(|lock| {
        let is_it = |image: &&LockedImage| {
            image.project == request.project && image.source_index == Some(digest) && image.digest != digest
        };
        lock.images.iter().find(is_it)
    });
    LedgerItem {
        name: request.project.to_string(),
        project: Some(request.project.clone()),
        version: request.tag.as_str().replacen('_', "+", 1).parse().ok(),
        lambda: None,
        target: Some(match chosen {
            Some(_) => format!("{}@{digest}", target(request)),
            None => target(request),
        }),
        digest: Some(chosen.map_or(digest, |image| image.digest)),
        before: None,
    }
}

/// Records what is at the target, unless the ledger says so already: so also what an earlier run promoted and could not record.
async fn record(config: &Config, ledger: &FolderLedger, there: Vec<LedgerItem>, finished: &mut Finished) {
    if there.is_empty() {
        return;
    }
    let events = match ledger.events() {
        Ok(events) => events,
        Err(error) => return finished.problems.push(Problem::of(&error)),
    };
    let release = finished.release.as_ref();
    let news: Vec<LedgerItem> =
        there.into_iter().filter(|item| !is_recorded(&events, release, item)).collect();
    if news.is_empty() {
        return;
    }
    let draft = Draft {
        release: finished.release.clone(),
        environment: config.target.environment.clone(),
        items: news,
        reason: Some(format!("{}: {} to {}", config.promotion_type, config.source_key, config.target_key)),
        ..Draft::new(EventKind::Promotion)
    };
    for part in draft.in_parts(100) {
        if let Err(error) = ledger.append(part).await {
            finished.problems.push(Problem::of(&error));
        }
    }
}

/// Whether a promotion of this release that put this content there is on record.
fn is_recorded(events: &[LedgerEvent], release: Option<&ReleaseId>, item: &LedgerItem) -> bool {
    let told = |event: &&LedgerEvent| {
        event.kind == EventKind::Promotion
            && event.outcome.is_none_or(|outcome| outcome == EffectResult::Done)
            && event.release.as_ref() == release
    };
    let same = |known: &LedgerItem| {
        (&known.name, &known.target, known.digest) == (&item.name, &item.target, item.digest)
    };
    events.iter().filter(told).any(|event| event.items.iter().any(same))
}

fn conclude(config: &Config, promotions: &[Promotion], finished: &mut Finished) {
    for promotion in promotions {
        let word = if promotion.success { "is in" } else { "is not in" };
        finished
            .lines
            .push(format!("{} {} {word} {}", promotion.package, promotion.version, config.target_key));
    }
    finished.lines.sort();
    let count = |word: &str| finished.items.iter().filter(|item| item.outcome == word).count();
    let (promoted, already, unknown) = (count("promoted"), count("unchanged"), count("unknown"));
    finished.summary = format!(
        "{promoted} promoted, {already} already there, {} failed, {unknown} unknown, {} not tried",
        count("failed"),
        count("not-tried")
    );
    let failed = count("failed") + unknown;
    // Where nothing came through there is nothing to be lenient about: the problems themselves say how the stage ended.
    if failed == 0 || promoted + already == 0 {
        return;
    }
    let what = format!("{failed} of {} promotions failed", promotions.len());
    if config.strict {
        let remedy = "see the log for each; running again promotes what is left";
        finished.problems.push(Problem::new("LF-PROMOTE-PARTIAL", Class::Partial, what).with_remedy(remedy));
        return;
    }
    finished.lenient = true;
    let problems: Vec<String> = finished
        .items
        .iter()
        .filter_map(|item| Some(in_one_line(&item.name, item.problem.as_ref()?)))
        .collect();
    finished.warnings.extend(problems);
    finished.warnings.push(format!(
        "{what}; the stage succeeds all the same, since the release already runs (--strict fails)"
    ));
}

fn in_one_line(name: &str, problem: &Problem) -> String {
    let remedy = problem.remedy.as_deref().map(|remedy| format!("; next: {remedy}")).unwrap_or_default();
    let why: Vec<&str> = std::iter::once(&problem.what).chain(&problem.cause).map(String::as_str).collect();
    format!("{} {name}: {}{remedy}", problem.code, why.join(": ")).replace('\n', " ")
}

/// What the promotion would come to, or what it would be refused for.
fn foretold(request: &PromoteRequest, state: PromotionState) -> Result<&'static str, Error> {
    let what = format!("{}:{}", request.docker_repository, request.tag);
    let source_key = request.source_key.clone();
    let Some(wanted) = state.source else { return Err(Error::PromotionSource { what, source_key }) };
    if let Some(expected) = request.expected.filter(|expected| *expected != wanted) {
        return Err(Error::PromotionContent { what, source_key, expected, actual: wanted });
    }
    match state.target {
        Some(held) if held == wanted => Ok("unchanged"),
        Some(held) if !request.overwrite => Err(Error::TagTaken { target: target(request), held, wanted }),
        Some(_) | None => Ok("planned"),
    }
}

fn target(request: &PromoteRequest) -> String {
    format!("{}/{}:{}", request.target_key, request.docker_repository, request.target_tag)
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
        let outcome = match artifactory.observe(request, run).await {
            Err(error) => Err(explained(&error)),
            Ok(state) => foretold(request, state).map_err(|error| Problem {
                // Nothing was tried: it is a check that says no, whatever the same thing means half-way.
                class: Class::Refused,
                ..explained(&error)
            }),
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
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
