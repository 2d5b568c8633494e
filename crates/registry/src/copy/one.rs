//! One image, without ado.

use std::sync::Arc;

use landfall_artifacts::Reference;
use landfall_run::Run;

use super::apply::apply;
use super::look::plan_copies;
use super::registries::Registries;
use super::report::{CopyOutcome, CopyResult};
use super::request::{CopyOptions, CopyRequest};
use crate::Error;

/// Copies one image to a tag: [`plan_copies`] and [`apply`] for a batch of one. Repeating it finds nothing to do.
///
/// # Errors
/// What stands in the way before a byte is sent, and what went wrong afterwards.
pub async fn copy_image(
    source: Reference,
    target: Reference,
    registries: &Registries,
    options: CopyOptions,
    run: &Run,
) -> Result<CopyResult, Arc<Error>> {
    let shown = target.to_string();
    let mut plan = plan_copies(vec![CopyRequest::new(source, target)], registries, options, run).await;
    if let Some(problem) = plan.problems.pop() {
        return Err(Arc::new(problem.error));
    }
    let stopped = || Arc::new(Error::Stopped { doing: format!("{shown} was copied") });
    let result = apply(&plan, registries, run).await.images.into_iter().next().ok_or_else(stopped)?;
    match (result.error.clone(), result.outcome) {
        (Some(error), _) => Err(error),
        (None, CopyOutcome::Copied | CopyOutcome::Unchanged) => Ok(result),
        (None, CopyOutcome::Failed | CopyOutcome::Unknown | CopyOutcome::NotTried) => Err(stopped()),
    }
}
