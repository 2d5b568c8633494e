//! Repositories.

use serde_json::{Value, json};

use super::input::{Body, optional_text, page, repository_name, repository_names};
use super::{Answer, Ecr, Refusal};
use crate::registry::RepositoryView;

impl Ecr {
    pub(super) fn describe_repositories(&self, body: &Body) -> Answer {
        let asked = repository_names(body, "repositoryNames")?;
        let is_paged = ["maxResults", "nextToken"]
            .iter()
            .any(|name| body.get(*name).is_some_and(|value| !value.is_null()));
        if asked.is_some() && is_paged {
            return Err(Refusal::parameter("maxResults and nextToken cannot be used with repositoryNames"));
        }
        let names = asked.unwrap_or_else(|| self.registry.repositories());
        let found: Result<Vec<Value>, Refusal> = names
            .iter()
            .map(|name| self.find_by_name(body, name).map(|found| self.repository_json(&found)))
            .collect();
        page(body, "repositories", found?)
    }

    pub(super) fn create_repository(&self, body: &Body) -> Answer {
        let name = repository_name(body, "repositoryName")?;
        let immutable = match optional_text(body, "imageTagMutability")? {
            None | Some("MUTABLE") => false,
            Some("IMMUTABLE") => true,
            Some(_) => return Err(Refusal::parameter("imageTagMutability must be MUTABLE or IMMUTABLE")),
        };
        if self.registry.repository(name).is_some() {
            let message = format!(
                "The repository with name '{name}' already exists in the registry with id '{}'",
                self.config.account
            );
            return Err(Refusal::new("RepositoryAlreadyExistsException", message));
        }
        self.registry.create_repository(name, immutable);
        let made = self.find(body)?;
        Ok(json!({"repository": self.repository_json(&made)}))
    }

    /// The repository that `repositoryName` names.
    pub(super) fn find(&self, body: &Body) -> Result<RepositoryView, Refusal> {
        self.find_by_name(body, repository_name(body, "repositoryName")?)
    }

    /// The repository of that name in the registry that `registryId` names; without it, of the caller's own.
    fn find_by_name(&self, body: &Body, name: &str) -> Result<RepositoryView, Refusal> {
        let registry = match optional_text(body, "registryId")? {
            None => self.config.account.as_str(),
            Some(id) if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) => id,
            Some(_) => {
                return Err(Refusal::parameter(
                    "Invalid parameter at 'registryId' failed to satisfy constraint: 'must have 12 digits'",
                ));
            }
        };
        let found = self.registry.repository(name).filter(|_| registry == self.config.account);
        found.ok_or_else(|| {
            let message = format!(
                "The repository with name '{name}' does not exist in the registry with id '{registry}'"
            );
            Refusal::new("RepositoryNotFoundException", message)
        })
    }

    fn repository_json(&self, found: &RepositoryView) -> Value {
        let (account, region) = (&self.config.account, &self.config.region);
        json!({
            "repositoryArn": format!("arn:aws:ecr:{region}:{account}:repository/{}", found.name),
            "registryId": account, "repositoryName": found.name,
            "repositoryUri": format!("{}/{}", self.registry.host(), found.name),
            "createdAt": 1_761_955_200.0,
            "imageTagMutability": if found.immutable { "IMMUTABLE" } else { "MUTABLE" },
        })
    }
}
