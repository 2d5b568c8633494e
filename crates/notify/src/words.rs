//! What a notification says, in the words of a target's template.

use std::collections::BTreeMap;

use landfall_artifacts::{
    Actor, EnvironmentName, NOTIFY_PLACEHOLDERS, Notification, NotifyEvent, NotifyKind, NotifyTarget,
    OutcomeKind, Problem, ReleaseId, TargetName, TextTemplate,
};
use landfall_secret::{Redactor, escape};
use time::OffsetDateTime;

use crate::markup::plain;
use crate::{Ended, News, event};

/// Longest of one thing that is told, in characters.
const LONGEST: usize = 600;

/// Longest text of a message, in characters: a fifth of what Slack takes.
const LONGEST_TEXT: usize = 8000;

/// The most problems, and the most things that are missing, of a notification.
const MOST: usize = 10;

/// What is told of a stage that ended.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    /// How it ended.
    pub ended: Ended<'a>,
    /// When.
    pub time: OffsetDateTime,
    /// Its name.
    pub stage: &'a str,
    /// The release, where it is known.
    pub release: Option<&'a ReleaseId>,
    /// The environment, where one was named.
    pub environment: Option<&'a EnvironmentName>,
    /// One line that says what it did.
    pub summary: &'a str,
    /// Its problems.
    pub problems: &'a [Problem],
    /// Who started it.
    pub actor: &'a Actor,
    /// The CI job.
    pub run: Option<&'a str>,
}

/// What each target is told: one notification for each that wants it, without the run's secrets, each with an id of its own that `id`
/// gives. Nothing where nobody needs to hear of it.
pub fn notifications(
    told: &Told<'_>,
    targets: &BTreeMap<TargetName, NotifyTarget>,
    redactor: &Redactor,
    mut id: impl FnMut() -> String,
) -> Vec<(TargetName, Notification)> {
    let Some(event) = event(&told.ended) else { return Vec::new() };
    let wanting = targets.iter().filter(|(_, target)| target.wants(event, told.environment));
    wanting
        .map(|(name, target)| {
            let mut notification = bare(told, event, redactor, id());
            notification.text = text(&notification, target);
            (name.clone(), notification)
        })
        .collect()
}

/// What a target is told that is only tried: of no release, and with an event of its own, so that no receiver takes it for more.
pub fn test_notification(
    target: &TargetName,
    time: OffsetDateTime,
    actor: Actor,
    id: String,
) -> Notification {
    let text = format!("A test of Landfall: {target} can be told. Nothing was deployed.");
    Notification {
        id,
        event: NotifyEvent::Test,
        time,
        stage: "landfall notify test".to_owned(),
        release: None,
        environment: None,
        outcome: OutcomeKind::NothingToDo,
        exit_code: 0,
        summary: text.clone(),
        problems: Vec::new(),
        reason: None,
        missing: Vec::new(),
        actor,
        run: None,
        text,
    }
}

fn bare(told: &Told<'_>, event: NotifyEvent, redactor: &Redactor, id: String) -> Notification {
    // Redacted before it is cut: of a secret across the end its beginning would stay.
    let clean = |text: &str| escape(&redactor.redact(text), LONGEST);
    let (reason, missing): (_, &[String]) = match told.ended.news {
        Some(News::Waits { missing, .. }) => (None, missing),
        Some(News::Died { reason }) => (Some(clean(reason)), &[]),
        None => (None, &[]),
    };
    Notification {
        id,
        event,
        time: told.time,
        stage: clean(told.stage),
        release: told.release.cloned(),
        environment: told.environment.cloned(),
        outcome: told.ended.kind,
        exit_code: told.ended.exit_code,
        summary: clean(told.summary),
        problems: told.problems.iter().take(MOST).map(|problem| cleaned(problem, &clean)).collect(),
        reason,
        missing: missing.iter().take(MOST).map(|one| clean(one)).collect(),
        actor: Actor { name: clean(&told.actor.name), source: clean(&told.actor.source) },
        run: told.run.map(clean),
        text: String::new(),
    }
}

fn cleaned(problem: &Problem, clean: &impl Fn(&str) -> String) -> Problem {
    Problem {
        code: clean(&problem.code),
        class: problem.class,
        what: clean(&problem.what.replace('\n', " ")),
        cause: problem.cause.iter().take(4).map(|cause| clean(cause)).collect(),
        remedy: problem.remedy.as_deref().map(clean),
    }
}

/// The text of a notification: facts are foreign text, the template is its owner's and may mark up as it likes.
fn text(notification: &Notification, target: &NotifyTarget) -> String {
    let usual = usual(notification.event);
    let template = target.templates.get(&notification.event).unwrap_or(&usual);
    let shown = |text: String| match target.kind {
        NotifyKind::Slack => plain(&text),
        NotifyKind::Webhook => text,
    };
    let text = template.apply(|name| shown(fact(notification, name)).into());
    // What is not known leaves no blank line and no blanks at an end.
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n").chars().take(LONGEST_TEXT).collect()
}

fn usual(event: NotifyEvent) -> TextTemplate {
    let text = match event {
        NotifyEvent::Deployment => {
            "{stage}: {release} in {environment} is {outcome}. {summary}\n{actor} {run}"
        }
        NotifyEvent::Failure => {
            "{stage}: {release} in {environment} ended {outcome}. {problem}\n{actor} {run}"
        }
        NotifyEvent::GateWaiting => "{release} waits before {environment}: {missing}\n{actor} {run}",
        NotifyEvent::Death => "{release} is dead, found in {environment}: {problem}\n{actor} {run}",
        NotifyEvent::Test => "{summary}",
    };
    TextTemplate::parse(text, NOTIFY_PLACEHOLDERS).unwrap_or_else(|_| TextTemplate::fixed(text))
}

/// What a placeholder stands for: a release or environment that is not known is called so, everything else is then empty.
fn fact(notification: &Notification, name: &str) -> String {
    let or_unknown = |text: Option<String>, what: &str| text.unwrap_or_else(|| format!("an unknown {what}"));
    match name {
        "release" => or_unknown(notification.release.as_ref().map(ToString::to_string), "release"),
        "environment" => {
            notification.environment.as_ref().map_or_else(|| "no environment".to_owned(), ToString::to_string)
        }
        "stage" => notification.stage.clone(),
        "event" => notification.event.as_str().to_owned(),
        "outcome" => notification.outcome.as_str().to_owned(),
        "summary" => notification.summary.clone(),
        "problem" => notification.reason.clone().unwrap_or_else(|| problem(&notification.problems)),
        "missing" => notification.missing.join(", "),
        "actor" => notification.actor.name.clone(),
        "run" => notification.run.clone().unwrap_or_default(),
        _ => String::new(),
    }
}

fn problem(problems: &[Problem]) -> String {
    let Some(first) = problems.first() else { return String::new() };
    let more = match problems.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    format!("{}: {}{more}", first.code, first.what)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use landfall_artifacts::{
        Actor, Class, NOTIFY_PLACEHOLDERS, Notification, NotifyEvent, OutcomeKind, Problem, Settings,
        TargetName,
    };
    use landfall_secret::{Redactor, Secret};

    use super::{Told, fact, notifications, usual};
    use crate::{Ended, News, Way};

    const SETTINGS: &str = r#"
[notify.audit]
kind = "webhook"
url_variable = "A"
[notify.channel]
kind = "slack"
url_variable = "B"
events = ["deployment", "failure", "death", "gate-waiting"]
environments = ["prod_eu00"]
[notify.worded]
kind = "slack"
url_variable = "C"
events = ["deployment"]
templates = { deployment = "<!here> *{release}* & {{{environment}}}\n\n{run}\n{problem}" }
"#;

    fn told<'a>(
        way: Way,
        exit_code: u8,
        news: Option<&'a News>,
        actor: &'a Actor,
        problems: &'a [Problem],
    ) -> Vec<(TargetName, Notification)> {
        let settings = Settings::parse(SETTINGS.as_bytes(), "landfall.toml", &[]).expect("valid");
        let (release, environment) = ("v1.4.0".parse().ok(), "prod_eu00".parse().ok());
        let kind = if exit_code == 0 { OutcomeKind::Done } else { OutcomeKind::Partial };
        let redactor = Redactor::new();
        redactor.learn(&Secret::new("hunter-two"));
        let told = Told {
            ended: Ended { way, kind, exit_code, news },
            time: time::OffsetDateTime::UNIX_EPOCH,
            stage: "deploy-lambda",
            release: release.as_ref(),
            environment: environment.as_ref(),
            summary: "2 functions updated with hunter-two <!channel>",
            problems,
            actor,
            run: None,
        };
        let mut count = 0;
        notifications(&told, &settings.notify, &redactor, || {
            count += 1;
            format!("{count:032x}")
        })
    }

    fn ada() -> Actor {
        Actor { name: "ada@example.com".into(), source: "GITLAB_USER_LOGIN".into() }
    }

    fn texts(told: Vec<(TargetName, Notification)>) -> String {
        let line = |(name, notification): (TargetName, Notification)| {
            format!(
                "{name} {}: {}\n",
                notification.event.as_str(),
                notification.text.replace('\u{200b}', "|")
            )
        };
        told.into_iter().map(line).collect()
    }

    #[test]
    fn each_target_is_told_in_its_own_words() {
        insta::assert_snapshot!(texts(told(Way::Deploys, 0, None, &ada(), &[])), @r"
        audit deployment: deploy-lambda: v1.4.0 in prod_eu00 is done. 2 functions updated with <redacted> <!channel>
        ada@example.com
        channel deployment: deploy-lambda: v1.4.0 in prod_eu00 is done. 2 functions updated with &lt;redacted&gt; &lt;!channel&gt;
        ada@|example.com
        worded deployment: <!here> *v1.4.0* & {prod_eu00}
        ");
        let problem = |what: &str| Problem::new("LF-LAMBDA-DENIED", Class::Refused, what);
        let problems = [problem("denied to @everyone by hunter-two\nand more"), problem("x")];
        insta::assert_snapshot!(texts(told(Way::Changes, 6, None, &ada(), &problems)), @r"
        audit failure: deploy-lambda: v1.4.0 in prod_eu00 ended partial. LF-LAMBDA-DENIED: denied to @everyone by <redacted> and more (and 1 more)
        ada@example.com
        channel failure: deploy-lambda: v1.4.0 in prod_eu00 ended partial. LF-LAMBDA-DENIED: denied to @|everyone by &lt;redacted&gt; and more (and 1 more)
        ada@|example.com
        ");
        let died = News::Died { reason: "the basket was empty: hunter-two".into() };
        insta::assert_snapshot!(texts(told(Way::Decides, 0, Some(&died), &ada(), &[])), @r"
        audit death: v1.4.0 is dead, found in prod_eu00: the basket was empty: <redacted>
        ada@example.com
        channel death: v1.4.0 is dead, found in prod_eu00: the basket was empty: &lt;redacted&gt;
        ada@|example.com
        ");
        let missing = vec!["approval of qa-lead".into(), "freeze".into()];
        let waits = News::Waits { missing, plan: landfall_artifacts::Digest::of(b"plan"), decision: None };
        insta::assert_snapshot!(texts(told(Way::Decides, 3, Some(&waits), &ada(), &problems)), @r"
        audit gate-waiting: v1.4.0 waits before prod_eu00: approval of qa-lead, freeze
        ada@example.com
        channel gate-waiting: v1.4.0 waits before prod_eu00: approval of qa-lead, freeze
        ada@|example.com
        ");
        assert!(told(Way::Looks, 5, None, &ada(), &problems).is_empty());
    }

    #[test]
    fn ids_differ_and_no_secret_is_told() {
        let many: Vec<Problem> = (0..30)
            .map(|n| Problem::new("LF-X", Class::Input, format!("{n} hunter-two {}", "x".repeat(5000))))
            .collect();
        let told = told(Way::Deploys, 2, None, &ada(), &many);
        let ids: BTreeMap<&str, &str> =
            told.iter().map(|(name, one)| (one.id.as_str(), name.as_str())).collect();
        assert_eq!(ids.len(), 2);
        for (_, notification) in &told {
            let bytes = notification.to_bytes();
            assert!(!String::from_utf8_lossy(&bytes).contains("hunter-two"));
            assert_eq!(Notification::parse(&bytes, "n").as_ref(), Ok(notification), "a receiver can read it");
        }
    }

    #[test]
    fn every_placeholder_is_known_and_every_usual_text_has_none_left() {
        let told = told(Way::Deploys, 6, None, &ada(), &[Problem::new("LF-X", Class::Input, "y")]);
        let (_, one) = told.first().expect("one");
        for name in NOTIFY_PLACEHOLDERS {
            let is_empty = fact(one, name).is_empty();
            assert_eq!(is_empty, ["missing", "run"].contains(name), "{name}");
        }
        for event in NotifyEvent::ALL {
            let text = usual(*event).apply(|name| fact(one, name).into());
            assert!(!text.contains(['{', '}']), "{text}");
        }
    }
}
