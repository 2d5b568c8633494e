//! Names that other systems give rules for, each refusing what its rule refuses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that breaks the rule of a name.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("`{shown}` is not a valid {what}: expected {rule}")]
pub struct NameError {
    what: &'static str,
    rule: &'static str,
    shown: String,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                if $check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NameError { what: $what, rule: $rule, shown: landfall_secret::escape(text, 160) })
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// A movable name of a manifest in a repository (OCI distribution-spec 1.1, "Pulling manifests").
    Tag, "tag", "1 to 128 of A-Z a-z 0-9 _ . -, not beginning with . or -", is_tag
);
name!(
    /// The bare name of a Lambda function (Lambda API reference, FunctionName): at most 64 characters.
    LambdaName, "Lambda function name", "1 to 64 of A-Z a-z 0-9 _ -", is_lambda_name
);
name!(
    /// A project of the monorepo, as its `project.json` names it.
    ///
    /// The rule is ours, made so that a project fits a path segment, a label, and an image path: at most 100 characters.
    /// One `@scope/` prefix, as npm writes it, is taken.
    ProjectName, "project name", "1 to 100 of A-Z a-z 0-9 _ . - with at most one @scope/ before it", is_project
);
name!(
    /// One path segment below the functions root.
    Folder, "folder", "one path segment: no / or \\, not . or .., no control characters, at most 255 bytes", is_folder
);
name!(
    /// What a release is called in every pipeline: given (`v1.4.0`) or derived (`r-` and 12 hex digits).
    ReleaseId, "release id", "1 to 64 of A-Z a-z 0-9 _ . + -, beginning with a letter or digit", is_release
);
name!(
    /// A row of `landfall.toml`, such as `stg_eu00`.
    EnvironmentName, "environment name", "1 to 64 of A-Z a-z 0-9 _ . / -, beginning with a letter or digit", is_environment
);

impl LambdaName {
    /// Takes the function's name from a bare name, a partial ARN or a full ARN, with or without qualifier
    /// (Lambda API reference, FunctionName patterns).
    ///
    /// # Errors
    /// [`NameError`] where the text is neither.
    pub fn from_name_or_arn(text: &str) -> Result<Self, NameError> {
        let refused = || NameError {
            what: "Lambda function name or ARN",
            rule: "1 to 64 of A-Z a-z 0-9 _ -, or an ARN of the Lambda API reference",
            shown: landfall_secret::escape(text, 160),
        };
        if text.len() > 256 {
            return Err(refused());
        }
        let parts: Vec<&str> = text.split(':').collect();
        let rest = match parts.as_slice() {
            ["arn", partition, "lambda", region, account, "function", rest @ ..]
                if partition.starts_with("aws") && is_region(region) && is_account(account) =>
            {
                rest
            }
            [account, "function", rest @ ..] if is_account(account) => rest,
            ["function", rest @ ..] => rest,
            rest => rest,
        };
        match rest {
            [name] => name.parse(),
            [name, qualifier] if is_qualifier(qualifier) => name.parse(),
            _ => Err(refused()),
        }
        .map_err(|_: NameError| refused())
    }
}

fn all(text: &str, longest: usize, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.len() <= longest && text.bytes().all(allowed)
}

fn is_tag(text: &str) -> bool {
    all(text, 128, |b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) && !text.starts_with(['.', '-'])
}

fn is_lambda_name(text: &str) -> bool {
    all(text, 64, |b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

fn is_project(text: &str) -> bool {
    let segment = |s: &str| {
        all(s, 100, |b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) && !s.starts_with(['.', '-'])
    };
    if text.len() > 100 {
        return false;
    }
    match text.strip_prefix('@').and_then(|scoped| scoped.split_once('/')) {
        Some((scope, name)) => segment(scope) && segment(name),
        None => segment(text),
    }
}

fn is_folder(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text != "."
        && text != ".."
        && !text.chars().any(|c| c == '/' || c == '\\' || c.is_control())
}

fn is_release(text: &str) -> bool {
    all(text, 64, |b| b.is_ascii_alphanumeric() || b"_.+-".contains(&b))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn is_environment(text: &str) -> bool {
    all(text, 64, |b| b.is_ascii_alphanumeric() || b"_./-".contains(&b))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.contains("..")
}

fn is_region(text: &str) -> bool {
    all(text, 32, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_qualifier(text: &str) -> bool {
    text == "$LATEST" || all(text, 128, |b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{EnvironmentName, Folder, LambdaName, ProjectName, ReleaseId, Tag};

    #[test]
    fn tags_follow_the_oci_rule() {
        for good in ["OrderServiceFunction-1.4.2", "_a", "1", &"a".repeat(128)] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "-a", "a b", "a:b", "a/b", "a+b", "ä", &"a".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
    }

    #[test]
    fn folders_are_one_segment() {
        for good in ["order-service", "a b", "ordères", "..."] {
            assert!(good.parse::<Folder>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "../x", "a/b", "/a", "a\\b", "a\0b", "a\nb", &"a".repeat(256)] {
            assert!(bad.parse::<Folder>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn function_names_come_bare_or_as_arn() {
        for text in [
            "Orders",
            "Orders:live",
            "Orders:$LATEST",
            "function:Orders",
            "123456789012:function:Orders",
            "arn:aws:lambda:eu-west-2:123456789012:function:Orders",
            "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:Orders:7",
        ] {
            assert_eq!(
                LambdaName::from_name_or_arn(text).map(|n| n.to_string()),
                Ok("Orders".to_owned()),
                "{text}"
            );
        }
        for bad in [
            "",
            "a b",
            "arn:aws:s3:::bucket",
            "arn:aws:lambda:eu-west-2:123:function:Orders",
            "arn:aws:lambda:eu-west-2:123456789012:layer:Orders",
            "Orders:live:more",
            &"a".repeat(65),
        ] {
            assert!(LambdaName::from_name_or_arn(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn projects_releases_and_environments() {
        assert!("orderService".parse::<ProjectName>().is_ok());
        assert!("@acme/orders".parse::<ProjectName>().is_ok());
        for bad in ["", "../x", "a/b", "@acme", "@/b", "a\u{202e}b", "-rf"] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad:?}");
        }
        assert!("v1.4.0".parse::<ReleaseId>().is_ok());
        assert!("r-6b1f0c2d9e77".parse::<ReleaseId>().is_ok());
        assert!("--help".parse::<ReleaseId>().is_err());
        assert!("stg_eu00".parse::<EnvironmentName>().is_ok());
        assert!("../prod".parse::<EnvironmentName>().is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = text.parse::<Tag>();
            let _ = text.parse::<Folder>();
            let _ = text.parse::<ProjectName>();
            let _ = LambdaName::from_name_or_arn(&text);
        }

        #[test]
        fn folders_never_leave_their_root(text in any::<String>()) {
            if let Ok(folder) = text.parse::<Folder>() {
                let joined = std::path::Path::new("/root").join(folder.as_str());
                prop_assert_eq!(joined.components().count(), 3);
            }
        }
    }
}
