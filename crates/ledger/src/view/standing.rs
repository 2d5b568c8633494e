//! What runs where, and since when.

use std::collections::HashMap;

use landfall_artifacts::{
    Digest, EnvironmentName, EventKind, LedgerEvent, LedgerItem, ProjectName, ReleaseId,
};
use schemars::JsonSchema;
use semver::Version;
use serde::Serialize;

use super::happened;
use super::mark::Mark;
use super::words::function_name;

/// What one function runs in one environment, as deployments and rollbacks that were confirmed say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Running<'a> {
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// The function.
    pub function: &'a str,
    /// Its project, where it was told.
    pub project: Option<&'a ProjectName>,
    /// The project's version, where it was told.
    #[schemars(with = "Option<String>")]
    pub version: Option<&'a Version>,
    /// The content, where it was told.
    pub digest: Option<Digest>,
    /// The release whose deployment, or going back to, was recorded last.
    pub release: Option<&'a ReleaseId>,
    /// The record by which this very content came; later ones found it there already.
    pub since: Mark<'a>,
    /// The newest record that says that it runs.
    pub confirmed: Mark<'a>,
    /// Whether this content came by a rollback.
    pub rolled_back: bool,
    /// Whether the newest record is of a rollback.
    pub confirmed_by_rollback: bool,
}

/// A record of one function in one environment, and that by which the same content came.
struct Kept<'a> {
    event: &'a LedgerEvent,
    item: &'a LedgerItem,
    since: &'a LedgerEvent,
}

/// What runs where, ordered by environment and function. Records that failed, or whose outcome is not known, do not count.
pub fn standing(events: &[LedgerEvent]) -> Vec<Running<'_>> {
    let mut environments: HashMap<&EnvironmentName, HashMap<&str, Kept<'_>>> = HashMap::new();
    let is_telling = |event: &&LedgerEvent| {
        matches!(event.kind, EventKind::Deployment | EventKind::Rollback) && happened(event)
    };
    for event in events.iter().filter(is_telling) {
        let Some(environment) = &event.environment else { continue };
        let functions = environments.entry(environment).or_default();
        for item in &event.items {
            let kept = functions.entry(function_name(item)).or_insert(Kept { event, item, since: event });
            // Content that nobody told is another one each time.
            if kept.item.digest.is_none() || kept.item.digest != item.digest {
                kept.since = event;
            }
            (kept.event, kept.item) = (event, item);
        }
    }
    let mut all = Vec::new();
    for (environment, functions) in environments {
        all.extend(functions.into_iter().map(|(function, kept)| running(environment, function, &kept)));
    }
    all.sort_unstable_by(|a, b| (a.environment, a.function).cmp(&(b.environment, b.function)));
    all
}

fn running<'a>(environment: &'a EnvironmentName, function: &'a str, kept: &Kept<'a>) -> Running<'a> {
    Running {
        environment,
        function,
        project: kept.item.project.as_ref(),
        version: kept.item.version.as_ref(),
        digest: kept.item.digest,
        release: kept.event.release.as_ref(),
        since: Mark::of(kept.since),
        confirmed: Mark::of(kept.event),
        rolled_back: kept.since.kind == EventKind::Rollback,
        confirmed_by_rollback: kept.event.kind == EventKind::Rollback,
    }
}
