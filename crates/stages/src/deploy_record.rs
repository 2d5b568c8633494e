//! The record of a deployment over several tries: what ran before the first of them is kept.

use std::path::Path;

use landfall_artifacts::{AliasName, DeployReport, DeployedFunction, EnvironmentName, FileError, ReleaseId};

use crate::Refusal;

/// The report of an earlier try, which knows what ran before the first change; `None` where the file is of another release or
/// environment, or is not there.
pub(crate) fn earlier_record(
    path: &Path,
    release: Option<&ReleaseId>,
    environment: Option<&EnvironmentName>,
) -> Result<Option<DeployReport>, Refusal> {
    match DeployReport::read(path) {
        Ok(report) => Ok(Some(report).filter(|report| {
            report.release.as_ref() == release && report.environment.as_ref() == environment
        })),
        Err(FileError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The report. A function that an earlier try has updated already keeps what ran before that try: it is what a rollback goes back
/// to. Functions of the earlier report that are not this job's, as with other parts of the work, stay as they are.
pub(crate) fn record(
    release: Option<&ReleaseId>,
    environment: Option<&EnvironmentName>,
    alias: Option<&AliasName>,
    mut functions: Vec<DeployedFunction>,
    earlier: Option<&DeployReport>,
) -> DeployReport {
    for function in &mut functions {
        let first = earlier.and_then(|report| report.function(&function.name));
        if let Some(before) = first.and_then(|first| first.before.clone()) {
            function.before = Some(before);
        }
    }
    let others: Vec<DeployedFunction> = earlier
        .map(|report| report.functions.as_slice())
        .unwrap_or_default()
        .iter()
        .filter(|known| functions.iter().all(|function| function.name != known.name))
        .cloned()
        .collect();
    functions.extend(others);
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    let alias = alias.or(earlier.and_then(|report| report.alias.as_ref()));
    DeployReport {
        release: release.cloned(),
        environment: environment.cloned(),
        alias: alias.cloned(),
        functions,
    }
}
