//! Short texts of our own formats that follow a rule.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::json::text_form;
use crate::name::{EnvironmentName, ProjectName};

/// A text that breaks the rule of its kind.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("`{shown}` is not {expected}")]
pub struct TextError {
    shown: String,
    expected: &'static str,
}

impl TextError {
    pub(crate) fn new(text: &str, expected: &'static str) -> Self {
        Self {
            shown: landfall_secret::escape(text, 160),
            expected,
        }
    }
}

macro_rules! short_text {
    ($(#[$doc:meta])* $type:ident, $expected:literal, $pattern:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(TextError::new(text, $expected))
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

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        text_form!($type, stringify_name!($type), $expected, $pattern);
    };
}
