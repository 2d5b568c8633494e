//! Deleting, between intent and outcome.

use std::collections::BTreeMap;

use landfall_artifacts::{Class, Digest, Problem};
use landfall_registry::{EcrClient, NotDeleted, StoredImage};
use landfall_run::{Effect, EffectItem, EffectOutcome, Event, Run};

use super::Config;
use crate::Finished;

/// Images of one deletion (model limit of BatchDeleteImage).
const AT_ONCE: usize = 100;
/// Why an image that no rule keeps stays after all.
const LISTED: &str = "an index that stays lists it";

/// Deletes what goes, a hundred at a time, and tells the end of each image.
pub(super) async fn delete(
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
        details: Vec::new(),
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
