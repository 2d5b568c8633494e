//! What keeps a stage from beginning: a dead release, a frozen environment.

use landfall_artifacts::{ImageLock, Problem, ReleaseId, Versions};
use landfall_ledger::gate::{Missing, frozen, has_broken_glass};
use landfall_ledger::life;
use landfall_stages::Refusal;

use crate::{Context, Held};

/// Whether the stage may begin.
///
/// # Errors
/// Everything that keeps it; a ledger that cannot be read, which then tells nobody what is dead.
pub(crate) async fn check(held: Held, context: &Context) -> Result<(), Refusal> {
    let release = match held {
        Held::Never => return Ok(()),
        Held::Dead | Held::DeadOrFrozen => release(context),
    };
    let environment = context.target().environment.as_ref().filter(|_| held == Held::DeadOrFrozen);
    if release.is_none() && environment.is_none() {
        return Ok(());
    }
    let events = context.ledger.events().await?;
    let now = context.run().clock().now();
    let death = release.and_then(|release| life::death(&events, &release)).map(Missing::Dead);
    let mut missing: Vec<Missing> = death.into_iter().collect();
    if let Some(environment) =
        environment.filter(|name| !has_broken_glass(&events, &context.settings, name, now))
    {
        missing.extend(frozen(&events, &context.settings, environment, now).into_iter().map(Missing::Frozen));
    }
    let problems: Vec<Problem> = missing.iter().map(|missing| Problem::of(missing)).collect();
    if problems.is_empty() { Ok(()) } else { Err(Refusal(problems)) }
}

/// The release that the stage is about: the given one, else the one that the versions are, else the lock's. What cannot be read the stage
/// says itself.
pub(crate) fn release(context: &Context) -> Option<ReleaseId> {
    let places = context.places();
    let of_versions =
        || context.is_declared("versions").then(|| Versions::read(&places.versions).ok()).flatten();
    let of_lock = || context.is_declared("lock").then(|| ImageLock::read(&places.lock).ok()).flatten();
    let given = context.target().release.clone();
    given
        .or_else(|| of_versions().map(|versions| versions.release_id()))
        .or_else(|| of_lock().map(|lock| lock.release))
}
