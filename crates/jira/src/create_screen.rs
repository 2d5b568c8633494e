//! What Jira asks of a new ticket (`createmeta`), before one is made.

use landfall_run::Run;
use landfall_transport::Cap;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::same_name;
use crate::description::ticket_description;
use crate::filling::{Ours, fill};
use crate::text::ticket_summary;
use crate::ticket::LabelPair;
use crate::value::FieldMeta;
use crate::{Error, Jira, ReleaseTicket};

/// Types and fields of one page.
const PAGE: usize = 100;

/// Pages that are read: a screen has tens of fields, a field of versions may have thousands of values.
const MOST_PAGES: usize = 20;

/// A page of fields with all the values that they allow.
const META: Cap = Cap::of(16 << 20, "description of the create screen");

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypePage {
    #[serde(default)]
    issue_types: Vec<IssueType>,
    #[serde(default)]
    total: usize,
}

#[derive(Debug, Deserialize)]
struct IssueType {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Debug, Default, Deserialize)]
struct FieldPage {
    #[serde(default)]
    fields: Vec<FieldMeta>,
    /// The other name that the API's page has for the same list.
    #[serde(default)]
    results: Vec<FieldMeta>,
    #[serde(default)]
    total: usize,
}

impl Jira {
    /// Looks whether a ticket could be made: the issue type is there, every field that its screen requires has a value, and
    /// what `landfall.toml` sets fits. Nothing is changed.
    ///
    /// # Errors
    /// [`Error::CreateFields`] with all that is missing and all that does not fit; [`Error::NoIssueType`].
    pub async fn check_create(&self, run: &Run, ticket: &ReleaseTicket) -> Result<(), Error> {
        self.create_fields(run, ticket).await.map(drop)
    }

    /// The fields of the create.
    pub(crate) async fn create_fields(
        &self,
        run: &Run,
        ticket: &ReleaseTicket,
    ) -> Result<Map<String, Value>, Error> {
        let screen = self.create_screen(run).await?;
        let facts = ticket.facts();
        let LabelPair { release, region } = ticket.labels();
        let ours = Ours {
            project: &self.config.project,
            issue_type: &self.config.issue_type,
            summary: match &self.config.ticket.summary {
                Some(template) => template.apply(&facts),
                None => ticket_summary(ticket),
            },
            labels: vec![release, region],
            description: ticket_description(ticket, &self.config.ticket),
        };
        fill(&screen, &ours, &self.config.ticket, &facts).map_err(|unfit| Error::CreateFields {
            project: self.config.project.clone(),
            issue_type: landfall_secret::escape(&self.config.issue_type, 80),
            missing: unfit.missing,
            odd: unfit.odd,
        })
    }

    async fn create_screen(&self, run: &Run) -> Result<Vec<FieldMeta>, Error> {
        let project = &self.config.project;
        let doing = format!("list the issue types of {project}");
        let path = format!("/rest/api/3/issue/createmeta/{project}/issuetypes");
        let mut offered = Vec::new();
        for _ in 0..MOST_PAGES {
            let page: TypePage = self.page(run, &path, offered.len(), &doing).await?;
            let (got, total) = (page.issue_types.len(), page.total);
            offered.extend(page.issue_types);
            if got == 0 || offered.len() >= total {
                break;
            }
        }
        let is_number = |id: &str| !id.is_empty() && id.len() <= 20 && id.bytes().all(|b| b.is_ascii_digit());
        let wanted =
            offered.iter().find(|one| same_name(&one.name, &self.config.issue_type) && is_number(&one.id));
        let Some(wanted) = wanted else {
            return Err(Error::NoIssueType {
                project: project.clone(),
                wanted: landfall_secret::escape(&self.config.issue_type, 80),
                offered: offered.iter().take(20).map(|one| landfall_secret::escape(&one.name, 80)).collect(),
            });
        };
        let doing = format!("list the fields of a new ticket in {project}");
        let path = format!("{path}/{}", wanted.id);
        let mut fields = Vec::new();
        for _ in 0..MOST_PAGES {
            let page: FieldPage = self.page(run, &path, fields.len(), &doing).await?;
            let total = page.total;
            let news = if page.fields.is_empty() { page.results } else { page.fields };
            let got = news.len();
            fields.extend(news);
            if got == 0 || fields.len() >= total {
                break;
            }
        }
        Ok(fields)
    }

    async fn page<T: for<'d> Deserialize<'d>>(
        &self,
        run: &Run,
        path: &str,
        start: usize,
        doing: &str,
    ) -> Result<T, Error> {
        let request =
            self.site.get(path).query("startAt", &start.to_string()).query("maxResults", &PAGE.to_string());
        let answer = self.ask(run, request, META, doing).await?;
        answer.json().map_err(|cause| Error::Http { doing: doing.to_owned(), cause: cause.into() })
    }
}
