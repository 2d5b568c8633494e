//! What the server keeps of an issue.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::time::Instant;

const MAX_REVISIONS: usize = 256;

/// How far the search index is behind the issues ("eventually consistent", Jira Cloud `search/jql`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchLag {
    /// No lag.
    #[default]
    None,
    /// A write is not seen by this many searches after it.
    Searches(u64),
    /// A write is not seen for this long.
    Time(Duration),
}

/// Bound of writes on one issue (Jira Cloud: 20 in 2 s and 100 in 30 s).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteLimit {
    /// Writes allowed within the window.
    pub count: usize,
    /// The window.
    pub window: Duration,
}

/// One state of an issue's fields.
#[derive(Clone, Debug)]
pub(super) struct Revision {
    pub(super) at: Instant,
    pub(super) at_search: u64,
    pub(super) fields: Map<String, Value>,
    pub(super) status: String,
    pub(super) updated: String,
}

/// A comment.
#[derive(Clone, Debug)]
pub struct Comment {
    /// Number.
    pub id: u64,
    /// ADF document.
    pub body: Value,
    /// Entity properties.
    pub properties: BTreeMap<String, Value>,
    pub(super) visibility: Option<Value>,
    pub(super) created: String,
    pub(super) updated: String,
}

/// A remote link.
#[derive(Clone, Debug)]
pub struct RemoteLink {
    /// Number.
    pub id: u64,
    /// The caller's own identifier, if it gave one.
    pub global_id: Option<String>,
    /// The rest of the bean as sent.
    pub body: Map<String, Value>,
}

#[derive(Debug)]
pub(super) struct Issue {
    pub(super) id: u64,
    pub(super) key: String,
    pub(super) project: String,
    pub(super) created: String,
    revisions: Vec<Revision>,
    pub(super) comments: Vec<Comment>,
    pub(super) properties: BTreeMap<String, Value>,
    pub(super) links: Vec<RemoteLink>,
    pub(super) writes: VecDeque<Instant>,
}

impl Issue {
    pub(super) fn new(id: u64, key: String, project: String, first: Revision) -> Self {
        Self {
            id,
            key,
            project,
            created: first.updated.clone(),
            revisions: vec![first],
            comments: Vec::new(),
            properties: BTreeMap::new(),
            links: Vec::new(),
            writes: VecDeque::new(),
        }
    }

    /// The newest state.
    pub(super) fn current(&self) -> &Revision {
        self.revisions.last().expect("an issue is made with one revision and never loses its last")
    }

    /// Records a write.
    pub(super) fn write(&mut self, at_search: u64, fields: Map<String, Value>, status: String) {
        if self.revisions.len() >= MAX_REVISIONS {
            self.revisions.remove(0);
        }
        self.revisions.push(Revision { at: Instant::now(), at_search, fields, status, updated: timestamp() });
    }

    /// The state that the index shows to search number `search`.
    pub(super) fn indexed(&self, lag: SearchLag, search: u64, now: Instant) -> Option<&Revision> {
        self.revisions.iter().rev().find(|revision| match lag {
            SearchLag::None => true,
            SearchLag::Searches(count) => search > revision.at_search.saturating_add(count),
            SearchLag::Time(time) => now.saturating_duration_since(revision.at) >= time,
        })
    }

    /// Counts one write against the limits; the error is the number of seconds to wait.
    pub(super) fn admit_write(&mut self, limits: &[WriteLimit], now: Instant) -> Result<(), u64> {
        let longest = limits.iter().map(|limit| limit.window).max().unwrap_or_default();
        while self.writes.front().is_some_and(|first| now.saturating_duration_since(*first) >= longest) {
            self.writes.pop_front();
        }
        let free = |limit: &WriteLimit| {
            let age = |at: &Instant| now.saturating_duration_since(*at);
            let mut within = self.writes.iter().filter(|at| age(at) < limit.window);
            let first = within.next()?;
            (within.count() + 1 >= limit.count).then(|| limit.window.saturating_sub(age(first)))
        };
        if let Some(free) = limits.iter().filter_map(free).max() {
            return Err(free.as_secs() + u64::from(free.subsec_nanos() > 0));
        }
        self.writes.push_back(now);
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) issues: Vec<Issue>,
    pub(super) searches: u64,
    /// Last number given to a comment, and to a remote link.
    pub(super) last_id: u64,
}

impl State {
    pub(super) fn find(&self, key: &str) -> Option<&Issue> {
        self.issues.iter().find(|issue| issue.key == key || issue.id.to_string() == key)
    }

    pub(super) fn find_mut(&mut self, key: &str) -> Option<&mut Issue> {
        self.issues.iter_mut().find(|issue| issue.key == key || issue.id.to_string() == key)
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        10_000 + self.last_id
    }
}

/// Now, as Jira writes it: `2026-01-31T09:15:00.000+0000`.
pub(super) fn timestamp() -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+0000");
    OffsetDateTime::now_utc().format(format).unwrap_or_default()
}
