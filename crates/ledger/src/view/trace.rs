//! One deployment of a function, from its commit to production.

use std::collections::BTreeSet;

use landfall_artifacts::{
    Digest, EffectResult, EnvironmentName, EventKind, LedgerEvent, LedgerItem, ProjectName, ReleaseId,
};
use schemars::JsonSchema;
use semver::Version;
use serde::Serialize;

use super::happened;
use super::pushes::{Pushes, pushed};
use super::step::{NO_OUTCOME, Step, StepKind, steps};
use super::words::{function_name, is_about};

/// Which deployment is asked for; what is left open is the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The function, or a project, of which then one function is followed.
    pub function: String,
    /// A deployment to this environment.
    pub environment: Option<EnvironmentName>,
    /// A deployment by this release.
    pub release: Option<ReleaseId>,
    /// A deployment of this version.
    pub version: Option<Version>,
}

/// One deployment of a function, from its commit to production.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Trace<'a> {
    /// The function.
    pub function: &'a str,
    /// Its project, where it was told.
    pub project: Option<&'a ProjectName>,
    /// The project's version, where it was told.
    #[schemars(with = "Option<String>")]
    pub version: Option<&'a Version>,
    /// The content, where it was told.
    pub digest: Option<Digest>,
    /// The releases that it was deployed by, in the order of their first record.
    pub releases: Vec<&'a ReleaseId>,
    /// The commit, where a record tells it.
    pub commit: Option<&'a str>,
    /// The tag, where a push of it is on record that did not fail.
    pub tag: Option<&'a str>,
    /// What was done, oldest first.
    pub steps: Vec<Step<'a>>,
    /// What one would look for and the ledger does not have, a sentence each.
    pub gaps: Vec<String>,
}

/// What is followed.
struct Subject<'a> {
    function: &'a str,
    project: Option<&'a ProjectName>,
    version: Option<&'a Version>,
    digest: Option<Digest>,
}

impl Subject<'_> {
    /// Whether an item is this content of this function: by its digest, or where one of the two has none by its version.
    fn is(&self, item: &LedgerItem) -> bool {
        let is_named = is_about(item, self.function)
            || self.project.is_some_and(|project| is_about(item, project.as_str()));
        let same_digest = self.digest.zip(item.digest).map(|(one, other)| one == other);
        let same_version = self.version.zip(item.version.as_ref()).is_some_and(|(one, other)| one == other);
        // Of an index the platform's image is chosen, so that one version has two digests.
        is_named && (same_digest == Some(true) || same_version)
    }

    /// Whether an event is a try to push the tag of this version.
    fn is_tried_by(&self, event: &LedgerEvent, pushes: &Pushes<'_>) -> bool {
        self.version.is_some_and(|version| pushes.has_tried(self.project, version, event))
    }
}

/// Follows one deployment; `None` where the ledger knows none of that kind. `environments` are those that a release goes
/// through, in their order, as far as settings say it: where it did not come to one of them is a gap.
pub fn trace<'a>(
    events: &'a [LedgerEvent],
    question: &Question,
    environments: &[EnvironmentName],
) -> Option<Trace<'a>> {
    let subject = subject(events, question)?;
    let releases = releases(events, &subject);
    let is_of = |event: &LedgerEvent| event.release.as_ref().is_some_and(|of| releases.contains(&of));
    let pushes = Pushes::of_all(events);
    let push = subject.version.and_then(|version| pushes.of(subject.project, version));
    let mut told = events
        .iter()
        .filter(|event| is_of(event))
        .filter_map(|event| event.details.get("commit").and_then(|commit| commit.as_str()));
    let steps = steps(events, |event| match StepKind::of(event) {
        StepKind::Tag => subject.is_tried_by(event, &pushes),
        StepKind::Test | StepKind::Approval | StepKind::Rejection | StepKind::Ticket => is_of(event),
        StepKind::Other => false,
        _ => event.items.iter().any(|item| subject.is(item)),
    });
    let mut trace = Trace {
        function: subject.function,
        project: subject.project,
        version: subject.version,
        digest: subject.digest,
        commit: told.next().or_else(|| pushed(push?.intent)),
        tag: push.map(|push| push.tag),
        steps,
        releases,
        gaps: Vec::new(),
    };
    trace.gaps = gaps(&trace, environments);
    Some(trace)
}

/// The newest deployment that the question takes.
fn subject<'a>(events: &'a [LedgerEvent], question: &Question) -> Option<Subject<'a>> {
    let is_wanted = |event: &&LedgerEvent| {
        matches!(event.kind, EventKind::Deployment | EventKind::Rollback)
            && happened(event)
            && question.environment.as_ref().is_none_or(|name| event.environment.as_ref() == Some(name))
            && question.release.as_ref().is_none_or(|release| event.release.as_ref() == Some(release))
    };
    let is_item = |item: &&LedgerItem| {
        is_about(item, &question.function)
            && question.version.as_ref().is_none_or(|version| item.version.as_ref() == Some(version))
    };
    let item = events.iter().rev().filter(is_wanted).find_map(|event| event.items.iter().find(is_item))?;
    Some(Subject {
        function: function_name(item),
        project: item.project.as_ref(),
        version: item.version.as_ref(),
        digest: item.digest,
    })
}

fn releases<'a>(events: &'a [LedgerEvent], subject: &Subject<'_>) -> Vec<&'a ReleaseId> {
    let brings = |event: &&LedgerEvent| {
        matches!(event.kind, EventKind::Deployment | EventKind::Promotion)
            && event.items.iter().any(|item| subject.is(item))
    };
    let mut releases = Vec::new();
    let mut known = BTreeSet::new();
    for release in events.iter().filter(brings).filter_map(|event| event.release.as_ref()) {
        if known.insert(release) {
            releases.push(release);
        }
    }
    releases
}

fn gaps(trace: &Trace<'_>, environments: &[EnvironmentName]) -> Vec<String> {
    let mut gaps = Vec::new();
    let has = |kind: StepKind| trace.steps.iter().any(|step| step.step == kind);
    let missing = [
        (trace.commit.is_none(), "its commit is not on record"),
        (trace.version.is_none(), "its version is not on record"),
        (trace.digest.is_none(), "the digest of its content is not on record"),
        (trace.tag.is_none(), "no push of its tag is on record"),
        (!has(StepKind::Build), "no build of it is on record"),
        (!has(StepKind::Promotion), "no promotion of it is on record"),
        (!has(StepKind::Approval), "no approval of its release is on record"),
        (!has(StepKind::Ticket), "no ticket of its release is on record"),
    ];
    gaps.extend(missing.into_iter().filter(|(is_missing, _)| *is_missing).map(|(_, gap)| gap.to_owned()));
    let done = |step: &&Step<'_>, kind: StepKind| step.step == kind && step.outcome == EffectResult::Done;
    let came: BTreeSet<&EnvironmentName> = trace
        .steps
        .iter()
        .filter(|step| done(step, StepKind::Deployment))
        .filter_map(|step| step.environment)
        .collect();
    let tested: BTreeSet<&EnvironmentName> = trace
        .steps
        .iter()
        .filter(|step| step.step == StepKind::Test)
        .filter_map(|step| step.environment)
        .collect();
    gaps.extend(
        came.difference(&tested).map(|name| format!("no test of its release in {name} is on record")),
    );
    let absent = environments.iter().filter(|name| !came.contains(name));
    gaps.extend(absent.map(|name| format!("it did not come to {name}")));
    let open = trace.steps.iter().filter(|step| step.why == Some(NO_OUTCOME));
    gaps.extend(open.map(|step| format!("how record {} ended is not on record", step.mark.record)));
    gaps
}
