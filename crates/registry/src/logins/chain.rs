//! The chain of sources, asked for the login of a host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use landfall_run::{Event, Run};
use landfall_secret::{Redactor, escape};
use time::OffsetDateTime;
use tokio::sync::Mutex;

use super::ecr_end::ends_at;
use super::source::Content;
use super::step::judge;
use super::{Finds, HelperFault, Helpers, LoginSource, LoginStep, Verdict};
use crate::{EcrHost, Error, Login};

/// The user that ECR gives logins for.
const ECR_USER: &str = "AWS";
/// The name of the last source.
const ECR: &str = "AWS credentials";

/// Sources of logins in their order. The first that has a login for a host decides; a credential helper that knows nothing of
/// the host decides nothing. Cloning is cheap, and clones share what helpers said. `Debug` shows no secret.
///
/// Within one source the order is Docker's: the helper of the host, else the helper of all hosts; where there is none, or it
/// knows nothing, what is written below `auths`. A helper of all hosts that is not installed counts as one that knows nothing.
#[derive(Clone, Debug, Default)]
pub struct LoginChain {
    sources: Vec<LoginSource>,
    helpers: Helpers,
    /// Hosts that are ECR although their names do not say so.
    ecr_hosts: BTreeSet<String>,
    #[cfg(feature = "ecr")]
    ecr: Option<crate::EcrClient>,
    /// Each helper is asked once for a host.
    answers: Arc<Mutex<Answers>>,
}

/// What helpers said, by their names and the host.
type Answers = BTreeMap<(String, String), Option<Login>>;

/// A login and where it came from. `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLogin {
    /// The login.
    pub login: Login,
    /// The source's name.
    pub source: String,
    /// Its kind and entry.
    pub finds: Finds,
}

impl FoundLogin {
    /// Whether it is one of ECR's: fetched there, or for ECR's user.
    pub fn is_of_ecr(&self) -> bool {
        self.finds == Finds::EcrToken || matches!(&self.login, Login::Basic { user, .. } if user == ECR_USER)
    }
}

impl LoginChain {
    /// These sources, the first of which decides first.
    pub fn new(sources: impl IntoIterator<Item = LoginSource>, helpers: Helpers) -> Self {
        Self { sources: sources.into_iter().collect(), helpers, ..Self::default() }
    }

    /// Takes a host for one of ECR although its name does not say so, as a stand-in's does not.
    pub fn with_ecr_host(mut self, host: impl Into<String>) -> Self {
        self.ecr_hosts.insert(host.into());
        self
    }

    /// Adds the last source: a login that ECR gives, for hosts of ECR (default: none is fetched).
    #[cfg(feature = "ecr")]
    pub fn with_ecr(mut self, client: crate::EcrClient) -> Self {
        self.ecr = Some(client);
        self
    }

    /// The sources in their order, without ECR.
    pub fn sources(&self) -> &[LoginSource] {
        &self.sources
    }

    /// Every host that a login or a helper of its own is written for.
    pub fn named_hosts(&self) -> BTreeSet<&str> {
        self.sources.iter().filter_map(LoginSource::config).flat_map(|config| config.named_hosts()).collect()
    }

    /// Whether a host is one of ECR's.
    pub fn is_ecr(&self, host: &str) -> bool {
        self.ecr_hosts.contains(host) || EcrHost::parse(host).is_some()
    }

    /// Teaches every secret that is written in a source. Those of helpers and of ECR are taught when they come.
    pub fn teach(&self, redactor: &Redactor) {
        for config in self.sources.iter().filter_map(LoginSource::config) {
            config.secrets().for_each(|secret| redactor.learn(secret));
        }
    }

    /// What each source has for a host and what becomes of it, in their order; `now` is for logins that say when they end.
    /// `can_fetch` says whether ECR could be asked for a login. Nothing is asked, started or fetched, and no value is told.
    pub fn explain(&self, host: &str, can_fetch: bool, now: OffsetDateTime) -> Vec<LoginStep> {
        let steps = self.steps(host, can_fetch, now);
        steps.into_iter().map(|(_, step)| step).collect()
    }

    /// The login for a host (with its port, where it has one), and where it came from; `None` where no source has one.
    /// The run's redactor learns it.
    ///
    /// # Errors
    /// [`Error::LoginSource`] where a source that cannot be read may be what decides; [`Error::Helper`]; what ECR says.
    pub async fn login_for(&self, host: &str, run: &Run) -> Result<Option<FoundLogin>, Error> {
        #[cfg(feature = "ecr")]
        let can_fetch = self.ecr.is_some();
        #[cfg(not(feature = "ecr"))]
        let can_fetch = false;
        for (at, step) in self.steps(host, can_fetch, run.clock().now()) {
            let login = match (&step.finds, step.verdict) {
                (_, Verdict::Nothing | Verdict::Shadowed) => None,
                (_, Verdict::PassedOver) => {
                    let what =
                        format!("the login of {} for {host} is over: a new one is fetched", step.source);
                    run.progress().event(Event::Note(what));
                    None
                }
                (Finds::Unreadable, _) => match self.unreadable(at) {
                    Some(error) => return Err(error),
                    None => None,
                },
                (Finds::Helper { key, .. }, _) => self.ask_helper(at, host, key.is_none(), run).await?,
                #[cfg(feature = "ecr")]
                (Finds::EcrToken, _) => match &self.ecr {
                    Some(ecr) => Some(ecr.authorization_token(run).await?.login()),
                    None => None,
                },
                _ => {
                    self.config(at).and_then(|config| config.login_for(host)).map(|entry| entry.login.into())
                }
            };
            if let Some(login) = login {
                run.redactor().learn(login.secret());
                return Ok(Some(FoundLogin { login, source: step.source, finds: step.finds }));
            }
        }
        Ok(None)
    }

    /// Whether ECR has to be asked, as far as that is known before any helper is: it is a host of ECR, and no login is written
    /// for it that is still good.
    pub fn may_need_ecr(&self, host: &str, now: OffsetDateTime) -> bool {
        let steps = self.steps(host, true, now);
        steps.iter().any(|(_, step)| step.finds == Finds::EcrToken && step.verdict != Verdict::Shadowed)
    }

    /// What sources have, each with the number of its source.
    fn steps(&self, host: &str, can_fetch: bool, now: OffsetDateTime) -> Vec<(usize, LoginStep)> {
        let mut found = Vec::new();
        let mut numbers = Vec::new();
        for (at, source) in self.sources.iter().enumerate() {
            for finds in finds_in(source, host) {
                numbers.push(at);
                found.push((source.name().to_owned(), finds));
            }
        }
        if can_fetch && self.is_ecr(host) {
            numbers.push(self.sources.len());
            found.push((ECR.to_owned(), Finds::EcrToken));
        }
        numbers.into_iter().zip(judge(found, now)).collect()
    }

    fn config(&self, at: usize) -> Option<&landfall_artifacts::DockerConfig> {
        self.sources.get(at)?.config()
    }

    fn unreadable(&self, at: usize) -> Option<Error> {
        let source = self.sources.get(at)?;
        match source.content() {
            Content::Unreadable(cause) => {
                Some(Error::LoginSource { name: source.name().to_owned(), cause: Arc::clone(cause) })
            }
            Content::Missing | Content::Config(_) => None,
        }
    }

    async fn ask_helper(
        &self,
        at: usize,
        host: &str,
        is_of_all: bool,
        run: &Run,
    ) -> Result<Option<Login>, Error> {
        let Some(helper) = self.config(at).and_then(|config| config.helper_for(host)) else {
            return Ok(None);
        };
        let mut answers = self.answers.lock().await;
        let asked = (helper.name.to_owned(), host.to_owned());
        if let Some(answer) = answers.get(&asked) {
            return Ok(answer.clone());
        }
        let answer = match self.helpers.get(helper.name, host, run).await {
            Err(Error::Helper { cause, .. })
                if is_of_all && matches!(*cause, HelperFault::Missing { .. }) =>
            {
                let name = escape(helper.name, 60);
                let what = format!("docker-credential-{name} is not installed: nothing is known by it");
                run.progress().event(Event::Note(what));
                None
            }
            answered => answered?,
        };
        answers.insert(asked, answer.clone());
        Ok(answer)
    }
}

/// What one source has for a host, in the order in which it is looked at.
fn finds_in(source: &LoginSource, host: &str) -> Vec<Finds> {
    let config = match source.content() {
        Content::Missing => return vec![Finds::NoSource],
        Content::Unreadable(_) => return vec![Finds::Unreadable],
        Content::Config(config) => config,
    };
    let helper = config.helper_for(host).map(|helper| Finds::Helper {
        name: escape(helper.name, 60),
        key: helper.key.map(|key| escape(key, 120)),
    });
    let login = config.login_for(host).map(|entry| {
        let key = escape(entry.key, 120);
        match entry.login {
            landfall_artifacts::Login::Password { username, password } => {
                let ends_at = if username == ECR_USER { ends_at(password) } else { None };
                Finds::Password { key, ends_at }
            }
            landfall_artifacts::Login::IdentityToken { .. } => Finds::IdentityToken { key },
        }
    });
    let found: Vec<Finds> = helper.into_iter().chain(login).collect();
    if found.is_empty() { vec![Finds::Nothing] } else { found }
}
