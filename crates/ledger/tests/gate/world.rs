//! Events without a chain, made one after another.

use std::collections::BTreeMap;

use landfall_artifacts::{
    Actor, Digest, EffectResult, EventKind, LedgerEvent, LedgerItem, RoleName, Settings,
};
use landfall_ledger::Draft;
use landfall_ledger::gate::{Content, Decision, Identity, Missing, Subject, approve, check};
use serde_json::json;
use time::{Duration, OffsetDateTime};

pub(crate) const SETTINGS: &str = r#"
[approvers]
qa-lead = ["ada", "grace"]
manager = ["joan", "grace"]
[environment.dev]
[environment.qa]
after = ["dev"]
[[environment.qa.smoke]]
command = "true"
[environment.prod]
kind = "production"
after = ["qa"]
soak = "24h"
approvals = ["qa-lead", "manager"]
"#;

pub(crate) fn settings(text: &str) -> Settings {
    Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid")
}

/// A ledger's events, and the time.
pub(crate) struct World {
    pub(crate) events: Vec<LedgerEvent>,
    pub(crate) now: OffsetDateTime,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { events: Vec::new(), now: time::macros::datetime!(2025-11-19 12:00 UTC) }
    }

    pub(crate) fn wait(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self
    }

    pub(crate) fn add(&mut self, draft: Draft, by: &str) -> &mut LedgerEvent {
        let sequence = self.events.len() as u64 + 1;
        self.events.push(LedgerEvent {
            sequence,
            previous: None,
            time: self.now,
            kind: draft.kind,
            release: draft.release,
            environment: draft.environment,
            stage: None,
            action: draft.action,
            target: draft.target,
            intent: draft.intent,
            outcome: draft.outcome,
            items: draft.items,
            actor: Actor { name: by.to_owned(), source: "test".to_owned() },
            run: None,
            reason: draft.reason,
            tool_version: "0".to_owned(),
            details: draft.details,
        });
        self.events.last_mut().expect("just added")
    }

    pub(crate) fn draft(kind: EventKind, release: &str, environment: &str) -> Draft {
        Draft { release: release.parse().ok(), environment: environment.parse().ok(), ..Draft::new(kind) }
    }

    pub(crate) fn deploy(&mut self, release: &str, environment: &str, content: &[u8]) -> &mut Self {
        self.comes(EventKind::Deployment, release, environment, content)
    }

    pub(crate) fn comes(
        &mut self,
        kind: EventKind,
        release: &str,
        environment: &str,
        content: &[u8],
    ) -> &mut Self {
        let mut draft = Self::draft(kind, release, environment);
        draft.items = vec![item(content)];
        self.add(draft, "dev");
        self
    }

    /// Several functions come at once, each with its content; a project has its function's name.
    pub(crate) fn come(
        &mut self,
        kind: EventKind,
        release: &str,
        environment: &str,
        of: &[(&str, &[u8])],
    ) -> &mut Self {
        let mut draft = Self::draft(kind, release, environment);
        draft.items = of
            .iter()
            .map(|(name, content)| LedgerItem {
                project: name.parse().ok(),
                lambda: name.parse().ok(),
                digest: Some(Digest::of(content)),
                ..LedgerItem::new(*name)
            })
            .collect();
        self.add(draft, "dev");
        self
    }

    /// `deploy-lambda` is about to change `OrderService`, and then the change ends; `None` where the run was killed before.
    pub(crate) fn update(
        &mut self,
        release: &str,
        environment: &str,
        content: &[u8],
        outcome: Option<EffectResult>,
    ) -> &mut Self {
        let mut draft = Self::draft(EventKind::Intent, release, environment);
        draft.action = Some("UpdateFunctionCode".to_owned());
        draft.target = Some("OrderService".to_owned());
        draft.items =
            vec![LedgerItem { digest: Some(Digest::of(content)), ..LedgerItem::new("orderService") }];
        let event = self.add(draft, "dev");
        event.stage = Some("deploy-lambda".to_owned());
        let intent = Some(event.sequence);
        if outcome.is_some() {
            let draft = Self::draft(EventKind::Outcome, release, environment);
            self.add(Draft { intent, outcome, ..draft }, "dev").stage = Some("deploy-lambda".to_owned());
        }
        self
    }

    pub(crate) fn test(&mut self, release: &str, environment: &str, outcome: EffectResult) -> &mut Self {
        let mut draft = Self::draft(EventKind::Test, release, environment);
        draft.outcome = Some(outcome);
        draft.reason = Some("3 of 4 checks passed".to_owned());
        self.add(draft, "robot");
        self
    }

    pub(crate) fn approve(&mut self, subject: &Subject, role: &str, by: &str) -> &mut Self {
        let role: RoleName = role.parse().expect("a role");
        let decision = Decision { subject, identity: Identity::Verified, author: None, reason: None };
        let draft = approve(&decision, &role, self.now + Duration::hours(72));
        self.add(draft, by);
        self
    }

    pub(crate) fn missing(&self, text: &str, subject: &Subject) -> Vec<Missing> {
        check(&self.events, &settings(text), subject, self.now)
    }

    /// What is missing for `r1` in `prod`, a line each.
    pub(crate) fn lines(&self, text: &str, subject: &Subject) -> String {
        let lines: Vec<String> = self.missing(text, subject).iter().map(ToString::to_string).collect();
        lines.join("\n")
    }
}

pub(crate) fn item(content: &[u8]) -> LedgerItem {
    LedgerItem {
        project: "orderService".parse().ok(),
        version: "1.0.0".parse().ok(),
        lambda: "OrderService".parse().ok(),
        digest: Some(Digest::of(content)),
        ..LedgerItem::new("OrderService")
    }
}

pub(crate) fn subject(release: &str, environment: &str, content: &[u8]) -> Subject {
    let content = Content {
        project: "orderService".parse().ok(),
        version: "1.0.0".parse().ok(),
        digest: Digest::of(content),
    };
    Subject::new(release.parse().expect("a release"), environment.parse().expect("a name"), vec![content])
}

/// A release of several projects.
pub(crate) fn parts(release: &str, environment: &str, of: &[(&str, &[u8])]) -> Subject {
    let content = |(name, content): &(&str, &[u8])| Content {
        project: name.parse().ok(),
        version: None,
        digest: Digest::of(content),
    };
    let contents = of.iter().map(content).collect();
    Subject::new(release.parse().expect("a release"), environment.parse().expect("a name"), contents)
}

/// A release that may come to production: in dev and in qa, tested there, 24 hours ago, approved by two.
pub(crate) fn ready() -> (World, Subject) {
    let mut world = World::new();
    let subject = subject("r1", "prod", b"1");
    world.deploy("r1", "dev", b"1").wait(Duration::hours(1)).deploy("r1", "qa", b"1");
    world.test("r1", "qa", EffectResult::Done).wait(Duration::hours(24));
    world.approve(&subject, "qa-lead", "ada").approve(&subject, "manager", "joan");
    (world, subject)
}

pub(crate) fn details(pairs: &[(&str, &str)]) -> BTreeMap<String, serde_json::Value> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect()
}
