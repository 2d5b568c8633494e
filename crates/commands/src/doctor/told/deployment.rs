//! What a `deploy-report.json` tells of a deployment that failed.

use landfall_artifacts::{Class, DeployOutcome, DeployReport, DeployedFunction, Problem};
use landfall_stages::Refusal;

use super::Told;

/// The most functions that are named in one line.
const MOST_NAMES: usize = 10;

/// The functions that failed, also where they were rolled back then; of each only the reason is known, which is ours or Lambda's code.
///
/// # Errors
/// A report that breaks its format.
pub(super) fn read(bytes: &[u8], name: &str) -> Result<Vec<Told>, Refusal> {
    let report = DeployReport::parse(bytes, name)?;
    let mut problems: Vec<Problem> = report.functions.iter().filter_map(of_function).collect();
    if problems.is_empty() {
        problems.extend(without_reason(&report));
    }
    if problems.is_empty() {
        return Ok(Vec::new());
    }
    let (job, stage) = (None, Some("deploy-lambda".to_owned()));
    Ok(vec![Told { job, stage, environment: report.environment, problems }])
}

fn of_function(function: &DeployedFunction) -> Option<Problem> {
    let reason = function.reason.as_ref().map(ToString::to_string);
    let then = match function.outcome {
        DeployOutcome::Failed | DeployOutcome::Unknown => "",
        // Without a reason it went well itself, and went back because of something else.
        DeployOutcome::RolledBack if reason.is_some() => ", and it was rolled back",
        DeployOutcome::RolledBack
        | DeployOutcome::Planned
        | DeployOutcome::Updated
        | DeployOutcome::Unchanged => return None,
    };
    let code = reason.clone().filter(|reason| reason.starts_with("LF-"));
    let why = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let code = code.unwrap_or_else(|| "LF-LAMBDA-FAILED".to_owned());
    Some(Problem::new(code, Class::Partial, format!("the update of {} failed{why}{then}", function.name)))
}

/// Where all functions that went back went well themselves: a check that failed or a stop took the deployment back, of which this report has
/// no room to tell.
fn without_reason(report: &DeployReport) -> Option<Problem> {
    let names: Vec<&str> =
        report.functions.iter().filter(|one| is_undone(one)).map(|one| one.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let some = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", ");
    let more = match names.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what =
        format!("the deployment was rolled back: {some}{more} went well and run again what ran before");
    Some(Problem::new("LF-DOCTOR-ROLLED-BACK", Class::Refused, what).with_remedy(
        "look for the cause in the log of the job or the file of its --report: a check that failed, or a stop; give that by --from",
    ))
}

/// Whether a function runs again what it ran before. What `rollback-lambda` reports of the same shape runs something else than before.
fn is_undone(function: &DeployedFunction) -> bool {
    let runs = |state: &landfall_artifacts::FunctionState| (state.code_sha256.clone(), state.alias.clone());
    function.outcome == DeployOutcome::RolledBack
        && function.before.as_ref().map(runs) == function.after.as_ref().map(runs)
}
