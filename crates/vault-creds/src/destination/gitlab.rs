//! Variables of a project or group of GitLab (GitLab docs, "Project-level CI/CD variables API", "Group-level CI/CD variables API").

mod api;
mod plan;
mod record;

use landfall_artifacts::Problem;
use landfall_run::Run;
use landfall_secret::Secret;
use landfall_transport::Http;

use self::api::{Api, Made, Unset};
use self::plan::{Act, plan};
use self::record::recorded;
use super::named::{NAMES, Named};
use super::{Change, DestinationError};

/// What our variables say of themselves, by which they are known again. GitLab keeps it since 16.2.
const MARK: &str = "Temporary AWS credentials, set by aws-credentials of Landfall";

/// Whose variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A project, by its number or path.
    Project(String),
    /// A group, by its number or path.
    Group(String),
}

/// Variables of one owner and scope. Printable: the token shows as `<redacted>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitLabVariables {
    /// The API, such as `https://gitlab.example.com/api/v4`.
    pub api: String,
    /// Whose they are.
    pub owner: Owner,
    /// The environments whose jobs have them: a name, a pattern such as `review/*`, or `*` (`environment_scope`).
    pub scope: String,
    /// Whether protected branches and tags alone have them. What is protected already stays so.
    pub protected: bool,
    /// A token of scope `api`, of a maintainer of the project or an owner of the group.
    pub token: Secret,
}

impl GitLabVariables {
    pub(super) fn problems(&self) -> Vec<DestinationError> {
        let mut found = Vec::new();
        if self.api.is_empty() {
            found.push(DestinationError::Missing { what: "CI_API_V4_URL" });
        }
        if self.token.is_empty() {
            found.push(DestinationError::Missing { what: "GITLAB_TOKEN" });
        }
        let (Owner::Project(id) | Owner::Group(id)) = &self.owner;
        let is_part = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(allowed)
        };
        if !id.split('/').all(is_part) {
            found.push(DestinationError::Owner { shown: landfall_secret::escape(id, 200) });
        }
        let is_scope = |byte: u8| byte.is_ascii_alphanumeric() || b"_-/.*${} ".contains(&byte);
        if self.scope.is_empty() || self.scope.len() > 255 || !self.scope.bytes().all(is_scope) {
            found.push(DestinationError::Scope { shown: landfall_secret::escape(&self.scope, 200) });
        }
        found
    }

    pub(super) fn shown(&self) -> String {
        let (kind, id) = match &self.owner {
            Owner::Project(id) => ("project", id),
            Owner::Group(id) => ("group", id),
        };
        format!("variables of the {kind} {id} at GitLab for {}", self.scope)
    }

    /// Looks at all variables, then creates and updates them, masked, and hidden where the server can; each is recorded before and after
    /// in the run's journal. A failure ends it: what comes after is not tried.
    ///
    /// # Errors
    /// Where one cannot be read, or was set by somebody else: nothing was changed.
    pub(super) async fn set(
        &self,
        variables: &[Named],
        http: &Http,
        run: &Run,
    ) -> Result<Vec<Change>, DestinationError> {
        let api = Api::new(self, http, run)?;
        let mut seen = Vec::new();
        for variable in variables {
            seen.push(api.read(variable.name).await?);
        }
        let acts = plan(self, variables, &seen)?;
        let mut changes = Vec::new();
        let mut failed = false;
        for (variable, act) in variables.iter().zip(acts) {
            let name = variable.name;
            if failed || run.stop().requested().is_some() {
                changes.push(Change { name, outcome: "not-tried", problem: None });
                failed = true;
                continue;
            }
            let made = match act {
                Act::Create => recorded(self, run, "create variable", name, api.create(variable)).await,
                Act::Update(kept) => {
                    recorded(self, run, "update variable", name, api.update(variable, kept)).await
                }
            };
            changes.push(match made {
                Ok(Made::Created) => Change { name, outcome: "created", problem: None },
                Ok(Made::Updated) => Change { name, outcome: "updated", problem: None },
                Err(unset) => {
                    failed = true;
                    unset.change(name)
                }
            });
        }
        Ok(changes)
    }

    /// Removes what this set, of this owner and scope; what is not there is no problem.
    ///
    /// # Errors
    /// The first of what is wrong with the configuration; where one cannot be read, or was or may have been set by somebody else: nothing
    /// was changed.
    pub async fn clean(&self, http: &Http, run: &Run) -> Result<Vec<Change>, DestinationError> {
        if let Some(problem) = self.problems().into_iter().next() {
            return Err(problem);
        }
        let api = Api::new(self, http, run)?;
        let mut there = Vec::new();
        for name in NAMES {
            match api.read(name).await? {
                Some(seen) => {
                    plan::act(self, name, Some(seen))?;
                    there.push((name, true));
                }
                None => there.push((name, false)),
            }
        }
        let mut changes = Vec::new();
        for (name, is_there) in there {
            let removing = async { Ok(api.remove(name, &self.scope).await?) };
            let removed = if is_there {
                recorded(self, run, "remove variable", name, removing).await
            } else {
                Ok(false)
            };
            changes.push(match removed {
                Ok(true) => Change { name, outcome: "removed", problem: None },
                Ok(false) => Change { name, outcome: "absent", problem: None },
                Err(unset) => unset.change(name),
            });
        }
        Ok(changes)
    }
}

impl Unset {
    fn change(&self, name: &'static str) -> Change {
        let outcome = if self.is_unknown { "unknown" } else { "failed" };
        Change { name, outcome, problem: Some(Problem::of(&self.error)) }
    }
}
