//! The words that the checklist is written in.

use bytes::Bytes;
use serde_json::Value;

use crate::client::{Answer, send};

/// Whose answers are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// The sandbox's plain registry.
    Plain,
    /// The sandbox's ECR.
    Ecr,
    /// The sandbox's Artifactory.
    Artifactory,
    /// `docker-registry` 2.8 (CNCF Distribution), of before specification 1.1.
    Distribution,
}

/// Those that the sandbox has.
pub(super) const SANDBOX: [Mood; 3] = [Mood::Plain, Mood::Ecr, Mood::Artifactory];

/// Where requests go.
pub(super) struct Target {
    pub(super) base: String,
    /// The `Authorization` header.
    pub(super) login: Option<String>,
}

/// What an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Status(u16),
    /// With an error body of the specification's shape and this code.
    Refused(u16, &'static str),
}

pub(super) fn is(status: u16) -> Expected {
    Expected::Status(status)
}

pub(super) fn refused(status: u16, code: &'static str) -> Expected {
    Expected::Refused(status, code)
}

/// What is looked at besides the status.
enum Check {
    Header(&'static str, String),
    Present(&'static str),
    Absent(&'static str),
    Body(Bytes),
    Json(&'static str, Value),
}

/// One request and what must come of it.
pub(super) struct Step {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
    is_anonymous: bool,
    only: Option<Vec<Mood>>,
    expected: Expected,
    but: Vec<(Mood, Expected)>,
    checks: Vec<(Option<Mood>, Check)>,
}

/// A request. The target is below the case's repository unless it begins with `/`; `{location}` in it is the last `Location`, `{app}` and `{other}`
/// are the names of the case's repositories.
pub(super) fn step(method: &'static str, target: impl Into<String>) -> Step {
    Step {
        method,
        target: target.into(),
        headers: Vec::new(),
        body: Bytes::new(),
        is_anonymous: false,
        only: None,
        expected: is(200),
        but: Vec::new(),
        checks: Vec::new(),
    }
}

impl Step {
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Without a login.
    pub(super) fn anonymous(self) -> Self {
        Self { is_anonymous: true, ..self }
    }

    /// Only these moods are asked.
    pub(super) fn only(self, moods: &[Mood]) -> Self {
        Self { only: Some(moods.to_vec()), ..self }
    }

    pub(super) fn gives(self, expected: Expected) -> Self {
        Self { expected, ..self }
    }

    /// This mood answers otherwise; nothing else of its answer is looked at.
    pub(super) fn but(mut self, mood: Mood, expected: Expected) -> Self {
        self.but.push((mood, expected));
        self
    }

    fn check(mut self, mood: Option<Mood>, check: Check) -> Self {
        self.checks.push((mood, check));
        self
    }

    /// A header of the answer.
    pub(super) fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        self.check(None, Check::Header(name, value.into()))
    }

    /// A header of this mood's answer.
    pub(super) fn with_at(self, mood: Mood, name: &'static str, value: impl Into<String>) -> Self {
        self.check(Some(mood), Check::Header(name, value.into()))
    }

    pub(super) fn has(self, name: &'static str) -> Self {
        self.check(None, Check::Present(name))
    }

    pub(super) fn lacks(self, name: &'static str) -> Self {
        self.check(None, Check::Absent(name))
    }

    pub(super) fn lacks_at(self, mood: Mood, name: &'static str) -> Self {
        self.check(Some(mood), Check::Absent(name))
    }

    pub(super) fn bytes(self, body: impl Into<Bytes>) -> Self {
        self.check(None, Check::Body(body.into()))
    }

    pub(super) fn json(self, pointer: &'static str, value: Value) -> Self {
        self.check(None, Check::Json(pointer, value))
    }
}

/// Steps that belong together, on repositories of their own.
pub(super) struct Case {
    name: &'static str,
    steps: Vec<Step>,
}

pub(super) fn case(name: &'static str, steps: impl IntoIterator<Item = Step>) -> Case {
    Case { name, steps: steps.into_iter().collect() }
}

impl Case {
    /// Runs it up to the first step that goes wrong, and tells that one.
    pub(super) async fn run(&self, mood: Mood, target: &Target, names: &[String; 2]) -> Option<String> {
        let mut location = String::new();
        for (number, step) in self.steps.iter().enumerate() {
            if step.only.as_ref().is_some_and(|moods| !moods.contains(&mood)) {
                continue;
            }
            let answer = step.send(target, names, &location).await;
            if let Err(problem) = step.judge(mood, names, &answer) {
                let (method, target) = (step.method, &step.target);
                return Some(format!("{mood:?}: {}: step {number}: {method} {target}: {problem}", self.name));
            }
            if !answer.header("location").is_empty() {
                answer.header("location").clone_into(&mut location);
            }
        }
        None
    }
}

fn named(text: &str, names: &[String; 2]) -> String {
    text.replace("{app}", &names[0]).replace("{other}", &names[1])
}

impl Step {
    async fn send(&self, target: &Target, names: &[String; 2], location: &str) -> Answer {
        let place = named(&self.target, names).replace("{location}", location);
        // What comes behind a `Location` in the table begins with `?`, but the `Location` may have a query of its own.
        let place = match place.split_once('?') {
            Some((path, query)) => format!("{path}?{}", query.replace('?', "&")),
            None => place,
        };
        let url = if place.starts_with("http") {
            place
        } else if place.starts_with('/') {
            format!("{}{place}", target.base)
        } else {
            format!("{}/v2/{}/{place}", target.base, names[0])
        };
        let mut headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let login = target.login.as_deref().filter(|_| !self.is_anonymous);
        headers.extend(login.map(|login| ("authorization", login)));
        let answer = send(self.method, &url, &headers, self.body.clone()).await.expect("an answer");
        let redirected = matches!(answer.status.as_u16(), 302 | 307);
        if self.method == "GET" && redirected && self.target.starts_with("blobs/") {
            // As a client does: the login stays behind.
            headers.retain(|(name, _)| *name != "authorization");
            return send("GET", answer.header("location"), &headers, "").await.expect("an answer");
        }
        answer
    }

    fn judge(&self, mood: Mood, names: &[String; 2], answer: &Answer) -> Result<(), String> {
        let other = self.but.iter().find(|(at, _)| *at == mood).map(|(_, expected)| *expected);
        let (Expected::Status(status) | Expected::Refused(status, _)) = other.unwrap_or(self.expected);
        if answer.status != status {
            return Err(format!("{} and not {status}: {}", answer.status, answer.text()));
        }
        if let Expected::Refused(_, code) = other.unwrap_or(self.expected)
            // An answer to HEAD has no body.
            && self.method != "HEAD"
        {
            well_shaped(answer)?;
            if answer.code() != code {
                return Err(format!("{} and not {code}", answer.text()));
            }
        }
        if other.is_some() {
            return Ok(());
        }
        for (at, check) in &self.checks {
            if at.is_none_or(|at| at == mood) {
                check.judge(names, answer)?;
            }
        }
        Ok(())
    }
}

impl Check {
    fn judge(&self, names: &[String; 2], answer: &Answer) -> Result<(), String> {
        match self {
            Self::Header(name, value) if answer.header(name) != named(value, names) => {
                Err(format!("{name} is {:?} and not {:?}", answer.header(name), named(value, names)))
            }
            Self::Present(name) if answer.header(name).is_empty() => Err(format!("{name} is missing")),
            Self::Absent(name) if answer.headers.contains_key(*name) => {
                Err(format!("{name} is {:?}", answer.header(name)))
            }
            Self::Body(bytes) if answer.body != *bytes => Err(format!("the body is {:?}", answer.text())),
            Self::Json(pointer, value) => {
                let value: Value = serde_json::from_str(&named(&value.to_string(), names)).unwrap();
                let document = answer.json();
                let found = document.pointer(pointer);
                if found == Some(&value) {
                    Ok(())
                } else {
                    Err(format!("{pointer} is {found:?} and not {value}"))
                }
            }
            Self::Header(..) | Self::Present(_) | Self::Absent(_) | Self::Body(_) => Ok(()),
        }
    }
}

/// The specification's shape of errors: JSON, a list, codes in capitals.
fn well_shaped(answer: &Answer) -> Result<(), String> {
    let document = answer.json();
    let errors = document.get("errors").and_then(Value::as_array).filter(|errors| !errors.is_empty());
    let is_code = |code: &str| code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let good = errors.is_some_and(|errors| {
        errors.iter().all(|error| {
            error["code"].as_str().is_some_and(is_code) && error.get("message").is_none_or(Value::is_string)
        })
    });
    if good && answer.header("content-type").starts_with("application/json") {
        Ok(())
    } else {
        Err(format!("no error body: {:?} {}", answer.header("content-type"), answer.text()))
    }
}
