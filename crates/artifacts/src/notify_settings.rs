//! `[notify.<target>]` of `landfall.toml`: who is told what, and how.

use std::collections::BTreeMap;
use std::str::FromStr;

use schemars::JsonSchema;

use crate::env_lines::is_variable;
use crate::file_error::Problems;
use crate::json::{At, FromJson, FromKey, one_of, text_form};
use crate::name::EnvironmentName;
use crate::notification::NotifyEvent;
use crate::settings::Settings;
use crate::text_name::{TextError, short_text};
use crate::text_template::{TextTemplate, placeholders};

/// The most targets of a repo.
const MOST_TARGETS: usize = 20;

/// What a template of a notification may name.
pub const NOTIFY_PLACEHOLDERS: &[&str] =
    &["release", "environment", "stage", "event", "outcome", "summary", "problem", "missing", "actor", "run"];

short_text!(
    /// Who is told, as `landfall.toml` calls them, such as `release-channel`.
    TargetName,
    "a target: 1 to 64 of a-z 0-9 -, beginning with a letter",
    "^[a-z][a-z0-9-]{0,63}$",
    |text| text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

/// How a target is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum NotifyKind {
    /// `{"text": ...}`, as incoming webhooks of Slack and Mattermost take it.
    Slack,
    /// The whole notification as JSON.
    Webhook,
}

one_of!(NotifyKind { "slack" => Slack, "webhook" => Webhook });

/// The name of an environment variable. What is written where one belongs is never shown: it may be the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(inline)]
pub struct VariableName(#[schemars(regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"))] String);

impl VariableName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromJson for VariableName {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        if let Some(name) = at.node.text().filter(|text| is_variable(text)) {
            return Some(Self(name.to_owned()));
        }
        let expected = "the name of an environment variable, such as SLACK_WEBHOOK_URL, that holds it";
        problems.add_at(at.node.start, at.pointer(), "something that is none", expected);
        None
    }
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct NotifyTarget {
    /// How it is spoken to.
    pub kind: NotifyKind,
    /// The variable that holds its address, which is a secret: who knows it may post.
    pub url_variable: VariableName,
    /// The variable that holds a token, sent as `Authorization: Bearer`. Only for `webhook`.
    pub token_variable: Option<VariableName>,
    /// The variable that holds the key that notifications are signed with. Only for `webhook`.
    pub signature_variable: Option<VariableName>,
    /// What it is told of. Default: all.
    #[schemars(default)]
    pub events: Vec<NotifyEvent>,
    /// The environments that it is told of. Default: all, and what has none.
    #[schemars(default)]
    pub environments: Vec<EnvironmentName>,
    /// Event to the text that it is told in, with placeholders such as `{release}`.
    #[schemars(default, with = "BTreeMap<NotifyEvent, String>")]
    pub templates: BTreeMap<NotifyEvent, TextTemplate>,
}

impl NotifyTarget {
    /// Whether it wants to be told of an event in an environment.
    pub fn wants(&self, event: NotifyEvent, environment: Option<&EnvironmentName>) -> bool {
        (self.events.is_empty() || self.events.contains(&event))
            && (self.environments.is_empty()
                || environment.is_some_and(|name| self.environments.contains(name)))
    }

    /// The variables that hold its secrets.
    pub fn variables(&self) -> impl Iterator<Item = &VariableName> {
        [Some(&self.url_variable), self.token_variable.as_ref(), self.signature_variable.as_ref()]
            .into_iter()
            .flatten()
    }
}

/// An event that can be asked for.
struct Subscribed(NotifyEvent);

impl FromJson for Subscribed {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        at.parsed(NotifyEvent::EXPECTED, problems).map(Self)
    }
}

/// A template as the file has it.
struct NotifyTemplate(TextTemplate);

impl FromJson for NotifyTemplate {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let text = String::from_json(at, problems)?;
        if text.trim().is_empty() || text.chars().count() > 2000 {
            problems.wrong(at, "a text of 1 to 2000 characters");
            return None;
        }
        match TextTemplate::parse(&text, NOTIFY_PLACEHOLDERS) {
            Ok(template) => Some(Self(template)),
            Err(error) => {
                let expected = format!("placeholders among {}", placeholders(NOTIFY_PLACEHOLDERS));
                problems.add_at(at.node.start, at.pointer(), error.what(), expected);
                None
            }
        }
    }
}

impl FromStr for NotifyEvent {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let found = NotifyEvent::SUBSCRIBED.iter().copied().find(|event| event.as_str() == text);
        found.ok_or_else(|| TextError::new(text, Self::EXPECTED))
    }
}

impl FromKey for NotifyEvent {
    const EXPECTED: &'static str = "one of `deployment` `failure` `gate-waiting` `death`";
}

impl FromJson for NotifyTarget {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        at.members(problems)?;
        let (kind, url) = (at.field("kind", problems), at.field("url_variable", problems));
        let token: Option<Option<VariableName>> = at.field("token_variable", problems);
        let signature: Option<Option<VariableName>> = at.field("signature_variable", problems);
        let events: Option<Vec<Subscribed>> = at.field_or_default("events", problems);
        let environments: Option<Vec<EnvironmentName>> = at.field_or_default("environments", problems);
        let templates: Option<BTreeMap<NotifyEvent, NotifyTemplate>> =
            at.field_or_default("templates", problems);
        let target = Self {
            kind: kind?,
            url_variable: url?,
            token_variable: token?,
            signature_variable: signature?,
            events: events?.into_iter().map(|event| event.0).collect(),
            environments: environments?,
            templates: templates?.into_iter().map(|(event, template)| (event, template.0)).collect(),
        };
        target.rules(at, problems);
        Some(target)
    }
}

impl NotifyTarget {
    fn rules(&self, at: At<'_>, problems: &mut Problems<'_>) {
        for (key, is_set) in [
            ("token_variable", self.token_variable.is_some()),
            ("signature_variable", self.signature_variable.is_some()),
        ] {
            if is_set && self.kind == NotifyKind::Slack {
                problems.at_field(at, key, "no such key: it goes with kind `webhook`");
            }
        }
        // A list of nothing that meant everything would surprise whoever emptied it.
        for (key, is_empty) in
            [("events", self.events.is_empty()), ("environments", self.environments.is_empty())]
        {
            if is_empty && at.node.member(key).is_some() {
                problems.at_field(at, key, "at least one, or no such key, which means all");
            }
        }
    }
}

/// Notes every problem of the targets that only all of the file shows, each where it stands.
pub(crate) fn check_targets(settings: &Settings, at: At<'_>, problems: &mut Problems<'_>) {
    if settings.notify.len() > MOST_TARGETS {
        problems.at_field(at, "notify", format!("at most {MOST_TARGETS} targets"));
    }
    let Some(table) = at.node.member("notify").map(|member| at.child(member)) else { return };
    for (name, target) in &settings.notify {
        let Some(row) = table.node.member(name.as_str()) else { continue };
        let is_unknown = |name: &&EnvironmentName| !settings.environments.contains_key(*name);
        for other in target.environments.iter().filter(is_unknown) {
            if !settings.environments.is_empty() {
                let expected = format!("environments that have a row; `{other}` has none");
                problems.at_field(table.child(row), "environments", expected);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{NotifyEvent, NotifyKind, Settings};

    fn settings(text: &str) -> Result<Settings, String> {
        Settings::parse(text.as_bytes(), "landfall.toml", &[]).map_err(|errors| errors.to_string())
    }

    #[test]
    fn targets_are_typed() {
        let text = r#"
[notify.release-channel]
kind = "slack"
url_variable = "SLACK_WEBHOOK_URL"
events = ["deployment", "death"]
environments = ["prod_eu00"]
templates = { deployment = "{release} is out: {summary}" }

[notify.audit]
kind = "webhook"
url_variable = "AUDIT_URL"
token_variable = "AUDIT_TOKEN"
signature_variable = "AUDIT_KEY"

[environment.prod_eu00]
"#;
        let settings = settings(text).expect("valid");
        let targets: Vec<_> = settings.notify.values().collect();
        let (audit, channel) = (targets[0], targets[1]);
        assert_eq!((audit.kind, channel.kind), (NotifyKind::Webhook, NotifyKind::Slack));
        assert_eq!(audit.variables().count(), 3);
        let production = "prod_eu00".parse().ok();
        let staging = "stg_eu00".parse().ok();
        for (event, environment, channel_wants) in [
            (NotifyEvent::Deployment, production.as_ref(), true),
            (NotifyEvent::Deployment, staging.as_ref(), false),
            (NotifyEvent::Deployment, None, false),
            (NotifyEvent::Failure, production.as_ref(), false),
            (NotifyEvent::Death, production.as_ref(), true),
        ] {
            assert!(audit.wants(event, environment));
            assert_eq!(channel.wants(event, environment), channel_wants, "{event:?} {environment:?}");
        }
    }

    #[test]
    fn every_problem_of_a_target_is_said_and_no_secret_shown() {
        let text = r#"
[environment.stg_eu00]
[notify.Chat]
kind = "slack"
url_variable = "https://hooks.slack.example/services/T0/B0/canary"
[notify.chat]
kind = "smoke"
url = "https://hooks.slack.example/services/T0/B0/canary"
events = ["deployed", "test"]
[notify.other]
kind = "slack"
url_variable = "CHAT_URL"
token_variable = "CHAT_TOKEN"
events = []
environments = ["prod_eu00"]
[notify.third]
kind = "webhook"
url_variable = "CHAT_URL"
[notify.third.templates]
deployment = "{relase}"
deployed = "x"
"#;
        let refused = settings(text).expect_err("bad");
        assert!(!refused.contains("canary"), "{refused}");
        insta::assert_snapshot!(refused, @r"
        11 problems in landfall.toml
          /notify/Chat at 3:9: found the key `Chat`, expected a target: 1 to 64 of a-z 0-9 -, beginning with a letter
          /notify/Chat/url_variable at 5:16: found something that is none, expected the name of an environment variable, such as SLACK_WEBHOOK_URL, that holds it
          /notify/chat at 6:1: found no `url_variable`, expected the key `url_variable`
          /notify/chat/kind at 7:8: found `smoke`, expected one of `slack` `webhook`
          /notify/chat/url at 8:1: found the unknown key `url`, expected `url_variable`, perhaps
          /notify/chat/events/0 at 9:11: found `deployed`, expected one of `deployment` `failure` `gate-waiting` `death`
          /notify/chat/events/1 at 9:23: found `test`, expected one of `deployment` `failure` `gate-waiting` `death`
          /notify/other/token_variable at 13:18: found `CHAT_TOKEN`, expected no such key: it goes with kind `webhook`
          /notify/other/events at 14:10: found a list of 0, expected at least one, or no such key, which means all
          /notify/third/templates/deployment at 20:14: found the unknown placeholder {relase}, expected placeholders among {release} {environment} {stage} {event} {outcome} {summary} {problem} {missing} {actor} {run}
          /notify/third/templates/deployed at 21:1: found the key `deployed`, expected one of `deployment` `failure` `gate-waiting` `death`
        ");
        let unknown = "[environment.stg_eu00]\n[notify.chat]\nkind = \"slack\"\nurl_variable = \"U\"\nenvironments = [\"prod_eu00\"]\n";
        insta::assert_snapshot!(settings(unknown).expect_err("bad"), @"landfall.toml: /notify/chat/environments at 5:16: found a list of 1, expected environments that have a row; `prod_eu00` has none");
        let one = |n: u32| format!("[notify.t{n}]\nkind = \"slack\"\nurl_variable = \"U\"\n");
        assert!(settings(&(0..20).map(one).collect::<String>()).is_ok());
        assert!(
            settings(&(0..21).map(one).collect::<String>())
                .expect_err("too many")
                .contains("at most 20 targets")
        );
    }
}
