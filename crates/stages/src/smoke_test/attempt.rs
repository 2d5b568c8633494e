//! One try of one check.

use std::time::Duration;

use landfall_artifacts::{LambdaName, Problem, SmokeCheck};
use landfall_aws::FailureKind;
use landfall_run::Run;
use landfall_transport::Cap;
use serde_json::Value;

use super::check::Deps;
use super::command;
use super::seen::Seen;
use crate::address::Parts;

/// Longest answer that is read, in bytes.
const LONGEST_ANSWER: u64 = 1024 * 1024;

/// Makes a check once, in at most this time.
pub(super) async fn attempt(
    check: &SmokeCheck,
    deps: &Deps,
    longest: Duration,
    run: &Run,
) -> Result<(), Seen> {
    let made = async {
        match (&check.command, &check.http, &check.invoke) {
            (Some(words), _, _) => command::attempt(words, &deps.variables, longest, run).await,
            (_, Some(address), _) => http(check, address, deps, longest, run).await,
            (_, _, Some(function)) => invoke(check, function, deps, longest, run).await,
            (None, None, None) => Err(Seen::new("it does not say what is to be checked").at_once()),
        }
    };
    // A command ends itself, so that what it printed is kept.
    let grace = Duration::from_secs(2);
    match tokio::time::timeout(longest + grace, made).await {
        Ok(seen) => seen,
        Err(_) => Err(Seen::new(format!("no answer came in {:.1} s", longest.as_secs_f64()))),
    }
}

async fn http(
    check: &SmokeCheck,
    address: &str,
    deps: &Deps,
    longest: Duration,
    run: &Run,
) -> Result<(), Seen> {
    let Some(http) = &deps.http else { return Err(Seen::new("there is no HTTP client for it").at_once()) };
    let unusable = |problem: Problem| {
        let seen = Seen::new(problem.told()).at_once().unasked();
        match problem.remedy {
            Some(remedy) => seen.with_remedy(remedy),
            None => seen,
        }
    };
    let Parts { base, path, query } = Parts::of(address);
    let site = http.site("smoke", base, None).map_err(|error| unusable(Problem::of(&error)))?;
    let mut request = site.get(path).once().timeout(longest).header("accept", "application/json, */*;q=0.5");
    for (name, value) in query {
        request = request.query(&name, &value);
    }
    let answer = request
        .send(run, Cap::of(LONGEST_ANSWER, "answer"))
        .await
        .map_err(|error| Seen::new(Problem::of(&error).told()).unasked())?;
    let wanted = check.status.unwrap_or(200);
    let (status, body) = (answer.status().as_u16(), String::from_utf8_lossy(answer.body()));
    if u64::from(status) != wanted {
        return Err(Seen::new(format!("it answered {status}, not {wanted}")).with_text(&body, run));
    }
    looked_into(check, answer.body(), run)
}

async fn invoke(
    check: &SmokeCheck,
    function: &str,
    deps: &Deps,
    longest: Duration,
    run: &Run,
) -> Result<(), Seen> {
    let Some(lambda) = &deps.lambda else {
        return Err(Seen::new("there is no Lambda client for it").at_once());
    };
    let bad = |cause: &dyn std::fmt::Display| Seen::new(cause.to_string()).at_once();
    let name: LambdaName = LambdaName::from_name_or_arn(function).map_err(|cause| bad(&cause))?;
    let name = match &deps.function_name {
        Some((template, environment)) => template.apply(&name, environment).map_err(|cause| bad(&cause))?,
        None => name,
    };
    let payload = check.payload.as_ref().map_or_else(|| "{}".to_owned(), Value::to_string);
    let answer = lambda.invoke(&name, check.qualifier.as_deref(), payload.as_bytes(), longest, run).await;
    let answer = answer.map_err(|failure| {
        let problem = Problem::of(&failure);
        let is_final = matches!(failure.kind, FailureKind::Denied | FailureKind::Keys | FailureKind::Expired)
            || failure.is_code("ResourceNotFoundException");
        let seen = Seen { is_final, ..Seen::new(problem.told()).unasked() };
        match problem.remedy {
            Some(remedy) => seen.with_remedy(remedy),
            None => seen,
        }
    })?;
    let text = String::from_utf8_lossy(&answer.payload);
    if let Some(kind) = &answer.function_error {
        return Err(Seen::new(format!("the function failed ({kind})")).with_text(&text, run));
    }
    looked_into(check, &answer.payload, run)
}

/// Whether the answer holds what it should where it should.
fn looked_into(check: &SmokeCheck, body: &[u8], run: &Run) -> Result<(), Seen> {
    let Some(pointer) = &check.pointer else { return Ok(()) };
    let text = String::from_utf8_lossy(body);
    let value: Value = serde_json::from_slice(body)
        .map_err(|cause| Seen::new(format!("the answer is not JSON: {cause}")).with_text(&text, run))?;
    let shown = landfall_secret::escape(pointer, 100);
    let Some(found) = value.pointer(pointer) else {
        return Err(Seen::new(format!("nothing stands at `{shown}` of the answer")).with_text(&text, run));
    };
    match &check.equals {
        Some(wanted) if !same(wanted, found) => {
            let clean =
                |value: &Value| landfall_secret::escape(&run.redactor().redact(&value.to_string()), 200);
            let what = format!("{} stands at `{shown}` of the answer, not {}", clean(found), clean(wanted));
            Err(Seen::new(what).with_text(&text, run))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether two values are the same; 1 and 1.0 are.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => one == other,
    }
}

#[cfg(test)]
mod unit {
    use serde_json::json;

    use super::same;

    #[test]
    fn numbers_are_the_same_however_they_are_written() {
        assert!(same(&json!(200), &json!(200.0)) && same(&json!({"a": [1]}), &json!({"a": [1]})));
        assert!(!same(&json!("200"), &json!(200)) && !same(&json!(1), &json!(2)));
    }
}
