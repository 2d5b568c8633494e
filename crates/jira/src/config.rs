//! What a [`Jira`](crate::Jira) is told.

use std::str::FromStr;
use std::time::Duration;

/// The project, its issue type, its statuses, and where instructions go.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Pauses between searches, because Jira's index is behind its issues by seconds and sometimes by a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPauses {
    /// Before searching again when nothing was found and a ticket is about to be made (default: 1 s). An earlier run may
    /// have made one just now.
    pub before_create: Vec<Duration>,
    /// Before each search after a create got no answer (default: 1, 2, 4, 8, 15, 30 s).
    pub after_lost: Vec<Duration>,
}

impl Default for SearchPauses {
    fn default() -> Self {
        Self {
            before_create: vec![Duration::from_secs(1)],
            after_lost: [1, 2, 4, 8, 15, 30].map(Duration::from_secs).to_vec(),
        }
    }
}
