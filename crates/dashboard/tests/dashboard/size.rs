//! Large sites stay in pages of a size that one can load.

use landfall_dashboard::{LARGEST_PAGE, Layout, Release, build};

use crate::html::{Element, read};
use crate::sample::{large, small};
use crate::shows::texts;

#[test]
fn no_page_is_too_large() {
    let mut site = large(200, 12, 5_000);
    // The form that names have where nobody gives one.
    for (number, release) in site.releases.iter_mut().enumerate() {
        release.name = format!("r-{number:012x}");
    }
    let pages = build(&site, &Layout::default());
    let largest = pages.iter().max_by_key(|page| page.bytes.len()).expect("pages");
    assert!(largest.bytes.len() < LARGEST_PAGE, "{} has {} bytes", largest.path, largest.bytes.len());
    assert!(pages.len() > 5_212, "a page for each release, function and environment: {}", pages.len());
    let index = &pages[0];
    assert_eq!(texts(index, "tr").len(), 201, "all functions stand on the index");
}

#[test]
fn many_names_go_on_in_further_files() {
    let mut site = small();
    let one = Release { steps: Vec::new(), items: Vec::new(), ..site.releases[0].clone() };
    let named = |number: usize| Release { name: format!("{number:06}<{}", "é".repeat(280)), ..one.clone() };
    site.releases = (0..400).map(named).collect();
    let pages = build(&site, &Layout::default());
    let files: Vec<_> =
        pages.iter().filter(|page| page.path.contains("/names") && page.path.ends_with(".js")).collect();
    assert!(files.len() > 1, "{}", files.len());
    assert!(files[0].text().starts_with(&format!("self.landfallNameFiles = {};\n", files.len())));
    assert!(files.iter().all(|file| file.bytes.len() < LARGEST_PAGE));
    let all: String = files.iter().map(|file| file.text()).collect();
    assert_eq!(
        all.matches("release-").count(),
        400,
        "each is there, with the file that its name does not tell"
    );
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

#[test]
fn buttons_of_a_part_count_what_they_act_on() {
    let mut site = large(900, 12, 900);
    // One that all parts could have, and one that the last alone has.
    site.functions[899].cells.values_mut().for_each(|cell| cell.rolled_back = true);
    let pages = build(&site, &Layout::default());
    let parts: Vec<_> = pages
        .iter()
        .filter(|page| page.path == "index.html" || page.path.starts_with("pages/functions-"))
        .collect();
    for (at, page) in parts.iter().enumerate() {
        let read = read(&page.text());
        let rows = |class: &str| {
            let is_one =
                |row: &&Element| row.get("class").is_some_and(|own| own.split(' ').any(|own| own == class));
            read.elements.iter().filter(|element| element.name == "tr").filter(is_one).count()
        };
        let labels = texts(page, "label");
        let said = |label: &str| labels.iter().find(|own| own.starts_with(label)).cloned();
        assert_eq!(said("All"), Some(format!("All {} here", texts(page, "tr").len() - 1)));
        for (class, label) in [("behind", "Behind"), ("back", "Rolled back")] {
            let wanted = (rows(class) > 0).then(|| format!("{label} {} here", rows(class)));
            assert_eq!(said(label), wanted, "{}", page.path);
        }
        assert_eq!(said("Rolled back").is_some(), at == parts.len() - 1, "{}", page.path);
    }
    let index = texts(parts[0], "nav").into_iter().find(|nav| nav.contains("Page 2")).expect("the parts");
    assert_eq!(index.matches("Rolled back 1").count(), 1, "a part says what is on the others: {index}");
}

#[test]
fn every_name_can_be_found_without_a_script() {
    let mut site = large(200, 12, 5_000);
    for (number, release) in site.releases.iter_mut().enumerate() {
        release.name = format!("r-{number:012x}");
        (release.steps, release.items) = (Vec::new(), Vec::new());
    }
    (site.history, site.promotions) = (Vec::new(), Vec::new());
    let pages = build(&site, &Layout::default());
    let parts: Vec<_> = pages
        .iter()
        .filter(|page| page.path.starts_with("pages/names") && page.path.ends_with(".html"))
        .collect();
    assert!(parts.len() > 1, "{}", parts.len());
    let names = parts.iter().flat_map(|page| texts(page, "li"));
    let names: Vec<String> = names.filter(|name| name.starts_with("r-")).collect();
    assert_eq!(names.len(), 5_000);
    assert!(names.is_sorted());
    let nav = texts(parts[0], "nav").into_iter().find(|nav| nav.contains("Functions")).expect("letters");
    assert!(nav.contains("FunctionsO 200") && nav.contains("R, from r-000000000"), "{nav}");
}
