//! What was found, for machines.

use landfall_artifacts::{EnvironmentName, FORMAT_VERSION};
use landfall_pipeline::doctor::{Failure, Finding, Named, Verdict, place};
use serde_json::{Value, json};

use super::seen::{Diagnosis, Examined, Now, Reported, remedy, word};

/// All of it.
pub(super) fn of(diagnosis: &Diagnosis) -> Value {
    json!({
        "formatVersion": FORMAT_VERSION,
        "summary": diagnosis.summary(),
        "inTheWay": diagnosis.is_in_the_way(),
        "reported": diagnosis.reported.iter().map(reported).collect::<Vec<_>>(),
        "examined": diagnosis.examined.iter().map(examined).collect::<Vec<_>>(),
    })
}

/// A failure with its page.
pub(super) fn of_failure(failure: &Failure) -> Value {
    json!({
        "id": failure.id,
        "title": failure.title,
        "codes": failure.codes,
        "why": failure.why,
        "remedy": failure.remedy,
        "page": place(failure),
    })
}

fn reported(reported: &Reported) -> Value {
    json!({
        "job": reported.told.job,
        "stage": reported.told.stage,
        "environment": reported.told.environment.as_ref().map(EnvironmentName::as_str),
        "causes": reported.causes.iter().map(|cause| {
            let mut value = named(&cause.named);
            value["now"] = match cause.now {
                Now::Still => "still",
                Now::Gone => "gone",
                Now::NotSeen => "not-seen",
            }
            .into();
            value
        }).collect::<Vec<_>>(),
    })
}

fn examined(examined: &Examined) -> Value {
    let patient = &examined.patient;
    json!({
        "job": patient.job,
        "stage": patient.entry.name,
        "environment": patient.environment.as_ref().map(EnvironmentName::as_str),
        "checks": examined.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn finding(finding: &Finding) -> Value {
    let check = finding.check;
    let mut value = json!({
        "id": check.id,
        "asks": check.asks,
        "verdict": word(&finding.verdict),
        "lookedAt": null,
        "because": null,
        "found": [],
    });
    match &finding.verdict {
        Verdict::Good { at } => value["lookedAt"] = at.as_str().into(),
        Verdict::Failed { at, found } => {
            value["lookedAt"] = at.as_str().into();
            value["found"] = found.iter().map(named).collect();
        }
        Verdict::NotReached { after } => value["because"] = (*after).into(),
        Verdict::Skipped { why } => value["because"] = why.as_str().into(),
    }
    value
}

fn named(named: &Named) -> Value {
    json!({
        "failure": named.failure.map(|failure| failure.id),
        "title": named.failure.map(|failure| failure.title),
        "page": named.failure.map(place),
        "code": named.problem.code,
        "what": named.problem.what,
        "cause": named.problem.cause,
        "remedy": remedy(named),
    })
}
