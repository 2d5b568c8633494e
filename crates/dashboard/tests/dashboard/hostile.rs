//! Nothing foreign gets out of its place.

use std::collections::BTreeSet;

use landfall_dashboard::{LARGEST_PAGE, Layout, build};

use crate::html::{faults, read};
use crate::sample::{hostile, small};
use crate::shows::lost_links;

const BAD: &str =
    "\"><script>alert(1)</script><img src=x onerror=alert(1)>\u{202e}\u{1b}[2J&amp;'</title></style>";

#[test]
fn markup_stays_a_text() {
    let pages = build(&hostile(BAD), &Layout::default());
    let sound: BTreeSet<String> = build(&small(), &Layout::default())
        .iter()
        .flat_map(|page| read(&page.text()).elements.into_iter().map(|element| element.name))
        .collect();
    for page in pages.iter().filter(|page| page.path.ends_with(".html")) {
        let text = page.text();
        for never in [
            "<img",
            "\u{202e}",
            "\u{1b}",
            "href=\"//",
            "href=\"javascript",
            "href=\"data:text",
            "user:pass",
            "<script>",
        ] {
            assert!(!text.contains(never), "{}: {never}", page.path);
        }
        let read = read(&text);
        let scripts = read.elements.iter().filter(|element| element.name == "script");
        assert_eq!(scripts.count(), 1, "{}: ours alone", page.path);
        for element in &read.elements {
            assert!(sound.contains(&element.name), "{}: a {} came in", page.path, element.name);
        }
        let faults = faults(&read);
        assert!(faults.is_empty(), "{}: {faults:#?}", page.path);
    }
    let names = pages.iter().find(|page| page.path == "pages/names.js").expect("names").text();
    assert!(!names.contains('<') && names.is_ascii(), "{names}");
    assert_eq!(lost_links(&pages), Vec::<String>::new());
}

#[test]
fn long_names_do_not_make_long_pages() {
    let long = "ab\u{202e}<\"&".repeat(10_000);
    for bad in [&*"x".repeat(10_000), &*"\u{202e}".repeat(10_000), &*"\"".repeat(10_000), &long] {
        for page in build(&hostile(bad), &Layout::default()) {
            assert!(page.bytes.len() < LARGEST_PAGE, "{} has {} bytes", page.path, page.bytes.len());
            assert!(page.path.len() < 130, "{}", page.path);
        }
    }
}

#[test]
fn nothing_is_fetched_from_elsewhere() {
    for page in build(&small(), &Layout::default()) {
        let text = page.text();
        for never in ["@import", "url(", "<iframe", "<form", "fetch(", "XMLHttpRequest", "innerHTML", "eval("]
        {
            assert!(!text.contains(never), "{}: {never}", page.path);
        }
        if page.path.ends_with(".html") {
            assert!(text.contains("default-src 'none'"), "{}", page.path);
            let read = read(&text);
            for element in read
                .elements
                .iter()
                .filter(|element| matches!(element.name.as_str(), "script" | "link" | "img"))
            {
                let address = element.get("src").or_else(|| element.get("href")).unwrap_or_default();
                assert!(!address.contains("//"), "{}: {address}", page.path);
            }
        }
    }
}
