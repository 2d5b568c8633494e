//! `rollback-lambda`: puts every function back to what ran before a deployment, and proves it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use landfall_artifacts::{
    Class, DeployOutcome, DeployReport, DeployedFunction, Digest, EventKind, LambdaName, LedgerItem, Mode,
    Platform, Problem, Repository,
};
use landfall_lambda_deploy::{
    AliasBefore, ApplyOptions, Archive, Code, Desired, Error, Function, FunctionResult, LambdaClient,
    Observed, Outcome as Ended, PutBack, observe, put_back,
};
use landfall_ledger::{Draft, FolderLedger};
use landfall_registry::EcrClient;
use landfall_run::{Event, Run};
use landfall_s3_sync::ReleaseStore;

use crate::table::table;
use crate::{Finished, Item, Outcome, Output, Refusal, Target};

/// How many functions are looked at side by side.
const LOOKS_AT_ONCE: usize = 50;
/// Items of one event; a larger rollback is recorded in several.
const ITEMS_OF_AN_EVENT: usize = 100;

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Environment and release.
    pub target: Target,
    /// The deployment's `deploy-report.json`.
    pub deployment: PathBuf,
    /// `rollback-report.json`, of the same shape.
    pub report: PathBuf,
    /// How the rollback is carried out.
    pub options: ApplyOptions,
}

/// Where what ran before is looked for, before anything is changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept<'a> {
    /// ECR, unless it is not to be asked.
    pub ecr: Option<&'a EcrClient>,
    /// The store of releases, for functions of archives.
    pub store: Option<&'a ReleaseStore>,
}

/// Input: the report of a deployment. Acts on: the functions that it changed, and their alias: first the alias, so that calls reach
/// what they reached before, then the code; both are read back. Repeating it changes nothing.
///
/// `rollback-report.json` is written before the first change, with what runs then, and after the last.
///
/// # Errors
/// A bad report, one of another environment, functions that are not there, and code that is gone from ECR or the store: all at
/// once, before anything is changed.
pub async fn run(
    config: &Config,
    client: &LambdaClient,
    kept: Kept<'_>,
    ledger: &FolderLedger,
    output: &Output,
    run: &Run,
) -> Outcome {
    let deployment = DeployReport::read(&config.deployment)?;
    of_this_environment(config, &deployment)?;
    let changed: Vec<&DeployedFunction> =
        deployment.functions.iter().filter(|one| was_changed(one)).collect();
    let release = deployment.release.clone();
    if changed.is_empty() {
        let mut finished = Finished::new("nothing to roll back: the deployment changed no function");
        finished.release = release;
        return Ok(finished);
    }
    let phase = Event::Phase { name: "look at the functions".into(), items: Some(changed.len() as u64) };
    run.progress().event(phase);
    let names: Vec<LambdaName> = changed.iter().map(|one| one.name.clone()).collect();
    let observed = observe(client, &names, None, LOOKS_AT_ONCE, run).await;
    let archives = archives(&changed, kept.store, run).await?;
    let (work, mut problems) = plan(config, &changed, &observed, &archives);
    if let Some(ecr) = kept.ecr {
        problems.extend(gone(&work, ecr, run).await?);
    }
    if !problems.is_empty() {
        return Err(Refusal(problems));
    }
    if output.is_dry_run() {
        let mut finished = foretell(&work, &observed);
        finished.release = release;
        return Ok(finished);
    }
    let planned: Vec<DeployedFunction> = changed.iter().map(|one| planned(one)).collect();
    let report = |functions| DeployReport {
        release: release.clone(),
        environment: config.target.environment.clone(),
        functions,
    };
    output.write(&config.report, &report(planned).to_bytes(), Mode::Shared)?;

    run.progress().event(Event::Phase { name: "roll back".into(), items: Some(work.len() as u64) });
    let options = ApplyOptions { release: release.clone(), ..config.options.clone() };
    let results = put_back(&work, client, run, &options).await;

    let mut finished = finish(&results, &observed, run);
    finished.release.clone_from(&release);
    let done = results.iter().zip(&observed).map(|(result, seen)| deployed(result, seen)).collect();
    match output.write(&config.report, &report(done).to_bytes(), Mode::Shared) {
        Ok(file) => finished.files.push(file),
        Err(error) => finished.problems.push(Problem::of(&error)),
    }
    if let Err(problem) = record(config, &results, ledger, &deployment).await {
        finished.problems.push(*problem);
    }
    Ok(finished)
}

/// A report names the environment that it is of; a rollback elsewhere would put one environment's code into another.
fn of_this_environment(config: &Config, deployment: &DeployReport) -> Result<(), Refusal> {
    match (&deployment.environment, &config.target.environment) {
        (Some(theirs), Some(ours)) if theirs != ours => Err(Refusal::one(
            Problem::new(
                "LF-ROLLBACK-ENVIRONMENT",
                Class::Input,
                format!("{} is of environment {theirs}, not {ours}", config.deployment.display()),
            )
            .with_remedy("run this stage in the same environment as deploy-lambda"),
        )),
        _ => Ok(()),
    }
}

/// Whether the deployment changed the function, or may have.
fn was_changed(one: &DeployedFunction) -> bool {
    match one.outcome {
        DeployOutcome::Updated | DeployOutcome::Unknown => true,
        // A run that was killed leaves its plan: whether it came to the function is seen by looking.
        DeployOutcome::Planned => one.after.is_none(),
        DeployOutcome::Failed => match (&one.before, &one.after) {
            (Some(before), Some(after)) => {
                before.code_sha256 != after.code_sha256 || before.alias != after.alias
            }
            _ => false,
        },
        DeployOutcome::Unchanged | DeployOutcome::RolledBack => false,
    }
}

/// Archives by digest, as far as they are in the store.
async fn archives(
    changed: &[&DeployedFunction],
    store: Option<&ReleaseStore>,
    run: &Run,
) -> Result<BTreeMap<Digest, Archive>, Refusal> {
    let Some(store) = store else { return Ok(BTreeMap::new()) };
    let digests = changed.iter().filter_map(|one| archive_digest(one));
    let found = store.find(&digests.collect::<BTreeSet<_>>(), run).await?;
    let archive = |(digest, artifact): (Digest, landfall_artifacts::ReleaseArtifact)| {
        let (bucket, key) = (store.bucket().to_string(), artifact.key.to_string());
        (digest, Archive { bucket, key, digest })
    };
    Ok(found.into_iter().map(archive).collect())
}

fn archive_digest(one: &DeployedFunction) -> Option<Digest> {
    let before = one.before.as_ref().filter(|before| before.image.is_none())?;
    let sha256: landfall_artifacts::CodeSha256 = before.code_sha256.as_deref()?.parse().ok()?;
    Some(sha256.digest())
}

/// What each function is to run again, and what stands in the way.
fn plan(
    config: &Config,
    changed: &[&DeployedFunction],
    observed: &[Observed],
    archives: &BTreeMap<Digest, Archive>,
) -> (Vec<PutBack>, Vec<Problem>) {
    let (mut work, mut problems) = (Vec::new(), Vec::new());
    for (one, seen) in changed.iter().zip(observed) {
        let function = match &seen.seen {
            Ok(function) => function,
            Err(problem) => {
                problems.push(problem.clone());
                continue;
            }
        };
        let code = match code_before(one, function, archives) {
            Ok(code) => code,
            Err(error) => {
                problems.push(Problem::of(&error));
                continue;
            }
        };
        work.push(PutBack {
            desired: Desired {
                function: one.name.clone(),
                project: None,
                version: None,
                code,
                environment: config.target.environment.clone(),
                shard: None,
            },
            alias: alias_before(one),
        });
    }
    (work, problems)
}

fn code_before(
    one: &DeployedFunction,
    function: &Function,
    archives: &BTreeMap<Digest, Archive>,
) -> Result<Code, Error> {
    let nothing = || Error::NothingBefore { function: one.name.clone() };
    let before = one.before.as_ref().ok_or_else(nothing)?;
    if let Some(image) = &before.image {
        let is_arm = function.architectures.first().is_some_and(|name| name == "arm64");
        let platform = if is_arm { Platform::LinuxArm64 } else { Platform::LinuxAmd64 };
        return Ok(Code::Image { image: image.clone(), platform });
    }
    let digest = archive_digest(one).ok_or_else(nothing)?;
    let gone = || Error::Gone { function: one.name.clone(), digest };
    archives.get(&digest).cloned().map(Code::Archive).ok_or_else(gone)
}

fn alias_before(one: &DeployedFunction) -> Option<AliasBefore> {
    let before = one.before.as_ref().and_then(|before| before.alias.clone());
    let after = one.after.as_ref().and_then(|after| after.alias.clone());
    match (before, after) {
        (Some(alias), _) => Some(AliasBefore::Pointed(alias.name.parse().ok()?, alias)),
        (None, Some(made)) => Some(AliasBefore::Absent(made.name.parse().ok()?)),
        (None, None) => None,
    }
}

/// Images that ECR has no more.
async fn gone(work: &[PutBack], ecr: &EcrClient, run: &Run) -> Result<Vec<Problem>, Refusal> {
    let mut wanted: BTreeMap<&Repository, BTreeMap<Digest, &LambdaName>> = BTreeMap::new();
    for one in work {
        if let Code::Image { image, .. } = &one.desired.code {
            wanted.entry(image.repository()).or_default().insert(image.digest(), &one.desired.function);
        }
    }
    let mut problems = Vec::new();
    for (repository, images) in wanted {
        let digests: Vec<Digest> = images.keys().copied().collect();
        let there = ecr.available_images(repository.path(), &digests, run).await?;
        for (digest, function) in images.into_iter().filter(|(digest, _)| !there.contains(digest)) {
            let what = format!("what {function} ran before is gone from ECR: {repository}@{digest}");
            problems.push(Problem::new("LF-ROLLBACK-GONE", Class::Refused, what).with_remedy(
                "copy the image again from the registry that it came from, or deploy a named release; see docs/access.md for a lifecycle rule that keeps it",
            ));
        }
    }
    Ok(problems)
}

fn now(seen: &Observed) -> Option<Digest> {
    seen.seen.as_ref().ok().and_then(Function::digest)
}

fn foretell(work: &[PutBack], observed: &[Observed]) -> Finished {
    let mut finished = Finished::default();
    let mut rows = vec![["function", "runs", "would run"].map(str::to_owned)];
    let mut changes = 0;
    for (one, seen) in work.iter().zip(observed) {
        let (name, before) = (one.desired.function.as_str(), one.desired.code.digest());
        let runs = now(seen);
        let is_there = runs == Some(before);
        changes += usize::from(!is_there);
        let outcome = if is_there { "unchanged" } else { "planned" };
        finished.items.push(Item::new(name, outcome).with("digest", before.to_string()).with("keep", true));
        rows.push([name.to_owned(), runs.map_or_else(|| "-".to_owned(), |now| now.short()), before.short()]);
    }
    finished.lines = table(&rows, 0);
    finished.lines.extend(keep(work.iter().map(|one| &one.desired.code)));
    finished.summary = format!("{changes} of {} functions would be put back", work.len());
    finished
}

/// What clean-up must keep: without it there is nothing to go back to.
fn keep<'a>(codes: impl Iterator<Item = &'a Code>) -> Vec<String> {
    let codes: BTreeSet<String> = codes.map(ToString::to_string).collect();
    codes.into_iter().map(|code| format!("keep {code}")).collect()
}

/// The entry of a function before anything was changed.
fn planned(one: &DeployedFunction) -> DeployedFunction {
    DeployedFunction {
        before: one.after.clone(),
        after: None,
        outcome: DeployOutcome::Planned,
        reason: None,
        seconds: 0.0,
        calls: BTreeMap::new(),
        ..one.clone()
    }
}

/// The entry of a function afterwards, with what was seen before.
fn deployed(result: &FunctionResult, seen: &Observed) -> DeployedFunction {
    let before = FunctionResult { before: seen.seen.clone().ok(), ..result.clone() };
    before.deployed()
}

fn finish(results: &[FunctionResult], observed: &[Observed], run: &Run) -> Finished {
    let mut finished = Finished::default();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut rows = vec![["function", "from", "to", "state", "seconds"].map(str::to_owned)];
    for (result, seen) in results.iter().zip(observed) {
        let name = result.desired.function.as_str();
        let digest = result.desired.code.digest();
        let word = match result.outcome {
            Ended::RolledBack | Ended::Updated => "rolled-back",
            Ended::Unchanged => "unchanged",
            Ended::Failed => "failed",
            Ended::Unknown => "unknown",
            Ended::NotAttempted => "not-tried",
        };
        *counts.entry(word).or_default() += 1;
        let mut item = Item::new(name, word).with("digest", digest.to_string()).with("keep", true);
        item.changed = matches!(result.outcome, Ended::RolledBack | Ended::Updated);
        item.duration_ms = u64::try_from(result.took.as_millis()).unwrap_or(u64::MAX);
        item.problem.clone_from(&result.problem);
        finished.items.push(item);
        let from = now(seen).map_or_else(|| "-".to_owned(), |digest| digest.short());
        let seconds = format!("{:.1}", result.took.as_secs_f64());
        rows.push([name.to_owned(), from, digest.short(), word.to_owned(), seconds]);
    }
    finished.lines = table(&rows, 1);
    finished.lines.extend(keep(results.iter().map(|result| &result.desired.code)));
    let count = |word| counts.get(word).copied().unwrap_or_default();
    let left = count("not-tried");
    finished.note_stop(run, left);
    finished.summary = format!(
        "{} rolled back, {} unchanged, {} failed, {} unknown, {left} not tried",
        count("rolled-back"),
        count("unchanged"),
        count("failed"),
        count("unknown"),
    );
    finished
}

/// The ledger's word for what was put back.
async fn record(
    config: &Config,
    results: &[FunctionResult],
    ledger: &FolderLedger,
    deployment: &DeployReport,
) -> Result<(), Box<Problem>> {
    let items: Vec<LedgerItem> = results
        .iter()
        .filter(|result| matches!(result.outcome, Ended::RolledBack | Ended::Updated))
        .map(|result| LedgerItem {
            name: result.desired.function.to_string(),
            project: None,
            version: None,
            lambda: Some(result.desired.function.clone()),
            target: Some(result.desired.code.to_string()),
            digest: Some(result.desired.code.digest()),
            before: None,
        })
        .collect();
    if items.is_empty() {
        return Ok(());
    }
    let draft = Draft {
        release: deployment.release.clone(),
        environment: config.target.environment.clone(),
        items,
        ..Draft::new(EventKind::Rollback)
    };
    for part in draft.in_parts(ITEMS_OF_AN_EVENT) {
        ledger.append(part).await.map_err(|error| Box::new(Problem::of(&error)))?;
    }
    Ok(())
}
