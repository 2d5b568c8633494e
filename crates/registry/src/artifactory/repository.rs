//! What a repository key stands for: promotion goes between local (or federated) repositories, and a virtual one only shows
//! what others hold.
//!
//! Source: JFrog REST API, "Repository Configuration". Who is no administrator is told part of it, or nothing; everything here
//! is for explanations and never for decisions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use landfall_run::Run;
use landfall_secret::escape;
use landfall_transport::{Cap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::Artifactory;

/// Members of a virtual repository that are looked at.
const MOST_MEMBERS: usize = 12;
/// How long an explanation may be waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was told of each key that was asked for.
pub(super) type Told = BTreeMap<String, Arc<OnceCell<Option<Configuration>>>>;

/// A repository key that nothing can be promoted from or to, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfitKey {
    /// The key.
    pub key: String,
    /// Why not.
    pub why: Unfit,
}

/// Why nothing can be promoted from or to a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is a virtual one.
    Virtual {
        /// The local repositories that it shows, where that was told.
        local: Vec<String>,
        /// The local one that pushes to it go to, where that was told.
        deploys_to: Option<String>,
    },
    /// It is of another class, such as `remote`.
    Class(String),
    /// It is for packages of another kind, such as `generic`.
    Package(String),
}

/// The part of a repository's configuration that matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Configuration {
    #[serde(default)]
    rclass: Option<String>,
    /// What version 2 of the API calls `rclass`.
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default, rename = "packageType")]
    package: Option<String>,
    #[serde(default)]
    repositories: Value,
    #[serde(default, rename = "defaultDeploymentRepo")]
    deploys_to: Option<String>,
}

impl Artifactory {
    /// Which of these keys nothing can be promoted from or to, as far as Artifactory tells this login.
    pub async fn unfit_keys(&self, keys: &[&str], run: &Run) -> Vec<UnfitKey> {
        let mut unfit = Vec::new();
        for key in keys {
            let told = self.told(key, run).await;
            let Some(configuration) = told.get().and_then(Option::as_ref) else { continue };
            if let Some(why) = self.why_unfit(configuration, run).await {
                unfit.push(UnfitKey { key: escape(key, 100), why });
            }
        }
        unfit
    }

    async fn why_unfit(&self, configuration: &Configuration, run: &Run) -> Option<Unfit> {
        let clean = |text: &str| escape(&run.redactor().redact(text), 100);
        let class = configuration.class()?;
        if class == "virtual" {
            let mut local = Vec::new();
            for member in configuration.members() {
                let told = self.told(&member, run).await;
                let found = told.get().and_then(Option::as_ref).and_then(Configuration::class);
                if found.is_some_and(|class| is_promotable(&class)) {
                    local.push(clean(&member));
                }
            }
            let deploys_to = configuration.deploys_to.as_deref().filter(|key| !key.is_empty()).map(clean);
            return Some(Unfit::Virtual { local, deploys_to });
        }
        if !is_promotable(&class) {
            return Some(Unfit::Class(clean(&class)));
        }
        let package = configuration.package.as_deref()?.to_ascii_lowercase();
        (!matches!(package.as_str(), "docker" | "oci")).then(|| Unfit::Package(clean(&package)))
    }

    /// Asks for the configuration of a key, once.
    async fn told(&self, key: &str, run: &Run) -> Arc<OnceCell<Option<Configuration>>> {
        let cell = {
            let mut known = self.repositories.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(key.to_owned()).or_default())
        };
        cell.get_or_init(|| self.ask(key, run)).await;
        cell
    }

    async fn ask(&self, key: &str, run: &Run) -> Option<Configuration> {
        let path = format!("/artifactory/api/repositories/{key}");
        let answer = self.site.get(&path).timeout(PATIENCE).send(run, Cap::JSON).await.ok()?;
        (answer.status() == StatusCode::OK).then(|| answer.json().ok()).flatten()
    }
}

impl Configuration {
    fn class(&self) -> Option<String> {
        self.rclass.as_deref().or(self.kind.as_deref()).map(str::to_ascii_lowercase)
    }

    fn members(&self) -> Vec<String> {
        let members = self.repositories.as_array().map(Vec::as_slice).unwrap_or_default();
        members.iter().filter_map(Value::as_str).take(MOST_MEMBERS).map(str::to_owned).collect()
    }
}

/// Whether repositories of this class can be promoted from and to.
fn is_promotable(class: &str) -> bool {
    matches!(class, "local" | "federated")
}

impl fmt::Display for UnfitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.why {
            Unfit::Virtual { local, .. } if local.is_empty() => write!(f, "`{key}` is a virtual repository"),
            Unfit::Virtual { local, .. } => {
                write!(f, "`{key}` is a virtual repository, which shows {}", local.join(", "))
            }
            Unfit::Class(class) => write!(f, "`{key}` is a {class} repository"),
            Unfit::Package(package) => write!(f, "`{key}` is for {package} packages"),
        }
    }
}

impl UnfitKey {
    /// What to give in its place.
    pub(crate) fn instead(&self) -> String {
        let key = &self.key;
        match &self.why {
            Unfit::Virtual { deploys_to: Some(local), .. } => {
                format!("give `{local}` in place of `{key}`: that is where pushes to `{key}` go")
            }
            Unfit::Virtual { local, deploys_to: None } => match local.as_slice() {
                [] => format!("give the key of the local repository behind `{key}` in its place"),
                [one] => format!("give `{one}` in place of `{key}`"),
                several => format!(
                    "give the one that holds the images in place of `{key}`: {}",
                    several.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(" or ")
                ),
            },
            Unfit::Class(_) | Unfit::Package(_) => {
                format!("give the key of a local Docker repository in place of `{key}`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Unfit, UnfitKey};

    fn shown(why: Unfit) -> String {
        let key = UnfitKey { key: "docker".to_owned(), why };
        format!("{key}; {}", key.instead())
    }

    #[test]
    fn every_kind_says_what_it_is_and_what_to_give_instead() {
        let behind = |local: &[&str], deploys_to: Option<&str>| Unfit::Virtual {
            local: local.iter().map(|&key| key.to_owned()).collect(),
            deploys_to: deploys_to.map(str::to_owned),
        };
        let lines = [
            behind(&["a", "b"], Some("a")),
            behind(&["a", "b"], None),
            behind(&["a"], None),
            behind(&[], None),
            Unfit::Class("remote".to_owned()),
            Unfit::Package("generic".to_owned()),
        ];
        let expected = [
            "`docker` is a virtual repository, which shows a, b; give `a` in place of `docker`: that is where pushes to `docker` go",
            "`docker` is a virtual repository, which shows a, b; give the one that holds the images in place of `docker`: `a` or `b`",
            "`docker` is a virtual repository, which shows a; give `a` in place of `docker`",
            "`docker` is a virtual repository; give the key of the local repository behind `docker` in its place",
            "`docker` is a remote repository; give the key of a local Docker repository in place of `docker`",
            "`docker` is for generic packages; give the key of a local Docker repository in place of `docker`",
        ];
        assert_eq!(lines.map(shown), expected);
    }
}
