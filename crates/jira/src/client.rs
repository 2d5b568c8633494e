//! The client of one project of one site.

use std::sync::{Arc, OnceLock};

use landfall_artifacts::{Address, ReleaseId, TicketKey};
use landfall_run::Run;
use landfall_transport::{Cap, Site};

use crate::config::same_name;
use crate::covers::{Covered, PROPERTIES};
use crate::find::is_number;
use crate::pace::Paces;
use crate::wire::{Issue, ServerInfo};
use crate::{Error, Instructions, JiraConfig, Step, TicketRef};

/// Longest name that a setting may have, in characters.
const LONGEST_NAME: usize = 255;

/// One project of one Jira site.
#[derive(Clone, Debug)]
pub struct Jira {
    pub(crate) site: Site,
    pub(crate) config: JiraConfig,
    paces: Paces,
    /// Where people read tickets, once it was asked for.
    browse: Arc<OnceLock<String>>,
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
        named.extend(config.ways.names().map(|name| ("status of [jira.transitions]", name)));
        // A row that is for nothing would be a wish that is never heard.
        let is_for_nothing = |name: &&str| {
            config.statuses.step(name).is_none()
                && name.parse::<Step>().is_err()
                && !config.ways.names().any(|other| same_name(other, name))
        };
        if let Some(name) = config.screens.names().find(is_for_nothing) {
            return Err(refused("step or status of [jira.screens] or [jira.resolution]", name));
        }
        if let Some(id) = config.initial_transition.as_ref().filter(|id| !is_number(id)) {
            return Err(refused("number of a transition (initial_transition)", id));
        }
        match named.into_iter().find(|(_, text)| !usable(text)) {
            Some((what, text)) => Err(refused(what, text)),
            None => Ok(Self { site, config, paces: Paces::default(), browse: Arc::default() }),
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
        self.reference(run, &issue.id, &issue.key, &format!("read {key}")).await
    }

    /// One issue, by key or id, with some fields. Reading by key or id is consistent, unlike searching.
    pub(crate) async fn issue(&self, run: &Run, key_or_id: &str, fields: &str) -> Result<Issue, Error> {
        let doing = format!("read {key_or_id}");
        let request = self.site.get(&format!("/rest/api/3/issue/{key_or_id}")).query("fields", fields);
        let answer = self.ask(run, request, Cap::JSON, &doing).await?;
        answer.json().map_err(|cause| Error::Http { doing, cause: cause.into() })
    }

    /// The release that a ticket's properties name; `None` where they name none.
    ///
    /// # Errors
    /// As any request.
    pub async fn release_of(&self, run: &Run, key: &TicketKey) -> Result<Option<ReleaseId>, Error> {
        let doing = format!("read {key}");
        let request = self
            .site
            .get(&format!("/rest/api/3/issue/{key}"))
            .query("fields", "status")
            .query("properties", PROPERTIES[0]);
        let answer = self.ask(run, request, Cap::JSON, &doing).await?;
        let issue: Issue = answer.json().map_err(|cause| Error::Http { doing, cause: cause.into() })?;
        Ok(Covered::of(&issue.properties).release)
    }

    /// The site for writes to one issue: they wait for their turn, as Jira bounds them.
    pub(crate) fn writing(&self, run: &Run, issue: &str) -> Site {
        self.site.with_limiter(self.paces.of(issue, run.share()))
    }

    pub(crate) async fn reference(
        &self,
        run: &Run,
        id: &str,
        key: &str,
        doing: &str,
    ) -> Result<TicketRef, Error> {
        let lacking = |what| Error::Lacking { doing: doing.to_owned(), what };
        if !is_number(id) {
            return Err(lacking("the issue's id"));
        }
        let key: TicketKey = key.parse().map_err(|_| lacking("the issue's key"))?;
        let url = format!("{}/browse/{key}", self.browsed_at(run).await);
        Ok(TicketRef { id: id.to_owned(), key, url })
    }

    /// Where people read tickets: the site's own address, unless requests go through Atlassian's gateway
    /// (`https://api.atlassian.com/ex/jira/<cloud id>`), which shows no pages; then what the server says of itself.
    async fn browsed_at(&self, run: &Run) -> String {
        let origin = self.site.origin().to_string();
        if self.site.base().path().trim_matches('/').is_empty() {
            return origin;
        }
        if let Some(known) = self.browse.get() {
            return known.clone();
        }
        let doing = "ask where people read tickets";
        let told = match self.ask(run, self.site.get("/rest/api/3/serverInfo"), Cap::JSON, doing).await {
            Ok(answer) => {
                answer.json::<ServerInfo>().ok().and_then(|info| info.base_url.parse::<Address>().ok())
            }
            // A link is no reason to fail.
            Err(_) => None,
        };
        let Some(told) = told else { return origin };
        self.browse.get_or_init(|| told.to_string().trim_end_matches('/').to_owned()).clone()
    }
}
