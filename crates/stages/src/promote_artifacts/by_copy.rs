//! Promotion by copying: what a tag names, an index with all that it lists too, from one registry to another.

use std::collections::BTreeMap;

use landfall_artifacts::{Class, Problem, Reference, Repository};
use landfall_registry::{
    Choose, CopyOptions, CopyOutcome, CopyPlan, CopyRequest, CopyResult, Error, PlannedCopy, Registries,
    TargetState, apply_each, plan_copies,
};
use landfall_run::Run;

use super::Config;
use super::asked::Asked;
use super::record::{Ended, How, Record};
use crate::Refusal;

/// The registries, and what stands above the projects' names.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) registries: &'a Registries,
    pub(super) source: &'a Repository,
    pub(super) target: &'a Repository,
}

/// Copies all images, or looks at them where the record is of a dry run. An image that cannot be copied does not keep the others:
/// the release already runs.
///
/// # Errors
/// Names that no registry takes, before anything is looked at.
pub(super) async fn promote(
    config: &Config,
    places: Places<'_>,
    images: &[Asked],
    record: &mut Record<'_>,
    run: &Run,
) -> Result<(), Refusal> {
    let requests = requests(config, places, images, record)?;
    let by_target: BTreeMap<Reference, (&Asked, String)> = requests
        .iter()
        .zip(images)
        .map(|(request, asked)| (request.target.clone(), (asked, request.source.to_string())))
        .collect();
    let options = CopyOptions { choose: Choose::AsIs, overwrite: config.overwrite, ..CopyOptions::default() };
    let plan = plan_copies(requests, places.registries, options, run).await;
    let of = |target: &Reference| by_target.get(target).cloned();
    for problem in &plan.problems {
        let Some((asked, source)) = of(&problem.target) else { continue };
        let mut found = explained(&problem.error, asked, places);
        if record.is_foretold() {
            // Nothing was tried: it is a check that says no, whatever the same thing means half-way.
            found.class = if found.class == Class::Integrity { Class::Refused } else { found.class };
        }
        let how = How::failed(found, problem.error.http_status());
        record.ended(asked, Ended::at_once(source, problem.target.to_string(), how));
    }
    for copy in &plan.copies {
        copy.warnings.iter().for_each(|warning| record.warn(warning.clone()));
    }
    if record.is_foretold() {
        for copy in &plan.copies {
            let Some((asked, source)) = of(&copy.request.target) else { continue };
            let target = copy.request.target.to_string();
            record.ended(
                asked,
                Ended {
                    source_digest: Some(copy.digest()),
                    ..Ended::at_once(source, target, foretold(copy))
                },
            );
        }
        return Ok(());
    }
    let replaced = replaced(&plan);
    let cleared = plan.part(|_| true);
    let report = apply_each(&cleared, places.registries, run, |result| {
        if let Some((asked, source)) = of(&result.target) {
            record.ended(asked, ended(result, source, asked, places, &replaced));
        }
    })
    .await;
    for result in report.images.iter().filter(|result| result.outcome == CopyOutcome::NotTried) {
        if let Some((asked, _)) = of(&result.target) {
            record.not_tried(asked, result.target.to_string());
        }
    }
    Ok(())
}

fn requests(
    config: &Config,
    places: Places<'_>,
    images: &[Asked],
    record: &Record<'_>,
) -> Result<Vec<CopyRequest>, Refusal> {
    let mut problems = Vec::new();
    let mut requests = Vec::new();
    for asked in images {
        let below = |place: &Repository| place.join(asked.project.as_str());
        match (below(places.source), below(places.target)) {
            (Ok(source), Ok(target)) => requests.push(CopyRequest {
                pinned: asked.expected,
                project: Some(asked.project.clone()),
                version: Some(asked.version.to_string()),
                environment: config.target.environment.clone(),
                release: Some(record.release().clone()),
                ..CopyRequest::new(source.tagged(asked.tag.clone()), target.tagged(asked.tag.clone()))
            }),
            (Err(error), _) | (_, Err(error)) => {
                problems.push(Problem::new("LF-PROMOTE-NAME", Class::Input, error.to_string()));
            }
        }
    }
    if problems.is_empty() { Ok(requests) } else { Err(Refusal(problems)) }
}

/// What each target tag names now that is to be replaced.
fn replaced(plan: &CopyPlan) -> BTreeMap<Reference, TargetState> {
    plan.copies.iter().map(|copy| (copy.request.target.clone(), copy.target_state)).collect()
}

fn foretold(copy: &PlannedCopy) -> How {
    let digest = copy.digest();
    match copy.target_state {
        TargetState::Same => How::Already { digest },
        TargetState::Absent => How::Planned { digest, replaces: None },
        TargetState::Other(held) => How::Planned { digest, replaces: Some(held) },
    }
}

fn ended(
    result: &CopyResult,
    source: String,
    asked: &Asked,
    places: Places<'_>,
    before: &BTreeMap<Reference, TargetState>,
) -> Ended {
    let digest = result.digest;
    let replaced = match before.get(&result.target) {
        Some(TargetState::Other(held)) => Some(*held),
        Some(TargetState::Absent | TargetState::Same) | None => None,
    };
    let how = match (&result.error, result.outcome) {
        (Some(error), _) => How::failed(explained(error, asked, places), error.http_status()),
        // What answered last was the look at the target.
        (None, CopyOutcome::Copied) => How::Promoted { digest, replaced, status: 200 },
        (None, _) => How::Already { digest },
    };
    Ended {
        source,
        target: result.target.to_string(),
        source_digest: Some(digest),
        bytes: result.moved.sent_bytes,
        took: result.took,
        how,
    }
}

/// The problem in the words of a promotion, which is from a place to a place.
fn explained(error: &Error, asked: &Asked, places: Places<'_>) -> Problem {
    let (what, source_key) = (asked.name(), places.source.to_string());
    let source = format!("{source_key}/{what}");
    match error {
        Error::SourceMoved { planned, found, .. } => {
            Problem::of(&Error::PromotionContent { what, source_key, expected: *planned, actual: *found })
        }
        Error::ImageMissing { reference } if *reference == source => {
            Problem::of(&Error::PromotionSource { what, source_key })
        }
        error => Problem::of(error),
    }
}
