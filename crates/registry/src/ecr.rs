//! Amazon ECR's own API (2015-09-21): login and repositories.

use base64::Engine as _;
use landfall_artifacts::AccountId;
use landfall_aws::{AwsConfig, AwsFailure, Call, Nature, Service, call};
use landfall_run::Run;
use landfall_secret::Secret;
use time::OffsetDateTime;
use url::Url;

use crate::{Error, Login};

/// Names, image ids or layers of one call (model limits of DescribeRepositories, BatchGetImage, BatchCheckLayerAvailability).
pub(crate) const MOST_AT_ONCE: usize = 100;

/// A client of ECR's API. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct EcrClient {
    pub(crate) client: aws_sdk_ecr::Client,
    pub(crate) account: Option<AccountId>,
}

/// A login that ECR gave (GetAuthorizationToken). `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcrLogin {
    /// The user, `AWS`.
    pub user: String,
    /// The password; good for every registry that the caller may use.
    pub password: Secret,
    /// When it ends, twelve hours after it was given.
    pub expires_at: OffsetDateTime,
    /// The host of the caller's own registry, with its port where it has one.
    pub host: String,
}

/// A repository of ECR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcrRepository {
    /// Its name.
    pub name: String,
    /// Host and name.
    pub uri: String,
    /// Whether its tags may not be written twice.
    pub is_immutable: bool,
}

/// Repositories that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EcrRepositories {
    /// Those that exist.
    pub found: Vec<EcrRepository>,
    /// The names of those that do not.
    pub missing: Vec<String>,
}

impl EcrLogin {
    /// As a registry takes it.
    pub fn login(&self) -> Login {
        Login::basic(self.user.clone(), self.password.clone())
    }
}

impl EcrClient {
    /// A client for the configured region.
    ///
    /// # Errors
    /// [`Error::EcrSetup`] where the endpoint cannot be used.
    pub fn new(config: &AwsConfig) -> Result<Self, Error> {
        let sdk =
            config.sdk_config(Service::Ecr).map_err(|cause| Error::EcrSetup { cause: Box::new(cause) })?;
        Ok(Self { client: aws_sdk_ecr::Client::new(&sdk), account: None })
    }

    /// The same client for the registry of another account (default: the caller's own).
    pub fn of_account(mut self, account: AccountId) -> Self {
        self.account = Some(account);
        self
    }

    /// A login for docker and for [`crate::Registry`]. The run's redactor learns the password.
    ///
    /// # Errors
    /// [`Error::EcrCall`] where ECR denies, [`Error::EcrToken`] where its answer is odd.
    pub async fn authorization_token(&self, run: &Run) -> Result<EcrLogin, Error> {
        let what = reading("GetAuthorizationToken");
        let answer = call(run, what, || self.client.get_authorization_token().send())
            .await
            .map_err(|cause| failed("give a login", cause))?;
        let odd = |missing| Error::EcrToken { missing };
        let data = answer.authorization_data().first().ok_or(odd("authorizationData"))?;
        let encoded = data.authorization_token().unwrap_or_default();
        let pair = base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(odd("authorizationToken"))?;
        let (user, password) = pair.split_once(':').ok_or(odd("authorizationToken"))?;
        if user.is_empty() || password.is_empty() || pair.chars().any(char::is_control) {
            return Err(odd("authorizationToken"));
        }
        let password = Secret::new(password);
        run.redactor().learn(&password);
        let expires_at = data
            .expires_at()
            .and_then(|at| OffsetDateTime::from_unix_timestamp(at.secs()).ok())
            .ok_or(odd("expiresAt"))?;
        let host = data.proxy_endpoint().and_then(host_of).ok_or(odd("proxyEndpoint"))?;
        Ok(EcrLogin { user: user.to_owned(), password, expires_at, host })
    }

    /// Which of these repositories exist.
    ///
    /// # Errors
    /// [`Error::EcrCall`].
    pub async fn describe_repositories(&self, names: &[String], run: &Run) -> Result<EcrRepositories, Error> {
        let mut all = EcrRepositories::default();
        for part in names.chunks(MOST_AT_ONCE) {
            match self.describe(part, run).await {
                Ok(found) => all.found.extend(found),
                // The answer names one missing repository at most: each is asked for alone.
                Err(failure) if is_missing(&failure) && part.len() > 1 => {
                    for name in part {
                        match self.describe(std::slice::from_ref(name), run).await {
                            Ok(found) => all.found.extend(found),
                            Err(failure) if is_missing(&failure) => all.missing.push(name.clone()),
                            Err(failure) => return Err(failed("describe repositories", failure)),
                        }
                    }
                }
                Err(failure) if is_missing(&failure) => all.missing.extend_from_slice(part),
                Err(failure) => return Err(failed("describe repositories", failure)),
            }
        }
        Ok(all)
    }

    async fn describe(&self, names: &[String], run: &Run) -> Result<Vec<EcrRepository>, AwsFailure> {
        let answer = call(run, reading("DescribeRepositories"), || {
            self.client
                .describe_repositories()
                .set_registry_id(self.account.as_ref().map(ToString::to_string))
                .set_repository_names(Some(names.to_vec()))
                .send()
        })
        .await?;
        let shown = |text: Option<&str>| landfall_secret::escape(text.unwrap_or_default(), 300);
        Ok(answer
            .repositories()
            .iter()
            .map(|found| EcrRepository {
                name: shown(found.repository_name()),
                uri: shown(found.repository_uri()),
                is_immutable: found
                    .image_tag_mutability()
                    .is_some_and(|kind| kind.as_str().starts_with("IMMUTABLE")),
            })
            .collect())
    }
}

pub(crate) fn reading(operation: &'static str) -> Call<'static> {
    Call { service: Service::Ecr, operation, nature: Nature::Read, limiter: None }
}

pub(crate) fn failed(doing: &str, cause: AwsFailure) -> Error {
    Error::EcrCall { doing: doing.to_owned(), cause: Box::new(cause) }
}

pub(crate) fn is_missing(failure: &AwsFailure) -> bool {
    failure.code.as_deref() == Some("RepositoryNotFoundException")
}

fn host_of(endpoint: &str) -> Option<String> {
    let url = Url::parse(endpoint).ok()?;
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}
