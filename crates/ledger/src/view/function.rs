//! One function: what it runs where, and what came to it before.

use std::collections::HashMap;

use landfall_artifacts::{
    Digest, EffectResult, EnvironmentName, EventKind, LedgerEvent, ProjectName, ReleaseId,
};
use schemars::JsonSchema;
use semver::Version;
use serde::Serialize;

use super::mark::Mark;
use super::standing::Running;
use super::words::{function_name, is_about};

/// One function, or the functions of one project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Function<'a> {
    /// What it runs where, by environment.
    pub running: Vec<Running<'a>>,
    /// What came to it, newest first. A record that found the same content there already is left out.
    pub changes: Vec<Change<'a>>,
}

/// Something that came to a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change<'a> {
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
    /// The release.
    pub release: Option<&'a ReleaseId>,
    /// Whether it was a rollback.
    pub is_rollback: bool,
    /// How it ended.
    pub outcome: EffectResult,
    /// Who, when, by which record.
    #[serde(flatten)]
    pub mark: Mark<'a>,
}

/// One function by its name, or all functions of a project by the project's; `None` where nothing was ever deployed of it.
/// `standing` is what runs where now.
pub fn function<'a>(events: &'a [LedgerEvent], standing: &[Running<'a>], name: &str) -> Option<Function<'a>> {
    let mut function = Function::default();
    let mut last: HashMap<(&EnvironmentName, &str), Option<Digest>> = HashMap::new();
    for event in
        events.iter().filter(|event| matches!(event.kind, EventKind::Deployment | EventKind::Rollback))
    {
        let Some(environment) = &event.environment else { continue };
        for item in event.items.iter().filter(|item| is_about(item, name)) {
            let outcome = event.outcome.unwrap_or(EffectResult::Done);
            let lambda = function_name(item);
            if outcome == EffectResult::Done {
                let before = last.insert((environment, lambda), item.digest);
                if item.digest.is_some() && before == Some(item.digest) {
                    continue;
                }
            }
            function.changes.push(Change {
                environment,
                function: lambda,
                project: item.project.as_ref(),
                version: item.version.as_ref(),
                digest: item.digest,
                release: event.release.as_ref(),
                is_rollback: event.kind == EventKind::Rollback,
                outcome,
                mark: Mark::of(event),
            });
        }
    }
    if function.changes.is_empty() {
        return None;
    }
    function.changes.reverse();
    let is_its = |running: &&Running<'_>| {
        running.function == name || running.project.is_some_and(|project| project.as_str() == name)
    };
    function.running = standing.iter().filter(is_its).cloned().collect();
    Some(function)
}
