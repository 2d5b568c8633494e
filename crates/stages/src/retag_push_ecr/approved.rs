//! A plan that was approved before, and whether it is still the one that is carried out.

use std::collections::BTreeSet;
use std::path::Path;

use landfall_artifacts::{Class, CopyPlanFile, Problem, Reference, ReleaseId};
use landfall_registry::CopyRequest;

use crate::Refusal;

/// Pins every request to the digest that the approved plan has for its target.
///
/// # Errors
/// A bad file; a plan with problems, of another release, or of other images: all that differs at once.
pub(super) fn pin<'a>(
    path: &Path,
    release: &ReleaseId,
    requests: impl Iterator<Item = &'a mut CopyRequest>,
) -> Result<(), Refusal> {
    let plan = CopyPlanFile::read(path)?;
    let refused = |what: String| {
        Problem::new("LF-RETAG-PLAN", Class::Refused, what)
            .with_remedy("make a new plan with --plan-out and have it approved")
    };
    let shown = landfall_secret::escape(&path.to_string_lossy(), 200);
    let mut problems = Vec::new();
    if let Some(first) = plan.problems.first() {
        let count = plan.problems.len();
        problems.push(refused(format!("{shown} has {count} problems, the first: {}", first.what)));
    }
    if plan.release != *release {
        problems.push(refused(format!("{shown} is of release {}, and this is {release}", plan.release)));
    }
    let mut wanted: BTreeSet<Reference> = BTreeSet::new();
    for request in requests {
        wanted.insert(request.target.clone());
        match plan.image_for(&request.target) {
            Some(image) if image.source == request.source => request.pinned = Some(image.source_digest),
            Some(image) => problems.push(refused(format!(
                "{} comes from {} in {shown}, and from {} now",
                request.target, image.source, request.source
            ))),
            None => problems.push(refused(format!("{} is not in {shown}", request.target))),
        }
    }
    let left = plan.images.iter().filter(|image| !wanted.contains(&image.target));
    problems.extend(
        left.map(|image| refused(format!("{} is in {shown}, and nothing asks for it now", image.target))),
    );
    if problems.is_empty() { Ok(()) } else { Err(Refusal(problems)) }
}
