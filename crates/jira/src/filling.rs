//! Which fields a new ticket gets: what we always set, and what `landfall.toml` adds. Pure, so that a dry run says the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::adf::Doc;
use crate::value::{FieldMeta, line, word};
use crate::{Facts, FieldValue, NeededField, Template};

/// What `landfall.toml` says of new tickets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TicketFields {
    /// The summary (default: release, region and services). Cut with a mark at 254 characters.
    pub summary: Option<Template>,
    /// Paragraphs that follow the first one of the description.
    pub description: Vec<Template>,
    /// Names of the versions that it is fixed in.
    pub fix_versions: Vec<Template>,
    /// Names of its components.
    pub components: Vec<Template>,
    /// Labels besides our own.
    pub labels: Vec<Template>,
    /// Further fields by id or name.
    pub fields: BTreeMap<String, FieldValue>,
}

/// What we always set.
pub(crate) struct Ours<'a> {
    pub(crate) project: &'a str,
    pub(crate) issue_type: &'a str,
    pub(crate) summary: String,
    pub(crate) labels: Vec<String>,
    pub(crate) description: Doc,
}

/// Why a ticket cannot be made, all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) missing: Vec<NeededField>,
    pub(crate) odd: Vec<String>,
}

/// The fields of the create.
///
/// # Errors
/// All that is missing, and all of `landfall.toml` that does not fit the create screen.
pub(crate) fn fill(
    screen: &[FieldMeta],
    ours: &Ours<'_>,
    added: &TicketFields,
    facts: &Facts,
) -> Result<Map<String, Value>, Unfit> {
    let mut fields = Map::new();
    let mut unfit = Unfit::default();
    let mut labels = ours.labels.clone();
    for template in &added.labels {
        match word(&template.apply(facts)) {
            Ok(label) if labels.contains(&label) => {}
            Ok(label) => labels.push(label),
            Err(what) => unfit.odd.push(format!("`labels` {what}")),
        }
    }
    for (id, value) in [
        ("project", json!({ "key": ours.project })),
        ("issuetype", json!({ "name": ours.issue_type })),
        ("summary", line(&ours.summary, 254).into()),
        ("labels", json!(labels)),
        ("description", ours.description.to_value()),
    ] {
        // A screen without labels would make tickets that are never found again.
        let is_there =
            matches!(id, "project" | "issuetype") || screen.iter().any(|field| field.field_id == id);
        if is_there {
            fields.insert(id.to_owned(), value);
        } else {
            unfit.odd.push(format!("`{id}` is not on the create screen, and every ticket needs it"));
        }
    }
    let lists = [
        ("fixVersions", "fix_versions", &added.fix_versions),
        ("components", "components", &added.components),
    ];
    let lists = lists.into_iter().filter(|(_, _, names)| !names.is_empty());
    let lists = lists.map(|(id, shown, names)| (id, shown.to_owned(), FieldValue::List(names.clone())));
    let own = added.fields.iter().map(|(named, value)| {
        let shown = landfall_secret::escape(named, 80);
        (named.as_str(), format!("fields.{shown}"), value.clone())
    });
    for (named, shown, value) in lists.chain(own) {
        match place(screen, named).and_then(|field| Ok((field, field.encode(&value, facts)?))) {
            Ok((field, _)) if fields.contains_key(&field.field_id) => {
                unfit.odd.push(format!("`{shown}` is set by the stage itself, or twice"));
            }
            Ok((field, value)) => drop(fields.insert(field.field_id.clone(), value)),
            Err(what) => unfit.odd.push(format!("`{shown}` {what}")),
        }
    }
    let named: Vec<&str> = added.fields.keys().map(String::as_str).collect();
    let is_tried = |field: &FieldMeta| {
        named.iter().any(|named| field.is_called(named))
            || (field.field_id == "fixVersions" && !added.fix_versions.is_empty())
            || (field.field_id == "components" && !added.components.is_empty())
    };
    let lacks = |field: &&FieldMeta| {
        field.required
            && !field.has_default_value
            && !fields.contains_key(&field.field_id)
            && !is_tried(field)
    };
    unfit.missing = screen.iter().filter(lacks).map(FieldMeta::needed).collect();
    if unfit == Unfit::default() { Ok(fields) } else { Err(unfit) }
}

/// The field of an id or a name.
pub(crate) fn place<'s>(screen: &'s [FieldMeta], named: &str) -> Result<&'s FieldMeta, String> {
    if let Some(field) = screen.iter().find(|field| field.field_id == named) {
        return Ok(field);
    }
    let mut called = screen.iter().filter(|field| field.is_called(named));
    match (called.next(), called.next()) {
        (Some(field), None) => Ok(field),
        (Some(one), Some(other)) => {
            let (one, other) =
                (landfall_secret::escape(&one.field_id, 60), landfall_secret::escape(&other.field_id, 60));
            Err(format!("is the name of several fields, such as {one} and {other}: give the id"))
        }
        (None, _) => Err("is not on the screen".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Ours, TicketFields, Unfit, fill};
    use crate::adf::Doc;
    use crate::value::FieldMeta;
    use crate::{Facts, FieldValue, Template};

    fn screen(beans: Value) -> Vec<FieldMeta> {
        serde_json::from_value(beans).expect("fields")
    }

    fn usual() -> Vec<Value> {
        let bean = |id: &str, kind: &str| json!({ "fieldId": id, "name": id, "required": true, "schema": { "type": kind, "system": id } });
        vec![
            bean("project", "project"),
            bean("issuetype", "issuetype"),
            bean("summary", "string"),
            bean("labels", "array"),
            bean("description", "string"),
        ]
    }

    fn filled(more: Value, added: &TicketFields) -> Result<Value, Unfit> {
        let mut beans = usual();
        beans.extend(more.as_array().expect("a list").clone());
        let ours = Ours {
            project: "REL",
            issue_type: "Release",
            summary: "x\ny".into(),
            labels: vec!["rel-1".into()],
            description: Doc::default(),
        };
        let facts = Facts { release: "v1.4.0".into(), ..Facts::default() };
        fill(&screen(Value::Array(beans)), &ours, added, &facts).map(Value::Object)
    }

    fn templates(texts: &[&str]) -> Vec<Template> {
        texts.iter().map(|text| text.parse().expect("a template")).collect()
    }

    #[test]
    fn ours_and_those_of_the_settings_go_together() {
        let more = json!([
            { "fieldId": "fixVersions", "name": "Fix versions", "schema": { "type": "array", "items": "version" }, "allowedValues": [{ "name": "v1.4.0" }] },
            { "fieldId": "customfield_1", "name": "Risk", "required": true, "schema": { "type": "option" }, "allowedValues": [{ "value": "Low" }] },
            { "fieldId": "customfield_2", "name": "Owner", "required": true, "hasDefaultValue": true, "schema": { "type": "user" } },
        ]);
        let added = TicketFields {
            fix_versions: templates(&["{release}"]),
            labels: templates(&["train", "rel-1"]),
            fields: [("risk".to_owned(), FieldValue::Text(Template::fixed("low")))].into(),
            ..TicketFields::default()
        };
        let fields = filled(more, &added).expect("all is there");
        assert_eq!(fields["summary"], "x\\u{a}y");
        assert_eq!(fields["labels"], json!(["rel-1", "train"]));
        assert_eq!(fields["fixVersions"], json!([{ "name": "v1.4.0" }]));
        assert_eq!(fields["customfield_1"], json!({ "value": "Low" }));
        assert!(fields.get("customfield_2").is_none());
    }

    #[test]
    fn all_that_is_missing_or_odd_is_said_together() {
        let more = json!([
            { "fieldId": "customfield_1", "name": "Risk", "required": true, "schema": { "type": "option" }, "allowedValues": [{ "value": "Low" }] },
            { "fieldId": "customfield_2", "name": "Plan", "required": true, "schema": { "type": "string" } },
            { "fieldId": "customfield_3", "name": "Twice", "schema": { "type": "string" } },
            { "fieldId": "customfield_4", "name": "twice", "schema": { "type": "string" } },
        ]);
        let fixed = |text: &str| FieldValue::Text(Template::fixed(text));
        let added = TicketFields {
            components: templates(&["Shop"]),
            labels: templates(&["two words"]),
            fields: [
                ("Risk".to_owned(), fixed("High")),
                ("Twice".to_owned(), fixed("x")),
                ("Nowhere".to_owned(), fixed("x")),
                ("summary".to_owned(), fixed("x")),
            ]
            .into(),
            ..TicketFields::default()
        };
        let unfit = filled(more, &added).expect_err("unfit");
        assert_eq!(unfit.missing.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), ["Plan"]);
        assert_eq!(
            unfit.odd,
            [
                "`labels` takes words without spaces; `two words` is none",
                "`components` is not on the screen",
                "`fields.Nowhere` is not on the screen",
                "`fields.Risk` does not allow `High`; it allows Low",
                "`fields.Twice` is the name of several fields, such as customfield_3 and customfield_4: give the id",
                "`fields.summary` is set by the stage itself, or twice",
            ]
        );
    }

    #[test]
    fn a_screen_without_labels_is_refused() {
        let ours = Ours {
            project: "REL",
            issue_type: "Release",
            summary: "x".into(),
            labels: vec![],
            description: Doc::default(),
        };
        let beans: Vec<Value> = usual().into_iter().filter(|bean| bean["fieldId"] != "labels").collect();
        let unfit = fill(&screen(Value::Array(beans)), &ours, &TicketFields::default(), &Facts::default())
            .expect_err("unfit");
        assert_eq!(unfit.odd, ["`labels` is not on the create screen, and every ticket needs it"]);
    }
}
