//! Comments that are added once.

use landfall_artifacts::TicketKey;
use landfall_run::{Effect, Run};
use landfall_transport::Cap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::adf::{Block, Doc, Inline, MOST_BYTES, document};
use crate::exchange::{intend, settle};
use crate::section::plain_text;
use crate::wire::CommentPage;
use crate::{Error, Jira};

/// Comments of one page.
const PAGE: u64 = 50;

/// Pages that are looked at, newest first.
const MOST_PAGES: u64 = 40;

/// A page of 50 comments of 32 KiB, with what Jira tells of their authors.
const COMMENTS: Cap = Cap::of(8 << 20, "list of comments");

/// What became of a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commented {
    /// It was added, with this id.
    Added(String),
    /// It was there, with this id.
    AlreadyThere(String),
}

#[derive(Deserialize)]
struct Added {
    id: String,
}

impl Jira {
    /// Adds a comment unless one with the same marker is among the ticket's 2,000 newest.
    ///
    /// The marker, a short stable text, stands in the comment's last line. A comment whose answer was lost is looked for
    /// before it is sent again.
    ///
    /// # Errors
    /// As any request.
    pub async fn comment_once(
        &self,
        run: &Run,
        ticket: &TicketKey,
        marker: &str,
        doc: &Doc,
    ) -> Result<Commented, Error> {
        if let Some(id) = self.find_comment(run, ticket, marker).await? {
            return Ok(Commented::AlreadyThere(id));
        }
        let doing = format!("comment on {ticket}");
        let effect = Effect {
            action: "add comment".to_owned(),
            target: format!("{ticket} {}", landfall_secret::escape(marker, 80)),
            environment: None,
            release: None,
            items: Vec::new(),
        };
        let intent = intend(run, effect, &doing).await?;
        let result = self.add_comment(run, ticket, marker, doc, &doing).await;
        settle(run, intent, &result).await;
        result.map(Commented::Added)
    }

    async fn add_comment(
        &self,
        run: &Run,
        ticket: &TicketKey,
        marker: &str,
        doc: &Doc,
        doing: &str,
    ) -> Result<String, Error> {
        let body = json!({ "body": body(doc, marker) });
        let lost = match self.post_comment(run, ticket, &body, doing).await {
            Err(error) if error.leaves_unknown() => error,
            result => return result,
        };
        // Comments are listed from the database, not from the search index: what was taken shows at once.
        match self.find_comment(run, ticket, marker).await {
            Ok(Some(id)) => return Ok(id),
            Ok(None) if run.stop().requested().is_none() => {}
            // That it cannot be looked for does not make it known.
            Ok(None) | Err(_) => return Err(lost),
        }
        match self.post_comment(run, ticket, &body, doing).await {
            Err(error) if error.leaves_unknown() => {
                self.find_comment(run, ticket, marker).await.ok().flatten().ok_or(error)
            }
            result => result,
        }
    }

    async fn post_comment(
        &self,
        run: &Run,
        ticket: &TicketKey,
        body: &Value,
        doing: &str,
    ) -> Result<String, Error> {
        let request =
            self.site.post_json(&format!("/rest/api/3/issue/{ticket}/comment"), body).never_repeated();
        let answer = self.ask(run, request, Cap::JSON, doing).await?;
        let added: Added =
            answer.json().map_err(|cause| Error::Http { doing: doing.to_owned(), cause: cause.into() })?;
        Ok(landfall_secret::escape(&added.id, 40))
    }

    async fn find_comment(
        &self,
        run: &Run,
        ticket: &TicketKey,
        marker: &str,
    ) -> Result<Option<String>, Error> {
        let doing = format!("list the comments of {ticket}");
        let wanted = marker_line(marker);
        let mut seen = 0;
        for _ in 0..MOST_PAGES {
            let request = self
                .site
                .get(&format!("/rest/api/3/issue/{ticket}/comment"))
                .query("startAt", &seen.to_string())
                .query("maxResults", &PAGE.to_string())
                .query("orderBy", "-created");
            let answer = self.ask(run, request, COMMENTS, &doing).await?;
            let page: CommentPage =
                answer.json().map_err(|cause| Error::Http { doing: doing.clone(), cause: cause.into() })?;
            let blocks =
                |body: &Value| body.get("content").and_then(Value::as_array).cloned().unwrap_or_default();
            let marked = page
                .comments
                .iter()
                .find(|comment| blocks(&comment.body).iter().any(|block| plain_text(block).trim() == wanted));
            if let Some(comment) = marked {
                return Ok(Some(landfall_secret::escape(&comment.id, 40)));
            }
            seen += page.comments.len() as u64;
            if page.comments.is_empty() || seen >= page.total {
                break;
            }
        }
        Ok(None)
    }
}

fn marker_line(marker: &str) -> String {
    format!("Reference: {}", landfall_secret::escape(marker, 120))
}

fn body(doc: &Doc, marker: &str) -> Value {
    let line = Doc::new(vec![Block::Paragraph(vec![Inline::Text(marker_line(marker))])]);
    let mut nodes = doc.to_nodes(MOST_BYTES - 1_000);
    nodes.extend(line.to_nodes(1_000));
    document(nodes)
}
