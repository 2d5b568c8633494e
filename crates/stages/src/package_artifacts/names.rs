//! Which names a release, its services and the files of an archive may have.

use std::collections::BTreeMap;

use landfall_artifacts::{Class, Problem, ReleaseId, ServiceName};
use unicode_normalization::UnicodeNormalization as _;

/// Longest name of a file in an archive, in bytes: with `/var/task/` before it and a zero behind it, Linux takes no longer path
/// (`PATH_MAX`, 4,096).
const LONGEST_NAME: usize = 4096 - "/var/task/".len() - 1;

/// Longest segment of a name, in bytes (`NAME_MAX`).
const LONGEST_SEGMENT: usize = 255;

/// The release of archives: `v` and a version as SemVer 2.0.0 writes it, without build metadata, which gives no order.
///
/// # Errors
/// A problem of class input.
pub fn release_of(release: &ReleaseId) -> Result<semver::Version, Problem> {
    let version = release.as_str().strip_prefix('v').and_then(|text| text.parse::<semver::Version>().ok());
    version.filter(|version| version.build.is_empty()).ok_or_else(|| {
        Problem::new(
            "LF-PACKAGE-RELEASE",
            Class::Input,
            format!("the release {release} is not `v` and a version such as v1.4.0"),
        )
        .with_remedy("give the version by --release or LANDFALL_RELEASE, as v1.4.0, without build metadata")
    })
}

/// Names as systems see them that do not tell case and the spelling of accents apart.
pub(super) fn folded(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).nfc().collect()
}

/// Each service once, also where case is not told apart.
pub(super) fn check_services<'a>(
    services: impl Iterator<Item = &'a ServiceName>,
    problems: &mut Vec<Problem>,
) {
    let mut seen: BTreeMap<String, &ServiceName> = BTreeMap::new();
    for service in services {
        if let Some(other) = seen.insert(folded(service.as_str()), service) {
            let what = if other == service {
                format!("the service {service} is there twice")
            } else {
                format!("the services {other} and {service} differ in their case alone")
            };
            problems.push(
                Problem::new("LF-PACKAGE-TWICE", Class::Input, what)
                    .with_remedy("give each service one folder and a name of its own"),
            );
        }
    }
}

/// What is wrong with a file's name in an archive; `None` where nothing is.
pub(super) fn fault(name: &str) -> Option<String> {
    if name.is_empty() || name.starts_with('/') {
        return Some("it is no name below the archive's root".to_owned());
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
#[derive(Default)]
pub(super) struct Spellings(BTreeMap<String, String>);

impl Spellings {
    /// Takes a file's name; gives the other spelling of it or of a folder above it, where there is one.
    pub(super) fn take(&mut self, name: &str) -> Option<(String, String)> {
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

    use super::{Spellings, fault, folded, release_of};

    #[test]
    fn releases_are_versions() {
        let version = |text: &str| release_of(&text.parse().expect("a release id")).map(|v| v.to_string());
        assert_eq!(version("v1.4.0").ok().as_deref(), Some("1.4.0"));
        assert_eq!(version("v2.0.0-rc.1").ok().as_deref(), Some("2.0.0-rc.1"));
        for odd in ["1.4.0", "v1.4", "v1.4.0+5", "r-0123456789ab", "2025.03", "v01.4.0"] {
            assert!(version(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        for odd in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a\\b", "a\nb", "a\u{7f}"] {
            assert!(fault(odd).is_some(), "{odd:?}");
        }
        for good in ["index.js", "node_modules/@scope/x/index.js", "...", "ä/ö.json", ".env"] {
            assert_eq!(fault(good), None, "{good}");
        }
        assert!(fault(&"a".repeat(256)).is_some());
        assert!(fault(&["a".repeat(200).as_str(); 21].join("/")).is_some());
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
            if fault(&name).is_none() {
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
