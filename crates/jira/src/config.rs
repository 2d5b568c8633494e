//! What a [`Jira`](crate::Jira) is told.

use std::str::FromStr;
use std::time::Duration;

use landfall_artifacts::TicketKey;

use crate::section::{FIELD, SECTION};
use crate::{Screens, TicketFields, Ways};

/// The project, its issue type, its statuses, and where instructions go.
#[derive(Clone, Debug, PartialEq)]
pub struct JiraConfig {
    /// Key of the project, such as `REL`.
    pub project: String,
    /// Name of the issue type, such as `Release`.
    pub issue_type: String,
    /// The project's names for the steps of a release.
    pub statuses: Statuses,
    /// Where instructions go (default: a section of the description).
    pub instructions: Instructions,
    /// How long the search index is waited for.
    pub pauses: SearchPauses,
    /// What new tickets get.
    pub ticket: TicketFields,
    /// Which statuses lead to which, where the workflow has some of its own.
    pub ways: Ways,
    /// What the screens of transitions get.
    pub screens: Screens,
    /// The number of the transition that a new ticket takes at once; none by default.
    pub initial_transition: Option<String>,
    /// The issue that pipelines hold their claims on, so that of several at once one alone makes a ticket; none by default.
    pub claims: Option<TicketKey>,
}

impl JiraConfig {
    /// A configuration with default statuses, instructions in the description, and default pauses.
    pub fn new(project: impl Into<String>, issue_type: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            issue_type: issue_type.into(),
            statuses: Statuses::default(),
            instructions: Instructions::default(),
            pauses: SearchPauses::default(),
            ticket: TicketFields::default(),
            ways: Ways::default(),
            screens: Screens::default(),
            initial_transition: None,
            claims: None,
        }
    }
}

/// A step of a release, as pipelines name it. Ordered as a release takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// `deploy-pp`: it runs in pre-production.
    DeployPp,
    /// `pp-testing`: it is tested there.
    PpTesting,
    /// `deploying`: it goes to production.
    Deploying,
    /// `resolved`: it runs in production.
    Resolved,
    /// `closed`: nothing is left to do.
    Closed,
}

impl Step {
    /// All steps in their order.
    pub const ALL: [Self; 5] =
        [Self::DeployPp, Self::PpTesting, Self::Deploying, Self::Resolved, Self::Closed];

    /// The name that pipelines use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeployPp => "deploy-pp",
            Self::PpTesting => "pp-testing",
            Self::Deploying => "deploying",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
        }
    }
}

/// A text that names no step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a step: expected deploy-pp, pp-testing, deploying, resolved or closed")]
pub struct StepError(String);

impl FromStr for Step {
    type Err = StepError;

    fn from_str(text: &str) -> Result<Self, StepError> {
        let named = Self::ALL.into_iter().find(|step| step.as_str() == text);
        named.ok_or_else(|| StepError(landfall_secret::escape(text, 80)))
    }
}

/// The project's names for the steps. Compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses {
    /// For [`Step::DeployPp`].
    pub deploy_pp: String,
    /// For [`Step::PpTesting`].
    pub pp_testing: String,
    /// For [`Step::Deploying`].
    pub deploying: String,
    /// For [`Step::Resolved`].
    pub resolved: String,
    /// For [`Step::Closed`].
    pub closed: String,
}

impl Default for Statuses {
    fn default() -> Self {
        Self {
            deploy_pp: "Deployed to Pre-Prod".to_owned(),
            pp_testing: "Pre-Prod Testing".to_owned(),
            deploying: "Deploying".to_owned(),
            resolved: "Resolved".to_owned(),
            closed: "Closed".to_owned(),
        }
    }
}

impl Statuses {
    /// The status of a step.
    pub fn name(&self, step: Step) -> &str {
        match step {
            Step::DeployPp => &self.deploy_pp,
            Step::PpTesting => &self.pp_testing,
            Step::Deploying => &self.deploying,
            Step::Resolved => &self.resolved,
            Step::Closed => &self.closed,
        }
    }

    /// The step that a status is; `None` for statuses of the project's own.
    pub fn step(&self, status: &str) -> Option<Step> {
        Step::ALL.into_iter().find(|step| same_name(self.name(*step), status))
    }
}

/// Whether two names of statuses or fields are the same: case and surrounding white space do not count.
pub(crate) fn same_name(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Where instructions go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Instructions {
    /// A marked section of the description.
    #[default]
    Section,
    /// A marked section of a paragraph field of the project's own, by id (`customfield_10100`) or name.
    Field(String),
}

impl Instructions {
    /// The bytes that instructions may have there, for [`instructions`](crate::instructions).
    pub fn room(&self) -> usize {
        match self {
            Self::Section => SECTION,
            Self::Field(_) => FIELD,
        }
    }
}

/// Pauses between searches, because Jira's index is behind its issues by seconds and sometimes by a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPauses {
    /// Before searching again when nothing was found and a ticket is about to be made (default: 1 s). An earlier run may
    /// have made one just now.
    pub before_create: Vec<Duration>,
    /// Before each search where there must be something: after a create without an answer, after a create for what others made
    /// meanwhile, and for a ticket that another stage made (default: 1, 2, 4, 8, 16, 30, 29 s).
    pub patience: Vec<Duration>,
}

impl SearchPauses {
    /// How long the index is waited for where nothing else is said.
    pub const PATIENCE: Duration = Duration::from_secs(90);

    /// Longest pause between two searches.
    const LONGEST: Duration = Duration::from_secs(30);

    /// Pauses that double from one second and last as long as `patience` together.
    pub fn within(patience: Duration) -> Self {
        let mut left = patience;
        let mut next = Duration::from_secs(1);
        let mut pauses = Vec::new();
        while !left.is_zero() {
            let pause = next.min(left);
            pauses.push(pause);
            left -= pause;
            next = (next * 2).min(Self::LONGEST);
        }
        Self { before_create: pauses.first().copied().into_iter().collect(), patience: pauses }
    }
}

impl Default for SearchPauses {
    fn default() -> Self {
        Self::within(Self::PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::SearchPauses;

    #[test]
    fn pauses_last_as_long_as_was_said() {
        let seconds = |patience| -> Vec<u64> {
            SearchPauses::within(Duration::from_secs(patience))
                .patience
                .iter()
                .map(Duration::as_secs)
                .collect()
        };
        assert_eq!(seconds(90), [1, 2, 4, 8, 16, 30, 29]);
        assert_eq!(seconds(2), [1, 1]);
        assert!(seconds(0).is_empty() && SearchPauses::within(Duration::ZERO).before_create.is_empty());
    }
}
