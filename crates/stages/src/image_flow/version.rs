//! Versions that people give releases.

use std::str::FromStr;

use landfall_artifacts::Tag;
use semver::Version;

/// The version of a release as a person gives it: `v1.7.0`, `1.7`, `2025.03`, `2025.03.1-rc.1`.
///
/// One to three numbers with points between them, with or without `v` before, and with or without a pre-release after. Words such as
/// `latest` are none, so that a forgotten value is not taken for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseVersion {
    tag: Tag,
    version: Version,
}

/// Why a text is no version of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseVersionError {
    text: String,
}

impl std::fmt::Display for ReleaseVersionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` is no version of a release, such as v1.7.0 or 2025.03", self.text)
    }
}

impl std::error::Error for ReleaseVersionError {}

impl ReleaseVersion {
    /// As the images are tagged: the text as it was given.
    pub fn tag(&self) -> &Tag {
        &self.tag
    }

    /// The `SemVer` that stands for it where one is needed: without `v` and leading zeros, missing numbers taken for zero.
    pub fn as_semver(&self) -> &Version {
        &self.version
    }
}

impl FromStr for ReleaseVersion {
    type Err = ReleaseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let bare = text.strip_prefix('v').unwrap_or(text);
            let (numbers, pre) =
                bare.split_once('-').map_or((bare, None), |(numbers, pre)| (numbers, Some(pre)));
            let mut parts = [0; 3];
            let given: Vec<&str> = numbers.split('.').collect();
            if given.len() > parts.len() {
                return None;
            }
            for (part, digits) in parts.iter_mut().zip(given) {
                let are_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                *part = are_digits.then(|| digits.parse::<u64>().ok()).flatten()?;
            }
            let [major, minor, patch] = parts;
            let mut version = Version::new(major, minor, patch);
            if let Some(pre) = pre {
                version.pre = semver::Prerelease::new(pre).ok().filter(|pre| !pre.is_empty())?;
            }
            Some(Self { tag: text.parse().ok()?, version })
        };
        read().ok_or_else(|| ReleaseVersionError { text: landfall_secret::escape(text, 100) })
    }
}

#[cfg(test)]
mod tests {
    use super::ReleaseVersion;

    #[test]
    fn versions_of_people() {
        for (text, semver) in [
            ("v1.7.0", "1.7.0"),
            ("1.7", "1.7.0"),
            ("2025.03", "2025.3.0"),
            ("2025.03.01-rc.1", "2025.3.1-rc.1"),
            ("7", "7.0.0"),
        ] {
            let version: ReleaseVersion = text.parse().expect(text);
            assert_eq!((version.tag().as_str(), version.as_semver().to_string()), (text, semver.to_owned()));
        }
        for text in [
            "",
            "v",
            "latest",
            "V1.0",
            "1.2.3.4",
            "1..2",
            "1.2-",
            "1.2.3+4",
            "1.2 ",
            "--no-cleanup",
            "0a1b2c3d",
            "v1.2.3/4",
            "99999999999999999999",
        ] {
            assert!(text.parse::<ReleaseVersion>().is_err(), "{text}");
        }
    }
}
