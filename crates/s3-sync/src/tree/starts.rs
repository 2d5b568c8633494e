//! Where pages of a listing should begin, by the names that a manifest foretells.

use super::address::MOST_KEY_BYTES;
use super::manifest::MANIFEST_NAME;

/// Pages that are foretold at most, so that a manifest takes little memory for it; those after them follow each other.
const MOST_STARTS: usize = 1000;

/// Counts names in their order, and keeps the last one of each page.
pub(crate) struct Starts<'a> {
    prefix: &'a str,
    page_keys: usize,
    count: usize,
    is_manifest_counted: bool,
    last: Option<Box<str>>,
    found: Vec<Box<str>>,
}

impl<'a> Starts<'a> {
    /// Of pages that have so many keys, but the last one.
    pub(crate) fn new(prefix: &'a str, page_keys: usize) -> Self {
        Self { prefix, page_keys, count: 0, is_manifest_counted: false, last: None, found: Vec::new() }
    }

    /// Takes the next name; the manifest's own, which stands beside the others, is counted in its place.
    pub(crate) fn next(&mut self, name: &str) {
        if !self.is_manifest_counted && name > MANIFEST_NAME {
            self.is_manifest_counted = true;
            self.count(MANIFEST_NAME);
        }
        self.count(name);
    }

    fn count(&mut self, name: &str) {
        // Only where more follows does another page begin.
        if let Some(start) = self.last.take() {
            self.found.push(start);
        }
        self.count += 1;
        // A name that can be no key is none to begin behind: nobody would answer.
        let is_key = self.prefix.len() + name.len() <= MOST_KEY_BYTES && !name.chars().any(char::is_control);
        if self.count >= self.page_keys && is_key && self.found.len() < MOST_STARTS {
            self.count = 0;
            self.last = Some(format!("{}{name}", self.prefix).into());
        }
    }

    /// Keys behind which pages should begin, besides the one that begins at the start.
    pub(crate) fn finish(mut self) -> Vec<Box<str>> {
        if !self.is_manifest_counted {
            self.count(MANIFEST_NAME);
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_STARTS, Starts};

    fn starts(names: &[&str], page_keys: usize) -> Vec<String> {
        let mut starts = Starts::new("p/", page_keys);
        for name in names {
            starts.next(name);
        }
        starts.finish().into_iter().map(String::from).collect()
    }

    #[test]
    fn pages_begin_behind_the_last_name_of_the_page_before() {
        assert!(starts(&["a"], 2).is_empty(), "the manifest and one more are one page");
        assert_eq!(starts(&["a", "b"], 2), ["p/a"]);
        assert_eq!(starts(&["a", "b", "c", "d"], 2), ["p/a", "p/c"]);
        // The manifest's place is behind it.
        assert_eq!(starts(&["-", "a", "b"], 2), ["p/.landfall-manifest.json"]);
        assert_eq!(starts(&["-", "-a"], 2), ["p/-a"]);
    }

    #[test]
    fn names_that_are_no_keys_begin_nothing() {
        let long = "x".repeat(1023);
        assert_eq!(starts(&["a", "b", "c\n", "d", "e"], 2), ["p/a", "p/d"]);
        assert_eq!(starts(&["a", "b", &long, "y", "z"], 2), ["p/a", "p/y"]);
        let many: Vec<String> = (0..5000).map(|number| format!("{number:04}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(starts(&many, 1).len(), MOST_STARTS);
    }
}
