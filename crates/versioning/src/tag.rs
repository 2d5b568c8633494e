//! How tags name versions.

use std::fmt;
use std::str::FromStr;

use landfall_artifacts::ProjectName;
use semver::Version;

/// How a tag names a project's version: a text with `{version}` once and `{project}` at most once.
///
/// `{project}-{version}` is the default; `{project}@{version}` is that of `nx release`; without `{project}`, as in
/// `v{version}`, the whole repo has one version. `<project>` and `<version>` are taken too. What stands around them must be good
/// in a name of git (git-check-ref-format).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFormat {
    text: String,
}

/// A text that is no format of tags.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagFormatError {
    /// `{version}` is not there once.
    #[error("`{0}` must hold {{version}} once and {{project}} at most once")]
    Places(String),
    /// git would refuse the tag.
    #[error("`{0}` makes tags that git refuses")]
    Name(String),
}

/// Whether projects have versions of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Each its own.
    Independent,
    /// One version for the whole repo.
    Whole,
}

impl TagFormat {
    /// Whether projects have versions of their own.
    pub fn scheme(&self) -> Scheme {
        if self.text.contains("{project}") { Scheme::Independent } else { Scheme::Whole }
    }

    /// The tag of a version. The project does not count where the whole repo has one version.
    pub fn tag(&self, project: &ProjectName, version: &Version) -> String {
        let (before, after) = self.around(project);
        format!("{before}{version}{after}")
    }

    /// The version that a tag names for this project; `None` where the tag is not of this format, or not of this project.
    ///
    /// The version must be SemVer 2.0.0. A project `a` and a project `a-1.0.0` may both read the tag `a-1.0.0-2.0.0`: the caller
    /// gives it to the one with the longer name.
    pub fn version(&self, project: &ProjectName, tag: &str) -> Option<Version> {
        let (before, after) = self.around(project);
        tag.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?.parse().ok()
    }

    /// Whether a tag may be of this format, of whatever project.
    pub(crate) fn may_be(&self, tag: &str) -> bool {
        let is_version = |text: &str| text.parse::<Version>().is_ok();
        let (before, after) = self.text.split_once("{version}").unwrap_or((&self.text, ""));
        match (before.split_once("{project}"), after.split_once("{project}")) {
            (Some((first, between)), _) => tag
                .strip_prefix(first)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|rest| cuts(rest, between).any(|(_, version)| is_version(version))),
            (None, Some((between, last))) => tag
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(last))
                .is_some_and(|rest| cuts(rest, between).any(|(version, _)| is_version(version))),
            (None, None) => {
                tag.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).is_some_and(is_version)
            }
        }
    }

    /// What stands before and after the version in a project's tags.
    pub(crate) fn around(&self, project: &ProjectName) -> (String, String) {
        let (before, after) = self.text.split_once("{version}").unwrap_or((&self.text, ""));
        (before.replace("{project}", project.as_str()), after.replace("{project}", project.as_str()))
    }
}

/// Every way to cut a text in two where `between` stands; at every character where that is empty.
fn cuts<'a>(text: &'a str, between: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.match_indices(between)
        .filter_map(move |(at, _)| Some((text.get(..at)?, text.get(at + between.len()..)?)))
}

impl Default for TagFormat {
    fn default() -> Self {
        Self { text: "{project}-{version}".to_owned() }
    }
}

impl fmt::Display for TagFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for TagFormat {
    type Err = TagFormatError;

    fn from_str(text: &str) -> Result<Self, TagFormatError> {
        let shown = || landfall_secret::escape(text, 100);
        let written = text.replace("<project>", "{project}").replace("<version>", "{version}");
        let count = |place: &str| written.matches(place).count();
        if count("{version}") != 1 || count("{project}") > 1 {
            return Err(TagFormatError::Places(shown()));
        }
        let sample = written.replace("{project}", "p").replace("{version}", "1.0.0");
        if !is_ref_name(&sample) || sample.len() > 100 {
            return Err(TagFormatError::Name(shown()));
        }
        Ok(Self { text: written })
    }
}

/// Whether a text is good as the name of a branch or tag, without `refs/heads/` (git-check-ref-format). Stricter than git in
/// that all characters outside ASCII letters, digits and common signs must be no control or space characters.
pub(crate) fn is_ref_name(text: &str) -> bool {
    let bad = |c: char| c.is_control() || c.is_whitespace() || " ~^:?*[\\\"'`$&|;<>(){}!".contains(c);
    let segment = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !part.ends_with(".lock")
    };
    !text.is_empty()
        && text.len() <= 250
        && !text.starts_with('-')
        && text != "@"
        && text != "HEAD"
        && !text.contains("..")
        && !text.contains("@{")
        && !text.chars().any(bad)
        && text.split('/').all(segment)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use landfall_artifacts::ProjectName;
    use proptest::prelude::*;
    use semver::Version;

    use super::{Scheme, TagFormat, is_ref_name};

    fn name(text: &str) -> ProjectName {
        text.parse().expect("a name")
    }

    fn format(text: &str) -> TagFormat {
        text.parse().expect("a format")
    }

    #[test]
    fn tags_are_written_and_read() {
        let version = Version::new(1, 4, 2);
        for (text, project, tag) in [
            ("<project>-<version>", "orders", "orders-1.4.2"),
            ("{project}-{version}", "a-2-b", "a-2-b-1.4.2"),
            ("{project}@{version}", "@acme/orders", "@acme/orders@1.4.2"),
            ("v{version}", "orders", "v1.4.2"),
            ("release/{project}/v{version}", "orders", "release/orders/v1.4.2"),
            ("{version}-{project}", "orders", "1.4.2-orders"),
        ] {
            let format = format(text);
            assert_eq!(format.tag(&name(project), &version), tag);
            assert_eq!(format.version(&name(project), tag), Some(version.clone()), "{tag}");
        }
        assert_eq!(format("v{version}").scheme(), Scheme::Whole);
        assert_eq!(TagFormat::default().scheme(), Scheme::Independent);
    }

    #[test]
    fn tags_of_others_are_not_ours() {
        let orders = name("orders");
        for tag in [
            "orders-2-1.0.0",
            "orders-1.0",
            "orders-v1.0.0",
            "orders-",
            "orders",
            "order-1.0.0",
            "orders-01.0.0",
            "orders-1.0.0\n",
            "Orders-1.0.0",
        ] {
            assert_eq!(TagFormat::default().version(&orders, tag), None, "{tag:?}");
        }
        assert!(TagFormat::default().may_be("orders-2-1.0.0") && !TagFormat::default().may_be("nightly-x"));
        assert!(
            !format("v{version}").may_be("orders-1.0.0") && format("{version}/{project}").may_be("1.0.0/x")
        );
    }

    #[test]
    fn formats_that_make_no_tags() {
        let said = |text: &str| text.parse::<TagFormat>().expect_err("bad").to_string();
        let bad = [
            "{project}",
            "{version}{version}",
            "-{version}",
            "a b{version}",
            "{version}/",
            "x\u{7}{version}",
        ];
        insta::assert_snapshot!(bad.map(said).join("\n"), @r"
        `{project}` must hold {version} once and {project} at most once
        `{version}{version}` must hold {version} once and {project} at most once
        `-{version}` makes tags that git refuses
        `a b{version}` makes tags that git refuses
        `{version}/` makes tags that git refuses
        `x\u{7}{version}` makes tags that git refuses
        ");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_we_take_git_takes(text in r"[a-z@./\-_+{~^:]{1,12}|\PC{1,12}") {
            if is_ref_name(&text) {
                let status = Command::new("git").args(["check-ref-format", "--branch", &text]).output().expect("git").status;
                prop_assert!(status.success(), "{}", text);
            }
        }

        #[test]
        fn every_tag_is_read_back(project in "[a-z][a-z0-9.-]{0,8}[a-z0-9]", numbers in any::<(u32, u32, u32)>(), pre in "(rc\\.[0-9])?") {
            let mut version = Version::new(numbers.0.into(), numbers.1.into(), numbers.2.into());
            version.pre = semver::Prerelease::new(&pre).expect("pre");
            for text in ["{project}-{version}", "{project}@{version}", "v{version}"] {
                let format = format(text);
                let tag = format.tag(&name(&project), &version);
                prop_assert!(format.may_be(&tag), "{}", tag);
                prop_assert_eq!(format.version(&name(&project), &tag), Some(version.clone()));
            }
        }
    }
}
