//! `deploy-lambda --like`: what one environment runs, deployed to another, as to the second region for disaster recovery.

mod archives;
mod example;
mod images;

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{Class, Digest, LambdaName, Problem};
use landfall_lambda_deploy::{Check, Code, Desired, LambdaClient, observe};
use landfall_ledger::Ledger;
use landfall_ledger::gate::Content;
use landfall_registry::{EcrClient, Registries};
use landfall_run::{Event, Run};
use landfall_s3_sync::ReleaseStore;

use super::{Config, Job, LOOKS_AT_ONCE, part};
use crate::{Finished, Item, Outcome, Output, Recorded, Refusal};
use archives::Archives;
use example::One;
pub use example::{Example, Like, example};
use images::Images;

/// What is spoken to besides Lambda in the environment that is deployed to.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// Lambda where the example runs; `None` where the ledger's word is enough.
    pub there: Option<&'a LambdaClient>,
    /// The registries that images are in and go to.
    pub registries: &'a Registries,
    /// ECR's API where they go, which tells what is there by digest; the registry is asked where there is none.
    pub ecr: Option<&'a EcrClient>,
    /// The store of releases that the example has.
    pub store_there: Option<&'a ReleaseStore>,
    /// The store of releases here.
    pub store: Option<&'a ReleaseStore>,
    /// What is told where the deployment fails.
    pub ledger: &'a Ledger,
}

/// Input: the ledger, which knows what the example runs. Acts on: images and archives that are missing here, which are copied first, and then the
/// functions of the environment as [`super::run`] does. Functions that the example does not have are left alone. Repeating it changes nothing.
///
/// # Errors
/// A function of the example that runs something else than the ledger says, content that is neither here nor there, and whatever stands in
/// the way of any function here: all at once, before anything is copied or changed.
pub async fn run_like(
    config: &Config,
    example: &Example,
    client: &LambdaClient,
    parts: Parts<'_>,
    check: Option<&Check<'_>>,
    output: &Output,
    run: &Run,
) -> Outcome {
    let mut problems = Vec::new();
    let gone = match parts.there {
        Some(there) => drift(example, there, &mut problems, run).await,
        None => BTreeSet::new(),
    };
    let wanted: Vec<&One> = example
        .functions
        .iter()
        .enumerate()
        .filter(|(position, _)| config.shard.is_none_or(|shard| shard.takes(*position)))
        .map(|(_, one)| one)
        .filter(|one| !gone.contains(&one.there))
        .collect();
    let images = Images::look(config, example, &wanted, parts, &mut problems, run).await?;
    let archives = Archives::look(config, example, &wanted, parts, &mut problems, run).await?;
    let desired = desired(config, &wanted, &images, &archives);
    let content = |one: &One| Content {
        project: one.project.clone(),
        version: one.version.clone(),
        digest: one.code.digest(),
    };
    let contents = example.functions.iter().filter(|one| !gone.contains(&one.there)).map(content).collect();
    let job = Job {
        config,
        client,
        check,
        release: example.release.clone(),
        contents,
        ledger: parts.ledger,
        output,
        run,
    };
    let looked = job.look(&desired, archives.stored(parts).as_ref()).await?;
    problems.extend(looked.plan.problems().cloned());
    problems.extend(job.missing(&looked.plan).await?);
    if !problems.is_empty() && !output.is_dry_run() {
        return Err(Refusal(problems));
    }
    if output.is_dry_run() {
        let mut finished = job.dry_run(&looked.plan, looked.earlier.as_ref(), looked.left_out, problems)?;
        finished.lines.extend(images.foretold());
        finished.lines.extend(archives.foretold(parts));
        return Ok(finished);
    }
    // Whatever could still be refused is found before anything is copied.
    let kept = match parts.store {
        Some(store) => super::archives::kept(&looked.plan, store, config, run).await?,
        None => BTreeMap::new(),
    };
    let mut brought = images.bring(parts.registries, run).await;
    if brought.problems.is_empty() && brought.items.iter().all(|item| item.problem.is_none()) {
        archives.bring(parts, &mut brought, run).await;
    }
    let is_here = brought.problems.is_empty() && brought.items.iter().all(|item| item.problem.is_none());
    if !is_here || run.stop().requested().is_some() {
        brought.note_stop(run, wanted.len());
        brought.release = Some(example.release.clone());
        "no function was changed: not everything that they are to run is here"
            .clone_into(&mut brought.summary);
        return Ok(brought);
    }
    let mut finished = match job.carry_out(looked, Vec::new(), kept).await {
        Ok(finished) => finished,
        // What was copied is said all the same.
        Err(Refusal(problems)) => Finished { problems, ..Finished::default() },
    };
    finished.items.splice(0..0, brought.items);
    finished.lines.splice(0..0, brought.lines);
    Ok(finished)
}

/// Adds functions of the example that run something else than the ledger says to `problems`, and returns those that are not there
/// any more. What cannot be looked at is said: the region of the example may be the one that is lost.
async fn drift(
    example: &Example,
    there: &LambdaClient,
    problems: &mut Vec<Problem>,
    run: &Run,
) -> BTreeSet<LambdaName> {
    let name = format!("look at {}", example.environment);
    run.progress().event(Event::Phase { name, items: Some(example.functions.len() as u64) });
    let names: Vec<LambdaName> = example.functions.iter().map(|one| one.there.clone()).collect();
    let observed = observe(there, &names, None, LOOKS_AT_ONCE, run).await;
    let (mut gone, mut unseen) = (BTreeSet::new(), 0);
    for (one, observed) in example.functions.iter().zip(observed) {
        let function = match observed.seen {
            Ok(function) => function,
            Err(problem) if problem.code == "LF-LAMBDA-MISSING" => {
                let text = format!("{} is no longer in {}: it is left out", one.there, example.environment);
                run.progress().event(Event::Warning(text));
                gone.insert(one.there.clone());
                continue;
            }
            Err(problem) if matches!(problem.class, Class::Transient | Class::Unknown) => {
                unseen += 1;
                continue;
            }
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let runs = function.digest();
        if runs == Some(one.code.digest()) {
            continue;
        }
        let shown = runs.map_or_else(|| "unknown content".to_owned(), |digest| digest.short());
        let what = format!(
            "{} runs {shown} in {}, and the ledger says {}",
            one.there,
            example.environment,
            one.code.digest().short()
        );
        problems.push(Problem::new("LF-LIKE-DRIFT", Class::Refused, what).with_remedy(
            "record what was deployed there (update-version-dashboard), or deploy there again what the ledger says; \
             --skip-verify goes by the ledger alone",
        ));
    }
    if unseen > 0 {
        let text = format!(
            "{unseen} of {} functions of {} could not be looked at: the ledger's word is taken for what they run",
            example.functions.len(),
            example.environment
        );
        run.progress().event(Event::Warning(text));
    }
    gone
}

/// What is wanted: each function with its content here, as far as that is known.
fn desired(config: &Config, wanted: &[&One], images: &Images, archives: &Archives) -> Vec<Desired> {
    let of = |one: &&One| {
        let code = match &one.code {
            Recorded::Image(_) => images.code(&one.here)?,
            Recorded::Archive(digest) => Code::Archive(archives.here(*digest)?),
        };
        Some(Desired {
            function: one.here.clone(),
            project: one.project.clone(),
            version: one.version.as_ref().map(ToString::to_string),
            code,
            environment: config.target.environment.clone(),
            shard: config.shard,
        })
    };
    wanted.iter().filter_map(of).collect()
}

/// What was brought here before any function was changed.
type Brought = Finished;

/// That something was brought, or was not.
fn item(name: String, digest: Digest, problem: Option<Problem>) -> Item {
    let item = Item::new(name, if problem.is_none() { "copied" } else { "failed" })
        .with("digest", digest.to_string());
    match problem {
        None => item.changed(),
        Some(problem) => item.failed(problem),
    }
}
