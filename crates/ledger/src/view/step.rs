//! What was done for a release, step by step.

use std::collections::HashMap;

use landfall_artifacts::{EffectResult, EnvironmentName, EventKind, LedgerEvent, ReleaseId};
use schemars::JsonSchema;
use serde::Serialize;

use super::mark::Mark;
use super::words::what;

/// What kind of step it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Commit and tags were pushed.
    Tag,
    /// An image was built, or an archive put into the store of releases.
    Build,
    /// An image was copied to where functions take it from.
    Copy,
    /// A function was changed.
    Change,
    /// Content was made available to the next environment.
    Promotion,
    /// It came to an environment.
    Deployment,
    /// An environment went back to it.
    Rollback,
    /// A test passed or failed.
    Test,
    /// A person let it go on.
    Approval,
    /// A person stopped it.
    Rejection,
    /// A release ticket was made, moved, edited or commented on.
    Ticket,
    /// Anything else.
    Other,
}

impl StepKind {
    /// The word for it, which JSON has too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Build => "build",
            Self::Copy => "copy",
            Self::Change => "change",
            Self::Promotion => "promotion",
            Self::Deployment => "deployment",
            Self::Rollback => "rollback",
            Self::Test => "test",
            Self::Approval => "approval",
            Self::Rejection => "rejection",
            Self::Ticket => "ticket",
            Self::Other => "other",
        }
    }

    /// The kind of step that an event tells of.
    pub fn of(event: &LedgerEvent) -> Self {
        match event.kind {
            EventKind::Deployment => Self::Deployment,
            EventKind::Rollback => Self::Rollback,
            EventKind::Promotion => Self::Promotion,
            EventKind::Test => Self::Test,
            EventKind::Approval => Self::Approval,
            EventKind::Rejection => Self::Rejection,
            EventKind::Intent | EventKind::Outcome => Self::of_action(event),
            _ => Self::Other,
        }
    }

    /// Actions are in the services' words.
    fn of_action(event: &LedgerEvent) -> Self {
        match (event.action.as_deref().unwrap_or_default(), event.stage.as_deref()) {
            ("git push", _) => Self::Tag,
            ("PushImage", _) | ("PutObject", Some("publish-artifacts")) => Self::Build,
            ("PUT manifest", _) => Self::Copy,
            ("promote", _) => Self::Promotion,
            ("add comment", _) => Self::Ticket,
            (action, _) if action.ends_with(" ticket") => Self::Ticket,
            (_, Some("deploy-lambda" | "rollback-lambda")) => Self::Change,
            _ => Self::Other,
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step<'a> {
    /// What kind of step it is.
    pub step: StepKind,
    /// What was done, to what.
    pub what: String,
    /// The environment, where it was in one.
    pub environment: Option<&'a EnvironmentName>,
    /// The release that it was done for, where it is known.
    pub release: Option<&'a ReleaseId>,
    /// How it ended. An intent of which no outcome is on record is `unknown`.
    pub outcome: EffectResult,
    /// Why, where it was told.
    pub why: Option<&'a str>,
    /// Whether it is an effect on a service, told by an intent and its outcome, and no event of its own.
    pub is_effect: bool,
    /// Who, when, by which record; of an effect, its intent's.
    #[serde(flatten)]
    pub mark: Mark<'a>,
}

/// Why a step's end is not known whose intent has no outcome.
pub const NO_OUTCOME: &str = "no outcome is on record";

/// The steps that events tell of, oldest first. `is_meant` is asked of all events but outcomes, which go with their intents.
pub fn steps<'a>(events: &'a [LedgerEvent], is_meant: impl Fn(&LedgerEvent) -> bool) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'a>> = Vec::new();
    let mut open: HashMap<u64, usize> = HashMap::new();
    for event in events {
        if event.kind == EventKind::Outcome {
            let begun = event.intent.and_then(|intent| open.remove(&intent)).and_then(|at| steps.get_mut(at));
            if let Some(step) = begun {
                step.outcome = event.outcome.unwrap_or(EffectResult::Unknown);
                step.why = event.reason.as_deref();
            }
            continue;
        }
        if !is_meant(event) {
            continue;
        }
        let is_intent = event.kind == EventKind::Intent;
        if is_intent {
            open.insert(event.sequence, steps.len());
        }
        steps.push(Step {
            step: StepKind::of(event),
            what: what(event),
            environment: event.environment.as_ref(),
            release: event.release.as_ref(),
            outcome: event.outcome.unwrap_or(if is_intent {
                EffectResult::Unknown
            } else {
                EffectResult::Done
            }),
            why: if is_intent { Some(NO_OUTCOME) } else { event.reason.as_deref() },
            is_effect: is_intent,
            mark: Mark::of(event),
        });
    }
    steps
}
