//! What the pages are told of ledgers that were made by hand.

use std::collections::BTreeMap;

use landfall_artifacts::{Actor, Digest, EffectResult, EventKind, LedgerEvent, LedgerItem, Settings};
use landfall_dashboard::{Site, StepKind};
use time::OffsetDateTime;
use time::macros::datetime;

use super::{Material, site};

const BEGIN: OffsetDateTime = datetime!(2026-01-01 0:00 UTC);

/// Events an hour apart, each with the number of its hour as its job.
#[derive(Default)]
struct Told(Vec<LedgerEvent>);

impl Told {
    fn add(
        &mut self,
        kind: EventKind,
        environment: &str,
        release: &str,
        versions: &[(&str, &str)],
    ) -> &mut LedgerEvent {
        let sequence = self.0.len() as u64 + 1;
        let item = |(project, version): &(&str, &str)| LedgerItem {
            project: project.parse().ok(),
            version: version.parse().ok(),
            lambda: project.parse().ok(),
            digest: Some(Digest::of(format!("{project}@{version}").as_bytes())),
            ..LedgerItem::new(*project)
        };
        self.0.push(LedgerEvent {
            sequence,
            previous: None,
            time: BEGIN + time::Duration::hours(i64::try_from(sequence - 1).expect("few")),
            kind,
            release: release.parse().ok(),
            environment: environment.parse().ok(),
            stage: None,
            action: None,
            target: None,
            intent: None,
            outcome: None,
            items: versions.iter().map(item).collect(),
            actor: Actor { name: format!("person {sequence}"), source: "test".to_owned() },
            run: Some(format!("https://ci.example.com/{sequence}")),
            reason: None,
            tool_version: String::new(),
            details: BTreeMap::new(),
        });
        self.0.last_mut().expect("it was just added")
    }

    fn site(&self, now: OffsetDateTime) -> Site {
        let text = "[environment.qa]\nkind = \"staging\"\n\
            [environment.prod]\nkind = \"production\"\nafter = [\"qa\"]\nsoak = \"24h\"\n";
        let settings = Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("settings");
        let material = Material {
            title: "shop",
            settings: &settings,
            environment: None,
            tickets: None,
            drift: None,
            ledger: None,
            now,
        };
        site(&self.0, &material)
    }
}

#[test]
fn a_cell_tells_how_its_content_came_and_not_who_found_it_there() {
    let mut told = Told::default();
    told.add(EventKind::Deployment, "qa", "r1", &[("orders", "1.0.0")]);
    told.add(EventKind::Deployment, "qa", "r1", &[("orders", "1.0.0")]);
    let shown = |told: &Told| {
        let site = told.site(BEGIN + time::Duration::hours(9));
        let cell = site.functions[0].cells.values().next().expect("a cell");
        let hours = cell.soak_until.map(|until| (until - BEGIN).whole_hours());
        format!("{} {} {:?} {hours:?}", cell.since - BEGIN, cell.by, cell.run)
    };
    insta::assert_snapshot!(shown(&told), @r#"0s person 1 Some("https://ci.example.com/1") Some(24)"#);
    // By the gates' rule a test that fails lets the time begin anew.
    told.add(EventKind::Test, "qa", "r1", &[]).outcome = Some(EffectResult::Failed);
    insta::assert_snapshot!(shown(&told), @r#"0s person 1 Some("https://ci.example.com/1") Some(26)"#);
}

#[test]
fn what_never_came_waits_though_something_younger_came() {
    let mut told = Told::default();
    told.add(EventKind::Deployment, "qa", "r1", &[("orders", "1.0.0")]);
    told.add(EventKind::Deployment, "qa", "r2", &[("prices", "1.0.0")]);
    told.add(EventKind::Deployment, "prod", "r2", &[("prices", "1.0.0")]);
    let site = told.site(BEGIN + time::Duration::hours(9));
    let prod = site.environments.iter().find(|one| one.name.as_str() == "prod").expect("a row");
    let waiting: Vec<&str> = prod.waiting.iter().map(|waiting| waiting.release.as_str()).collect();
    assert_eq!(waiting, ["r1"]);
}

#[test]
fn the_dead_take_no_place_of_what_waits() {
    let mut told = Told::default();
    told.add(EventKind::Deployment, "qa", "r1", &[("orders", "1.0.0")]);
    for number in 2..10 {
        let (release, project) = (format!("r{number}"), format!("other{number}"));
        told.add(EventKind::Deployment, "qa", &release, &[(&project, "1.0.0")]);
        told.add(EventKind::Test, "qa", &release, &[]).outcome = Some(EffectResult::Failed);
    }
    let site = told.site(BEGIN + time::Duration::hours(99));
    let prod = site.environments.iter().find(|one| one.name.as_str() == "prod").expect("a row");
    let waiting: Vec<&str> = prod.waiting.iter().map(|waiting| waiting.release.as_str()).collect();
    assert_eq!(waiting, ["r1"]);
}

#[test]
fn a_rollback_is_told_of_the_release_that_it_was_from() {
    let mut told = Told::default();
    told.add(EventKind::Deployment, "prod", "r1", &[("orders", "1.0.0")]);
    told.add(EventKind::Deployment, "prod", "r2", &[("orders", "2.0.0")]);
    let back = told.add(EventKind::Rollback, "prod", "r1", &[("orders", "1.0.0")]);
    back.details.insert("from".to_owned(), "r2".into());
    let site = told.site(BEGIN + time::Duration::hours(9));
    let shown: Vec<String> = site
        .releases
        .iter()
        .map(|release| {
            let steps: Vec<StepKind> = release.steps.iter().map(|step| step.kind).collect();
            format!("{} {:?} {steps:?}", release.name, release.state)
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @"
    r2 RolledBack [Built, Deployed, RolledBack]
    r1 Live [Built, Deployed, WentBackTo]
    ");
}
