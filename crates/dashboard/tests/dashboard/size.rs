//! Large sites stay in pages of a size that one can load.

use landfall_dashboard::{LARGEST_PAGE, Layout, build};

use crate::sample::large;
use crate::shows::texts;

#[test]
fn no_page_is_too_large() {
    let site = large(200, 12, 5_000);
    let pages = build(&site, &Layout::default());
    let largest = pages
        .iter()
        .filter(|page| page.path.ends_with(".html"))
        .max_by_key(|page| page.bytes.len())
        .expect("pages");
    assert!(largest.bytes.len() < LARGEST_PAGE, "{} has {} bytes", largest.path, largest.bytes.len());
    assert!(pages.len() > 5_212, "a page for each release, function and environment: {}", pages.len());
    let index = &pages[0];
    assert_eq!(texts(index, "tr").len(), 201, "all functions stand on the index");
}

#[test]
fn every_release_and_event_stands_on_some_page() {
    let site = large(40, 5, 600);
    let pages = build(&site, &Layout::default());
    let of = |stem: &str| {
        let months = pages.iter().filter(|page| page.path.starts_with(&format!("pages/{stem}-2")));
        // Without the row of headings.
        months.map(|page| texts(page, "tr").len() - 1).sum::<usize>()
    };
    assert_eq!(of("releases"), 600);
    assert_eq!(of("events"), site.history.len());
    assert_eq!(of("promotions"), site.promotions.len());
}

#[test]
fn too_many_functions_go_on_in_further_pages() {
    let site = large(900, 12, 900);
    let pages = build(&site, &Layout::default());
    let parts: Vec<_> = pages
        .iter()
        .filter(|page| page.path == "index.html" || page.path.starts_with("pages/functions-"))
        .collect();
    assert!(parts.len() > 1);
    assert_eq!(parts.iter().map(|page| texts(page, "tr").len() - 1).sum::<usize>(), 900);
    assert_eq!(crate::shows::lost_links(&pages), Vec::<String>::new());
}
