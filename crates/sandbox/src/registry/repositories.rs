//! Artifactory's repository keys: local ones hold images, a virtual one shows what several hold.
//!
//! Source: JFrog REST API, "Repository Configuration". Administrators see a whole configuration, others a part of it; for a key that does
//! not exist the answer is 400.

use std::borrow::Cow;

use axum::response::IntoResponse;
use http::{StatusCode, header};
use serde_json::json;

use super::reply::{Answer, Refusal};
use super::store::Repository;
use super::{Inner, Registry};

/// A key that holds nothing itself. It is read only here; the real one passes pushes on.
#[derive(Clone, Debug)]
pub(super) struct VirtualKey {
    members: Vec<String>,
    deploys_to: Option<String>,
}

impl Registry {
    /// Makes a virtual repository key that shows what its members hold.
    pub fn create_virtual_key(&self, key: &str, members: &[&str], deploys_to: Option<&str>) {
        let members = members.iter().map(|&member| member.to_owned()).collect();
        let made = VirtualKey { members, deploys_to: deploys_to.map(str::to_owned) };
        self.lock().virtual_keys.insert(key.to_owned(), made);
    }

    /// From now on the login is no administrator's, who is told only a part of each repository's configuration; or it is again.
    pub fn hide_configurations(&self, hidden: bool) {
        self.lock().hides_configurations = hidden;
    }

    pub(super) fn configuration(&self, key: &str) -> Answer {
        let inner = self.lock();
        let mut document = json!({"key": key, "packageType": "docker", "description": "", "notes": ""});
        if let Some(found) = inner.virtual_keys.get(key) {
            document["rclass"] = "virtual".into();
            if !inner.hides_configurations {
                document["repositories"] = found.members.clone().into();
                document["defaultDeploymentRepo"] = found.deploys_to.clone().unwrap_or_default().into();
            }
        } else if inner.keys.contains(key) {
            document["rclass"] = "local".into();
        } else {
            return Err(Refusal::artifactory(StatusCode::BAD_REQUEST, "Bad Request"));
        }
        Ok(([(header::CONTENT_TYPE, "application/json")], document.to_string()).into_response())
    }
}

impl Inner {
    /// Whether a key can be read, or written.
    pub(super) fn has_key(&self, key: &str, action: &str) -> bool {
        self.keys.contains(key) || (action == "pull" && self.virtual_keys.contains_key(key))
    }

    pub(super) fn is_virtual(&self, key: &str) -> bool {
        self.virtual_keys.contains_key(key)
    }

    /// The repository that answers for this one: itself, or behind a virtual key the first that has what is asked for.
    pub(super) fn behind<'a>(&self, repository: &'a str, has: impl Fn(&Repository) -> bool) -> Cow<'a, str> {
        let Some((key, image)) = repository.split_once('/') else { return repository.into() };
        let Some(found) = self.virtual_keys.get(key) else { return repository.into() };
        let mut members = found.members.iter().map(|member| format!("{member}/{image}"));
        let holds = |name: &String| self.store.repositories.get(name).is_some_and(&has);
        members.find(holds).map_or(repository.into(), Cow::from)
    }
}
