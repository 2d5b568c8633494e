use std::collections::BTreeSet;

use super::FAILURES;
use crate::doctor::{TREES, page};

#[test]
fn every_failure_is_told_whole() {
    let mut ids = BTreeSet::new();
    for failure in FAILURES.iter().flat_map(|part| part.iter()) {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(failure.id.chars().all(is_name) && ids.insert(failure.id), "{}", failure.id);
        assert!(!failure.title.ends_with('.') && !failure.codes.is_empty(), "{}", failure.id);
        assert!(failure.codes.iter().all(|code| code.starts_with("LF-")), "{}", failure.id);
        assert!(failure.why.ends_with('.') && !failure.remedy.is_empty(), "{}", failure.id);
        assert!(failure.remedy.iter().all(|step| step.ends_with('.')), "{}", failure.id);
        for text in [failure.why].iter().chain(failure.remedy) {
            assert!(!text.contains("  "), "{}: {text}", failure.id);
        }
        assert!(page(failure).contains(failure.why));
    }
}

#[test]
fn every_failure_is_found_by_a_check_or_stands_in_reports_alone() {
    let found: BTreeSet<&str> =
        TREES.iter().flat_map(|(_, tree)| tree.iter()).flat_map(|check| check.failures).copied().collect();
    let reported: Vec<&str> = FAILURES
        .iter()
        .flat_map(|part| part.iter())
        .map(|failure| failure.id)
        .filter(|id| !found.contains(id))
        .collect();
    assert_eq!(reported, ["smoke-test-failed"]);
}
