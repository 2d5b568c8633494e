//! The page: what it shows, that it is the same each time, and that nothing foreign gets out of its place.

use std::collections::BTreeMap;

use landfall_artifacts::Digest;
use landfall_dashboard::{
    Cell, Environment, FunctionRow, HistoryRow, LedgerState, Page, ReleaseRow, ReleaseState, Standing,
    TicketRow, drifts, render,
};
use time::Duration;
use time::macros::datetime;

const NOW: time::OffsetDateTime = datetime!(2025-11-19 15:22:00 UTC);

fn cell(version: &str, content: &str, hours_ago: i64) -> Cell {
    Cell {
        version: Some(version.to_owned()),
        digest: Some(Digest::of(content.as_bytes())),
        since: NOW - Duration::hours(hours_ago),
        by: "ada".to_owned(),
        run: Some("https://gitlab.example.com/shop/app/-/jobs/4711".to_owned()),
        rolled_back: false,
        seen: None,
    }
}

fn function(name: &str, cells: &[(&str, Cell)]) -> FunctionRow {
    let cells = cells.iter().map(|(name, cell)| (name.parse().expect("a name"), cell.clone()));
    FunctionRow { name: format!("{name}Function"), project: Some(name.to_owned()), cells: cells.collect() }
}

fn page() -> Page {
    let environment = |name: &str, kind: &str, region: &str| Environment {
        name: name.parse().expect("a name"),
        kind: kind.to_owned(),
        region: region.to_owned(),
    };
    let mut page = Page::new("personalised-lobby", NOW);
    "0.1.0".clone_into(&mut page.tool_version);
    page.environments = vec![
        environment("stg_eu00", "staging", "eu"),
        environment("prod_eu00", "production", "eu"),
        environment("prod_na03", "production", "na"),
    ];
    let mut back = cell("0.9.1", "session-091", 2);
    back.rolled_back = true;
    let mut changed = cell("3.1.0", "notify", 30);
    changed.seen = Some(Digest::of(b"by hand"));
    page.functions = vec![
        function(
            "orderService",
            &[
                ("stg_eu00", cell("1.4.2", "order", 1)),
                ("prod_eu00", cell("1.4.1", "order-141", 200)),
                ("prod_na03", cell("1.4.1", "order-141", 199)),
            ],
        ),
        function(
            "paymentGateway",
            &[
                ("stg_eu00", cell("2.0.0", "payment", 1)),
                ("prod_eu00", cell("2.0.0", "another", 26)),
                ("prod_na03", cell("2.0.0", "payment", 25)),
            ],
        ),
        function("sessionStore", &[("stg_eu00", back), ("prod_eu00", cell("0.9.1", "session-091", 400))]),
        function("notifier", &[("stg_eu00", changed), ("prod_eu00", cell("3.1.0", "notify", 28))]),
        function("searchIndexer", &[("stg_eu00", cell("5.0.0-rc.1", "search", 1))]),
    ];
    page.releases = vec![
        ReleaseRow {
            release: "r-6b1f0c2d9e77".into(),
            began: NOW - Duration::hours(1),
            environments: vec![("stg_eu00".parse().expect("a name"), NOW - Duration::hours(1))],
            state: ReleaseState::Promoted,
        },
        ReleaseRow {
            release: "r-1c9e5d7a0b42".into(),
            began: NOW - Duration::hours(27),
            environments: vec![
                ("stg_eu00".parse().expect("a name"), NOW - Duration::hours(27)),
                ("prod_eu00".parse().expect("a name"), NOW - Duration::hours(26)),
            ],
            state: ReleaseState::Live,
        },
        ReleaseRow {
            release: "v1.3.9".into(),
            began: NOW - Duration::hours(300),
            environments: vec![],
            state: ReleaseState::Dead { by: "grace".into(), reason: "smoke test failed in qa".into() },
        },
    ];
    let happened = |kind: &str, what: &str, hours: i64, well: bool| HistoryRow {
        at: NOW - Duration::hours(hours),
        kind: kind.into(),
        environment: Some("stg_eu00".into()),
        release: Some("r-6b1f0c2d9e77".into()),
        what: what.into(),
        by: "ada".into(),
        run: Some("https://gitlab.example.com/shop/app/-/jobs/4711".into()),
        well,
    };
    page.history = vec![
        happened("promotion", "5 images to docker-native-rc", 1, true),
        happened("deployment", "orderService 1.4.2, paymentGateway 2.0.0 and 3 more", 1, true),
        happened("rollback", "sessionStore 0.9.2 -> 0.9.1", 2, true),
        happened("deployment", "sessionStore 0.9.2", 3, false),
    ];
    page.tickets = vec![TicketRow {
        key: "REL-24".into(),
        url: "https://example.atlassian.net/browse/REL-24".into(),
        region: "eu".into(),
        release: "r-6b1f0c2d9e77".into(),
        status: Some("Pre-Prod Testing".into()),
    }];
    page.ledger = Some(LedgerState {
        place: "s3://acme-release-ledger/app".into(),
        records: 412,
        head: Some(Digest::of(b"head")),
        problem: None,
    });
    page
}

/// The page without its styles, a tag to a line, for reading differences.
fn lines(html: &str) -> String {
    let (head, rest) = html.split_once("<style>").expect("styles");
    let (_, rest) = rest.split_once("</style>").expect("styles");
    format!("{head}{rest}").replace("><", ">\n<")
}

#[test]
fn the_page_shows_all_of_it() {
    let html = render(&page());
    insta::assert_snapshot!(lines(&html));
    assert_eq!(html, render(&page()), "the same page gives the same text");
    if let Some(folder) = std::env::var_os("LANDFALL_SHOW") {
        std::fs::write(std::path::Path::new(&folder).join("dashboard.html"), html).expect("written");
    }
}

#[test]
fn differences_are_told_apart() {
    let found: Vec<String> = drifts(&page())
        .iter()
        .map(|drift| format!("{} {} {:?}", drift.function, drift.environment, drift.standing))
        .collect();
    assert_eq!(
        found,
        [
            "orderServiceFunction prod_eu00 Behind",
            "paymentGatewayFunction stg_eu00 OtherContent",
            "paymentGatewayFunction prod_eu00 OtherContent",
            "paymentGatewayFunction prod_na03 OtherContent",
            "notifierFunction stg_eu00 Changed",
        ]
    );
    let mut odd = page();
    odd.functions =
        vec![function("odd", &[("stg_eu00", cell("latest", "a", 1)), ("prod_eu00", cell("1.0.0", "b", 1))])];
    assert!(drifts(&odd).iter().all(|drift| drift.standing == Standing::Differs));
}

#[test]
fn a_page_without_content_says_so() {
    let html = render(&Page::new("new", NOW));
    for text in ["No deployment is recorded yet.", "No release is recorded yet.", "No ticket is known."] {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("Needs a look"));
}

#[test]
fn nothing_foreign_gets_out_of_its_place() {
    let bad = "\"><script>alert(1)</script><img src=x onerror=alert(1)>\u{202e}\u{1b}[2J&amp;'";
    let mut hostile = Page::new(bad, NOW);
    bad.clone_into(&mut hostile.tool_version);
    hostile.environments =
        vec![Environment { name: "stg_eu00".parse().expect("a name"), kind: bad.into(), region: bad.into() }];
    let cell = Cell {
        version: Some(bad.into()),
        by: bad.into(),
        run: Some("javascript:alert(1)".into()),
        ..cell("1.0.0", "x", 1)
    };
    hostile.functions = vec![FunctionRow {
        name: bad.into(),
        project: Some(format!("p{bad}")),
        cells: BTreeMap::from([("stg_eu00".parse().expect("a name"), cell)]),
    }];
    hostile.releases = vec![ReleaseRow {
        release: bad.into(),
        began: NOW,
        environments: vec![],
        state: ReleaseState::Dead { by: bad.into(), reason: bad.into() },
    }];
    let addresses = [
        "data:text/html,x",
        "https://user:pass@example.com/",
        "https://example.com/\"onclick=",
        "//example.com",
        " https://a.example/ b",
    ];
    hostile.history = addresses
        .iter()
        .map(|address| HistoryRow {
            at: NOW,
            kind: bad.into(),
            environment: Some(bad.into()),
            release: Some(bad.into()),
            what: bad.into(),
            by: bad.into(),
            run: Some((*address).into()),
            well: false,
        })
        .collect();
    hostile.tickets = vec![TicketRow {
        key: bad.into(),
        url: bad.into(),
        region: bad.into(),
        release: bad.into(),
        status: Some(bad.into()),
    }];
    hostile.ledger =
        Some(LedgerState { place: bad.into(), records: 0, head: None, problem: Some(bad.into()) });
    let html = render(&hostile);
    for never in [
        "<script",
        "<img",
        "javascript:",
        "data:text",
        "user:pass",
        "\u{202e}",
        "\u{1b}",
        "href=\"//",
        "\"onclick",
    ] {
        assert!(!html.contains(never), "{never}");
    }
    assert!(html.contains("https://example.com/&quot;onclick="), "a quote stays inside of its attribute");
}

#[test]
fn nothing_is_fetched() {
    let html = render(&page());
    assert!(html.contains("default-src 'none'"));
    for never in ["src=", "@import", "url(", "<script", "<iframe", "<form"] {
        assert!(!html.contains(never), "{never}");
    }
    let targets = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    for target in targets {
        assert!(target.starts_with("https://") || target.starts_with('#') || target == "data:,", "{target}");
    }
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let mut long = page();
    let one = long.history[0].clone();
    long.history = vec![one; 450];
    assert!(render(&long).contains("250 older events are left out; the ledger has them."));
}
