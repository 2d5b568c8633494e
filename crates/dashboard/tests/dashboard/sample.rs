//! Sites to draw: one as people see it, one as large as it has to be, one by somebody who means ill.

use std::collections::BTreeMap;

use landfall_artifacts::{Digest, EnvironmentName};
use landfall_dashboard::{
    Cell, Death, Definition, Environment, Figures, FunctionRow, HistoryRow, LedgerState, Month, MonthOf,
    Moved, PromotedRow, PromotionRow, Release, ReleaseItem, ReleaseState, Seen, Site, Step, StepKind,
    TicketRow, Waiting, Went,
};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

pub(crate) const NOW: OffsetDateTime = datetime!(2025-11-19 15:22:00 UTC);

const JOB: &str = "https://gitlab.example.com/shop/app/-/jobs/4711";
const PEOPLE: [&str; 4] = ["ada.lovelace", "grace", "linus", "ci-bot"];

pub(crate) fn name(text: &str) -> EnvironmentName {
    text.parse().expect("a name")
}

pub(crate) fn environment(text: &str, kind: &str, region: &str, after: &[&str]) -> Environment {
    Environment {
        name: name(text),
        kind: kind.to_owned(),
        region: region.to_owned(),
        after: after.iter().map(|text| name(text)).collect(),
        frozen: None,
        waiting: Vec::new(),
    }
}

pub(crate) fn cell(version: &str, content: &str, hours_ago: i64) -> Cell {
    Cell {
        version: Some(version.to_owned()),
        digest: Some(Digest::of(content.as_bytes())),
        release: Some("v1.3.0".to_owned()),
        since: NOW - Duration::hours(hours_ago),
        by: "ada".to_owned(),
        run: Some(JOB.to_owned()),
        rolled_back: false,
        seen: None,
        soak_until: None,
    }
}

pub(crate) fn function(project: &str, cells: &[(&str, Cell)]) -> FunctionRow {
    FunctionRow {
        name: format!("{project}Function"),
        project: Some(project.to_owned()),
        cells: cells.iter().map(|(text, cell)| (name(text), cell.clone())).collect(),
    }
}

fn step(hours_ago: i64, kind: StepKind, at: &str, went: Went, note: &str) -> Step {
    Step {
        at: NOW - Duration::hours(hours_ago),
        kind,
        environment: at.parse().ok(),
        went,
        by: PEOPLE[hours_ago.unsigned_abs() as usize % 4].to_owned(),
        run: Some(JOB.to_owned()),
        note: note.to_owned(),
    }
}

/// A site as people see it: the attempts of the design page, and some of everything.
pub(crate) fn small() -> Site {
    use StepKind::{Approved, Built, Deployed, Promoted, Rejected, Tested};
    let mut site = Site::new("personalised-lobby", NOW);
    "0.1.0".clone_into(&mut site.tool_version);
    site.environments = vec![
        environment("dev", "other", "eu", &[]),
        environment("qa", "other", "eu", &["dev"]),
        environment("uat", "staging", "eu", &["qa"]),
        environment("prod_eu00", "production", "eu", &["uat"]),
        environment("prod_na03", "production", "na", &["uat"]),
    ];
    site.environments[3].waiting = vec![Waiting {
        release: "v1.0.3".into(),
        functions: vec!["orderServiceFunction".into(), "searchIndexerFunction".into()],
        missing: vec![
            "the approval of a manager; ada, grace may give it".into(),
            "uat has run it for 19 h of 24 h; until 2025-11-19T20:22:00Z".into(),
        ],
    }];
    site.environments[4].frozen = Some("until 2025-11-24 06:00 Europe/London: peak weekend".into());
    let mut soaking = cell("1.0.3", "order", 19);
    soaking.soak_until = Some(NOW + Duration::hours(5));
    let mut back = cell("0.9.1", "session-091", 2);
    back.rolled_back = true;
    let mut changed = cell("3.1.0", "notify", 30);
    changed.seen = Some(Seen::Runs(Digest::of(b"by hand")));
    site.functions = vec![
        function(
            "notifier",
            &[
                ("dev", cell("3.1.0", "notify", 70)),
                ("qa", cell("3.1.0", "notify", 64)),
                ("uat", changed),
                ("prod_eu00", cell("3.1.0", "notify", 28)),
            ],
        ),
        function(
            "orderService",
            &[
                ("dev", cell("1.0.3", "order", 30)),
                ("qa", cell("1.0.3", "order", 24)),
                ("uat", soaking),
                ("prod_eu00", cell("1.0.2", "order-102", 200)),
                ("prod_na03", cell("1.0.2", "order-102", 199)),
            ],
        ),
        function(
            "paymentGateway",
            &[
                ("dev", cell("2.0.0", "payment", 90)),
                ("uat", cell("2.0.0", "payment", 80)),
                ("prod_eu00", cell("2.0.0", "another", 26)),
                ("prod_na03", cell("2.0.0", "payment", 25)),
            ],
        ),
        function("searchIndexer", &[("dev", cell("5.0.0-rc.1", "search", 1))]),
        function("sessionStore", &[("uat", back), ("prod_eu00", cell("0.9.1", "session-091", 400))]),
    ];
    let item = |project: &str, version: &str| ReleaseItem {
        name: format!("{project}Function"),
        version: Some(version.to_owned()),
        digest: Some(Digest::of(project.as_bytes())),
    };
    let release = |name: &str, hours: i64, state: ReleaseState, steps: Vec<Step>| Release {
        name: name.to_owned(),
        began: NOW - Duration::hours(hours),
        by: "grace".to_owned(),
        state,
        steps,
        items: vec![item("orderService", name.trim_start_matches('v')), item("searchIndexer", "5.0.0-rc.1")],
    };
    let died = |at: &str, hours: i64, by: &str, reason: &str| {
        ReleaseState::Dead(Death {
            at: NOW - Duration::hours(hours),
            environment: at.parse().ok(),
            by: by.into(),
            reason: reason.into(),
        })
    };
    site.releases = vec![
        release(
            "v1.0.3",
            31,
            ReleaseState::Going,
            vec![
                step(31, Built, "", Went::Well, "commit 6b1f0c2d"),
                step(30, Deployed, "dev", Went::Well, ""),
                step(29, Tested, "dev", Went::Well, "smoke"),
                step(24, Deployed, "qa", Went::Well, ""),
                step(23, Tested, "qa", Went::Well, "selenium"),
                step(20, Approved, "uat", Went::Well, "qa-lead"),
                step(19, Deployed, "uat", Went::Well, ""),
            ],
        ),
        release(
            "v1.0.2",
            220,
            ReleaseState::Live,
            vec![
                step(220, Built, "", Went::Well, "commit 0a7e11d2"),
                step(219, Deployed, "dev", Went::Well, ""),
                step(218, Tested, "dev", Went::Well, "smoke"),
                step(216, Deployed, "qa", Went::Well, ""),
                step(215, Tested, "qa", Went::Well, "smoke"),
                step(212, Deployed, "uat", Went::Well, ""),
                step(211, Tested, "uat", Went::Well, "smoke"),
                step(210, Promoted, "", Went::Well, "to-release"),
                step(205, Approved, "prod_eu00", Went::Well, "manager"),
                step(200, Deployed, "prod_eu00", Went::Well, ""),
                step(199, Deployed, "prod_na03", Went::Well, ""),
                step(198, Tested, "prod_na03", Went::Well, "smoke"),
            ],
        ),
        release(
            "v1.0.1",
            260,
            died("uat", 250, "po.smith", "the total is shown without tax"),
            vec![
                step(260, Built, "", Went::Well, "commit c0ffee12"),
                step(259, Deployed, "dev", Went::Well, ""),
                step(258, Tested, "dev", Went::Well, "smoke"),
                step(256, Deployed, "qa", Went::Well, ""),
                step(255, Tested, "qa", Went::Well, "smoke"),
                step(252, Deployed, "uat", Went::Well, ""),
                step(250, Rejected, "uat", Went::Failed, "the total is shown without tax"),
            ],
        ),
        release(
            "v1.0.0",
            300,
            died("qa", 290, "ci-bot", "smoke test failed: GET /orders answered 500"),
            vec![
                step(300, Built, "", Went::Well, "commit 1234abcd"),
                step(299, Deployed, "dev", Went::Well, ""),
                step(298, Tested, "dev", Went::Well, "smoke"),
                step(292, Deployed, "qa", Went::Well, ""),
                step(290, Tested, "qa", Went::Failed, "smoke"),
            ],
        ),
    ];
    let happened =
        |sequence: u64, kind: &str, hours: i64, at: &str, went: Went, moved: &[(&str, &str)], what: &str| {
            HistoryRow {
                sequence,
                at: NOW - Duration::hours(hours),
                kind: kind.into(),
                environment: Some(at.to_owned()),
                release: Some("v1.0.3".into()),
                moved: moved
                    .iter()
                    .map(|(function, version)| Moved {
                        function: (*function).to_owned(),
                        version: Some((*version).to_owned()),
                    })
                    .collect(),
                what: what.into(),
                by: "ada".into(),
                run: Some(JOB.into()),
                went,
            }
        };
    site.history = vec![
        happened(
            9,
            "rollback",
            2,
            "uat",
            Went::Well,
            &[("sessionStoreFunction", "0.9.1")],
            "smoke test failed",
        ),
        happened(8, "test", 2, "uat", Went::Failed, &[], "smoke: 2 of 14 checks"),
        happened(7, "deployment", 19, "uat", Went::Well, &[("orderServiceFunction", "1.0.3")], ""),
        happened(6, "approval", 20, "uat", Went::Well, &[], "qa-lead"),
        happened(5, "deployment", 24, "qa", Went::Well, &[("orderServiceFunction", "1.0.3")], ""),
        happened(
            4,
            "deployment",
            30,
            "dev",
            Went::Well,
            &[("orderServiceFunction", "1.0.3"), ("searchIndexerFunction", "5.0.0-rc.1")],
            "",
        ),
        happened(3, "sync", 50, "uat", Went::Unknown, &[], "31 objects below s3://acme-config/web"),
    ];
    site.promotions = vec![PromotionRow {
        at: NOW - Duration::hours(210),
        to: "to-release".into(),
        release: Some("v1.0.2".into()),
        by: "linus".into(),
        run: Some(JOB.into()),
        items: vec![
            PromotedRow {
                package: "orderService".into(),
                version: Some("1.0.2".into()),
                went: Went::Well,
                note: "e36dac90b4d1".into(),
            },
            PromotedRow {
                package: "paymentGateway".into(),
                version: Some("2.0.0".into()),
                went: Went::Failed,
                note: "409 the tag is another image".into(),
            },
        ],
    }];
    site.tickets = vec![TicketRow {
        key: "REL-24".into(),
        url: "https://example.atlassian.net/browse/REL-24".into(),
        region: "eu".into(),
        release: "v1.0.3".into(),
    }];
    site.figures = vec![figures("prod_eu00", 14), figures("uat", 14)];
    site.definitions = vec![Definition {
        figure: "lead time".into(),
        means: "The median from the newest commit of what came to its deployment.".into(),
    }];
    site.ledger = Some(LedgerState {
        place: "s3://acme-release-ledger/app".into(),
        records: 214,
        head: Some(Digest::of(b"head")),
    });
    site
}

fn figures(at: &str, months: u32) -> Figures {
    let month = |number: u32| {
        let back = months - 1 - number;
        let (year, month) = (
            2025 - i32::from(back >= 11) - i32::try_from(back.saturating_sub(11) / 12).expect("few years"),
            (10 + 12 * 50 - back) % 12 + 1,
        );
        let busy = number % 5 != 3;
        MonthOf {
            month: Month { year, month: month as u8 },
            deployments: if busy { 8 + (number * 7) % 13 } else { 0 },
            lead_seconds: busy.then(|| 86_400.0 * 3.2 / f64::from(number + 1) + 7_200.0),
            failure_rate: busy.then(|| f64::from(number * 3 % 7) / 40.0),
            unrestored: number == 3,
            restore_seconds: (number % 3 == 1).then_some(2_700.0 + f64::from(number) * 400.0),
        }
    };
    Figures { environment: name(at), months: (0..months).map(month).collect() }
}

/// A site of so many functions, environments and releases; a release moves ten functions through all environments, and one in
/// ten dies on the way.
pub(crate) fn large(functions: usize, environments: usize, releases: usize) -> Site {
    let mut site = Site::new("personalised-lobby", NOW);
    let at =
        |number: usize| format!("{}_eu{number:02}", if number + 4 < environments { "stg" } else { "prod" });
    let lambda = |number: usize| format!("OrderProcessing{:03}Function", number % functions);
    let project = |number: usize| format!("orderProcessing{:03}", number % functions);
    site.environments = (0..environments)
        .map(|number| {
            let before = number.checked_sub(1).map(at);
            environment(
                &at(number),
                "production",
                &format!("r{}", number % 3),
                &before.iter().map(String::as_str).collect::<Vec<_>>(),
            )
        })
        .collect();
    let mut cells: Vec<BTreeMap<EnvironmentName, Cell>> = vec![BTreeMap::new(); functions];
    for number in 0..releases {
        // Oldest first; a day has about five.
        let began = NOW - Duration::hours(i64::try_from((releases - number) * 5).expect("few hours"));
        let release = format!("v{}.{}.{}", 1 + number / 1_000, number / 10 % 100, number % 10);
        let release = format!("{release}+{number}");
        let version = format!("{}.{}.{}", 1 + number / 2_000, number / 40 % 50, number % 40);
        let moved: Vec<usize> = (0..10).map(|part| (number * 7 + part * 13) % functions).collect();
        let died = (number % 10 == 9).then_some(number / 10 % environments);
        let mut steps = vec![Step {
            at: began,
            kind: StepKind::Built,
            environment: None,
            went: Went::Well,
            by: "ci-bot".into(),
            run: Some(JOB.into()),
            note: format!("commit {number:08x}"),
        }];
        for place in 0..=died.unwrap_or(environments - 1) {
            let went = if died == Some(place) { Went::Failed } else { Went::Well };
            let time = began + Duration::minutes(i64::try_from(place * 50).expect("few minutes"));
            let mut add = |kind: StepKind, went: Went| {
                let by = PEOPLE[(number + place) % 4];
                steps.push(Step {
                    at: time,
                    kind,
                    environment: Some(name(&at(place))),
                    went,
                    by: by.into(),
                    run: Some(JOB.into()),
                    note: String::new(),
                });
                site.history.push(HistoryRow {
                    sequence: site.history.len() as u64 + 1,
                    at: time,
                    kind: if kind == StepKind::Deployed { "deployment".into() } else { "test".into() },
                    environment: Some(at(place)),
                    release: Some(release.clone()),
                    moved: if kind == StepKind::Deployed {
                        moved
                            .iter()
                            .map(|number| Moved { function: lambda(*number), version: Some(version.clone()) })
                            .collect()
                    } else {
                        Vec::new()
                    },
                    what: if kind == StepKind::Deployed { String::new() } else { "smoke".into() },
                    by: by.into(),
                    run: Some(JOB.into()),
                    went,
                });
            };
            add(StepKind::Deployed, Went::Well);
            add(StepKind::Tested, went);
            for function in &moved {
                let mut here = cell(&version, &version, 0);
                here.since = time;
                here.by = PEOPLE[(number + place) % 4].into();
                here.release = Some(release.clone());
                here.soak_until = (number + 40 > releases).then(|| NOW + Duration::hours(3));
                cells[*function].insert(name(&at(place)), here);
            }
        }
        site.releases.push(Release {
            name: release.clone(),
            began,
            by: "ci-bot".into(),
            state: match died {
                Some(place) => ReleaseState::Dead(Death {
                    at: began,
                    environment: Some(name(&at(place))),
                    by: "ci-bot".into(),
                    reason: "smoke test failed".into(),
                }),
                None => ReleaseState::Superseded,
            },
            steps,
            items: moved
                .iter()
                .map(|number| ReleaseItem {
                    name: lambda(*number),
                    version: Some(version.clone()),
                    digest: Some(Digest::of(project(*number).as_bytes())),
                })
                .collect(),
        });
        if died.is_none() {
            site.promotions.push(PromotionRow {
                at: began,
                to: "to-release".into(),
                release: Some(release),
                by: "ci-bot".into(),
                run: Some(JOB.into()),
                items: moved
                    .iter()
                    .map(|number| PromotedRow {
                        package: project(*number),
                        version: Some(version.clone()),
                        went: Went::Well,
                        note: "e36dac90b4d1".into(),
                    })
                    .collect(),
            });
        }
    }
    site.releases.reverse();
    site.history.reverse();
    site.promotions.reverse();
    site.functions = cells
        .into_iter()
        .enumerate()
        .map(|(number, cells)| FunctionRow { name: lambda(number), project: Some(project(number)), cells })
        .collect();
    let all: Vec<String> = site.functions.iter().map(|row| row.name.clone()).collect();
    let newest = site.releases.first().map(|release| release.name.clone()).unwrap_or_default();
    for environment in &mut site.environments {
        environment.waiting = vec![Waiting {
            release: newest.clone(),
            functions: all.iter().step_by(5).cloned().collect(),
            missing: vec!["the approval of a manager".into(), "soak until tomorrow".into()],
        }];
    }
    site.figures = (0..environments).map(|number| figures(&at(number), 36)).collect();
    site.ledger = Some(LedgerState {
        place: ".landfall/ledger".into(),
        records: site.history.len() as u64,
        head: None,
    });
    site
}

/// The same text wherever a text may stand.
pub(crate) fn hostile(bad: &str) -> Site {
    let mut site = small();
    let text = || bad.to_owned();
    site.title = text();
    site.tool_version = text();
    for environment in &mut site.environments {
        environment.kind = text();
        environment.region = text();
        environment.frozen = Some(text());
        environment.waiting = vec![
            Waiting { release: text(), functions: vec![text(); 30], missing: vec![text(); 30] },
            Waiting { release: "v1.0.3".into(), functions: vec![text()], missing: vec![text(); 30] },
        ];
    }
    for function in &mut site.functions {
        function.project = Some(format!("p{bad}"));
        for cell in function.cells.values_mut() {
            cell.version = Some(text());
            cell.by = text();
            cell.release = Some(text());
            cell.run = Some(text());
            cell.seen = Some(Seen::Other(text()));
        }
    }
    site.functions.push(FunctionRow { name: text(), ..site.functions[0].clone() });
    for release in &mut site.releases {
        release.by = text();
        release.state = ReleaseState::Dead(Death { at: NOW, environment: None, by: text(), reason: text() });
        for step in &mut release.steps {
            step.by = text();
            step.note = text();
            step.run = Some(text());
        }
        release.items =
            (0..200).map(|_| ReleaseItem { name: text(), version: Some(text()), digest: None }).collect();
    }
    site.releases.push(Release { name: text(), ..site.releases[0].clone() });
    let addresses = [
        "data:text/html,x",
        "https://user:pass@example.com/",
        "https://example.com/\"onclick=",
        "//example.com",
        " https://a.example/ b",
        "javascript:alert(1)",
        bad,
    ];
    let row = |address: &str| HistoryRow {
        kind: text(),
        environment: Some(text()),
        release: Some(text()),
        moved: vec![Moved { function: text(), version: Some(text()) }; 9],
        what: text(),
        by: text(),
        run: Some(address.to_owned()),
        ..site.history[0].clone()
    };
    site.history = (0..60).flat_map(|_| addresses.map(row)).collect();
    for event in &mut site.history[..300] {
        event.environment = Some("uat".into());
        event.moved[0].function = "notifierFunction".into();
    }
    site.promotions = vec![
        PromotionRow {
            to: text(),
            release: Some(text()),
            by: text(),
            run: Some(text()),
            items: vec![
                PromotedRow {
                    package: text(),
                    version: Some(text()),
                    went: Went::Failed,
                    note: text()
                };
                150
            ],
            ..site.promotions[0].clone()
        };
        8
    ];
    site.tickets = vec![TicketRow { key: text(), url: text(), region: text(), release: text() }; 80];
    site.definitions = vec![Definition { figure: text(), means: text() }];
    site.ledger = Some(LedgerState { place: text(), records: 0, head: None });
    site
}
