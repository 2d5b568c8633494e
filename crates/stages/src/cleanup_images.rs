//! `cleanup-images`: takes images out of ECR that nothing runs, and nothing goes back to.

mod delete;
mod held;
mod plan;
mod sight;

use std::collections::BTreeSet;

use landfall_artifacts::{Class, EnvironmentName, ImageLock, Problem, Repository};
use landfall_lambda_deploy::LambdaClient;
use landfall_ledger::Ledger;
use landfall_registry::{EcrClient, StoredImage};
use landfall_run::{Event, Run, human_bytes};

use crate::table::table;
use crate::{Finished, Item, Outcome, Output, Refusal};
pub use plan::{Fate, Rules, is_named, plan};

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
    /// The environments of `landfall.toml`: the ledger must know what runs in each.
    pub environments: BTreeSet<EnvironmentName>,
    /// Those of them in which nothing was deployed yet, as a person says.
    pub never_deployed: BTreeSet<EnvironmentName>,
    /// Whether images are deleted; else it is shown what would be.
    pub yes: bool,
}

/// Lists the images of a repository, decides which go, and where `yes` says so deletes them.
///
/// Kept are what functions run by the ledger and by Lambda itself, which is asked for all functions of the account, what could be gone back to, the newest of each name, and what is young.
/// Acts on: the repository. Repeating it deletes what is left.
///
/// # Errors
/// A ledger that knows no deployment to one of the environments, since then nobody knows what runs; functions that cannot be looked at,
/// or of which none is there; images that were named to go and are held. Nothing is deleted then.
pub async fn run(
    config: &Config,
    ecr: &EcrClient,
    lambda: Option<&LambdaClient>,
    ledger: &Ledger,
    output: &Output,
    run: &Run,
) -> Outcome {
    let events = ledger.events().await?;
    let mut warnings = sight::recorded(config, &events)?;
    let mut held = held::held(&events, config.lock.as_ref(), config.back);
    if let Some(lambda) = lambda {
        warnings.extend(sight::running(lambda, held::functions(&events), &mut held, run).await?);
    }
    run.progress().event(Event::Phase { name: "list the images".into(), items: None });
    let images = ecr.stored_images(config.repository.path(), run).await?;
    let fates = plan(&images, &held, &config.rules, run.clock().now());
    refuse_held(config, &images, &fates)?;
    let going: Vec<&StoredImage> =
        images.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Goes).map(|(image, _)| image).collect();
    let mut finished = shown(config, &images, &fates);
    finished.warnings = warnings;
    if !config.yes || output.is_dry_run() {
        return Ok(finished);
    }
    delete::delete(config, ecr, &going, &mut finished, run).await;
    Ok(finished)
}

/// Refuses where an image that was named to go has to stay, is not there, or has tags besides that nobody named: they would go with it.
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
            Some((image, _)) => problems.extend(further_tags(name, image, &config.rules.only)),
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

/// The problem of an image that is named by one of its tags and has others. By its digest all of it is named.
fn further_tags(name: &str, image: &StoredImage, named: &[String]) -> Option<Problem> {
    let digest = image.digest.to_string();
    if named.contains(&digest) {
        return None;
    }
    let further: Vec<&str> =
        image.tags.iter().filter(|tag| !named.contains(tag)).map(String::as_str).collect();
    if further.is_empty() {
        return None;
    }
    let further = landfall_secret::escape(&further.join(", "), 300);
    let what = format!("{} is {further} too, which would go with it", landfall_secret::escape(name, 200));
    let problem = Problem::new("LF-CLEANUP-TAGS", Class::Refused, what);
    Some(problem.with_remedy(format!("name these too, or name the image by its digest: --image {digest}")))
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
