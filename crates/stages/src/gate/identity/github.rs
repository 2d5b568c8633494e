//! Who approved a run of a workflow on GitHub.
//!
//! Source: GitHub REST API 2022-11-28, "Get the review history for a workflow run".

use landfall_artifacts::{Actor, EnvironmentName};
use landfall_ledger::gate::Identity;
use landfall_run::Run;
use landfall_secret::{Credential, CredentialKind, Origin, Secret};
use landfall_transport::{Cap, Http};
use serde::Deserialize;

use super::Error;
use crate::gate::Person;

/// Which run is asked for, and with what.
#[derive(Debug)]
pub struct RunApprovals {
    /// The API, such as `https://api.github.com`.
    pub api: String,
    /// `owner/name`.
    pub repository: String,
    /// The number of the run.
    pub run: String,
    /// `GITHUB_TOKEN`, sent to the API and nowhere else.
    pub token: Secret,
    /// The environment whose reviewers count.
    pub environment: EnvironmentName,
    /// Whether approvals or rejections are meant.
    pub approved: bool,
}

#[derive(Deserialize)]
struct Review {
    state: String,
    #[serde(default)]
    comment: Option<String>,
    #[serde(default)]
    environments: Vec<Named>,
    user: Option<User>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

/// Everybody who approved (or rejected) the run for the environment, each once, the newest word first.
///
/// # Errors
/// [`Error::Unreachable`]; [`Error::GitHub`] for every answer but a list.
pub async fn approvals_of_run(asked: &RunApprovals, http: &Http, run: &Run) -> Result<Vec<Person>, Error> {
    run.redactor().learn(&asked.token);
    let failed = |cause| Error::not_asked("GitHub", cause);
    let refused = |status: u16| Error::GitHub { status };
    let origin = Origin::parse(&asked.api).map_err(|_| refused(0))?;
    // Both go into the path of the request.
    let is_plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    let is_name =
        asked.repository.split_once('/').is_some_and(|(owner, name)| is_plain(owner) && is_plain(name));
    if !is_name || !asked.run.bytes().all(|b| b.is_ascii_digit()) || asked.run.is_empty() {
        return Err(refused(0));
    }
    let credential = Credential::new(origin, CredentialKind::Bearer(asked.token.clone()));
    let site = http.site("github", &asked.api, Some(credential)).map_err(failed)?;
    let path = format!("/repos/{}/actions/runs/{}/approvals", asked.repository, asked.run);
    let request = site.get(&path).header("accept", "application/vnd.github+json");
    let answer =
        request.header("x-github-api-version", "2022-11-28").send(run, Cap::JSON).await.map_err(failed)?;
    let status = answer.status().as_u16();
    let reviews: Option<Vec<Review>> = serde_json::from_slice(answer.body()).ok();
    let reviews = reviews.filter(|_| answer.status().is_success()).ok_or_else(|| refused(status))?;
    let wanted = if asked.approved { "approved" } else { "rejected" };
    let (mut people, mut said): (Vec<Person>, Vec<String>) = (Vec::new(), Vec::new());
    for review in reviews {
        let is_here = review.environments.iter().any(|one| one.name == asked.environment.as_str());
        let Some(user) = review.user.filter(|_| is_here) else { continue };
        let name = landfall_secret::escape(&user.login, 255);
        // Their newest word counts, whatever it is.
        if said.contains(&name.to_lowercase()) {
            continue;
        }
        said.push(name.to_lowercase());
        if review.state != wanted {
            continue;
        }
        let source = format!("approvals of run {} of {}", asked.run, asked.repository);
        let comment = review.comment.filter(|comment| !comment.trim().is_empty());
        people.push(Person { actor: Actor { name, source }, identity: Identity::Verified, comment });
    }
    Ok(people)
}
