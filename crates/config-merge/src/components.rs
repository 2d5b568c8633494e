//! Components with a folder for each version, and which version is taken.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use crate::error::Error;

/// Component to version, as pinned. The component is its folder below the root, the version is written with or without `v`.
pub type Pins = BTreeMap<String, String>;

/// Which version of a component is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The component's folder.
    pub component: String,
    /// The folder of the version within it, such as `v1.2.0`.
    pub folder: String,
    /// Why this one.
    pub reason: Reason,
    /// The folders of the other versions, oldest first.
    pub others: Vec<String>,
}

/// Why a version is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is pinned.
    Pinned,
    /// It is the newest that is no pre-release.
    Newest,
    /// It is the newest, and there are pre-releases alone.
    NewestPreRelease,
}

/// Where a path lies in a component.
pub(crate) struct Within<'p> {
    /// The component's folder.
    pub(crate) component: &'p str,
    /// The folder of a version in it.
    pub(crate) folder: &'p str,
    /// What is below that.
    pub(crate) rest: &'p str,
}

/// Splits a path at its first folder that is named as a version and is not at the root.
pub(crate) fn within(path: &str) -> Option<Within<'_>> {
    let mut start = 0;
    for (end, _) in path.match_indices('/') {
        let folder = path.get(start..end)?;
        if start > 0 && version(folder).is_some() {
            return Some(Within { component: path.get(..start - 1)?, folder, rest: path.get(end + 1..)? });
        }
        start = end + 1;
    }
    None
}

impl Choice {
    /// Whether a folder's name says the version that is taken, with or without `v`.
    pub(crate) fn takes(&self, folder: &str) -> bool {
        version(folder).is_some_and(|one| version(&self.folder).as_ref() == Some(&one))
    }

    /// Whether a folder's name says another version that is there.
    pub(crate) fn passes_over(&self, folder: &str) -> bool {
        let Some(one) = version(folder) else { return false };
        self.others.iter().any(|other| version(other).as_ref() == Some(&one))
    }
}

/// The version that a folder's name says.
fn version(name: &str) -> Option<Version> {
    Version::parse(name.strip_prefix('v').unwrap_or(name)).ok()
}

/// Chooses a version of every component among these paths.
pub(crate) fn choose<'p>(
    paths: impl Iterator<Item = &'p str>,
    pins: &Pins,
    errors: &mut Vec<Error>,
) -> BTreeMap<String, Choice> {
    let mut components: BTreeMap<&str, BTreeSet<(Version, &str)>> = BTreeMap::new();
    for within in paths.filter_map(within) {
        if let Some(version) = version(within.folder) {
            components.entry(within.component).or_default().insert((version, within.folder));
        }
    }
    for (component, pinned) in pins {
        if !components.contains_key(component.as_str()) {
            let why = "there is no such component with folders of versions".to_owned();
            errors.push(Error::Pin { component: component.clone(), version: pinned.clone(), why });
        }
    }
    let mut choices = BTreeMap::new();
    for (component, versions) in components {
        match choice(component, &versions, pins.get(component)) {
            Ok(choice) => drop(choices.insert(component.to_owned(), choice)),
            Err(error) => errors.push(error),
        }
    }
    choices
}

fn choice(
    component: &str,
    versions: &BTreeSet<(Version, &str)>,
    pin: Option<&String>,
) -> Result<Choice, Error> {
    let (taken, reason) = if let Some(pin) = pin {
        let wanted = version(pin);
        let found = versions.iter().filter(|(version, _)| Some(version) == wanted.as_ref());
        (found.collect::<Vec<_>>(), Reason::Pinned)
    } else {
        let has_releases = versions.iter().any(|(version, _)| version.pre.is_empty());
        let mut best: Vec<&(Version, &str)> = Vec::new();
        for one in versions.iter().filter(|(version, _)| version.pre.is_empty() || !has_releases) {
            // Build metadata gives no order (SemVer 2.0.0, 10).
            match best.first().map(|(version, _)| one.0.cmp_precedence(version)) {
                Some(std::cmp::Ordering::Less) => {}
                Some(std::cmp::Ordering::Equal) => best.push(one),
                Some(std::cmp::Ordering::Greater) | None => best = vec![one],
            }
        }
        (best, if has_releases { Reason::Newest } else { Reason::NewestPreRelease })
    };
    match (taken.as_slice(), pin) {
        ([(_, folder)], _) => Ok(Choice {
            component: component.to_owned(),
            folder: (*folder).to_owned(),
            reason,
            others: versions
                .iter()
                .filter(|(_, other)| other != folder)
                .map(|(_, other)| (*other).to_owned())
                .collect(),
        }),
        ([(_, one), (_, other), ..], _) => Err(Error::SameVersion {
            component: component.to_owned(),
            one: (*one).to_owned(),
            other: (*other).to_owned(),
        }),
        ([], pin) => {
            let there: Vec<&str> = versions.iter().map(|(_, folder)| *folder).collect();
            Err(Error::Pin {
                component: component.to_owned(),
                version: pin.cloned().unwrap_or_default(),
                why: format!("it has {}", landfall_secret::escape(&there.join(", "), 200)),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Pins, choose};

    fn chosen(paths: &[&str], pins: &[(&str, &str)]) -> String {
        let pins: Pins = pins.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let mut errors = Vec::new();
        let choices = choose(paths.iter().copied(), &pins, &mut errors);
        let choices = choices
            .values()
            .map(|c| format!("{}/{} {:?}, not {:?}", c.component, c.folder, c.reason, c.others));
        choices.chain(errors.iter().map(ToString::to_string)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_newest_version_is_taken_or_the_pinned() {
        let paths = [
            "a/v1.9.0/x",
            "a/v1.10.0/x",
            "a/v2.0.0-rc.1/x",
            "a/readme",
            "team/b/0.1.0-alpha.2/x",
            "team/b/0.1.0-alpha.10/x",
            "c/v1.0.0/d/v2.0.0/x",
            "v3.0.0/x",
            "e/v1/x",
            "f/v1.0.0",
        ];
        insta::assert_snapshot!(chosen(&paths, &[]), @r#"
        a/v1.10.0 Newest, not ["v1.9.0", "v2.0.0-rc.1"]
        c/v1.0.0 Newest, not []
        team/b/0.1.0-alpha.10 NewestPreRelease, not ["0.1.0-alpha.2"]
        "#);
        insta::assert_snapshot!(chosen(&paths, &[("a", "v2.0.0-rc.1"), ("c", "1.0.0")]), @r#"
        a/v2.0.0-rc.1 Pinned, not ["v1.9.0", "v1.10.0"]
        c/v1.0.0 Pinned, not []
        team/b/0.1.0-alpha.10 NewestPreRelease, not ["0.1.0-alpha.2"]
        "#);
    }

    #[test]
    fn what_cannot_be_chosen_is_told() {
        let paths = [
            "a/v1.0.0/x",
            "a/1.0.0/x",
            "b/v1.0.0+1/x",
            "b/v1.0.0+2/x",
            "c/v1.0.0/x",
            "d/v1.0.0+1/x",
            "d/v1.0.0+2/x",
        ];
        insta::assert_snapshot!(chosen(&paths, &[("c", "v9.9.9"), ("d", "1.0.0+1"), ("e", "1.0.0"), ("b", "latest")]), @r#"
        d/v1.0.0+1 Pinned, not ["v1.0.0+2"]
        the version 1.0.0 is pinned for e: there is no such component with folders of versions
        a has 1.0.0 and v1.0.0, of which none is newer
        the version latest is pinned for b: it has v1.0.0+1, v1.0.0+2
        the version v9.9.9 is pinned for c: it has v1.0.0
        "#);
    }
}
