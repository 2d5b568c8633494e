//! How far a version moves, and which types of change move it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use semver::{BuildMetadata, Prerelease, Version};

use crate::message::{Change, Message};

/// How far a version moves. The order is that of weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bump {
    /// Not at all.
    #[default]
    None,
    /// The third number.
    Patch,
    /// The second number.
    Minor,
    /// The first number.
    Major,
}

impl Bump {
    /// The version that follows on one without pre-release. Pre-release and build of the old one are dropped.
    pub fn apply(self, from: &Version) -> Version {
        let (major, minor, patch) = (from.major, from.minor, from.patch);
        match self {
            Self::None => Version::new(major, minor, patch),
            Self::Patch => Version::new(major, minor, patch.saturating_add(1)),
            Self::Minor => Version::new(major, minor.saturating_add(1), 0),
            Self::Major => Version::new(major.saturating_add(1), 0, 0),
        }
    }

    /// What a bump that commits ask for is on this version: below 1.0.0 a breaking change moves the second number, since
    /// nothing is promised yet (SemVer 2.0.0, 4); 1.0.0 is reached by a forced bump alone.
    pub fn on(self, from: &Version) -> Self {
        if from.major == 0 { self.min(Self::Minor) } else { self }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Bump {
    type Err = BumpError;

    fn from_str(text: &str) -> Result<Self, BumpError> {
        [Self::None, Self::Patch, Self::Minor, Self::Major]
            .into_iter()
            .find(|bump| bump.as_str() == text)
            .ok_or_else(|| BumpError::Word(landfall_secret::escape(text, 40)))
    }
}

/// A text that names no bump, no rule, or no pre-release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BumpError {
    /// Not one of the four words.
    #[error("`{0}` is none of major, minor, patch, none")]
    Word(String),
    /// Not `type=bump`.
    #[error("`{0}` is not written as type=bump, such as docs=patch")]
    Rule(String),
    /// Not an identifier.
    #[error("`{0}` is no name of a pre-release: expected letters, digits and -, beginning with a letter")]
    PreId(String),
}

/// Which type of change moves a version how far.
///
/// By default `feat` is minor, `fix`, `perf` and `revert` are patch, a breaking change is major, every other type is nothing,
/// and so is a message that parses as nothing: it is listed, so that a person sees it. Written `type=bump,...`, where
/// `breaking` and `unparsed` stand for those two; what is not named keeps its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    types: BTreeMap<String, Bump>,
    breaking: Bump,
    unparsed: Bump,
}

impl Default for Rules {
    fn default() -> Self {
        let types =
            [("feat", Bump::Minor), ("fix", Bump::Patch), ("perf", Bump::Patch), ("revert", Bump::Patch)];
        Self {
            types: types.into_iter().map(|(kind, bump)| (kind.to_owned(), bump)).collect(),
            breaking: Bump::Major,
            unparsed: Bump::None,
        }
    }
}

impl Rules {
    /// Reads a message, in whose body lines may have any type that a rule is for.
    pub(crate) fn message(&self, text: &str) -> Message {
        Message::parse_knowing(text, |kind| self.types.contains_key(kind))
    }

    /// How far a merge moves a version that changed something itself and says nothing of it: as a `fix`.
    pub(crate) fn of_silent_merge(&self) -> Bump {
        self.types.get("fix").copied().unwrap_or_default().max(self.unparsed)
    }

    /// How far a message moves a version: as far as the weightiest of its changes.
    pub fn bump_of(&self, message: &Message) -> Bump {
        let of_change = |change: &Change| {
            let of_type = self.types.get(&change.kind).copied().unwrap_or_default();
            if change.is_breaking { of_type.max(self.breaking) } else { of_type }
        };
        message.changes.iter().map(of_change).max().unwrap_or(self.unparsed)
    }
}

impl FromStr for Rules {
    type Err = BumpError;

    fn from_str(text: &str) -> Result<Self, BumpError> {
        let mut rules = Self::default();
        for rule in text.split([',', ' ']).filter(|rule| !rule.is_empty()) {
            let is_type =
                |kind: &str| !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let Some((kind, bump)) = rule.split_once('=').filter(|(kind, _)| is_type(kind)) else {
                return Err(BumpError::Rule(landfall_secret::escape(rule, 60)));
            };
            let bump = bump.parse()?;
            match kind.to_ascii_lowercase().as_str() {
                "breaking" => rules.breaking = bump,
                "unparsed" => rules.unparsed = bump,
                kind => {
                    rules.types.insert(kind.to_owned(), bump);
                }
            }
        }
        Ok(rules)
    }
}

/// The name of a series of pre-releases, such as `rc` in `1.5.0-rc.0`.
///
/// Letters, digits and `-`, beginning with a letter, at most 40: then it is an identifier of SemVer and no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreId(String);

impl PreId {
    /// The first version of this series on the way to a release.
    pub fn first(&self, target: &Version) -> Version {
        self.numbered(target, 0)
    }

    /// The number of a version within this series; `None` where it is of another.
    pub fn number(&self, version: &Version) -> Option<u64> {
        version.pre.as_str().strip_prefix(&self.0)?.strip_prefix('.')?.parse().ok()
    }

    pub(crate) fn numbered(&self, target: &Version, number: u64) -> Version {
        let pre = Prerelease::new(&format!("{}.{number}", self.0)).unwrap_or(Prerelease::EMPTY);
        Version { pre, build: BuildMetadata::EMPTY, ..target.clone() }
    }
}

impl FromStr for PreId {
    type Err = BumpError;

    fn from_str(text: &str) -> Result<Self, BumpError> {
        let fits = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.len() <= 40
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(BumpError::PreId(landfall_secret::escape(text, 60)))
        }
    }
}

impl fmt::Display for PreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use semver::Version;

    use super::{Bump, PreId, Rules};

    fn bump(rules: &str, text: &str) -> Bump {
        let rules: Rules = rules.parse().expect("rules");
        rules.bump_of(&rules.message(text))
    }

    #[test]
    fn the_weightiest_change_counts() {
        assert_eq!(bump("", "feat: a"), Bump::Minor);
        assert_eq!(bump("", "perf: a"), Bump::Patch);
        assert_eq!(bump("", "chore!: a"), Bump::Major);
        assert_eq!(bump("", "docs: a\n\n* fix: b\n* feat: c"), Bump::Minor);
        assert_eq!(bump("", "chore: a"), Bump::None);
        assert_eq!(bump("", "wip"), Bump::None);
        assert_eq!(bump("unparsed=patch,docs=patch,feat=major", "wip"), Bump::Patch);
        assert_eq!(bump("security=patch", "All of it (#7)\n\n* security: a\n* note: b"), Bump::Patch);
        assert_eq!(bump("", "All of it (#7)\n\n* security: a\n* note: b"), Bump::None);
        assert_eq!(bump("docs=patch breaking=minor", "docs!: x"), Bump::Minor);
    }

    #[test]
    fn rules_that_cannot_be_read() {
        let said = |text: &str| text.parse::<Rules>().expect_err("bad").to_string();
        insta::assert_snapshot!([said("feat"), said("=minor"), said("feat=mayor"), said("a\u{1b}=x")].join("\n"), @r"
        `feat` is not written as type=bump, such as docs=patch
        `=minor` is not written as type=bump, such as docs=patch
        `mayor` is none of major, minor, patch, none
        `a\u{1b}=x` is not written as type=bump, such as docs=patch
        ");
    }

    #[test]
    fn below_one_nothing_is_promised() {
        assert_eq!(Bump::Major.on(&Version::new(0, 3, 1)), Bump::Minor);
        assert_eq!(Bump::Major.on(&Version::new(1, 0, 0)), Bump::Major);
        assert_eq!(Bump::Major.apply(&Version::new(0, 3, 1)), Version::new(1, 0, 0), "when forced");
    }

    #[test]
    fn pre_releases_are_numbered() {
        let rc: PreId = "rc".parse().expect("a name");
        let first = rc.first(&Version::new(1, 5, 0));
        assert_eq!(first.to_string(), "1.5.0-rc.0");
        assert_eq!(rc.number(&first), Some(0));
        for other in ["1.5.0", "1.5.0-beta.0", "1.5.0-rc", "1.5.0-rc2.0", "1.5.0-rc.x"] {
            assert_eq!(rc.number(&other.parse().expect("a version")), None, "{other}");
        }
        for bad in ["", "0", "1a", "a.b", "a b", "-a", "é"] {
            assert!(bad.parse::<PreId>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_bump_is_upwards(major in 0u64..9, minor in 0u64..9, patch in 0u64..9) {
            let from = Version::new(major, minor, patch);
            for bump in [Bump::Patch, Bump::Minor, Bump::Major] {
                let to = bump.on(&from).apply(&from);
                prop_assert!(to > from);
                prop_assert!(PreId("rc".to_owned()).first(&to) > from);
            }
        }
    }
}
