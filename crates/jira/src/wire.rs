//! The parts of Jira's answers that are read. Everything else in them is passed over.
//!
//! Source: Jira Cloud platform REST API v3 (`CreatedIssue`, `IssueBean`, `Transitions`, `PageOfComments`,
//! `SearchAndReconcileResults`, `FieldDetails`, `ErrorCollection`).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::value::{FieldMeta, FieldSchema};
use crate::ways::Status;

/// The key of the category of statuses that are finished; the other two are `new` and `indeterminate`.
const DONE: &str = "done";

#[derive(Debug, Deserialize)]
pub(crate) struct Created {
    pub(crate) id: String,
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) transition: Option<Nested>,
}

/// How the transition ended that came with a create (`NestedResponse`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Nested {
    #[serde(default)]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) error_collection: ErrorCollection,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Issue {
    pub(crate) id: String,
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) properties: BTreeMap<String, Value>,
}

impl Issue {
    pub(crate) fn status(&self) -> Option<Status> {
        let status = self.fields.get("status")?;
        let category = status.get("statusCategory").and_then(|category| category.get("key"));
        let is_done = category.and_then(Value::as_str) == Some(DONE);
        Some(Status { name: status.get("name")?.as_str()?.to_owned(), is_done })
    }

    pub(crate) fn has_label(&self, label: &str) -> bool {
        let labels = self.fields.get("labels").and_then(Value::as_array);
        labels.is_some_and(|labels| labels.iter().any(|one| one.as_str() == Some(label)))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Hits {
    #[serde(default)]
    pub(crate) issues: Vec<Issue>,
    #[serde(default)]
    pub(crate) next_page_token: Option<String>,
    #[serde(default)]
    pub(crate) is_last: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Transitions {
    #[serde(default)]
    pub(crate) transitions: Vec<Transition>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Transition {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) to: Target,
    #[serde(default)]
    pub(crate) has_screen: bool,
    #[serde(default = "yes")]
    pub(crate) is_available: bool,
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, FieldMeta>,
}

impl Transition {
    /// The fields of its screen. Their ids are the keys they stand under.
    pub(crate) fn metas(&self) -> Vec<FieldMeta> {
        let of = |(id, field): (&String, &FieldMeta)| FieldMeta { field_id: id.clone(), ..field.clone() };
        self.fields.iter().map(of).collect()
    }
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Target {
    #[serde(default)]
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CommentPage {
    #[serde(default)]
    pub(crate) comments: Vec<Comment>,
    #[serde(default)]
    pub(crate) total: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Comment {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) body: Value,
    #[serde(default)]
    pub(crate) properties: Vec<CommentProperty>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CommentProperty {
    #[serde(default)]
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: Value,
}

/// Comments that were asked for by their numbers (`PageBeanComment`).
#[derive(Debug, Deserialize)]
pub(crate) struct CommentsByIds {
    #[serde(default)]
    pub(crate) values: Vec<Comment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerInfo {
    #[serde(default)]
    pub(crate) base_url: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Field {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) schema: FieldSchema,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorCollection {
    #[serde(default)]
    pub(crate) error_messages: Vec<String>,
    #[serde(default)]
    pub(crate) errors: BTreeMap<String, Value>,
}
