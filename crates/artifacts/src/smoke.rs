//! Checks of a deployment: `[[smoke]]` and `[[environment.<name>.smoke]]` of `landfall.toml`.

use std::time::Duration;

use landfall_secret::Origin;
use schemars::JsonSchema;
use serde_json::Value;

use crate::file_error::Problems;
use crate::json::{At, FromJson, Kind};
use crate::name::EnvironmentName;
use crate::settings::Ttl;
use crate::settings::keys::refuse_unknown_of;

/// One check. Exactly one of `command`, `http` and `invoke` says what is done.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct SmokeCheck {
    /// What it is called in messages, 1 to 100 characters. Default: what it does.
    pub name: Option<String>,
    /// A program and its arguments; a text is handed to `sh -c`. It passes where the program ends with 0.
    #[schemars(with = "Option<Command>")]
    pub command: Option<Vec<String>>,
    /// An http(s) address that is asked by GET, with its query where it has one.
    pub http: Option<String>,
    /// The status that the address must answer, 100 to 599. Default: 200.
    pub status: Option<u64>,
    /// A Lambda function that is invoked. It passes where the function does not fail and the answer is as expected.
    pub invoke: Option<String>,
    /// The version or alias of the function. Default: `$LATEST`.
    pub qualifier: Option<String>,
    /// What the function is given, as JSON. Default: `{}`.
    pub payload: Option<Value>,
    /// Where in the JSON answer a value is looked at (RFC 6901). Without it the answer is not looked into.
    pub pointer: Option<String>,
    /// What must stand there. Without it something must.
    pub equals: Option<Value>,
    /// Whether it changes nothing, so that it may run against production. Default: no.
    #[schemars(default)]
    pub read_only: bool,
    /// Whether it is tried again while it fails. Default: yes.
    #[schemars(default)]
    pub retry: Option<bool>,
    /// How long one try may take: a number and `s`, `m` or `h`. Default: 30 s.
    #[schemars(with = "Option<String>")]
    pub timeout: Option<Duration>,
    /// The environments that it is for. Default: all.
    #[schemars(default)]
    pub environments: Vec<EnvironmentName>,
}

/// Stands for both ways to write a command in schemas.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes the two spellings and is never made")]
enum Command {
    /// Handed to `sh -c`.
    Shell(String),
    /// A program and its arguments.
    Words(Vec<String>),
}

const KEYS: &[&str] = &[
    "name",
    "command",
    "http",
    "status",
    "invoke",
    "qualifier",
    "payload",
    "pointer",
    "equals",
    "read_only",
    "retry",
    "timeout",
    "environments",
];

impl FromJson for SmokeCheck {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        at.members(problems)?;
        refuse_unknown_of(at, KEYS, problems);
        let words = at.field::<Option<Words>>("command", problems);
        let (name, http, invoke) =
            (at.field("name", problems), at.field("http", problems), at.field("invoke", problems));
        let (status, qualifier) = (at.field("status", problems), at.field("qualifier", problems));
        let (payload, pointer) = (at.field("payload", problems), at.field("pointer", problems));
        let (equals, read_only) = (at.field("equals", problems), at.field_or_default("read_only", problems));
        let (retry, timeout) = (at.field("retry", problems), at.field::<Option<Ttl>>("timeout", problems));
        let environments = at.field_or_default("environments", problems);
        let check = Self {
            name: name?,
            command: words?.map(|words| words.0),
            http: http?,
            status: status?,
            invoke: invoke?,
            qualifier: qualifier?,
            payload: payload?,
            pointer: pointer?,
            equals: equals?,
            read_only: read_only?,
            retry: retry?,
            timeout: timeout?.map(|timeout| timeout.0),
            environments: environments?,
        };
        check.rules(at, problems);
        Some(check)
    }
}

impl SmokeCheck {
    fn rules(&self, at: At<'_>, problems: &mut Problems<'_>) {
        let kinds = [self.command.is_some(), self.http.is_some(), self.invoke.is_some()];
        if kinds.iter().filter(|is| **is).count() != 1 {
            problems.wrong(at, "a check with one of `command`, `http` and `invoke`");
        }
        if self.name.as_ref().is_some_and(|name| !(1..=100).contains(&name.chars().count())) {
            problems.at_field(at, "name", "1 to 100 characters");
        }
        if self.http.as_ref().is_some_and(|address| Origin::parse(address).is_err()) {
            // What is written there may hold a token.
            let (found, expected) =
                ("a text that is none", "an address such as https://api.example.com/health");
            let place = at.node.member("http").map_or(at, |member| at.child(member));
            problems.add_at(place.node.start, place.pointer(), found.to_owned(), expected.to_owned());
        }
        if self.status.is_some_and(|status| !(100..=599).contains(&status)) {
            problems.at_field(at, "status", "an HTTP status, 100 to 599");
        }
        if self.pointer.as_ref().is_some_and(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
            problems.at_field(at, "pointer", "a JSON pointer: empty, or beginning with /");
        }
        let only_for = |is_kind: bool, key: &str, is_set: bool, kind: &str, problems: &mut Problems<'_>| {
            if is_set && !is_kind {
                problems.at_field(at, key, format!("no such key: it goes with `{kind}`"));
            }
        };
        let (http, invoke) = (self.http.is_some(), self.invoke.is_some());
        only_for(http, "status", self.status.is_some(), "http", problems);
        only_for(invoke, "payload", self.payload.is_some(), "invoke", problems);
        only_for(invoke, "qualifier", self.qualifier.is_some(), "invoke", problems);
        only_for(http || invoke, "pointer", self.pointer.is_some(), "http` or `invoke", problems);
        if self.equals.is_some() && self.pointer.is_none() {
            problems.at_field(at, "equals", "a `pointer` that says where it must stand");
        }
    }

    /// What it is called in messages.
    pub fn shown(&self) -> String {
        let what = match (&self.command, &self.http, &self.invoke) {
            (Some(words), _, _) => format!("command {}", words.join(" ")),
            (_, Some(address), _) => {
                // A query may hold what is not for a log.
                format!("http {}", address.split(['?', '#']).next().unwrap_or_default())
            }
            (_, _, Some(function)) => format!("invoke {function}"),
            (None, None, None) => "a check".to_owned(),
        };
        landfall_secret::escape(self.name.as_ref().unwrap_or(&what), 100)
    }

    /// Whether it is for an environment.
    pub fn is_for(&self, environment: Option<&EnvironmentName>) -> bool {
        self.environments.is_empty() || environment.is_some_and(|name| self.environments.contains(name))
    }
}

/// A list of words, or a text for the shell.
pub(crate) struct Words(pub(crate) Vec<String>);

impl FromJson for Words {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let words = match &at.node.kind {
            Kind::Text(text) => vec!["sh".to_owned(), "-c".to_owned(), text.clone()],
            _ => Vec::from_json(at, problems)?,
        };
        if words.is_empty() || words.iter().any(|word| word.contains('\0')) || words.len() > 100 {
            problems.wrong(at, "a program and at most 99 arguments, or a text for the shell");
            return None;
        }
        Some(Self(words))
    }
}

#[cfg(test)]
mod tests {
    use crate::Settings;

    fn settings(text: &str) -> Result<Settings, String> {
        Settings::parse(text.as_bytes(), "landfall.toml", &[]).map_err(|errors| errors.to_string())
    }

    #[test]
    fn checks_are_typed() {
        let text = r#"
[[smoke]]
name = "health"
http = "https://api.example.com/health?deep=1"
pointer = "/status"
equals = "ok"
read_only = true
timeout = "5s"
environments = ["stg_eu00"]

[[smoke]]
command = "test -n \"$TEST_ENV\""

[[environment.stg_eu00.smoke]]
invoke = "PriceFetcherFunction"
payload = { ping = true, deep = [1, 2.5] }
pointer = "/statusCode"
equals = 200

[environment.prod_eu00]
kind = "production"
"#;
        let settings = settings(text).expect("valid");
        let checks = |name: &str| -> Vec<String> {
            let name = name.parse().expect("a name");
            settings.smoke_checks(Some(&name)).iter().map(|check| check.shown()).collect()
        };
        assert_eq!(
            checks("stg_eu00"),
            ["health", "command sh -c test -n \"$TEST_ENV\"", "invoke PriceFetcherFunction"]
        );
        assert_eq!(checks("prod_eu00"), ["command sh -c test -n \"$TEST_ENV\""]);
        let staging = settings.environments.values().last().expect("a row");
        assert_eq!(staging.smoke[0].payload, Some(serde_json::json!({"ping": true, "deep": [1, 2.5]})));
        assert_eq!(settings.smoke[0].equals, Some("ok".into()));
    }

    #[test]
    fn every_problem_of_a_check_is_said() {
        let text = r#"
[[smoke]]
htpp = "https://api.example.com"

[[smoke]]
http = "https://api.example.com"
invoke = "F"
status = 99
pointer = "status"
equals = 1

[[smoke]]
http = "ftp://user:canary@api.example.com"

[[smoke]]
command = []
payload = 1
equals = 1
timeout = "soon"
"#;
        insta::assert_snapshot!(settings(text).expect_err("bad"), @r"
        8 problems in landfall.toml
          /smoke/0 at 2:1: found an object with 1 key, expected a check with one of `command`, `http` and `invoke`
          /smoke/0/htpp at 3:1: found the unknown key `htpp`, expected `http`, perhaps
          /smoke/1 at 5:1: found an object with 5 keys, expected a check with one of `command`, `http` and `invoke`
          /smoke/1/status at 8:10: found 99, expected an HTTP status, 100 to 599
          /smoke/1/pointer at 9:11: found `status`, expected a JSON pointer: empty, or beginning with /
          /smoke/2/http at 13:8: found a text that is none, expected an address such as https://api.example.com/health
          /smoke/3/command at 16:11: found a list of 0, expected a program and at most 99 arguments, or a text for the shell
          /smoke/3/timeout at 19:11: found `soon`, expected a time such as 1h, 30m or 900s, at most 36h
        ");
    }
}
