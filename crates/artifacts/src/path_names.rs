//! Names of files in trees: which are safe, and which fall together on other systems.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

/// Longest name of a file below its root, in bytes: with Lambda's `/var/task/` before it and a zero behind it, Linux takes no
/// longer path (`PATH_MAX`, 4,096).
const LONGEST_NAME: usize = 4096 - "/var/task/".len() - 1;

/// Longest segment of a name, in bytes (`NAME_MAX`).
const LONGEST_SEGMENT: usize = 255;

/// Names as systems see them that do not tell case and the spelling of accents apart.
pub fn folded(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).nfc().collect()
}

/// What is wrong with a file's name below a root, with `/` between its parts; `None` where nothing is.
pub fn path_fault(name: &str) -> Option<String> {
    if name.is_empty() || name.starts_with('/') {
        return Some("it is no name below the root".to_owned());
    }
    if name.len() > LONGEST_NAME {
        return Some(format!("it is {} bytes long, and {LONGEST_NAME} are the most", name.len()));
    }
    if name.contains('\\') {
        return Some("it has a backslash, which some tools take for a slash".to_owned());
    }
    if name.chars().any(char::is_control) {
        return Some("it has a control character".to_owned());
    }
    name.split('/').find_map(|segment| match segment {
        "" | "." | ".." => Some(format!("its part `{segment}` is not the name of a file or folder")),
        long if long.len() > LONGEST_SEGMENT => {
            Some(format!("a part of it is longer than {LONGEST_SEGMENT} bytes"))
        }
        _ => None,
    })
}

/// Sees names that fall together where case or the spelling of accents is not told apart, folders too.
#[derive(Clone, Debug, Default)]
pub struct Spellings(BTreeMap<String, String>);

impl Spellings {
    /// Takes a file's name; gives the other spelling of it or of a folder above it, where there is one.
    pub fn take(&mut self, name: &str) -> Option<(String, String)> {
        let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
        for end in ends {
            let Some(prefix) = name.get(..end) else { continue };
            match self.0.get(&folded(prefix)) {
                Some(other) if other != prefix => return Some((other.clone(), prefix.to_owned())),
                Some(_) => {}
                None => drop(self.0.insert(folded(prefix), prefix.to_owned())),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Spellings, folded, path_fault};

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        for odd in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\\b", "a\nb", "a\u{7f}"] {
            assert!(path_fault(odd).is_some(), "{odd:?}");
        }
        for good in ["index.js", "node_modules/@scope/x/index.js", "...", "ä/ö.json", ".env"] {
            assert_eq!(path_fault(good), None, "{good}");
        }
        assert!(path_fault(&"a".repeat(256)).is_some());
        assert!(path_fault(&["a".repeat(200).as_str(); 21].join("/")).is_some());
    }

    #[test]
    fn names_that_fall_together_are_seen() {
        let clash = |names: &[&str]| {
            let mut spellings = Spellings::default();
            names.iter().find_map(|name| spellings.take(name))
        };
        assert_eq!(clash(&["a/x", "a/y", "b"]), None);
        assert_eq!(clash(&["Readme", "README"]), Some(("Readme".into(), "README".into())));
        assert_eq!(clash(&["lib/x", "Lib/y"]), Some(("lib".into(), "Lib".into())));
        // The same letter, once as one character and once as two.
        assert!(clash(&["caf\u{e9}", "cafe\u{301}"]).is_some());
        assert!(clash(&["\u{fb01}le", "file"]).is_some(), "a ligature is its letters");
    }

    proptest! {
        #[test]
        fn what_passes_stays_below_its_folder(name in any::<String>()) {
            if path_fault(&name).is_none() {
                let path = std::path::Path::new("/var/task").join(&name);
                prop_assert!(path.components().all(|part| part != std::path::Component::ParentDir));
                prop_assert!(path.starts_with("/var/task") && path != std::path::Path::new("/var/task"));
            }
        }

        #[test]
        fn folding_twice_is_folding_once_for_ascii(name in "[ -~]{0,40}") {
            prop_assert_eq!(folded(&folded(&name)), folded(&name));
        }

        #[test]
        fn another_case_is_always_seen(name in "[a-z][a-z0-9.-]{0,20}(/[a-z0-9][a-z0-9.-]{0,20}){0,3}") {
            let mut spellings = Spellings::default();
            prop_assert_eq!(spellings.take(&name), None);
            prop_assert_eq!(spellings.take(&name), None);
            prop_assert!(spellings.take(&name.to_uppercase()).is_some());
        }
    }
}
