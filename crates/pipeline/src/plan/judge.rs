//! What a job would do, by its dry runs and by what comes before it.

use landfall_artifacts::{
    Class, Digest, EventKind, JobWhen, LedgerEvent, PlannedJob, PlannedState, Problem, Report, ReportItem,
};

use crate::model::{Job, Pipeline};

/// What was found of a job.
#[derive(Clone, Debug, Default)]
pub struct DryRun {
    /// The reports of its stages' dry runs, in their order.
    pub reports: Vec<Report>,
    /// Problems that no report has, as of a dry run that could not be started.
    pub problems: Vec<Problem>,
    /// Commands of the repo's own, which nobody can foretell, as a person would type them.
    pub own: Vec<String>,
    /// Why it was not run dry; `None` where it was, as far as it can be.
    pub why: Option<String>,
    /// What it would work on when that is made, with the outcome [`FOLLOWS`]: told where its stages could tell of nothing.
    pub awaited: Vec<ReportItem>,
}

/// The outcome of an item that is known by name and version alone, since the run makes first what it is made of.
pub const FOLLOWS: &str = "follows";

/// Who makes in the run itself what a problem misses.
struct Made {
    codes: &'static [&'static str],
    by: &'static [&'static str],
    place: Place,
}

/// Of which environment the maker is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Of the job's own, or of none.
    Own,
    /// Of one that comes right before it.
    Before,
}

const MADE: [Made; 8] = [
    Made {
        codes: &["LF-REG-IMAGE-MISSING", "LF-ART-SOURCE"],
        by: &["build-docker-images", "build-images-dev", "build-images-prod", "promote-artifacts"],
        place: Place::Own,
    },
    Made { codes: &["LF-ECR-TAG-MISSING", "LF-TAGS-MISSING"], by: &["retag-push-ecr"], place: Place::Own },
    Made { codes: &["LF-JIRA-NO-TICKET"], by: &["create-jira-tickets"], place: Place::Own },
    Made { codes: &["LF-S3-RELEASE"], by: &["publish-artifacts"], place: Place::Own },
    // Who made a release is on record as soon as it is published.
    Made {
        codes: &["LF-GATE-NO-AUTHOR"],
        by: &["semantic-versioning", "publish-artifacts"],
        place: Place::Own,
    },
    Made { codes: &["LF-GATE-APPROVAL"], by: &["gate"], place: Place::Own },
    Made { codes: &["LF-GATE-BEFORE"], by: &["deploy-lambda"], place: Place::Before },
    Made { codes: &["LF-GATE-VERIFIED"], by: &["smoke-test"], place: Place::Before },
];

/// What a login misses on a machine that is not to log in: its secrets are the CI system's, and a plan makes no use of them.
const OF_LOGIN: [&str; 2] = ["LF-CONFIG-MISSING", "LF-VAULT-MISSING"];

/// What a job would do. `before` are the jobs that end before it begins, judged already; `events` what the ledger has, which knows the
/// versions that run.
pub fn judge(
    pipeline: &Pipeline,
    job: &Job,
    dry: DryRun,
    before: &[&PlannedJob],
    events: &[LedgerEvent],
) -> PlannedJob {
    let exit_code = dry.reports.iter().map(|report| report.exit_code).find(|code| *code != 0);
    let mut judged = PlannedJob {
        name: job.name.clone(),
        environment: job.environment.clone(),
        stages: job.stages().iter().map(|stage| stage.name.to_owned()).collect(),
        state: PlannedState::Foretold,
        manual: job.when == JobWhen::Manual,
        may_fail: job.may_fail.allows(exit_code),
        why: dry.why.unwrap_or_default(),
        items: Vec::new(),
        problems: Vec::new(),
        warnings: Vec::new(),
        summary: String::new(),
    };
    let was_run = !dry.reports.is_empty();
    let (mut summaries, mut found) = (Vec::new(), dry.problems);
    for report in dry.reports {
        summaries.extend(Some(report.summary).filter(|summary| !summary.is_empty()));
        judged.items.extend(report.items);
        judged.warnings.extend(report.warnings);
        found.extend(report.problems);
    }
    judged.summary = summaries.join("; ");
    for item in judged.items.iter_mut().filter(|_| job.runs("deploy-lambda")) {
        let from = item.details.get("from").and_then(|digest| digest.as_str()?.parse().ok());
        if let Some(version) = from.and_then(|digest| version_of(events, digest)) {
            item.details.insert("fromVersion".to_owned(), version.into());
        }
    }
    let (mut comes_first, mut may_fail_so): (Option<&PlannedJob>, bool) = (None, false);
    let mut solved: Vec<(&PlannedJob, Problem, usize)> = Vec::new();
    for problem in found {
        if let Some(maker) = maker(pipeline, job, &problem, before) {
            comes_first = comes_first.or(Some(maker));
            let is_alike = |(by, other, _): &&mut (&PlannedJob, Problem, usize)| {
                by.name == maker.name && other.code == problem.code
            };
            match solved.iter_mut().find(is_alike) {
                Some((_, _, more)) => *more += 1,
                None => solved.push((maker, problem, 0)),
            }
        } else if job.runs("aws-credentials") && OF_LOGIN.contains(&problem.code.as_str()) {
            judged.warnings.push(format!("it cannot be told from here: {}", problem.told()));
        } else if judged.may_fail {
            may_fail_so = true;
            judged.warnings.push(format!("it may fail: {} {}", problem.code, problem.told()));
        } else {
            judged.problems.push(problem);
        }
    }
    for (maker, problem, more) in solved {
        let does = if maker.state == PlannedState::Person { "decides" } else { "comes first" };
        // Two hundred images that are to be built are one thing to know.
        let more = if more > 0 { format!(", and {more} more of the kind") } else { String::new() };
        judged.warnings.push(format!("{} {does}: {}{more}", maker.name, problem.told()));
    }
    if job.runs("gate") && !was_run {
        judged.state = PlannedState::Person;
    } else if !was_run && job.environment.is_none() && judged.why.is_empty() && dry.own.is_empty() {
        // There was nothing to be run dry.
    } else if judged.items.is_empty() {
        if let Some(maker) = comes_first {
            judged.state = PlannedState::Follows;
            judged.why = format!("it follows {}, which makes what it works on", maker.name);
        } else if may_fail_so {
            judged.state = PlannedState::NotForetold;
            "it would fail as things are, and may".clone_into(&mut judged.why);
        } else if !judged.problems.is_empty() || !judged.why.is_empty() || !was_run {
            judged.state = PlannedState::NotForetold;
        }
    }
    let is_awaited =
        matches!(judged.state, PlannedState::Follows | PlannedState::NotForetold) && !may_fail_so;
    if is_awaited && judged.items.is_empty() && judged.problems.is_empty() && !dry.awaited.is_empty() {
        judged.items = dry.awaited;
        judged.state = PlannedState::Follows;
    }
    if let Some(maker) = comes_first.filter(|_| judged.why.is_empty()) {
        judged.why = format!("a part of it follows {}", maker.name);
    }
    if !dry.own.is_empty() && judged.why.is_empty() {
        judged.why = format!("the repo's own: {}", dry.own.join("; "));
    }
    judged
}

/// The job before this one that makes what a problem misses.
fn maker<'b>(
    pipeline: &Pipeline,
    job: &Job,
    problem: &Problem,
    before: &[&'b PlannedJob],
) -> Option<&'b PlannedJob> {
    let own_files = |other: &&&PlannedJob| {
        matches!(other.state, PlannedState::NotForetold | PlannedState::Follows)
            && other.problems.is_empty()
            && pipeline.job(&other.name).is_some_and(|made| !made.keeps.is_empty() && needs(job, &made.name))
    };
    let misses_a_file = problem.class == Class::Input
        && (problem.code == "LF-FILE-MISSING" || problem.code.starts_with("LF-PACKAGE-"));
    if misses_a_file && let Some(maker) = before.iter().find(own_files) {
        return Some(*maker);
    }
    let row = job.environment.as_ref().and_then(|name| pipeline.row(name));
    let made = MADE.iter().find(|made| made.codes.contains(&problem.code.as_str()))?;
    let is_there = |other: &PlannedJob| match (&other.environment, made.place) {
        (None, Place::Own) => true,
        (Some(environment), Place::Own) => job.environment.as_ref() == Some(environment),
        (Some(environment), Place::Before) => row.is_some_and(|row| row.before.contains(environment)),
        (None, Place::Before) => false,
    };
    let does_something = |other: &PlannedJob| {
        other.state != PlannedState::Foretold || other.items.iter().any(|item| item.outcome != "unchanged")
    };
    before
        .iter()
        .find(|other| {
            other.stages.iter().any(|stage| made.by.contains(&stage.as_str()))
                && is_there(other)
                && does_something(other)
        })
        .copied()
}

fn needs(job: &Job, name: &str) -> bool {
    job.needs.iter().any(|need| need.job == name)
}

/// The version that a digest is, where all that the ledger says of it is one.
fn version_of(events: &[LedgerEvent], digest: Digest) -> Option<String> {
    let items = events.iter().filter(|event| event.kind != EventKind::Intent).flat_map(|event| &event.items);
    let mut versions =
        items.filter(|item| item.digest == Some(digest)).filter_map(|item| item.version.as_ref());
    let first = versions.next()?;
    versions.all(|other| other == first).then(|| first.to_string())
}

#[cfg(test)]
mod tests;
