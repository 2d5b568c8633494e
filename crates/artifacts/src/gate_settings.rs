//! Gates of an environment: the order of environments, and what a release needs before it may come to one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;

use crate::file_error::Problems;
use crate::json::{At, FromJson, one_of, text_form};
use crate::name::EnvironmentName;
use crate::settings::{EnvironmentKind, EnvironmentSettings, Settings};
use crate::text_name::{Address, short_text};

/// How many of the environments that come before must be passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum AfterRule {
    /// Every one of them.
    #[default]
    All,
    /// One of them.
    Any,
}

one_of!(AfterRule { "all" => All, "any" => Any });

/// What approvals are worth whose giver no CI system vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum UnverifiedApprovals {
    /// As much as others; they are marked.
    Count,
    /// Nothing.
    Refuse,
}

one_of!(UnverifiedApprovals { "count" => Count, "refuse" => Refuse });

/// Who vouches for people, and in which project of theirs. What stands here no variable of a job changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct IdentitySettings {
    /// The CI server that signs id tokens, such as `https://gitlab.example.com`. Where it is not set a job may name one, which vouches for
    /// nobody unless it is `https://gitlab.com`.
    pub issuer: Option<Address>,
    /// The project whose jobs' id tokens count, such as `acme/shop`. Where it is not set those of any project count.
    pub project: Option<ProjectPath>,
    /// The API that says who approved a run on GitHub, such as `https://github.example.com/api/v3`. Where it is not set a job may name one,
    /// which vouches for nobody unless it is `https://api.github.com`.
    pub github_api: Option<Address>,
    /// The repository whose runs' approvals count, such as `acme/shop`. Where it is not set the job names it.
    pub repository: Option<ProjectPath>,
}

short_text!(
    /// A project of a CI server: `owner/name` on GitHub, `group/name` with any number of groups in GitLab. Both take upper and lower case for
    /// the same name.
    ProjectPath,
    "a project of the CI server such as acme/shop: names of A-Z a-z 0-9 - _ . with / between, at most 255",
    "^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$",
    |text| text.len() <= 255
        && text.contains('/')
        && text.split('/').all(|name| !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)))
);

short_text!(
    /// What somebody speaks for who lets a release go on, such as `qa-lead`.
    RoleName,
    "a role: 1 to 64 of a-z 0-9 -, beginning with a letter",
    "^[a-z][a-z0-9-]{0,63}$",
    |text| text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

short_text!(
    /// A person as the CI system names them. GitLab and GitHub take upper and lower case for the same name.
    PersonName,
    "a person as CI names them: 1 to 255 characters without white space, control or invisible characters",
    "^[^\\s\\u0000-\\u001f\\u007f-\\u009f]{1,255}$",
    |text| (1..=255).contains(&text.chars().count())
        && !text.contains(char::is_whitespace)
        && landfall_secret::escape(text, 255) == text
);

impl PersonName {
    /// Whether a name that was told, such as an event's actor, is this person's.
    pub fn is(&self, told: &str) -> bool {
        self.as_str().to_lowercase() == told.to_lowercase()
    }
}

/// A length of time up to 90 days, as gates have it.
struct Days(Duration);

impl FromJson for Days {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let expected = "a time such as 7d, 24h, 30m or 900s, from 1s to 90d";
        let text = at.text(expected, problems)?;
        let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
        let seconds = units.iter().find_map(|(unit, seconds)| {
            let number = text.strip_suffix(unit)?;
            let digits = (1..=7).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            number.parse::<u64>().ok().filter(|_| digits).map(|n| n * seconds)
        });
        let time = seconds.filter(|s| (1..=90 * 86_400).contains(s)).map(Duration::from_secs);
        if time.is_none() {
            problems.wrong(at, expected);
        }
        time.map(Self)
    }
}

impl At<'_> {
    /// The length of time that a key may hold.
    #[expect(clippy::option_option, reason = "the outer says whether it could be read, as with every field")]
    pub(crate) fn days(&self, key: &str, problems: &mut Problems<'_>) -> Option<Option<Duration>> {
        let days: Option<Days> = self.field(key, problems)?;
        Some(days.map(|days| days.0))
    }
}

impl EnvironmentSettings {
    /// How long an approval holds where nothing is said: 72 hours.
    pub const USUAL_APPROVAL: Duration = Duration::from_secs(72 * 3600);

    /// How long an approval holds for a release that is to come here.
    pub fn approval_expires(&self) -> Duration {
        self.approval_expires.unwrap_or(Self::USUAL_APPROVAL)
    }

    /// What approvals are worth here whose giver no CI system vouches for.
    pub fn unverified_approvals(&self) -> UnverifiedApprovals {
        self.unverified_approvals.unwrap_or(match self.kind {
            EnvironmentKind::Production => UnverifiedApprovals::Refuse,
            EnvironmentKind::Staging | EnvironmentKind::Other => UnverifiedApprovals::Count,
        })
    }

    /// Whether anything is asked of a release that is to come here.
    pub fn is_gated(&self) -> bool {
        !self.after.is_empty() || !self.approvals.is_empty() || !self.freeze.is_empty()
    }
}

/// Notes every problem of the gates of all environments, each where it stands.
pub(crate) fn check_gates(settings: &Settings, at: At<'_>, problems: &mut Problems<'_>) {
    for (name, row) in &settings.environments {
        let mut wrong = |key: &str, expected: String| at_row(at, name, key, expected, problems);
        for other in row.after.iter().filter(|other| !settings.environments.contains_key(*other)) {
            wrong("after", format!("environments that have a row; `{other}` has none"));
        }
        if comes_before_itself(name, &settings.environments) {
            wrong("after", format!("an order without a circle; {name} comes after itself"));
        }
        if row.soak.is_some() && row.after.is_empty() {
            wrong("soak", "`after` beside it: time is counted in the environment before".to_owned());
        }
        if let Some(twice) = first_twice(&row.approvals) {
            wrong("approvals", format!("each role once; `{twice}` stands there twice"));
        }
        let is_empty = |role: &&RoleName| settings.approvers.get(*role).is_none_or(std::vec::Vec::is_empty);
        let mut nobody = false;
        for role in row.approvals.iter().filter(is_empty) {
            nobody = true;
            wrong("approvals", format!("roles with people in [approvers]; `{role}` has none"));
        }
        if !nobody && let Some(role) = cannot_be_filled(&row.approvals, &settings.approvers) {
            let expected =
                format!("roles that different people can fill; with one person a role `{role}` stays empty");
            wrong("approvals", expected);
        }
    }
    for (role, people) in &settings.approvers {
        let folded: Vec<String> = people.iter().map(|person| person.as_str().to_lowercase()).collect();
        if let (Some(twice), Some(table)) = (first_twice(&folded), at.node.member("approvers")) {
            problems.at_field(
                at.child(table),
                role.as_str(),
                format!("each person once; `{twice}` stands there twice"),
            );
        }
    }
}

/// Notes what is wrong with a key of an environment's row.
fn at_row(at: At<'_>, name: &EnvironmentName, key: &str, expected: String, problems: &mut Problems<'_>) {
    let Some(table) = at.node.member("environment") else { return };
    let rows = at.child(table);
    if let Some(row) = rows.node.member(name.as_str()) {
        problems.at_field(rows.child(row), key, expected);
    }
}

fn comes_before_itself(
    name: &EnvironmentName,
    environments: &BTreeMap<EnvironmentName, EnvironmentSettings>,
) -> bool {
    let after =
        |name: &EnvironmentName| environments.get(name).map(|row| row.after.as_slice()).unwrap_or_default();
    let mut reached: Vec<&EnvironmentName> = after(name).iter().collect();
    let mut seen: BTreeSet<&EnvironmentName> = reached.iter().copied().collect();
    while let Some(current) = reached.pop() {
        reached.extend(after(current).iter().filter(|other| seen.insert(*other)));
    }
    seen.contains(name)
}

fn first_twice<T: Ord>(all: &[T]) -> Option<&T> {
    let mut seen = BTreeSet::new();
    all.iter().find(|one| !seen.insert(*one))
}

/// A role for which nobody is left, where one person fills one role.
fn cannot_be_filled<'a>(
    roles: &'a [RoleName],
    approvers: &BTreeMap<RoleName, Vec<PersonName>>,
) -> Option<&'a RoleName> {
    let people = |role: &RoleName| -> Vec<String> {
        let people = approvers.get(role).map(Vec::as_slice).unwrap_or_default();
        people.iter().map(|person| person.as_str().to_lowercase()).collect()
    };
    let candidates: Vec<Vec<String>> = roles.iter().map(people).collect();
    let filled = one_each(&candidates);
    roles.iter().zip(filled).find(|(_, person)| person.is_none()).map(|(role, _)| role)
}

/// Gives each role one of its candidates, nobody two roles, as many roles as can be filled; `None` for a role that stays empty.
///
/// Source: Kuhn's augmenting paths for bipartite matching.
pub fn one_each<P: PartialEq + Clone>(candidates: &[Vec<P>]) -> Vec<Option<P>> {
    let mut filled: Vec<Option<P>> = vec![None; candidates.len()];
    for role in 0..candidates.len() {
        let mut tried = Vec::new();
        fill(role, candidates, &mut filled, &mut tried);
    }
    filled
}

fn fill<P: PartialEq + Clone>(
    role: usize,
    candidates: &[Vec<P>],
    filled: &mut Vec<Option<P>>,
    tried: &mut Vec<P>,
) -> bool {
    for person in candidates.get(role).map(Vec::as_slice).unwrap_or_default() {
        if tried.contains(person) {
            continue;
        }
        tried.push(person.clone());
        let held = filled.iter().position(|one| one.as_ref() == Some(person));
        if held.is_none_or(|other| fill(other, candidates, filled, tried)) {
            if let Some(place) = filled.get_mut(role) {
                *place = Some(person.clone());
            }
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
