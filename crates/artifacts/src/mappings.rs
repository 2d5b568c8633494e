//! `lambda-ecr-mappings.json`: the deployment plan.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use semver::Version;
use serde::Serialize;

use crate::file::json_file;
use crate::file_error::Problems;
use crate::json::{At, FromJson};
use crate::name::{LambdaName, NameError, Tag};

/// Lambda function name to image tag. Default name `lambda-ecr-mappings.json`. An empty map is valid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Mappings {
    /// The tags by function.
    pub tags: BTreeMap<LambdaName, Tag>,
}

json_file!(Mappings, Contract, 8 * 1024 * 1024);

impl FromJson for Mappings {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        BTreeMap::from_json(at, problems).map(|tags| Self { tags })
    }
}

impl Mappings {
    /// Usual name of the file.
    pub const FILE_NAME: &'static str = "lambda-ecr-mappings.json";

    /// Whether there is nothing to deploy.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }
}

/// The tag of a function's image at a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTag {
    /// `<LambdaName>-<version>`.
    pub tag: Tag,
    /// Whether the version's build metadata was written with `_` for `+`, which no tag may hold.
    pub rewritten: bool,
}

/// Derives the tag `<LambdaName>-<version>`; `1.4.2+5` becomes `1.4.2_5`.
///
/// No two versions meet in one tag: SemVer has no `_` of its own.
///
/// # Errors
/// [`NameError`] where the tag would have more than 128 characters.
pub fn image_tag(lambda: &LambdaName, version: &Version) -> Result<ImageTag, NameError> {
    let tag = format!("{lambda}-{version}").replace('+', "_").parse()?;
    Ok(ImageTag { tag, rewritten: !version.build.is_empty() })
}

#[cfg(test)]
mod tests {
    use super::{Mappings, image_tag};

    fn tag(lambda: &str, version: &str) -> Result<(String, bool), String> {
        image_tag(&lambda.parse().expect("a name"), &version.parse().expect("a version"))
            .map(|t| (t.tag.to_string(), t.rewritten))
            .map_err(|e| e.to_string())
    }

    #[test]
    fn tags_are_name_and_version() {
        assert_eq!(
            tag("OrderServiceFunction", "1.4.2"),
            Ok(("OrderServiceFunction-1.4.2".to_owned(), false))
        );
        assert_eq!(tag("Fn", "1.4.2-rc.1+5.a"), Ok(("Fn-1.4.2-rc.1_5.a".to_owned(), true)));
        let exact = format!("1.0.0-{}", "a".repeat(128 - 64 - 1 - 6));
        assert!(tag(&"F".repeat(64), &exact).is_ok());
        assert!(tag(&"F".repeat(64), &format!("{exact}a")).is_err());
    }

    #[test]
    fn problems_are_said_at_once() {
        let text = r#"{"Order Service":"x-1","B":"-1","C":3,"D":"a+b","E":"ok-1.0.0"}"#;
        let errors = Mappings::parse(text.as_bytes(), "lambda-ecr-mappings.json").expect_err("bad");
        insta::assert_snapshot!(errors, @r"
        4 problems in lambda-ecr-mappings.json
          /Order Service at 1:2: found the key `Order Service`, expected a Lambda function name: 1 to 64 of A-Z a-z 0-9 _ -
          /B at 1:28: found `-1`, expected a tag: 1 to 128 of A-Z a-z 0-9 _ . -, not beginning with . or -
          /C at 1:37: found 3, expected a tag: 1 to 128 of A-Z a-z 0-9 _ . -, not beginning with . or -
          /D at 1:43: found `a+b`, expected a tag: 1 to 128 of A-Z a-z 0-9 _ . -, not beginning with . or -
        ");
        let good = Mappings::parse(br#"{"B":"B-1","A":"A-1"}"#, "m").expect("good");
        assert_eq!(good.to_bytes(), b"{\n  \"A\": \"A-1\",\n  \"B\": \"B-1\"\n}\n");
    }
}
