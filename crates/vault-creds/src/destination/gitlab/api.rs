//! The calls. Answers hold values, so that no answer is shown but what an error says.

use http::Method;
use landfall_run::Run;
use landfall_secret::{Credential, CredentialKind, Origin};
use landfall_transport::{Answer, Cap, Http, Request, Site};
use serde_json::{Map, Value, json};

use super::plan::{Act, Seen, Whose, act};
use super::{GitLabVariables, MARK, Owner};
use crate::DestinationError;
use crate::destination::named::Named;

/// One owner and scope at one server.
pub(super) struct Api<'a> {
    at: &'a GitLabVariables,
    site: Site,
    run: &'a Run,
    /// Path of all variables.
    path: String,
}

/// How a variable came to have its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    Created,
    Updated,
}

/// Why a variable has not the value that it was to have.
pub(super) struct Unset {
    pub(super) error: DestinationError,
    /// Whether it may have it nevertheless.
    pub(super) is_unknown: bool,
}

impl From<DestinationError> for Unset {
    fn from(error: DestinationError) -> Self {
        let is_unknown = is_unknown(&error);
        Self { error, is_unknown }
    }
}

/// What came of making a variable.
enum Tried {
    Made,
    /// There is one already, as the server says so.
    Taken(DestinationError),
    /// Whether it was made is not known.
    Lost(DestinationError),
}

/// What an answer says of a variable.
struct Shown(Map<String, Value>);

impl Shown {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    fn is_on(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    /// Servers before 16.2 have no description, and so no mark.
    fn whose(&self) -> Whose {
        match self.0.get("description") {
            None => Whose::Untold,
            Some(text) if text.as_str() == Some(MARK) => Whose::Ours,
            Some(_) => Whose::Theirs,
        }
    }
}

impl<'a> Api<'a> {
    pub(super) fn new(at: &'a GitLabVariables, http: &Http, run: &'a Run) -> Result<Self, DestinationError> {
        run.redactor().learn(&at.token);
        let unsent = |cause| DestinationError::Unsent { name: "variables", cause: Box::new(cause) };
        let header = CredentialKind::Header { name: "private-token", value: at.token.clone() };
        let credential = Origin::parse(&at.api).ok().map(|origin| Credential::new(origin, header));
        let site = http.site("gitlab", &at.api, credential).map_err(unsent)?;
        let path = match &at.owner {
            Owner::Project(id) => format!("/projects/{}/variables", id.replace('/', "%2F")),
            Owner::Group(id) => format!("/groups/{}/variables", id.replace('/', "%2F")),
        };
        Ok(Self { at, site, run, path })
    }

    /// What is there of a name; `None` where nothing is.
    pub(super) async fn read(&self, name: &'static str) -> Result<Option<Seen>, DestinationError> {
        let answer = self.send(name, self.one(Method::GET, name, &self.at.scope)).await?;
        match answer.status().as_u16() {
            200 => {
                let shown = shown(&answer).ok_or_else(|| self.refused("read", name, &answer))?;
                Ok(Some(Seen {
                    whose: shown.whose(),
                    masked: shown.is_on("masked").unwrap_or_default(),
                    is_file: shown.text("variable_type") == Some("file"),
                }))
            }
            404 if said(&answer).contains("Variable Not Found") => Ok(None),
            _ => Err(self.refused("read", name, &answer)),
        }
    }

    /// Makes a variable, masked, and hidden where the server can. Where there is one meanwhile, or the answer is lost, it is looked at
    /// again: what is ours gets the value, what is somebody else's stays, and where nothing is, it is made once more.
    pub(super) async fn create(&self, variable: &Named) -> Result<Made, Unset> {
        let mut is_second = false;
        loop {
            let (error, is_unknown) = match self.create_once(variable).await? {
                Tried::Made => return Ok(Made::Created),
                Tried::Taken(error) => (error, false),
                Tried::Lost(error) => (error, true),
            };
            let Ok(seen) = self.read(variable.name).await else { return Err(Unset { error, is_unknown }) };
            match act(self.at, variable.name, seen)? {
                Act::Update(kept) => return self.update(variable, kept).await,
                Act::Create if is_second => return Err(Unset { error, is_unknown: false }),
                Act::Create => is_second = true,
            }
        }
    }

    async fn create_once(&self, variable: &Named) -> Result<Tried, DestinationError> {
        let name = variable.name;
        let mut body = json!({
            "key": name,
            "value": variable.value.expose(),
            "variable_type": "env_var",
            "raw": true,
            "protected": self.at.protected,
            "masked": variable.is_secret,
            "environment_scope": self.at.scope,
            "description": MARK,
        });
        if let Some(members) = body.as_object_mut().filter(|_| variable.is_secret) {
            // Servers before 17.4 pass over it, and go by `masked`.
            members.insert("masked_and_hidden".to_owned(), Value::Bool(true));
        }
        let mut answer = self.post(name, &body).await;
        if let Ok(refused) = &answer
            && refused.status() == 400
            && !said(refused).contains("has already been taken")
            && let Some(members) = body.as_object_mut()
            && members.remove("masked_and_hidden").is_some()
        {
            answer = self.post(name, &body).await;
        }
        let answer = match answer {
            Err(error) if is_unknown(&error) => return Ok(Tried::Lost(error)),
            Err(error) => return Err(error),
            Ok(answer) => answer,
        };
        match answer.status().as_u16() {
            200 | 201 => self.check(variable, &answer).await.map(|()| Tried::Made),
            400 if said(&answer).contains("has already been taken") => {
                Ok(Tried::Taken(self.refused("create", name, &answer)))
            }
            500.. => Ok(Tried::Lost(self.refused("create", name, &answer))),
            _ => Err(self.refused("create", name, &answer)),
        }
    }

    /// Gives a variable its value. What it is besides stays, unless it would show the value.
    pub(super) async fn update(&self, variable: &Named, kept: Seen) -> Result<Made, Unset> {
        let name = variable.name;
        let mut body = json!({"value": variable.value.expose(), "raw": true, "description": MARK});
        if let Some(members) = body.as_object_mut() {
            if variable.is_secret && !kept.masked {
                members.insert("masked".to_owned(), Value::Bool(true));
            }
            if self.at.protected {
                // It was perhaps made by a job of another branch; the other way round nothing is loosened.
                members.insert("protected".to_owned(), Value::Bool(true));
            }
            if kept.is_file {
                members.insert("variable_type".to_owned(), "env_var".into());
            }
        }
        let answer = self.send(name, self.one(Method::PUT, name, &self.at.scope).json(&body)).await?;
        match answer.status().as_u16() {
            200 => Ok(self.check(variable, &answer).await.map(|()| Made::Updated)?),
            status => Err(Unset { error: self.refused("update", name, &answer), is_unknown: status >= 500 }),
        }
    }

    /// Removes a variable; whether it was there.
    pub(super) async fn remove(&self, name: &'static str, scope: &str) -> Result<bool, DestinationError> {
        let answer = self.send(name, self.one(Method::DELETE, name, scope)).await?;
        match answer.status().as_u16() {
            200 | 202 | 204 => Ok(true),
            404 => Ok(false),
            _ => Err(self.refused("remove", name, &answer)),
        }
    }

    /// Takes away again what was not made as it was asked for: a value that logs show, or one that all environments have.
    async fn check(&self, variable: &Named, answer: &Answer) -> Result<(), DestinationError> {
        let name = variable.name;
        let Some(shown) = shown(answer) else { return Ok(()) };
        let scope = shown.text("environment_scope").unwrap_or(&self.at.scope);
        let how = if variable.is_secret && shown.is_on("masked") == Some(false) {
            "mask"
        } else if shown.whose() != Whose::Ours {
            // It could neither be updated nor removed later.
            "mark"
        } else if scope == self.at.scope {
            return Ok(());
        } else {
            "keep the scope of"
        };
        Err(match self.remove(name, scope).await {
            Ok(_) => DestinationError::NotAsAsked { how, name },
            Err(cause) => DestinationError::Left { how, name, cause: Box::new(cause) },
        })
    }

    fn one(&self, method: Method, name: &str, scope: &str) -> Request {
        let path = format!("{}/{name}", self.path);
        self.site.request(method, &path).query("filter[environment_scope]", scope)
    }

    async fn post(&self, name: &'static str, body: &Value) -> Result<Answer, DestinationError> {
        self.send(name, self.site.post_json(&self.path, body)).await
    }

    async fn send(&self, name: &'static str, request: Request) -> Result<Answer, DestinationError> {
        let answer = request.send(self.run, Cap::JSON).await;
        answer.map_err(|cause| DestinationError::Unsent { name, cause: Box::new(cause) })
    }

    fn refused(&self, what: &'static str, name: &'static str, answer: &Answer) -> DestinationError {
        let text = self.run.redactor().redact(&said(answer));
        let said = landfall_secret::escape(&text, 300);
        DestinationError::Refused { what, name, status: answer.status().as_u16(), said }
    }
}

/// Whether it is not known if the call did what was asked.
fn is_unknown(error: &DestinationError) -> bool {
    match error {
        // It stands there, in some form.
        DestinationError::Left { .. } => true,
        DestinationError::Unsent { cause, .. } => matches!(
            **cause,
            landfall_transport::Error::Unanswered { changes: true, .. }
                | landfall_transport::Error::Stalled { .. }
        ),
        _ => false,
    }
}

fn shown(answer: &Answer) -> Option<Shown> {
    serde_json::from_slice(answer.body()).ok().map(Shown)
}

/// What an error says: `message` as text or by attribute, or `error`. Nothing else of a body is told, since it may hold a value.
fn said(answer: &Answer) -> String {
    let body: Option<Value> = serde_json::from_slice(answer.body()).ok();
    let text = body.as_ref().and_then(|body| body.get("message").or_else(|| body.get("error")));
    match text {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "no reason given".to_owned(),
    }
}
