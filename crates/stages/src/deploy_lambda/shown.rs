//! What a deployment came to, and what a plan would do, for people and for the report.

use landfall_artifacts::Digest;
use landfall_lambda_deploy::{Action, ApplyReport, Function, FunctionResult, Outcome as Ended, Plan};
use landfall_run::{Run, counted};

use crate::table::table;
use crate::{Finished, Item};

/// What each function would get.
pub(super) fn foretell(plan: &Plan) -> Finished {
    let mut finished = Finished::default();
    let mut rows = vec![["function", "from", "to", "state"].map(str::to_owned)];
    let mut updates = 0;
    for step in &plan.steps {
        let (name, digest) = (step.desired.function.as_str(), step.desired.code.digest());
        let outcome = match &step.action {
            Action::Unchanged => "unchanged",
            Action::Update | Action::Await => "planned",
            Action::Blocked(_) => "blocked",
        };
        updates += usize::from(outcome == "planned");
        rows.push([name.to_owned(), from(step.before.as_ref()), digest.short(), outcome.to_owned()]);
        let mut item = Item::new(name, outcome).with("digest", digest.to_string());
        let runs = step.before.as_ref().and_then(Function::digest);
        let facts = [
            ("from", runs.map(|digest| digest.to_string())),
            ("project", step.desired.project.as_ref().map(ToString::to_string)),
            ("version", step.desired.version.clone()),
        ];
        for (key, fact) in facts {
            if let Some(fact) = fact {
                item = item.with(key, fact);
            }
        }
        finished.items.push(item);
    }
    finished.lines = table(&rows, 0);
    finished.summary = format!("{updates} of {} would be updated", counted(plan.steps.len(), "function"));
    finished
}

/// What became of each function.
pub(super) fn finish(ended: &ApplyReport, run: &Run) -> Finished {
    let results = &ended.functions;
    let mut finished = Finished::default();
    finished.problems.extend(ended.problem.clone());
    let mut rows = vec![["function", "from", "to", "state", "seconds"].map(str::to_owned)];
    let went_wrong = ended.problem.is_some() || results.iter().any(|result| result.problem.is_some());
    for result in results {
        finished.items.push(item(result, went_wrong));
        rows.push([
            result.desired.function.to_string(),
            from(result.before.as_ref()),
            result.desired.code.digest().short(),
            state(result),
            format!("{:.1}", result.took.as_secs_f64()),
        ]);
    }
    finished.lines = table(&rows, 1);
    let count = |ended: Ended| results.iter().filter(|result| result.outcome == ended).count();
    let left = count(Ended::NotAttempted);
    finished.note_stop(run, left);
    let rolled_back = match count(Ended::RolledBack) {
        0 => String::new(),
        some => format!("{some} rolled back, "),
    };
    let withdrawn = match count(Ended::Withdrawn) {
        0 => String::new(),
        some => format!("{some} updated and not live, "),
    };
    finished.summary = format!(
        "{} updated, {} unchanged, {rolled_back}{withdrawn}{} failed, {} unknown, {left} not tried",
        count(Ended::Updated),
        count(Ended::Unchanged),
        count(Ended::Failed),
        count(Ended::Unknown),
    );
    finished
}

/// Of a function that an earlier try changed nobody needs to hear, unless something went wrong: then it is half of a mixed state.
fn item(result: &FunctionResult, went_wrong: bool) -> Item {
    let mut item = Item::new(result.desired.function.as_str(), word(result.outcome))
        .with("digest", result.desired.code.digest().to_string());
    if let Some(project) = &result.desired.project {
        item = item.with("project", project.as_str());
    }
    if let Some(version) = &result.version {
        item = item.with("version", version.as_str());
    }
    item.changed = match result.outcome {
        Ended::Unchanged => went_wrong && result.changed(),
        Ended::Unknown => false,
        Ended::Updated | Ended::Withdrawn | Ended::RolledBack | Ended::Failed | Ended::NotAttempted => {
            result.changed()
        }
    };
    item.duration_ms = u64::try_from(result.took.as_millis()).unwrap_or(u64::MAX);
    item.problem.clone_from(&result.problem);
    item
}

fn word(outcome: Ended) -> &'static str {
    match outcome {
        Ended::Updated => "updated",
        Ended::Unchanged => "unchanged",
        Ended::RolledBack => "rolled-back",
        Ended::Withdrawn => "updated-not-live",
        Ended::Failed => "failed",
        Ended::Unknown => "unknown",
        Ended::NotAttempted => "not-tried",
    }
}

/// The outcome, with Lambda's reason code and with the version that was published, where there are such.
fn state(result: &FunctionResult) -> String {
    let word = word(result.outcome);
    match (&result.reason_code, &result.version) {
        (Some(code), _) => format!("{word} ({code})"),
        (None, Some(version)) => format!("{word}, version {version}"),
        (None, None) => word.to_owned(),
    }
}

fn from(before: Option<&Function>) -> String {
    before.and_then(Function::digest).map_or_else(|| "-".to_owned(), |digest: Digest| digest.short())
}
