//! `[jira]` of `landfall.toml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::table::table;
use crate::file_error::Problems;
use crate::json::{At, FromJson};
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

table!(JiraSettings {
    url: field,
    project: field,
    issue_type: field,
    status: field_or_default,
    instructions: field,
    summary: field,
    description: field_or_default,
    fix_versions: field_or_default,
    components: field_or_default,
    labels: field_or_default,
    fields: field_or_default,
    transitions: field_or_default,
    resolution: field_or_default,
    screens: field_or_default,
    initial_transition: field,
    claims: field,
    dashboard: field,
    patience: field,
});

impl FromJson for JiraFieldValue {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match at.node.to_value() {
            Value::String(_) => String::from_json(at, problems).map(Self::Text),
            Value::Number(number) => Some(Self::Number(number)),
            Value::Array(_) => Vec::from_json(at, problems).map(Self::List),
            Value::Null | Value::Bool(_) | Value::Object(_) => {
                problems.wrong(at, "a text, a number, or a list of texts");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::JiraFieldValue;
    use crate::settings::Settings;

    fn refusal(text: &str) -> String {
        Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect_err("bad").to_string()
    }

    #[test]
    fn tickets_have_fields_of_three_kinds() {
        let good = "[jira]\nclaims = \"REL-1\"\n[jira.fields]\nRisk = \"Low\"\nHours = 2\nTeams = [\"a\", \"b\"]\n[jira.transitions]\n\"To Do\" = [\"Review\"]\n[jira.screens.resolved]\nNotes = \"x\"\n";
        let jira = Settings::parse(good.as_bytes(), "landfall.toml", &[]).expect("valid").jira;
        let list = JiraFieldValue::List(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(jira.fields.get("Teams"), Some(&list));
        assert_eq!(jira.fields.get("Hours"), Some(&JiraFieldValue::Number(2.into())));
        assert_eq!(jira.screens.get("resolved").map(std::collections::BTreeMap::len), Some(1));
        let odd = "[jira]\nclaims = \"rel 1\"\nsumary = \"x\"\n[jira.fields]\nRisk = true\nTeams = [1]\n[jira.transitions]\n\"To Do\" = \"Review\"\n";
        insta::assert_snapshot!(refusal(odd), @r"
        5 problems in landfall.toml
          /jira/claims at 2:10: found `rel 1`, expected a Jira issue key such as REL-24
          /jira/sumary at 3:1: found the unknown key `sumary`, expected `summary`, perhaps
          /jira/fields/Risk at 5:8: found true, expected a text, a number, or a list of texts
          /jira/fields/Teams/0 at 6:10: found 1, expected a text
          /jira/transitions/To Do at 8:11: found `Review`, expected a list
        ");
    }
}
