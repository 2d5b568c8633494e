//! The fields of the site: what each takes, which values it allows, and whether a create must have it.

use serde_json::{Value, json};

use super::JiraConfig;
use super::adf::check_adf;

/// What a field of the site's own takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomFieldKind {
    /// Several lines; takes an ADF document.
    TextArea,
    /// One line; takes a string.
    TextField,
    /// Takes a number.
    Number,
    /// Takes one of the field's options.
    Select,
    /// Takes a list of the field's options.
    MultiSelect,
    /// Takes a list of words.
    Labels,
    /// Takes a day.
    Date,
}

/// A field of the site's own.
#[derive(Clone, Debug)]
pub struct CustomField {
    /// `customfield_` and a number.
    pub id: String,
    /// Name as people see it.
    pub name: String,
    /// What it takes.
    pub kind: CustomFieldKind,
    /// Its options, where it has some.
    pub options: Vec<String>,
    /// Whether a create must have it.
    pub required: bool,
}

impl CustomField {
    /// A field that may be left out, without options.
    pub fn new(id: &str, name: &str, kind: CustomFieldKind) -> Self {
        Self { id: id.to_owned(), name: name.to_owned(), kind, options: Vec::new(), required: false }
    }

    /// The same with these options.
    #[must_use]
    pub fn with_options(mut self, options: &[&str]) -> Self {
        self.options = options.iter().map(|&option| option.to_owned()).collect();
        self
    }

    /// The same, and a create must have it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    fn schema(&self) -> Value {
        let (kind, items, custom) = match self.kind {
            CustomFieldKind::TextArea => ("string", None, "textarea"),
            CustomFieldKind::TextField => ("string", None, "textfield"),
            CustomFieldKind::Number => ("number", None, "float"),
            CustomFieldKind::Select => ("option", None, "select"),
            CustomFieldKind::MultiSelect => ("array", Some("option"), "multiselect"),
            CustomFieldKind::Labels => ("array", Some("string"), "labels"),
            CustomFieldKind::Date => ("date", None, "datepicker"),
        };
        let custom = format!("com.atlassian.jira.plugin.system.customfieldtypes:{custom}");
        let number: u64 = self.id.trim_start_matches("customfield_").parse().unwrap_or_default();
        let mut schema = json!({"type": kind, "custom": custom, "customId": number});
        if let (Some(items), Some(map)) = (items, schema.as_object_mut()) {
            map.insert("items".to_owned(), items.into());
        }
        schema
    }

    /// Checks a value that is not `null` and gives it as it is stored.
    pub(super) fn checked(&self, value: &Value) -> Result<Value, String> {
        let option = |value: &Value| {
            let wanted = value.as_object().filter(|map| map.len() == 1).and_then(|map| map.get("value"));
            let wanted =
                wanted.and_then(Value::as_str).ok_or("Specify a valid 'id' or 'name' for the option")?;
            let known = self.options.iter().any(|option| option == wanted);
            // Jira's own words.
            known.then(|| json!({"value": wanted})).ok_or(format!("Option value '{wanted}' is not valid"))
        };
        let list = || value.as_array().ok_or_else(|| "data was not an array".to_owned());
        match self.kind {
            CustomFieldKind::TextArea => document(value),
            CustomFieldKind::TextField => match value.as_str() {
                Some(text) if text.chars().count() <= 255 && !text.contains('\n') => Ok(value.clone()),
                _ => Err("Operation value must be a string".to_owned()),
            },
            CustomFieldKind::Number if value.is_number() => Ok(value.clone()),
            CustomFieldKind::Number => Err("Operation value must be a number".to_owned()),
            CustomFieldKind::Select => option(value),
            CustomFieldKind::MultiSelect => list()?.iter().map(option).collect(),
            CustomFieldKind::Labels => super::fields::labels(value).map(|labels| json!(labels)),
            CustomFieldKind::Date => {
                let format = time::macros::format_description!("[year]-[month]-[day]");
                let day = value.as_str().and_then(|text| time::Date::parse(text, format).ok());
                day.map(|_| value.clone()).ok_or("Error parsing date string".to_owned())
            }
        }
    }
}

/// A document, or nothing.
pub(super) fn document(value: &Value) -> Result<Value, String> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    if !value.is_object() {
        return Err(
            "Operation value must be an Atlassian Document (see the Atlassian Document Format)".to_owned()
        );
    }
    check_adf(value).map(|()| value.clone())
}

/// The system's fields: id, name, type, type of items, whether a create must have it.
const SYSTEM: [(&str, &str, &str, Option<&str>, bool); 8] = [
    ("project", "Project", "project", None, true),
    ("issuetype", "Issue Type", "issuetype", None, true),
    ("summary", "Summary", "string", None, true),
    ("description", "Description", "string", None, false),
    ("environment", "Environment", "string", None, false),
    ("labels", "Labels", "array", Some("string"), false),
    ("fixVersions", "Fix versions", "array", Some("version"), false),
    ("components", "Components", "array", Some("component"), false),
];

impl JiraConfig {
    /// Every field with its id, name and schema, whether a create needs it, and what it allows.
    pub(super) fn fields_json(&self) -> Vec<Value> {
        let named = |names: &[String]| -> Value {
            let value = |(at, name): (usize, &String)| json!({"id": (10_000 + at).to_string(), "name": name});
            names.iter().enumerate().map(value).collect()
        };
        let system = SYSTEM.iter().map(|(id, name, kind, items, always)| {
            let required = *always || self.required.iter().any(|field| field == id);
            let mut schema = json!({"type": kind, "system": id});
            if let (Some(items), Some(map)) = (items, schema.as_object_mut()) {
                map.insert("items".to_owned(), (*items).into());
            }
            let allowed = match *id {
                "fixVersions" => named(&self.versions),
                "components" => named(&self.components),
                _ => Value::Null,
            };
            json!({"id": id, "name": name, "required": required, "schema": schema, "allowedValues": allowed})
        });
        let own = self.custom_fields.iter().map(|field| {
            let option =
                |(at, text): (usize, &String)| json!({"id": (20_000 + at).to_string(), "value": text});
            let allowed: Value = match field.kind {
                CustomFieldKind::Select | CustomFieldKind::MultiSelect => {
                    field.options.iter().enumerate().map(option).collect()
                }
                _ => Value::Null,
            };
            json!({"id": field.id, "name": field.name, "required": field.required, "schema": field.schema(),
                "allowedValues": allowed})
        });
        system.chain(own).collect()
    }

    /// The fields of the create screen, as `createmeta` tells them.
    pub(super) fn create_fields_json(&self) -> Vec<Value> {
        let on_screen =
            |field: &Value| !self.off_screen.iter().any(|id| field["id"].as_str() == Some(id.as_str()));
        let bean = |field: Value| {
            let mut bean = json!({
                "fieldId": field["id"], "key": field["id"], "name": field["name"], "required": field["required"],
                "schema": field["schema"], "hasDefaultValue": false, "operations": ["set"]
            });
            if let Some(map) = bean.as_object_mut().filter(|_| !field["allowedValues"].is_null()) {
                map.insert("allowedValues".to_owned(), field["allowedValues"].clone());
            }
            bean
        };
        self.fields_json().into_iter().filter(on_screen).map(bean).collect()
    }

    /// Names of the fields that a create must have besides project, type and summary, by id.
    pub(super) fn required_fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let system = SYSTEM.iter().filter(|(id, ..)| self.required.iter().any(|field| field == id));
        let own = self.custom_fields.iter().filter(|field| field.required);
        system
            .map(|(id, name, ..)| (*id, *name))
            .chain(own.map(|field| (field.id.as_str(), field.name.as_str())))
    }
}
