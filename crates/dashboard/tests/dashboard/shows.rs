//! What the pages show.

use std::collections::BTreeSet;

use landfall_artifacts::Digest;
use landfall_dashboard::{Cell, FunctionRow, Layout, Page, Seen, Site, Standing, build, drifts};

use crate::html::{faults, read};
use crate::sample::{NOW, cell, environment, function, large, small};

pub(crate) fn page<'a>(pages: &'a [Page], path: &str) -> &'a Page {
    pages.iter().find(|page| page.path == path).unwrap_or_else(|| panic!("{path} is there"))
}

/// The words of a page's elements of one name, white space made one.
pub(crate) fn texts(page: &Page, name: &str) -> Vec<String> {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    read(&page.text())
        .elements
        .iter()
        .filter(|element| element.name == name)
        .map(|element| words(&element.text))
        .collect()
}

#[test]
fn the_same_site_gives_the_same_bytes() {
    assert_eq!(build(&small(), &Layout::default()), build(&small(), &Layout::default()));
}

#[test]
fn the_matrix_says_what_runs_where() {
    let pages = build(&small(), &Layout::default());
    let index = page(&pages, "index.html");
    let rows = texts(index, "tr");
    assert_eq!(rows[0], "Functiondevotherqaotheruatstagingprod_eu00productionprod_na03productionfrozen");
    assert_eq!(
        rows[2],
        "orderServiceFunctionorderService1.0.32025-11-18 ada1.0.32025-11-18 ada1.0.3soak 5 h2025-11-18 ada\
         1.0.2behind2 gates2025-11-11 ada1.0.22025-11-11 ada"
    );
    assert!(rows[1].contains("not as recorded"), "{}", rows[1]);
    assert!(rows[3].contains("other content"), "{}", rows[3]);
    assert!(rows[5].contains("0.9.1rolled backtoday 13:22 ada"), "{}", rows[5]);
    assert_eq!(looks(&small()).len(), 2);
    let labels = texts(index, "label");
    for label in ["All 5", "Drift 2", "Behind 1", "Rolled back 1", "Soaking 1", "Gates missing 2"] {
        assert!(labels.iter().any(|own| own == label), "{label}: {labels:?}");
    }
}

#[test]
fn pages_of_their_own_tell_the_rest() {
    let pages = build(&small(), &Layout::default());
    let said = |path: &str, wanted: &[&str]| {
        let text = texts(page(&pages, path), "main").join(" ");
        for wanted in wanted {
            assert!(text.contains(wanted), "{path} says `{wanted}`: {text}");
        }
    };
    said(
        "pages/function-orderServiceFunction.html",
        &["1.0.3 soak 5 h", "2 gates missing", "deployment1.0.3uatv1.0.3ada"],
    );
    said(
        "pages/environment-prod_eu00.html",
        &[
            "the approval of a manager; ada, grace may give it",
            "uat has run it for 19 h of 24 h",
            "Comes afteruat",
        ],
    );
    said("pages/environment-prod_na03.html", &["Frozen", "peak weekend"]);
    said("pages/release-v1.0.3.html", &["commit 6b1f0c2d", "REL-24", "the approval of a manager"]);
    said(
        "pages/release-v1.0.0.html",
        &["Where it died", "In qa, 2025-11-07 13:22, by ci-bot: smoke test failed: GET /orders answered 500"],
    );
    said("pages/promotions.html", &["1 failed", "409 the tag is another image"]);
    said(
        "pages/figures.html",
        &["Deployment frequency", "Change failure rate", "November 2025", "Time to restore"],
    );
}

/// The lines of what needs a look.
fn looks(site: &Site) -> Vec<String> {
    let pages = build(site, &Layout::default());
    let lines = texts(page(&pages, "index.html"), "li");
    lines.into_iter().filter(|line| line.contains(" in ")).collect()
}

#[test]
fn what_was_changed_to_different_things_is_told_apart() {
    let mut site = small();
    let seen = |content: &str| {
        let mut cell = cell("3.1.0", "notify", 30);
        cell.seen = Some(Seen::Runs(Digest::of(content.as_bytes())));
        cell
    };
    let gone = Cell { seen: Some(Seen::Other("it is not there".to_owned())), ..cell("3.1.0", "notify", 30) };
    let cells = [
        ("dev", seen("x")),
        ("qa", seen("y")),
        ("uat", seen("x")),
        ("prod_eu00", cell("3.1.0", "notify", 28)),
        ("prod_na03", gone),
    ];
    site.functions = vec![function("notifier", &cells)];
    let [x, y] = ["x", "y"].map(|content| Digest::of(content.as_bytes()).hex()[..12].to_owned());
    let what = "it runs something that no recorded deployment put there";
    assert_eq!(
        looks(&site),
        [
            format!("notifierFunction in dev, uat: {what} ({x})"),
            format!("notifierFunction in qa: {what} ({y})"),
            format!("notifierFunction in prod_na03: {what} (it is not there)"),
        ]
    );
}

#[test]
fn all_names_are_sorted_by_kind_and_letter() {
    let mut site = small();
    for name in ["Zebra", "apple", "Apple", "_x", "9lives", "\u{e9}t\u{e9}"] {
        site.functions.push(FunctionRow { name: name.to_owned(), ..site.functions[0].clone() });
    }
    let pages = build(&site, &Layout::default());
    let names = page(&pages, "pages/names.html");
    assert_eq!(texts(names, "h2"), ["Environments", "Functions", "Releases"]);
    assert_eq!(texts(names, "h3"), ["D", "P", "Q", "U", "#", "9", "A", "N", "O", "P", "S", "Z", "V"]);
    let lists = texts(names, "ul");
    let functions: Vec<&str> = lists.iter().skip(5).map(String::as_str).take(8).collect();
    assert_eq!(
        functions,
        [
            "_x\u{e9}t\u{e9}",
            "9lives",
            "Appleapple",
            "notifierFunction",
            "orderServiceFunction",
            "paymentGatewayFunction",
            "searchIndexerFunctionsessionStoreFunction",
            "Zebra"
        ]
    );
    assert_eq!(lost_links(&pages), Vec::<String>::new());
}

#[test]
fn lists_say_what_they_leave_out() {
    let mut site = small();
    let long = "n".repeat(60);
    let many = |number: usize| environment(&format!("{long}{number:03}"), "", "", &[]);
    site.environments.extend((0..500).map(many));
    let mut waiting = site.environments[3].waiting[0].clone();
    waiting.missing = (0..23).map(|number| format!("the approval of role {number}")).collect();
    site.environments[3].waiting = vec![waiting];
    site.figures[0].months = (0..30).map(|_| site.figures[0].months[0].clone()).collect();
    let pages = build(&site, &Layout::default());
    let said = |path: &str, wanted: &str| {
        let text = texts(page(&pages, path), "main").join(" ");
        assert!(text.contains(wanted), "{path} says `{wanted}`: {text}");
    };
    let shown =
        texts(page(&pages, "pages/function-notifierFunction.html"), "tbody")[0].matches(&long).count();
    let left = 500 - shown;
    assert!(left > 0, "all are shown");
    said("pages/function-notifierFunction.html", &format!("{left} environments are left out here"));
    for path in ["pages/environment-prod_eu00.html", "pages/release-v1.0.3.html"] {
        said(path, "the approval of role 19and 3 more");
    }
    said("pages/figures.html", "These are the newest 24 of 30 months");
}

#[test]
fn the_graveyard_shows_attempts_and_the_one_that_came_through() {
    let pages = build(&small(), &Layout::default());
    let rows = texts(page(&pages, "pages/graveyard.html"), "tr");
    assert_eq!(
        rows,
        [
            "AttemptWayEnd",
            "v1.0.22025-11-10 11:22builtdev passedqa passeduat passedprod_eu00 deployedprod_na03 passedlivecame through: live",
            "v1.0.12025-11-08 19:22builtdev passedqa passeduat rejected† graveyarddied in uat: the total is shown without tax2025-11-09 05:22 by po.smith",
            "v1.0.02025-11-07 03:22builtdev passedqa test failed† graveyarddied in qa: smoke test failed: GET /orders answered 5002025-11-07 13:22 by ci-bot",
        ]
    );
}

#[test]
fn differences_are_told_apart() {
    let found: Vec<String> = drifts(&small())
        .iter()
        .map(|drift| format!("{} {} {:?}", drift.function, drift.environment, drift.standing))
        .collect();
    assert_eq!(
        found,
        [
            "notifierFunction uat Changed",
            "orderServiceFunction prod_eu00 Behind",
            "paymentGatewayFunction dev OtherContent",
            "paymentGatewayFunction uat OtherContent",
            "paymentGatewayFunction prod_eu00 OtherContent",
            "paymentGatewayFunction prod_na03 OtherContent",
        ]
    );
    let mut odd = small();
    odd.functions =
        vec![function("odd", &[("uat", cell("latest", "a", 1)), ("prod_eu00", cell("1.0.0", "b", 1))])];
    assert!(drifts(&odd).iter().all(|drift| drift.standing == Standing::Differs));
}

#[test]
fn a_site_without_content_says_so() {
    let pages = build(&Site::new("new", NOW), &Layout::default());
    for (path, text) in [
        ("index.html", "No deployment is recorded yet."),
        ("pages/releases.html", "No release is recorded yet."),
        ("pages/graveyard.html", "No release died."),
        ("pages/events.html", "Nothing is recorded yet."),
        ("pages/figures.html", "Nothing is recorded yet."),
        ("pages/promotions.html", "No promotion is recorded yet."),
        ("pages/names.html", "Nothing is recorded yet."),
    ] {
        assert!(page(&pages, path).text().contains(text), "{path}");
    }
    assert!(!page(&pages, "index.html").text().contains("Needs a look"));
}

/// Every address of every page leads to a file of the site, and every fragment to something on it.
pub(crate) fn lost_links(pages: &[Page]) -> Vec<String> {
    let ids: BTreeSet<String> = pages
        .iter()
        .filter(|page| page.path.ends_with(".html"))
        .flat_map(|page| {
            let own = read(&page.text())
                .elements
                .into_iter()
                .filter_map(|element| element.get("id").map(str::to_owned));
            own.map(|id| format!("{}#{id}", page.path)).collect::<Vec<_>>()
        })
        .chain(pages.iter().map(|page| page.path.clone()))
        .collect();
    let mut lost = Vec::new();
    for page in pages.iter().filter(|page| page.path.ends_with(".html")) {
        for element in read(&page.text()).elements {
            let Some(address) = element.get("href").or_else(|| element.get("src")) else { continue };
            if address.starts_with("https://") || address == "data:," {
                continue;
            }
            let whole =
                match (address.strip_prefix("../"), address.strip_prefix('#'), page.path.rsplit_once('/')) {
                    (Some(rest), _, Some(_)) => rest.to_owned(),
                    (_, Some(_), _) => format!("{}{address}", page.path),
                    (_, _, Some((folder, _))) => format!("{folder}/{address}"),
                    (_, _, None) => address.to_owned(),
                };
            if !ids.contains(&whole) {
                lost.push(format!("{}: {address}", page.path));
            }
        }
    }
    lost
}

#[test]
fn every_link_leads_somewhere() {
    for layout in [Layout::default(), Layout::of_index("shop.html")] {
        assert_eq!(lost_links(&build(&small(), &layout)), Vec::<String>::new());
    }
    assert_eq!(lost_links(&build(&large(30, 6, 400), &Layout::default())), Vec::<String>::new());
}

#[test]
fn pages_are_sound() {
    let sites = [small(), Site::new("new", NOW), large(40, 5, 260)];
    for page in sites.iter().flat_map(|site| build(site, &Layout::default())) {
        if page.path.ends_with(".html") {
            let faults = faults(&read(&page.text()));
            assert!(faults.is_empty(), "{}: {faults:#?}", page.path);
        }
    }
}

#[test]
fn unsound_pages_are_seen() {
    let wrong = "<!DOCTYPE html><html lang=en><title>x</title><main><h1>a</h1><h3>b</h3><p id=a id=b><div id=a><table></table><input id=q><a href=x></a><b></p></main>";
    let faults = faults(&read(wrong)).join("\n");
    for wanted in [
        "comes after h1",
        "there twice",
        "no caption",
        "no label",
        "an empty a",
        "0 of header",
        "Duplicate attribute",
        "No <p> tag to close",
    ] {
        assert!(faults.contains(wanted), "{wanted}: {faults}");
    }
}

#[test]
fn figures_say_what_they_mean_and_what_lasts_still() {
    let site = small();
    let pages = build(&site, &Layout::default());
    let page = pages.iter().find(|page| page.path == "pages/figures.html").expect("a page of figures");
    let html = String::from_utf8_lossy(&page.bytes);
    for wanted in
        ["The median from the newest commit of what came to its deployment.", "not over", "not restored yet"]
    {
        assert!(html.contains(wanted), "{wanted}");
    }
}
