//! What is put on the screens of transitions: the resolution, and fields that `landfall.toml` gives.

use std::collections::BTreeMap;

use landfall_artifacts::TicketKey;
use serde_json::{Map, Value, json};

use crate::config::same_name;
use crate::value::FieldMeta;
use crate::wire::Transition;
use crate::{Error, Facts, FieldValue, Statuses};

/// The resolution that is taken where none was configured and a screen requires one.
const USUAL: &str = "Done";

/// Values for the screens of transitions. A row is for a step, such as `resolved`, or for a status by its name; it is of the
/// transitions that lead there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Screens {
    /// Step or status to the name of the resolution.
    pub resolution: BTreeMap<String, String>,
    /// Step or status to fields by id or name.
    pub fields: BTreeMap<String, BTreeMap<String, FieldValue>>,
}

impl Screens {
    /// All names of rows, for checking.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.resolution.keys().chain(self.fields.keys()).map(String::as_str)
    }

    /// The fields of a transition; none where it has no screen, since Jira refuses fields then.
    ///
    /// # Errors
    /// [`Error::NeedsFields`] with all that the screen requires and nothing gives, and all that does not fit it.
    pub(crate) fn fill(
        &self,
        ticket: &TicketKey,
        chosen: &Transition,
        statuses: &Statuses,
        facts: &Facts,
    ) -> Result<Option<Value>, Error> {
        if !chosen.has_screen {
            return Ok(None);
        }
        let (mut fields, mut odd) = (Map::new(), Vec::new());
        let mut tried = Vec::new();
        let screen: Vec<FieldMeta> = chosen.metas();
        let resolution = row(&self.resolution, chosen, statuses).map(|(_, name)| name.as_str());
        if let Some(field) = screen.iter().find(|field| field.field_id == "resolution") {
            match resolved(field, resolution) {
                Ok(Some(name)) => drop(fields.insert("resolution".to_owned(), json!({ "name": name }))),
                Ok(None) => {}
                Err(what) => {
                    tried.push("resolution".to_owned());
                    odd.push(what);
                }
            }
        }
        let given = row(&self.fields, chosen, statuses);
        for (named, value) in given.iter().flat_map(|(_, given)| given.iter()) {
            let field = screen.iter().find(|field| field.is_called(named));
            let shown = landfall_secret::escape(named, 80);
            match field.map(|field| (field.field_id.clone(), field.encode(value, facts))) {
                Some((id, Ok(value))) => drop(fields.insert(id, value)),
                Some((id, Err(what))) => {
                    odd.push(format!("`{shown}` {what}"));
                    tried.push(id);
                }
                // Several transitions may lead to a status, and not all ask for the same.
                None => {}
            }
        }
        let missing = screen.iter().filter(|field| {
            field.required
                && !field.has_default_value
                && !fields.contains_key(&field.field_id)
                && !tried.contains(&field.field_id)
        });
        let missing: Vec<_> = missing.map(FieldMeta::needed).collect();
        if !missing.is_empty() || !odd.is_empty() {
            let shown = |text: &str| landfall_secret::escape(text.trim(), 120);
            let to = statuses
                .step(&chosen.to.name)
                .map_or_else(|| shown(&chosen.to.name), |step| step.as_str().to_owned());
            let (ticket, transition) = (ticket.to_string(), shown(&chosen.name));
            return Err(Error::NeedsFields { ticket, transition, to, fields: missing, odd });
        }
        Ok((!fields.is_empty()).then_some(Value::Object(fields)))
    }
}

/// The row of a transition: that of the status it leads to, else that of the status's step.
fn row<'r, T>(
    rows: &'r BTreeMap<String, T>,
    chosen: &Transition,
    statuses: &Statuses,
) -> Option<(&'r String, &'r T)> {
    let step = statuses.step(&chosen.to.name);
    rows.iter()
        .find(|(name, _)| same_name(name, &chosen.to.name))
        .or_else(|| rows.iter().find(|(name, _)| step.is_some_and(|step| same_name(name, step.as_str()))))
}

/// The resolution that is sent: the configured one, else the usual one where the screen requires any and has it.
fn resolved(field: &FieldMeta, configured: Option<&str>) -> Result<Option<String>, String> {
    let names: Vec<&str> =
        field.allowed_values.iter().filter_map(|value| value.get("name")?.as_str()).collect();
    let of = |wanted: &str| names.iter().find(|name| same_name(name, wanted)).map(|name| (*name).to_owned());
    match configured {
        Some(wanted) => of(wanted).map(Some).ok_or_else(|| {
            let offered: Vec<String> = names.iter().map(|name| landfall_secret::escape(name, 80)).collect();
            format!("resolution `{}` is none of {}", landfall_secret::escape(wanted, 80), offered.join(", "))
        }),
        None if field.required && !field.has_default_value => Ok(of(USUAL)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Screens;
    use crate::wire::Transition;
    use crate::{Error, Facts, FieldValue, Statuses, Template};

    fn transition(fields: Value) -> Transition {
        let bean = json!({ "id": "41", "name": "Resolve", "to": { "name": "RESOLVED" }, "hasScreen": true, "fields": fields });
        serde_json::from_value(bean).expect("a transition")
    }

    fn resolution(required: bool) -> Value {
        json!({ "required": required, "name": "Resolution", "allowedValues": [{ "name": "Won't Do" }, { "name": "Fixed" }],
            "schema": { "type": "resolution", "system": "resolution" } })
    }

    fn fill(screens: &Screens, fields: Value) -> Result<Option<Value>, Error> {
        let ticket = "REL-1".parse().expect("a key");
        let facts = Facts { release: "v1".into(), ..Facts::default() };
        screens.fill(&ticket, &transition(fields), &Statuses::default(), &facts)
    }

    fn resolving(key: &str, name: &str) -> Screens {
        Screens { resolution: [(key.to_owned(), name.to_owned())].into(), ..Screens::default() }
    }

    #[test]
    fn a_resolution_is_configured_and_never_guessed() {
        let error = fill(&Screens::default(), json!({ "resolution": resolution(true) })).expect_err("needed");
        assert_eq!(error.to_string(), "the transition Resolve of REL-1 requires Resolution");
        let remedy = landfall_artifacts::Explain::remedy(&error).expect("a remedy").into_owned();
        assert!(remedy.contains("Fixed") && remedy.contains("jira.resolution"), "{remedy}");
        for key in ["resolved", "Resolved"] {
            for required in [true, false] {
                let sent = fill(&resolving(key, "fixed"), json!({ "resolution": resolution(required) }))
                    .expect("fits");
                assert_eq!(sent, Some(json!({ "resolution": { "name": "Fixed" } })));
            }
        }
        assert_eq!(
            fill(&resolving("closed", "Fixed"), json!({ "resolution": resolution(false) })).expect("fits"),
            None
        );
        let error =
            fill(&resolving("resolved", "Done"), json!({ "resolution": resolution(true) })).expect_err("odd");
        assert!(error.to_string().contains("resolution `Done` is none of Won't Do, Fixed"), "{error}");
    }

    #[test]
    fn fields_go_where_the_screen_has_them() {
        let mut screens = resolving("resolved", "Fixed");
        let value = |text: &str| FieldValue::Text(text.parse::<Template>().expect("a template"));
        screens.fields = [(
            "resolved".to_owned(),
            [("Notes".to_owned(), value("of {release}")), ("Elsewhere".to_owned(), value("x"))].into(),
        )]
        .into();
        let notes = json!({ "required": true, "name": "Notes", "schema": { "type": "string" } });
        let sent = fill(&screens, json!({ "resolution": resolution(true), "customfield_1": notes.clone() }))
            .expect("fits");
        assert_eq!(sent, Some(json!({ "resolution": { "name": "Fixed" }, "customfield_1": "of v1" })));
        let hours = json!({ "required": true, "name": "Hours", "schema": { "type": "number" } });
        let error =
            fill(&screens, json!({ "customfield_1": notes, "customfield_2": hours })).expect_err("needed");
        assert_eq!(error.to_string(), "the transition Resolve of REL-1 requires Hours");
    }
}
