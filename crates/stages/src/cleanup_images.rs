//! `cleanup-images`: takes images out of ECR that nothing runs, and nothing goes back to.

mod held;
mod plan;

use std::collections::BTreeMap;

use landfall_artifacts::{Class, Digest, ImageLock, LambdaName, Problem, Repository};
use landfall_lambda_deploy::{LambdaClient, observe};
use landfall_ledger::FolderLedger;
use landfall_registry::{EcrClient, NotDeleted, StoredImage};
use landfall_run::{Effect, EffectItem, EffectOutcome, Event, Run, human_bytes};

use crate::table::table;
use crate::{Finished, Item, Outcome, Output, Refusal};
pub use plan::{Fate, Rules, is_named, plan};

/// Images of one deletion (model limit of BatchDeleteImage).
const AT_ONCE: usize = 100;
/// How many functions are looked at side by side.
const LOOKS_AT_ONCE: usize = 50;

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The repository.
    pub repository: Repository,
    /// What stays.
    pub rules: Rules,
    /// How many deployments before the last one can be gone back to.
    pub back: usize,
    /// The lock of a release that is on its way, where there is one.
    pub lock: Option<ImageLock>,
    /// Whether images are deleted; else it is shown what would be.
    pub yes: bool,
}

/// Lists the images of a repository, decides which go, and where `yes` says so deletes them.
///
/// Kept are what functions run by the ledger and by Lambda itself, what could be gone back to, the newest of each name, and what is young.
/// Acts on: the repository. Repeating it deletes what is left.
///
/// # Errors
/// A ledger that knows no deployment, since then nobody knows what runs; functions that cannot be looked at; images that were named to go
/// and are held. Nothing is deleted then.
pub async fn run(
    config: &Config,
    ecr: &EcrClient,
    lambda: Option<&LambdaClient>,
    ledger: &FolderLedger,
    output: &Output,
    run: &Run,
) -> Outcome {
    let events = ledger.events()?;
    let functions = held::functions(&events);
    if functions.is_empty() {
        let what = "the ledger knows no deployment: nobody can say what runs";
        return Err(Refusal::one(Problem::new("LF-CLEANUP-BLIND", Class::Refused, what).with_remedy(
            "give the ledger that update-version-dashboard records deployments in by --ledger",
        )));
    }
    let mut held = held::held(&events, config.lock.as_ref(), config.back);
    if let Some(lambda) = lambda {
        running(lambda, functions.into_iter().collect(), &mut held, run).await?;
    }
    run.progress().event(Event::Phase { name: "list the images".into(), items: None });
    let images = ecr.stored_images(config.repository.path(), run).await?;
    let fates = plan(&images, &held, &config.rules, run.clock().now());
    refuse_held(config, &images, &fates)?;
    let going: Vec<&StoredImage> =
        images.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Goes).map(|(image, _)| image).collect();
    let mut finished = shown(config, &images, &fates);
    if !config.yes || output.is_dry_run() {
        return Ok(finished);
    }
    delete(config, ecr, &going, &mut finished, run).await;
    Ok(finished)
}

/// Adds what functions run right now: the ledger may not know of what somebody did by hand.
async fn running(
    lambda: &LambdaClient,
    names: Vec<LambdaName>,
    held: &mut BTreeMap<Digest, String>,
    run: &Run,
) -> Result<(), Refusal> {
    let name = "look at the functions".into();
    run.progress().event(Event::Phase { name, items: Some(names.len() as u64) });
    let mut problems = Vec::new();
    for observed in observe(lambda, &names, None, LOOKS_AT_ONCE, run).await {
        match observed.seen {
            Ok(function) => {
                if let Some(digest) = function.digest() {
                    held.insert(digest, format!("runs now ({})", observed.name));
                }
            }
            // It is of another region or account, or is gone.
            Err(problem) if problem.code == "LF-LAMBDA-MISSING" => {}
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Refusal(problems)) }
}

/// Refuses where an image that was named to go has to stay, or is not there.
fn refuse_held(config: &Config, images: &[StoredImage], fates: &[Fate]) -> Result<(), Refusal> {
    let mut problems = Vec::new();
    for name in &config.rules.only {
        let names = std::slice::from_ref(name);
        let shown = landfall_secret::escape(name, 200);
        match images.iter().zip(fates).find(|(image, _)| is_named(image, names)) {
            Some((_, Fate::Held(words))) => problems.push(
                Problem::new("LF-CLEANUP-HELD", Class::Refused, format!("{shown} {words}"))
                    .with_remedy("deploy something else there first, or leave it"),
            ),
            Some(_) => {}
            None => problems.push(
                Problem::new(
                    "LF-CLEANUP-MISSING",
                    Class::Input,
                    format!("{shown} is not in {}", config.repository),
                )
                .with_remedy("name tags or digests that the plan lists"),
            ),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Refusal(problems)) }
}

fn shown(config: &Config, images: &[StoredImage], fates: &[Fate]) -> Finished {
    let mut finished = Finished::default();
    let mut rows = vec![["image", "tags", "size", "pushed", "what"].map(str::to_owned)];
    let (mut going, mut bytes) = (0, 0_u64);
    for (image, fate) in images.iter().zip(fates) {
        let (outcome, words) = match fate {
            Fate::Goes => ("planned", "would be deleted".to_owned()),
            Fate::Held(words) => ("kept", words.clone()),
            Fate::Last => ("kept", "is among the newest of its name".to_owned()),
            Fate::Young => ("kept", "is young".to_owned()),
            Fate::NotNamed => ("kept", "was not named".to_owned()),
        };
        if *fate == Fate::Goes {
            going += 1;
            bytes = bytes.saturating_add(image.size_bytes);
            rows.push([
                image.digest.short(),
                image.tags.join(", "),
                human_bytes(image.size_bytes),
                image.pushed_at.date().to_string(),
                words.clone(),
            ]);
        }
        let item = Item::new(image.digest.to_string(), outcome)
            .with("tags", image.tags.clone())
            .with("sizeBytes", image.size_bytes)
            .with("why", words);
        finished.items.push(item);
    }
    finished.lines = table(&rows, 1);
    if going == 0 {
        finished.lines.clear();
    }
    finished.summary = format!(
        "{going} of {} images of {} would be deleted, at most {}; {} stay",
        images.len(),
        config.repository,
        human_bytes(bytes),
        images.len() - going
    );
    finished
}

/// Why an image that no rule keeps stays after all.
const LISTED: &str = "an index that stays lists it";

async fn delete(
    config: &Config,
    ecr: &EcrClient,
    going: &[&StoredImage],
    finished: &mut Finished,
    run: &Run,
) {
    run.progress().event(Event::Phase { name: "delete".into(), items: Some(going.len() as u64) });
    let mut ended: BTreeMap<Digest, (&'static str, Option<Problem>)> = BTreeMap::new();
    let mut left = going.len();
    // An index before what it lists, which has no tag of its own: ECR deletes nothing that an index names.
    let (tagged, untagged): (Vec<_>, Vec<_>) =
        going.iter().copied().partition(|image| !image.tags.is_empty());
    for part in tagged.chunks(AT_ONCE).chain(untagged.chunks(AT_ONCE)) {
        if run.stop().requested().is_some() {
            break;
        }
        left -= part.len();
        let digests: Vec<Digest> = part.iter().map(|image| image.digest).collect();
        match recorded(config, ecr, part, &digests, run).await {
            Ok(mut failed) => ended.extend(digests.into_iter().map(|digest| match failed.remove(&digest) {
                None => (digest, ("deleted", None)),
                Some(None) => (digest, ("kept", None)),
                Some(Some(problem)) => (digest, ("failed", Some(problem))),
            })),
            // It is the call's problem and no image's; what refused this one would refuse the next.
            Err(problem) => {
                let word = if problem.class == Class::Unknown { "unknown" } else { "failed" };
                ended.extend(digests.into_iter().map(|digest| (digest, (word, None))));
                finished.problems.push(problem);
                break;
            }
        }
    }
    for item in &mut finished.items {
        match item.name.parse().ok().and_then(|digest: Digest| ended.remove(&digest)) {
            Some((outcome, problem)) => {
                if outcome == "kept" {
                    item.details.insert("why".to_owned(), LISTED.into());
                }
                item.outcome = outcome;
                item.changed = outcome == "deleted";
                item.problem = problem;
            }
            None if item.outcome == "planned" => item.outcome = "not-tried",
            None => {}
        }
    }
    finished.note_stop(run, left);
    let count = |word: &str| finished.items.iter().filter(|item| item.outcome == word).count();
    finished.lines.clear();
    finished.summary = format!(
        "{} deleted, {} kept, {} failed, {left} not tried",
        count("deleted"),
        count("kept"),
        count("failed") + count("unknown")
    );
}

/// Deletes a part between its intent and its outcome; what was not deleted, by digest, with the problem where it is one.
async fn recorded(
    config: &Config,
    ecr: &EcrClient,
    part: &[&StoredImage],
    digests: &[Digest],
    run: &Run,
) -> Result<BTreeMap<Digest, Option<Problem>>, Problem> {
    let item = |image: &&StoredImage| EffectItem {
        name: image.tags.first().cloned().unwrap_or_else(|| image.digest.short()),
        version: None,
        digest: None,
        before: Some(image.digest),
    };
    let effect = Effect {
        action: "BatchDeleteImage".to_owned(),
        target: config.repository.to_string(),
        environment: None,
        release: None,
        items: part.iter().map(item).collect(),
    };
    let intent = run.journal().intend(effect).await.map_err(|refused| Problem::of(&refused))?;
    let deleted = ecr.delete_images(config.repository.path(), digests, run).await;
    let outcome = match &deleted {
        Ok(_) => EffectOutcome::Done,
        Err(error) => {
            let problem = Problem::of(error);
            let said = run.redactor().redact(&problem.told());
            if problem.class == Class::Unknown {
                EffectOutcome::Unknown(said)
            } else {
                EffectOutcome::Failed(said)
            }
        }
    };
    if let Err(lost) = run.journal().outcome(intent, outcome).await {
        run.progress().event(Event::Warning(format!("the outcome of the deletion is not recorded: {lost}")));
    }
    let failed = deleted.map_err(|error| Problem::of(&error))?;
    let problem = |digest: &Digest, code: &str, said: &str| {
        let what = format!("{} was not deleted ({code}): {said}", digest.short());
        Problem::new("LF-CLEANUP-FAILED", Class::Refused, what)
            .with_remedy("read what ECR says, correct it, and run again")
    };
    let of = |(digest, why): (&Digest, &NotDeleted)| {
        let is_listed = why.code == "ImageReferencedByManifestList";
        (*digest, (!is_listed).then(|| problem(digest, &why.code, &why.said)))
    };
    Ok(failed.iter().map(of).collect())
}
