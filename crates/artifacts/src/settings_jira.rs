//! `[jira]` of `landfall.toml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use crate::text_name::{Address, TicketKey};

/// Release tickets.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct JiraSettings {
    /// Jira's address.
    pub url: Option<Address>,
    /// Key of the project, such as `REL`.
    pub project: Option<String>,
    /// Name of the issue type.
    pub issue_type: Option<String>,
    /// Step of the pipeline to name of the workflow's status.
    #[schemars(default)]
    pub status: BTreeMap<String, String>,
    /// `section`, or the name of the field that instructions go to.
    pub instructions: Option<String>,
    /// The summary of new tickets, with placeholders such as `{release}`.
    pub summary: Option<String>,
    /// Paragraphs of the description of new tickets, with placeholders.
    #[schemars(default)]
    pub description: Vec<String>,
    /// Names of versions that new tickets are fixed in, with placeholders.
    #[schemars(default)]
    pub fix_versions: Vec<String>,
    /// Names of components of new tickets, with placeholders.
    #[schemars(default)]
    pub components: Vec<String>,
    /// Labels of new tickets besides Landfall's own, with placeholders.
    #[schemars(default)]
    pub labels: Vec<String>,
    /// Further fields of new tickets by id or name.
    #[schemars(default)]
    pub fields: BTreeMap<String, JiraFieldValue>,
    /// Status to the statuses that it is left for, where the workflow has some of its own.
    #[schemars(default)]
    pub transitions: BTreeMap<String, Vec<String>>,
    /// Step or status to the resolution that the screens of transitions to it get.
    #[schemars(default)]
    pub resolution: BTreeMap<String, String>,
    /// Step or status to the fields, by id or name, that the screens of transitions to it get.
    #[schemars(default)]
    pub screens: BTreeMap<String, BTreeMap<String, JiraFieldValue>>,
    /// Number of the transition that a new ticket takes at once.
    pub initial_transition: Option<String>,
    /// The issue that pipelines hold their claims on, so that of several at once one alone makes a ticket.
    pub claims: Option<TicketKey>,
    /// Address of the dashboard, for links.
    pub dashboard: Option<Address>,
    /// How long Jira's search index is waited for: a number and `s`, `m` or `h`. Default: 90 s.
    pub patience: Option<String>,
}

/// The value of a ticket's field; what Jira gets follows from the field's type.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum JiraFieldValue {
    /// A text, with placeholders.
    Text(String),
    /// A number.
    Number(serde_json::Number),
    /// Texts, with placeholders.
    List(Vec<String>),
}
