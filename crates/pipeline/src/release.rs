//! The variables that the jobs of a release get.

use std::borrow::Cow;

use landfall_artifacts::{Class, Explain, Versions};

/// Why versions name no release of the whole repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseError {
    /// There is nothing in it.
    Empty,
    /// Two projects have different versions.
    Several {
        /// One of the versions.
        one: String,
        /// The other.
        other: String,
    },
}

impl std::fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("versions.json names no project, and so no release"),
            Self::Several { one, other } => {
                write!(f, "versions.json has the versions {one} and {other}, and a release has one")
            }
        }
    }
}

impl std::error::Error for ReleaseError {}

impl Explain for ReleaseError {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "LF-RELEASE-EMPTY",
            Self::Several { .. } => "LF-RELEASE-SEVERAL",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Empty | Self::Several { .. } => Class::Input,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Empty => "nothing is to be released; look at what semantic-versioning said".into(),
            Self::Several { .. } => {
                "give the whole repo one version: `tag_format = \"v{version}\"` in [versioning] of landfall.toml".into()
            }
        })
    }
}

/// What `release.env` has: the release of versions that are all the same, `LANDFALL_RELEASE=v1.4.0`, one line.
///
/// # Errors
/// [`ReleaseError`] where there is no version, or more than one.
pub fn release_variables(versions: &Versions) -> Result<String, ReleaseError> {
    let mut all = versions.projects.values().map(|project| &project.version);
    let first = all.next().ok_or(ReleaseError::Empty)?;
    match all.find(|version| *version != first) {
        Some(other) => Err(ReleaseError::Several { one: first.to_string(), other: other.to_string() }),
        None => Ok(format!("LANDFALL_RELEASE=v{first}\n")),
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{Explain as _, Versions};

    use super::release_variables;

    #[test]
    fn a_release_has_one_version() {
        let of = |text: &str| {
            release_variables(&Versions::parse(text.as_bytes(), "versions.json").expect("valid"))
        };
        let one = r#"{"a": {"version": "1.4.0", "folder": "a"}, "b": {"version": "1.4.0", "folder": "b"}}"#;
        assert_eq!(of(one).as_deref(), Ok("LANDFALL_RELEASE=v1.4.0\n"));
        let mut shown = String::new();
        for text in
            ["{}", r#"{"a": {"version": "1.4.0", "folder": "a"}, "b": {"version": "1.4.1", "folder": "b"}}"#]
        {
            let error = of(text).expect_err("no release");
            shown.push_str(&format!(
                "{} {error}; try: {}\n",
                error.code(),
                error.remedy().unwrap_or_default()
            ));
        }
        insta::assert_snapshot!(shown, @r#"
        LF-RELEASE-EMPTY versions.json names no project, and so no release; try: nothing is to be released; look at what semantic-versioning said
        LF-RELEASE-SEVERAL versions.json has the versions 1.4.0 and 1.4.1, and a release has one; try: give the whole repo one version: `tag_format = "v{version}"` in [versioning] of landfall.toml
        "#);
    }
}
