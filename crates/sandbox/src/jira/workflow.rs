//! The statuses of an issue and the named ways between them.

use serde_json::{Map, Value, json};

use super::JiraConfig;
use super::fields::RESOLUTIONS;

/// Jira's three groups of statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusCategory {
    /// Not begun.
    ToDo,
    /// Being worked on.
    InProgress,
    /// Finished.
    Done,
}

/// One status.
#[derive(Clone, Debug)]
pub struct Status {
    /// Number as text, as Jira gives it.
    pub id: String,
    /// Name as people see it.
    pub name: String,
    /// Group.
    pub category: StatusCategory,
}

/// One transition.
#[derive(Clone, Debug)]
pub struct Transition {
    /// Number as text.
    pub id: String,
    /// Name as people see it; need not be the name of the target.
    pub name: String,
    /// Names of the statuses it may be taken from; empty means from all ("global").
    pub from: Vec<String>,
    /// Name of the status it leads to.
    pub to: String,
    /// Whether a screen is shown. Fields and comments may be sent only with such a transition.
    pub has_screen: bool,
    /// Ids of fields on the screen besides the resolution, which is on every screen.
    pub fields: Vec<String>,
    /// Ids of fields of the screen that it requires.
    pub required: Vec<String>,
}

/// Statuses and transitions. The first status is the one new issues get.
#[derive(Clone, Debug)]
pub struct Workflow {
    statuses: Vec<Status>,
    transitions: Vec<Transition>,
}

impl Default for Workflow {
    fn default() -> Self {
        Self::release()
    }
}

impl Workflow {
    /// A workflow of one status.
    pub fn new(initial: &str) -> Self {
        Self { statuses: Vec::new(), transitions: Vec::new() }.with_status(initial, StatusCategory::ToDo)
    }

    /// The release workflow: To Do, Deployed to Pre-Prod, Pre-Prod Testing, Deploying, Resolved, Closed, one step at a time.
    pub fn release() -> Self {
        Self::new("To Do")
            .with_status("Deployed to Pre-Prod", StatusCategory::InProgress)
            .with_status("Pre-Prod Testing", StatusCategory::InProgress)
            .with_status("Deploying", StatusCategory::InProgress)
            .with_status("Resolved", StatusCategory::Done)
            .with_status("Closed", StatusCategory::Done)
            .with_transition("11", "Deploy PP", &["To Do"], "Deployed to Pre-Prod", false)
            .with_transition("21", "Start PP Testing", &["Deployed to Pre-Prod"], "Pre-Prod Testing", false)
            .with_transition("31", "Start Deployment", &["Pre-Prod Testing"], "Deploying", false)
            .with_transition("41", "Resolve Issue", &["Deploying"], "Resolved", true)
            .with_transition("51", "Close Issue", &["Resolved"], "Closed", false)
    }

    /// Adds a status. Its id is 10000 and counting.
    #[must_use]
    pub fn with_status(mut self, name: &str, category: StatusCategory) -> Self {
        let id = (10_000 + self.statuses.len()).to_string();
        self.statuses.push(Status { id, name: name.to_owned(), category });
        self
    }

    /// Adds a transition; `from` empty makes it global.
    ///
    /// # Panics
    /// When a status of that name was not added before: a mistake of the test that builds it.
    #[must_use]
    pub fn with_transition(
        mut self,
        id: &str,
        name: &str,
        from: &[&str],
        to: &str,
        has_screen: bool,
    ) -> Self {
        for status in from.iter().chain([&to]) {
            assert!(self.status(status).is_some(), "no status named {status:?} in this workflow");
        }
        let from = from.iter().map(|&name| name.to_owned()).collect();
        self.transitions.push(Transition {
            id: id.to_owned(),
            name: name.to_owned(),
            from,
            to: to.to_owned(),
            has_screen,
            fields: Vec::new(),
            required: Vec::new(),
        });
        self
    }

    /// Puts fields on the screen of a transition, by ids; those of `required` it requires. `resolution` is there already.
    #[must_use]
    pub fn with_screen(mut self, id: &str, fields: &[&str], required: &[&str]) -> Self {
        for transition in self.transitions.iter_mut().filter(|transition| transition.id == id) {
            transition.has_screen = true;
            transition.fields = fields.iter().map(|&field| field.to_owned()).collect();
            transition.required = required.iter().map(|&field| field.to_owned()).collect();
        }
        self
    }

    /// The status of new issues.
    pub fn initial(&self) -> &str {
        self.statuses.first().map_or("To Do", |status| status.name.as_str())
    }

    /// A status by its exact name.
    pub fn status(&self, name: &str) -> Option<&Status> {
        self.statuses.iter().find(|status| status.name == name)
    }

    /// The transitions that may be taken from a status.
    pub fn from_status<'a>(&'a self, status: &'a str) -> impl Iterator<Item = &'a Transition> {
        self.transitions.iter().filter(move |transition| {
            transition.from.is_empty() || transition.from.iter().any(|name| name == status)
        })
    }

    /// `StatusDetails` of the Cloud API.
    pub(super) fn status_json(&self, name: &str, base: &str) -> Value {
        let Some(status) = self.status(name) else { return Value::Null };
        let (id, key, colour, category) = match status.category {
            StatusCategory::ToDo => (2, "new", "blue-gray", "To Do"),
            StatusCategory::InProgress => (4, "indeterminate", "yellow", "In Progress"),
            StatusCategory::Done => (3, "done", "green", "Done"),
        };
        json!({
            "self": format!("{base}/rest/api/3/status/{}", status.id), "description": "", "name": status.name, "id": status.id,
            "statusCategory": {
                "self": format!("{base}/rest/api/3/statuscategory/{id}"), "id": id, "key": key, "colorName": colour, "name": category
            }
        })
    }
}

impl JiraConfig {
    /// `IssueTransition` of the Cloud API.
    pub(super) fn transition_json(&self, transition: &Transition, base: &str, with_fields: bool) -> Value {
        let mut value = json!({
            "id": transition.id, "name": transition.name, "to": self.workflow.status_json(&transition.to, base),
            "hasScreen": transition.has_screen, "isGlobal": transition.from.is_empty(), "isInitial": false,
            "isAvailable": true, "isConditional": false, "looped": false
        });
        if with_fields && let Some(object) = value.as_object_mut() {
            object.insert("fields".to_owned(), self.screen_json(transition));
        }
        value
    }

    fn screen_json(&self, transition: &Transition) -> Value {
        if !transition.has_screen {
            return json!({});
        }
        let required = |id: &str| transition.required.iter().any(|field| field == id);
        let resolutions: Vec<Value> =
            RESOLUTIONS.iter().map(|name| json!({"name": name, "id": "10000"})).collect();
        let resolution = json!({
            "required": required("resolution"), "name": "Resolution", "key": "resolution", "fieldId": "resolution",
            "hasDefaultValue": false, "operations": ["set"], "schema": {"type": "resolution", "system": "resolution"},
            "allowedValues": resolutions
        });
        let mut fields = Map::from_iter([("resolution".to_owned(), resolution)]);
        for field in self.fields_json() {
            let Some(id) =
                field["id"].as_str().filter(|id| transition.fields.iter().any(|field| field == id))
            else {
                continue;
            };
            let mut bean = json!({
                "required": required(id), "name": field["name"], "key": id, "fieldId": id, "hasDefaultValue": false,
                "operations": ["set"], "schema": field["schema"]
            });
            if let Some(map) = bean.as_object_mut().filter(|_| !field["allowedValues"].is_null()) {
                map.insert("allowedValues".to_owned(), field["allowedValues"].clone());
            }
            fields.insert(id.to_owned(), bean);
        }
        Value::Object(fields)
    }
}
