//! Comments that are added once.
//!
//! A comment is known by a property that goes with it, and by its last line, which older versions wrote alone. The list of an
//! issue's comments shows bodies and no properties (`POST /comment/list` does), so the line is looked for first, and the property
//! where a person has changed the text since.
//!
//! Two pipelines that comment at once both find nothing. So they take turns (see `turns.rs`): whoever has no turn waits for the
//! comment of whoever has it.

use landfall_artifacts::{Digest, TicketKey};
use landfall_run::{Effect, Run};
use landfall_transport::Cap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::adf::{Block, Doc, Inline, MOST_BYTES, document};
use crate::exchange::{intend, settle};
use crate::section::plain_text;
use crate::turns::Turns;
use crate::wire::{Comment, CommentPage, CommentsByIds};
use crate::{Error, Jira};

/// Comments of one page.
const PAGE: u64 = 50;

/// Pages that are looked at, newest first.
const MOST_PAGES: u64 = 40;

/// A page of 50 comments of 32 KiB, with what Jira tells of their authors.
const COMMENTS: Cap = Cap::of(8 << 20, "list of comments");

/// A thousand comments, likewise.
const COMMENTS_BY_IDS: Cap = Cap::of(64 << 20, "list of comments");

/// Comments whose properties are asked for at once (API page of "Get comments by IDs": 1,000).
const BY_IDS: usize = 1_000;

/// The comment property that holds the marker.
const PROPERTY: &str = "landfall.comment";

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
    /// The marker, a short stable text, is the comment's property and stands in its last line. A comment whose answer was lost is
    /// looked for before it is sent again.
    ///
    /// # Errors
    /// As any request; [`Error::LostWrite`] where it is not known whether the comment was added.
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
            details: Vec::new(),
            items: Vec::new(),
        };
        let intent = intend(run, effect, &doing).await?;
        let mut turns = turns_at(ticket, marker);
        let result = match self.claim_comment(run, ticket, marker, &mut turns).await {
            Ok(None) => {
                let added = self.add_comment(run, ticket, marker, doc, &doing).await;
                if added.as_ref().is_err_and(|error| !error.leaves_unknown()) {
                    self.give_up(run, &turns).await;
                }
                added.map(Commented::Added)
            }
            Ok(Some(id)) => Ok(Commented::AlreadyThere(id)),
            Err(error) => Err(error),
        };
        settle(run, intent, &result).await;
        result
    }

    /// Takes a turn, or waits for the comment of whoever has it.
    async fn claim_comment(
        &self,
        run: &Run,
        ticket: &TicketKey,
        marker: &str,
        turns: &mut Turns,
    ) -> Result<Option<String>, Error> {
        let mut has_waited = false;
        loop {
            let is_mine = match self.turn(run, turns).await {
                Ok(is_mine) => is_mine,
                // An account that may comment and not edit adds its comment without a turn.
                Err(Error::Forbidden { .. } | Error::NotFound { .. }) => true,
                Err(error) => return Err(error),
            };
            has_waited |= !is_mine;
            // Whoever had the turn before may have ended after its comment.
            let id = if has_waited || turns.is_passed_on() {
                self.find_comment(run, ticket, marker).await?
            } else {
                None
            };
            if is_mine || id.is_some() {
                return Ok(id);
            }
        }
    }

    async fn add_comment(
        &self,
        run: &Run,
        ticket: &TicketKey,
        marker: &str,
        doc: &Doc,
        doing: &str,
    ) -> Result<String, Error> {
        let property = json!({ "key": PROPERTY, "value": { "schema": 1, "marker": marker } });
        let body = json!({ "body": body(doc, marker), "properties": [property] });
        let unknown = |cause: Error| Error::LostWrite { doing: doing.to_owned(), cause: cause.into() };
        let lost = match self.post_comment(run, ticket, &body, doing).await {
            Err(error) if error.leaves_unknown() => error,
            result => return result,
        };
        // Comments are listed from the database, not from the search index: what was taken shows at once.
        match self.find_comment(run, ticket, marker).await {
            Ok(Some(id)) => return Ok(id),
            Ok(None) if run.stop().requested().is_none() => {}
            // That it cannot be looked for does not make it known.
            Ok(None) | Err(_) => return Err(unknown(lost)),
        }
        match self.post_comment(run, ticket, &body, doing).await {
            Err(error) if error.leaves_unknown() => {
                self.find_comment(run, ticket, marker).await.ok().flatten().ok_or_else(|| unknown(error))
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
        let path = format!("/rest/api/3/issue/{ticket}/comment");
        let request = self.writing(run, ticket.as_str()).post_json(&path, body).never_repeated();
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
        let mut ids = Vec::new();
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
            ids.extend(page.comments.iter().filter_map(|comment| comment.id.parse::<u64>().ok()));
            if page.comments.is_empty() || seen >= page.total {
                break;
            }
        }
        ids.sort_unstable();
        ids.dedup();
        for some in ids.chunks(BY_IDS) {
            if let Some(id) = self.find_by_property(run, ticket, some, marker).await? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    async fn find_by_property(
        &self,
        run: &Run,
        ticket: &TicketKey,
        ids: &[u64],
        marker: &str,
    ) -> Result<Option<String>, Error> {
        let doing = format!("read the properties of the comments of {ticket}");
        let request = self
            .site
            .post_json("/rest/api/3/comment/list", &json!({ "ids": ids }))
            .query("expand", "properties")
            .reading();
        let answer = self.ask(run, request, COMMENTS_BY_IDS, &doing).await?;
        let page: CommentsByIds =
            answer.json().map_err(|cause| Error::Http { doing, cause: cause.into() })?;
        let is_marked = |comment: &&Comment| {
            let ours = comment.properties.iter().filter(|property| property.key == PROPERTY);
            ours.filter_map(|property| property.value.get("marker")?.as_str()).any(|text| text == marker)
        };
        Ok(page.values.iter().find(is_marked).map(|comment| landfall_secret::escape(&comment.id, 40)))
    }
}

fn turns_at(ticket: &TicketKey, marker: &str) -> Turns {
    let digest = Digest::of(marker.as_bytes()).hex();
    let name = format!("{PROPERTY}.{}", digest.get(..16).unwrap_or_default());
    Turns::new(ticket.as_str(), name, format!("the comment on {ticket}"), None)
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
