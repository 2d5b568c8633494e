//! Values of a ticket's fields: from `landfall.toml` to what Jira's field takes.
//!
//! Source: Jira Cloud platform REST API v3, `FieldCreateMetadata` and `JsonTypeBean`; "Examples of creating issues" for the shapes.

use serde::Deserialize;
use serde_json::{Number, Value, json};

use crate::adf::{Block, Doc, Inline};
use crate::config::same_name;
use crate::{Facts, Template};

/// Longest text of a field of one line, in characters.
const LONGEST_LINE: usize = 255;

/// Allowed values that a message names.
const NAMED: usize = 12;

/// A value as `landfall.toml` has it; what Jira gets follows from the field's type.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// A text, with placeholders.
    Text(Template),
    /// A number.
    Number(Number),
    /// Several texts, with placeholders.
    List(Vec<Template>),
}

/// A field of a screen, as Jira describes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FieldMeta {
    #[serde(default)]
    pub(crate) field_id: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default)]
    pub(crate) has_default_value: bool,
    #[serde(default)]
    pub(crate) schema: FieldSchema,
    #[serde(default)]
    pub(crate) allowed_values: Vec<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct FieldSchema {
    #[serde(default)]
    pub(crate) custom: String,
    #[serde(default)]
    pub(crate) system: String,
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) items: String,
}

/// A field that somebody has to give a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeededField {
    /// Its id, escaped.
    pub id: String,
    /// Its name, escaped.
    pub name: String,
    /// What it takes, in words of `landfall.toml`.
    pub takes: &'static str,
    /// The values that it allows, escaped; none where it takes any.
    pub allowed: Vec<String>,
}

impl NeededField {
    /// The line of `landfall.toml` that sets it, with a value that it allows where that is known.
    pub fn setting(&self) -> String {
        let first = self.allowed.first().map_or("...", String::as_str);
        let value = match self.takes {
            "a number" => "0".to_owned(),
            "a list" => format!("[{}]", Value::from(first)),
            _ => Value::from(first).to_string(),
        };
        match self.allowed.as_slice() {
            [] => format!("{} = {value}", Value::from(self.name.as_str())),
            allowed => {
                format!("{} = {value} (one of {})", Value::from(self.name.as_str()), allowed.join(", "))
            }
        }
    }
}

/// What a field's type is, for the shape of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Line,
    Paragraph,
    Number,
    Day,
    Time,
    /// An object that is named by this key.
    Named(&'static str),
    Account,
    ListOf(&'static Self),
    Other,
}

impl FieldMeta {
    /// Whether somebody who is called so in `landfall.toml` is this field.
    pub(crate) fn is_called(&self, named: &str) -> bool {
        self.field_id == named || same_name(&self.name, named)
    }

    fn shape(&self) -> Shape {
        let paragraph = self.schema.custom.ends_with(":textarea")
            || matches!(self.schema.system.as_str(), "description" | "environment");
        match self.schema.kind.as_str() {
            "string" if paragraph => Shape::Paragraph,
            "string" => Shape::Line,
            "array" => match self.schema.items.as_str() {
                "string" => Shape::ListOf(&Shape::Line),
                "option" => Shape::ListOf(&Shape::Named("value")),
                "version" | "component" => Shape::ListOf(&Shape::Named("name")),
                "user" => Shape::ListOf(&Shape::Account),
                _ => Shape::Other,
            },
            kind => Self::single(kind),
        }
    }

    fn single(kind: &str) -> Shape {
        match kind {
            "number" => Shape::Number,
            "date" => Shape::Day,
            "datetime" => Shape::Time,
            "option" => Shape::Named("value"),
            "priority" | "resolution" | "version" | "component" | "securitylevel" => Shape::Named("name"),
            "user" => Shape::Account,
            _ => Shape::Other,
        }
    }

    /// The field as messages ask for it.
    pub(crate) fn needed(&self) -> NeededField {
        let takes = match self.shape() {
            Shape::Number => "a number",
            Shape::ListOf(_) => "a list",
            Shape::Line | Shape::Paragraph | Shape::Day | Shape::Time | Shape::Named(_) | Shape::Account => {
                "a text"
            }
            Shape::Other => "a value that cannot be set here",
        };
        let name = if self.name.is_empty() { &self.field_id } else { &self.name };
        NeededField {
            id: landfall_secret::escape(&self.field_id, 60),
            name: landfall_secret::escape(name, 120),
            takes,
            allowed: self
                .allowed()
                .into_iter()
                .take(NAMED)
                .map(|name| landfall_secret::escape(name, 80))
                .collect(),
        }
    }

    fn allowed(&self) -> Vec<&str> {
        let name = |value| ["value", "name"].iter().find_map(|key| Value::get(value, key)?.as_str());
        self.allowed_values.iter().filter_map(name).collect()
    }

    /// What Jira is sent for a value.
    ///
    /// # Errors
    /// What is wrong with the value, beginning with what it is.
    pub(crate) fn encode(&self, value: &FieldValue, facts: &Facts) -> Result<Value, String> {
        match (self.shape(), value) {
            (Shape::Other, _) => {
                let kind = landfall_secret::escape(&self.schema.kind, 60);
                Err(format!("is of the type {kind}, which cannot be set from here"))
            }
            (Shape::Number, FieldValue::Number(number)) => Ok(Value::Number(number.clone())),
            (Shape::ListOf(shape), FieldValue::List(texts)) => {
                texts.iter().map(|text| self.one(*shape, &text.apply(facts))).collect()
            }
            (Shape::ListOf(shape), FieldValue::Text(text)) => {
                Ok(json!([self.one(*shape, &text.apply(facts))?]))
            }
            (_, FieldValue::List(_)) => Err("takes one value and was given a list".to_owned()),
            (Shape::ListOf(shape), FieldValue::Number(number)) => {
                Ok(json!([self.one(*shape, &number.to_string())?]))
            }
            (shape, FieldValue::Text(text)) => self.one(shape, &text.apply(facts)),
            (shape, FieldValue::Number(number)) => self.one(shape, &number.to_string()),
        }
    }

    fn one(&self, shape: Shape, text: &str) -> Result<Value, String> {
        let shown = || landfall_secret::escape(text, 80);
        match shape {
            Shape::Line if self.schema.kind == "array" => word(text).map(Value::from),
            Shape::Line => Ok(line(text, LONGEST_LINE).into()),
            Shape::Paragraph => Ok(paragraphs(text).to_value()),
            Shape::Number => {
                let number = text.trim().parse::<f64>().ok().and_then(Number::from_f64);
                number.map(Value::Number).ok_or_else(|| format!("takes a number; `{}` is none", shown()))
            }
            Shape::Day => {
                let format = time::macros::format_description!("[year]-[month]-[day]");
                let day = time::Date::parse(text.trim(), format);
                day.map(|_| text.trim().into())
                    .map_err(|_| format!("takes a day such as 2026-01-31; `{}` is none", shown()))
            }
            Shape::Time => {
                let format = time::format_description::well_known::Rfc3339;
                let time = time::OffsetDateTime::parse(text.trim(), &format);
                time.map(|_| text.trim().into())
                    .map_err(|_| format!("takes a time such as 2026-01-31T09:15:00Z; `{}` is none", shown()))
            }
            Shape::Account => Ok(json!({ "accountId": text.trim() })),
            Shape::Named(key) => {
                let allowed = self.allowed();
                let known = allowed.iter().find(|name| same_name(name, text));
                match known {
                    Some(name) => Ok(json!({ key: name })),
                    None if allowed.is_empty() && self.allowed_values.is_empty() && key != "value" => {
                        Ok(json!({ key: text.trim() }))
                    }
                    None => Err(format!("does not allow `{}`; it allows {}", shown(), named(&allowed))),
                }
            }
            Shape::ListOf(_) | Shape::Other => Err("holds a list within a list".to_owned()),
        }
    }
}

/// What is allowed, at most some of it.
fn named(allowed: &[&str]) -> String {
    if allowed.is_empty() {
        return "nothing yet".to_owned();
    }
    let shown: Vec<String> =
        allowed.iter().take(NAMED).map(|name| landfall_secret::escape(name, 80)).collect();
    let more = if allowed.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// A word for a list of words: Jira takes no white space in them.
pub(crate) fn word(text: &str) -> Result<String, String> {
    let shown = landfall_secret::escape(text, 80);
    let fits = !text.is_empty()
        && text.chars().count() <= 255
        && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if fits {
        Ok(line(text, LONGEST_LINE))
    } else {
        Err(format!("takes words without spaces; `{shown}` is none"))
    }
}

/// A text of one line: hostile characters shown, cut with a mark where it is longer than `most` characters.
pub(crate) fn line(text: &str, most: usize) -> String {
    let shown = landfall_secret::escape(text, most);
    if shown.chars().count() <= most {
        return shown;
    }
    // Characters that are shown by their numbers, and the mark itself, make it longer.
    let cut: String = shown.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end_matches('…'))
}

/// Each line of a text as a paragraph.
pub(crate) fn paragraphs(text: &str) -> Doc {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    Doc::new(lines.map(|line| Block::Paragraph(vec![Inline::Text(line.to_owned())])).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{FieldMeta, FieldValue, line};
    use crate::{Facts, Template};

    fn field(schema: Value, allowed: Value) -> FieldMeta {
        let bean = json!({ "fieldId": "customfield_1", "name": "Risk", "required": true, "schema": schema, "allowedValues": allowed });
        serde_json::from_value(bean).expect("a field")
    }

    fn text(text: &str) -> FieldValue {
        FieldValue::Text(text.parse().expect("a template"))
    }

    fn sent(field: &FieldMeta, value: &FieldValue) -> Result<Value, String> {
        field.encode(value, &Facts { release: "v1.4.0".into(), ..Facts::default() })
    }

    #[test]
    fn each_type_gets_its_shape() {
        let list = FieldValue::List(vec![
            "a".parse().expect("a template"),
            "{release}".parse().expect("a template"),
        ]);
        let options = json!([{ "value": "Low" }, { "value": "High" }]);
        let textarea = json!({ "type": "string", "custom": "com.atlassian.jira.plugin.system.customfieldtypes:textarea" });
        for (schema, allowed, value, expected) in [
            (json!({ "type": "string" }), json!([]), text("in {release}"), json!("in v1.4.0")),
            (json!({ "type": "number" }), json!([]), FieldValue::Number(7.into()), json!(7)),
            (json!({ "type": "number" }), json!([]), text("2.5"), json!(2.5)),
            (json!({ "type": "option" }), options.clone(), text("low"), json!({ "value": "Low" })),
            (
                json!({ "type": "array", "items": "option" }),
                options,
                text("High"),
                json!([{ "value": "High" }]),
            ),
            (json!({ "type": "array", "items": "string" }), json!([]), list.clone(), json!(["a", "v1.4.0"])),
            (
                json!({ "type": "array", "items": "version" }),
                json!([{ "name": "V1.4.0" }, { "name": "a" }]),
                list,
                json!([{ "name": "a" }, { "name": "V1.4.0" }]),
            ),
            (json!({ "type": "priority" }), json!([]), text("High"), json!({ "name": "High" })),
            (json!({ "type": "user" }), json!([]), text("5b10a"), json!({ "accountId": "5b10a" })),
            (json!({ "type": "date" }), json!([]), text("2026-01-31"), json!("2026-01-31")),
            (
                json!({ "type": "datetime" }),
                json!([]),
                text("2026-01-31T09:15:00Z"),
                json!("2026-01-31T09:15:00Z"),
            ),
            (
                textarea,
                json!([]),
                text("one\n\ntwo"),
                json!({ "type": "doc", "version": 1, "content": [
                { "type": "paragraph", "content": [{ "type": "text", "text": "one" }] },
                { "type": "paragraph", "content": [{ "type": "text", "text": "two" }] }] }),
            ),
        ] {
            assert_eq!(sent(&field(schema.clone(), allowed), &value), Ok(expected), "{schema}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let options = json!([{ "value": "Low" }, { "value": "High" }]);
        let list = FieldValue::List(vec![Template::fixed("a")]);
        for (schema, allowed, value, part) in [
            (
                json!({ "type": "option" }),
                options,
                text("Medium"),
                "does not allow `Medium`; it allows Low, High",
            ),
            (
                json!({ "type": "version" }),
                json!([{ "name": "1" }]),
                text("2"),
                "does not allow `2`; it allows 1",
            ),
            (json!({ "type": "option" }), json!([]), text("x"), "it allows nothing yet"),
            (json!({ "type": "number" }), json!([]), text("many"), "takes a number; `many` is none"),
            (json!({ "type": "date" }), json!([]), text("31.1.2026"), "takes a day"),
            (json!({ "type": "datetime" }), json!([]), text("soon"), "takes a time"),
            (json!({ "type": "string" }), json!([]), list, "was given a list"),
            (
                json!({ "type": "array", "items": "string" }),
                json!([]),
                text("two words"),
                "words without spaces",
            ),
            (json!({ "type": "option-with-child" }), json!([]), text("x"), "of the type option-with-child"),
            (json!({ "type": "array", "items": "worklog" }), json!([]), text("x"), "of the type array"),
        ] {
            let said = sent(&field(schema.clone(), allowed), &value).expect_err("refused");
            assert!(said.contains(part), "{schema}: {said}");
        }
    }

    #[test]
    fn a_line_is_cut_with_a_mark_also_where_showing_makes_it_longer() {
        assert_eq!(line("plain", 255), "plain");
        for hostile in ["x".repeat(40_000), "\u{202e}".repeat(300), "é".repeat(255) + "\u{1b}"] {
            let cut = line(&hostile, 254);
            assert!(cut.chars().count() <= 254 && cut.ends_with('…'), "{cut}");
        }
    }

    #[test]
    fn a_needed_field_says_how_it_is_set() {
        let risk =
            field(json!({ "type": "option" }), json!([{ "value": "Low" }, { "value": "High" }])).needed();
        assert_eq!(risk.setting(), r#""Risk" = "Low" (one of Low, High)"#);
        let plain = field(json!({ "type": "array", "items": "string" }), json!([])).needed();
        assert_eq!(plain.setting(), r#""Risk" = ["..."]"#);
        assert_eq!(field(json!({ "type": "number" }), json!([])).needed().setting(), r#""Risk" = 0"#);
    }
}
