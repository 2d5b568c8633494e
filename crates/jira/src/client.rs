//! The client of one project of one site.

use landfall_artifacts::TicketKey;
use landfall_run::Run;
use landfall_transport::{Cap, Site};

use crate::wire::Issue;
use crate::{Error, Instructions, JiraConfig, Step, TicketRef};

/// Longest name that a setting may have, in characters.
const LONGEST_NAME: usize = 255;

/// One project of one Jira site.
#[derive(Clone, Debug)]
pub struct Jira {
    pub(crate) site: Site,
    pub(crate) config: JiraConfig,
}

impl Jira {
    /// A client; nothing is sent. The site's credential is an API token with the account's e-mail address, or a bearer token.
    ///
    /// # Errors
    /// [`Error::Setting`] where the project key is none, or a name is empty, too long or holds control characters.
    pub fn new(site: Site, config: JiraConfig) -> Result<Self, Error> {
        let refused = |what: &'static str, text: &str| Error::Setting {
            what,
            shown: landfall_secret::escape(text, 80),
        };
        // A key with a number behind it follows the rule of a ticket's key.
        if format!("{}-1", config.project).parse::<TicketKey>().is_err() {
            return Err(refused("project key", &config.project));
        }
        let usable = |text: &str| {
            !text.trim().is_empty()
                && text.chars().count() <= LONGEST_NAME
                && !text.chars().any(char::is_control)
        };
        let mut named = vec![("issue type", config.issue_type.as_str())];
        named.extend(Step::ALL.map(|step| ("status", config.statuses.name(step))));
        if let Instructions::Field(field) = &config.instructions {
            named.push(("instructions field", field));
        }
        match named.into_iter().find(|(_, text)| !usable(text)) {
            Some((what, text)) => Err(refused(what, text)),
            None => Ok(Self { site, config }),
        }
    }

    /// What the client was told.
    pub fn config(&self) -> &JiraConfig {
        &self.config
    }

    /// Reads a ticket whose key was given.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none, or the account may not see it.
    pub async fn ticket(&self, run: &Run, key: &TicketKey) -> Result<TicketRef, Error> {
        let issue = self.issue(run, key.as_str(), "status").await?;
        self.reference(&issue.id, &issue.key, &format!("read {key}"))
    }

    /// One issue, by key or id, with some fields. Reading by key or id is consistent, unlike searching.
    pub(crate) async fn issue(&self, run: &Run, key_or_id: &str, fields: &str) -> Result<Issue, Error> {
        let doing = format!("read {key_or_id}");
        let request = self.site.get(&format!("/rest/api/3/issue/{key_or_id}")).query("fields", fields);
        let answer = self.ask(run, request, Cap::JSON, &doing).await?;
        answer.json().map_err(|cause| Error::Http { doing, cause: cause.into() })
    }

    pub(crate) fn reference(&self, id: &str, key: &str, doing: &str) -> Result<TicketRef, Error> {
        let lacking = |what| Error::Lacking { doing: doing.to_owned(), what };
        if id.is_empty() || id.len() > 20 || !id.bytes().all(|b| b.is_ascii_digit()) {
            return Err(lacking("the issue's id"));
        }
        let key: TicketKey = key.parse().map_err(|_| lacking("the issue's key"))?;
        let url = format!("{}/browse/{key}", self.site.origin());
        Ok(TicketRef { id: id.to_owned(), key, url })
    }
}
