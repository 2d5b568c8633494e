//! A ledger in a folder, with times of our own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use landfall_artifacts::{Actor, Digest, EffectResult, EventKind, LedgerEvent, LedgerItem};
use landfall_cli::Environment;
use landfall_commands::Ended;
use tempfile::TempDir;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A ledger and the newest of its records.
pub(crate) struct Made {
    folder: TempDir,
    newest: Option<LedgerEvent>,
}

/// A version of a project, whose function has its name.
pub(crate) fn item(project: &str, version: &str) -> LedgerItem {
    LedgerItem {
        project: project.parse().ok(),
        version: version.parse().ok(),
        lambda: format!("{project}Function").parse().ok(),
        digest: Some(Digest::of(format!("{project}@{version}").as_bytes())),
        ..LedgerItem::new(project)
    }
}

impl Made {
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), newest: None }
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    /// Adds a record; of `environment` and `release` an empty one is none.
    pub(crate) fn add(
        &mut self,
        time: &str,
        kind: EventKind,
        (environment, release): (&str, &str),
        change: impl FnOnce(&mut LedgerEvent),
    ) {
        let mut event = LedgerEvent {
            sequence: self.newest.as_ref().map_or(1, |newest| newest.sequence + 1),
            previous: self.newest.as_ref().map(LedgerEvent::digest),
            time: OffsetDateTime::parse(time, &Rfc3339).expect("a time"),
            kind,
            release: release.parse().ok(),
            environment: environment.parse().ok(),
            stage: None,
            action: None,
            target: None,
            intent: None,
            outcome: None,
            items: Vec::new(),
            actor: Actor { name: "ada".to_owned(), source: "GITLAB_USER_LOGIN".to_owned() },
            run: None,
            reason: None,
            tool_version: "0.1.0".to_owned(),
            details: BTreeMap::new(),
        };
        change(&mut event);
        std::fs::create_dir_all(self.ledger()).expect("a folder");
        let path = self.ledger().join(LedgerEvent::file_name(event.sequence));
        std::fs::write(path, event.canonical_bytes()).expect("written");
        self.newest = Some(event);
    }

    /// Two releases, of which the second dies in staging and is rolled back there.
    pub(crate) fn story() -> Self {
        let mut made = Self::empty();
        let (orders, prices) = (item("orders", "1.4.2"), item("prices", "2.0.0"));
        let newer = item("orders", "1.5.0");
        let job = |number: u32| Some(format!("https://gitlab.example.com/acme/shop/-/jobs/{number}"));
        let effect = |event: &mut LedgerEvent, action: &str, target: &str, items: &[LedgerItem]| {
            event.action = Some(action.to_owned());
            event.target = Some(target.to_owned());
            event.items = items.to_vec();
        };
        made.add("2026-01-01T00:00:00Z", EventKind::Intent, ("", ""), |event| {
            effect(
                event,
                "PushImage",
                "registry.example.com/build/orders:1.4.2",
                std::slice::from_ref(&orders),
            );
            event.run = job(1);
        });
        made.add("2026-01-01T00:05:00Z", EventKind::Outcome, ("", ""), |event| {
            event.intent = Some(1);
            event.outcome = Some(EffectResult::Done);
        });
        made.add("2026-01-01T02:00:00Z", EventKind::Deployment, ("stg_eu00", "r1"), |event| {
            event.items = vec![orders.clone(), prices.clone()];
            event.run = job(2);
        });
        made.add("2026-01-01T03:00:00Z", EventKind::Test, ("stg_eu00", "r1"), |event| {
            event.outcome = Some(EffectResult::Done);
            event.reason = Some("3 of 3 checks passed".to_owned());
        });
        made.add("2026-01-01T04:00:00Z", EventKind::Promotion, ("", "r1"), |event| {
            event.items = vec![orders.clone(), prices.clone()];
            event.reason = Some("to-rc: docker-build to docker-rc".to_owned());
        });
        made.add("2026-01-02T00:00:00Z", EventKind::Approval, ("prod_eu00", "r1"), |event| {
            event.actor.name = String::from("bo");
            event.details.insert("role".to_owned(), "qa-lead".into());
        });
        made.add("2026-01-02T01:00:00Z", EventKind::Deployment, ("prod_eu00", "r1"), |event| {
            event.items = vec![orders.clone(), prices.clone()];
            event.run = job(3);
        });
        made.add("2026-02-03T00:00:00Z", EventKind::Intent, ("stg_eu00", "r2"), |event| {
            effect(event, "UpdateFunctionCode", "ordersFunction", std::slice::from_ref(&newer));
            event.stage = Some("deploy-lambda".to_owned());
        });
        made.add("2026-02-03T01:00:00Z", EventKind::Deployment, ("stg_eu00", "r2"), |event| {
            event.items = vec![newer.clone(), prices.clone()];
        });
        made.add("2026-02-03T03:00:00Z", EventKind::Test, ("stg_eu00", "r2"), |event| {
            event.outcome = Some(EffectResult::Failed);
            event.target = Some("selenium".to_owned());
            event.reason =
                Some("the basket \u{202e}is empty\n::error::after an order of two things".to_owned());
            event.details.insert("suite".to_owned(), "selenium".into());
            event.details.insert("link".to_owned(), "https://tests.example.com/runs/77".into());
        });
        made.add("2026-02-03T06:00:00Z", EventKind::Rollback, ("stg_eu00", "r1"), |event| {
            event.items = vec![orders];
            event.reason = Some("the deployment of r2 was rolled back".to_owned());
        });
        made.add("2026-02-03T06:00:05Z", EventKind::Lock, ("stg_eu00", ""), |event| {
            event.stage = Some("deploy-lambda".to_owned());
            event.run = job(9);
            event.details.insert("expires".to_owned(), "2026-02-03T07:00:00Z".into());
        });
        made
    }

    /// Runs a view on this ledger.
    pub(crate) fn run(&self, words: &str) -> Ended {
        self.run_with(words, &[])
    }

    /// Runs a view on this ledger with further arguments that hold blanks.
    pub(crate) fn run_with(&self, words: &str, more: &[&str]) -> Ended {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let views = landfall_commands::ledger::views();
        let count = |name: &str| name.split(' ').count();
        let view = views
            .iter()
            .find(|view| view.name.split(' ').eq(words.iter().take(count(view.name)).map(String::as_str)))
            .expect("a view");
        let mut arguments: Vec<String> = words.into_iter().skip(count(view.name)).collect();
        arguments.extend(more.iter().map(|word| (*word).to_owned()));
        arguments.push("--ledger".to_owned());
        arguments.push(self.ledger().display().to_string());
        let variables = [("USER", "ada"), ("CI_ENVIRONMENT_NAME", "stg_eu00")];
        let of = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        (view.run)(&arguments, variables.into_iter().map(of).collect::<Environment>())
    }

    /// What a view prints, without its first line, which names a folder of this machine.
    pub(crate) fn shown(&self, words: &str) -> String {
        let ended = self.run(words);
        assert_eq!(ended.code, 0, "{words}: {}", ended.stderr);
        let (title, rest) = ended.stdout.split_once("\n\n").expect("a title");
        assert!(title.contains(" records; times are in UTC"), "{title}");
        for line in ended.stdout.lines() {
            assert!(landfall_cli::columns(line) <= 80, "{words} is wider than 80 columns: {line}");
            assert!(!line.contains(['\u{1b}', '\u{202e}']), "{words}: {line:?}");
        }
        rest.to_owned()
    }
}
