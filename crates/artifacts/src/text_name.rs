//! Short texts of our own formats that follow a rule.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::json::{text_form, without_login};
use crate::name::{EnvironmentName, LambdaName, NameError, ProjectName};

/// A text that breaks the rule of its kind.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("`{shown}` is not {expected}")]
pub struct TextError {
    shown: String,
    expected: &'static str,
}

impl TextError {
    /// A text and the rule that it breaks, which goes on after "is not".
    pub fn new(text: &str, expected: &'static str) -> Self {
        Self { shown: landfall_secret::escape(&without_login(text), 160), expected }
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

        impl std::str::FromStr for $type {
            type Err = $crate::text_name::TextError;

            fn from_str(text: &str) -> Result<Self, $crate::text_name::TextError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err($crate::text_name::TextError::new(text, $expected))
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        text_form!($type, stringify!($type), $expected, $pattern);
    };
}

pub(crate) use short_text;

short_text!(
    /// What makes tickets of several regions differ: `stg_eu00` and `prod_eu00` share the region key `eu`.
    RegionKey,
    "a region key: 1 to 32 of a-z 0-9 -, beginning with a letter",
    "^[a-z][a-z0-9-]{0,31}$",
    |text| text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

short_text!(
    /// The key of a Jira issue, such as `REL-24`.
    TicketKey,
    "a Jira issue key such as REL-24",
    "^[A-Z][A-Z0-9_]{1,31}-[1-9][0-9]{0,17}$",
    is_ticket_key
);

short_text!(
    /// The twelve digits of an AWS account.
    AccountId,
    "an AWS account: 12 digits",
    "^[0-9]{12}$",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);

short_text!(
    /// An AWS region such as `eu-west-2`.
    AwsRegion,
    "an AWS region such as eu-west-2",
    "^[a-z]{2,}(-[a-z]+)+-[0-9]+$",
    is_aws_region
);

short_text!(
    /// The alias of a Lambda function (Lambda API, CreateAlias): 1 to 128 of A-Z a-z 0-9 _ -, and not digits alone.
    AliasName,
    "an alias: 1 to 128 letters, digits, - and _, not digits alone",
    "^(?![0-9]+$)[A-Za-z0-9_-]{1,128}$",
    |text| (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        && !text.bytes().all(|b| b.is_ascii_digit())
);

short_text!(
    /// A stable code such as `LF-ECR-AUTH` or a reason code of Lambda's such as `ImageAccessDenied`.
    ReasonCode,
    "a code: 1 to 64 of A-Z a-z 0-9 _ . -",
    "^[A-Za-z0-9_.-]{1,64}$",
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
);

short_text!(
    /// An absolute http(s) address without user, password, query or fragment; at most 2,048 characters.
    Address,
    "an http(s) address without user, password, query or fragment",
    "^https?://[^/@?# ]+(/[^?# ]*)?$",
    |text| text.len() <= 2048
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !text.contains(['?', '#'])
        && landfall_secret::Origin::parse(text).is_ok()
);

impl Address {
    /// The address without a slash at its end, so that paths can be put after it.
    pub fn base(&self) -> &str {
        self.0.trim_end_matches('/')
    }
}

impl RegionKey {
    /// The region key of an environment that has none configured: the letters of its last part in lower case
    /// (`stg_eu00` gives `eu`). `None` where the last part begins with no letter, as in `stg_00`.
    pub fn derive(environment: &EnvironmentName) -> Option<Self> {
        let last = environment.as_str().rsplit(['_', '-', '/', '.']).next().unwrap_or_default();
        let letters: String =
            last.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
        letters.parse().ok()
    }
}

fn is_ticket_key(text: &str) -> bool {
    let Some((project, number)) = text.rsplit_once('-') else {
        return false;
    };
    (2..=32).contains(&project.len())
        && project.starts_with(|c: char| c.is_ascii_uppercase())
        && project.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && (1..=18).contains(&number.len())
        && !number.starts_with('0')
        && number.bytes().all(|b| b.is_ascii_digit())
}

fn is_aws_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        [area, middle @ .., number] => {
            text.len() <= 32
                && area.len() >= 2
                && !middle.is_empty()
                && std::iter::once(area)
                    .chain(middle)
                    .all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase()))
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    }
}

/// Which part of the work a run does: `2/4` is the second of four. Counts from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard {
    index: u32,
    of: u32,
}

impl Shard {
    /// The whole work.
    pub const WHOLE: Self = Self { index: 1, of: 1 };

    /// From one.
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many parts there are, 1 to 1,000.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Whether the n-th item (from zero) of the whole, sorted work belongs to this part.
    pub fn takes(self, item: usize) -> bool {
        item % self.of as usize == self.index as usize - 1
    }
}

impl FromStr for Shard {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let number =
            |part: &str| part.parse::<u32>().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit()));
        text.split_once('/')
            .and_then(|(index, of)| Some((number(index)?, number(of)?)))
            .filter(|(index, of)| *index >= 1 && index <= of && *of <= 1000)
            .map(|(index, of)| Self { index, of })
            .ok_or_else(|| TextError::new(text, "a shard such as 2/4"))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// A project at a version, written `orderService@1.4.2`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectVersion {
    /// The project.
    pub project: ProjectName,
    /// Its version.
    pub version: semver::Version,
}

impl FromStr for ProjectVersion {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        text.rsplit_once('@')
            .filter(|_| text.len() <= 256)
            .and_then(|(project, version)| {
                Some(Self { project: project.parse().ok()?, version: version.parse().ok()? })
            })
            .ok_or_else(|| TextError::new(text, "a project at a version such as orderService@1.4.2"))
    }
}

impl fmt::Display for ProjectVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.project, self.version)
    }
}

/// How an environment adds to function names: a text with `{name}` and, if wanted, `{env}`, such as `{name}-{env}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameTemplate(String);

impl NameTemplate {
    /// The function's name in an environment.
    ///
    /// # Errors
    /// [`NameError`] where the outcome is no Lambda function name, for instance because it is too long.
    pub fn apply(&self, name: &LambdaName, environment: &EnvironmentName) -> Result<LambdaName, NameError> {
        self.0.replace("{name}", name.as_str()).replace("{env}", environment.as_str()).parse()
    }

    /// The name that a function of an environment has before the template is applied; `None` where the function is not named by it.
    pub fn strip(&self, function: &LambdaName, environment: &EnvironmentName) -> Option<LambdaName> {
        let (before, after) = self.0.split_once("{name}")?;
        let fixed = |text: &str| text.replace("{env}", environment.as_str());
        let rest = function.as_str().strip_prefix(&fixed(before))?;
        rest.strip_suffix(&fixed(after))?.parse().ok()
    }
}

impl FromStr for NameTemplate {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let fixed = text.replacen("{name}", "", 1).replace("{env}", "");
        let fits = text.contains("{name}")
            && text.len() <= 128
            && fixed.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(TextError::new(text, "a template such as {name}-{env}"))
        }
    }
}

impl fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_form!(Shard, "Shard", "a shard such as 2/4", "^[0-9]{1,4}/[0-9]{1,4}$");
text_form!(
    ProjectVersion,
    "ProjectVersion",
    "a project at a version such as orderService@1.4.2",
    "^.+@[0-9]+\\.[0-9]+\\.[0-9]+.*$"
);
text_form!(
    NameTemplate,
    "NameTemplate",
    "a template such as {name}-{env}",
    "^[A-Za-z0-9_-]*\\{name\\}([A-Za-z0-9_-]|\\{env\\})*$|^([A-Za-z0-9_-]|\\{env\\})*\\{name\\}"
);

macro_rules! serialize_as_text {
    ($($type:ident),+) => {
        $(impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        })+
    };
}

serialize_as_text!(Shard, ProjectVersion, NameTemplate);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{AccountId, Address, AwsRegion, NameTemplate, ProjectVersion, RegionKey, Shard, TicketKey};

    #[test]
    fn region_keys_come_from_the_last_part() {
        let key =
            |name: &str| RegionKey::derive(&name.parse().expect("an environment")).map(|k| k.to_string());
        assert_eq!(key("stg_eu00").as_deref(), Some("eu"));
        assert_eq!(key("prod_NA01").as_deref(), Some("na"));
        assert_eq!(key("production/eu").as_deref(), Some("eu"));
        assert_eq!(key("staging").as_deref(), Some("staging"));
        assert_eq!(key("stg_00"), None);
    }

    #[test]
    fn a_template_is_taken_off_as_it_was_put_on() {
        let environment = "dr_us00".parse().expect("an environment");
        let name = "OrderService".parse().expect("a name");
        for text in ["{name}", "{name}-{env}", "{env}_{name}", "a-{name}-us", "{env}-{name}-{env}"] {
            let template: NameTemplate = text.parse().expect("a template");
            let applied = template.apply(&name, &environment).expect("a name");
            assert_eq!(template.strip(&applied, &environment).as_ref(), Some(&name), "{text}");
        }
        let template: NameTemplate = "{name}-{env}".parse().expect("a template");
        for other in ["OrderService", "OrderService-prod_eu00", "-dr_us00"] {
            let other = other.parse().expect("a name");
            assert_eq!(template.strip(&other, &environment), None, "{other}");
        }
    }

    #[test]
    fn short_texts_follow_their_rules() {
        for good in ["REL-24", "A1_B-1"] {
            assert!(good.parse::<TicketKey>().is_ok(), "{good}");
        }
        for bad in ["", "rel-24", "REL-0", "REL-", "REL 24", "REL-24\" OR 1=1", "R-1"] {
            assert!(bad.parse::<TicketKey>().is_err(), "{bad}");
        }
        assert!("123456789012".parse::<AccountId>().is_ok());
        assert!("12345678901".parse::<AccountId>().is_err());
        for good in ["eu-west-2", "us-gov-west-1", "ap-southeast-10"] {
            assert!(good.parse::<AwsRegion>().is_ok(), "{good}");
        }
        for bad in ["", "eu", "eu-west", "eu-west-2.evil.example", "EU-west-2"] {
            assert!(bad.parse::<AwsRegion>().is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_carry_no_login_and_messages_show_none() {
        for good in ["https://example.com", "http://127.0.0.1:8200/vault/"] {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for bad in [
            "https://user:canary@example.com/x",
            "https://example.com/?token=canary",
            "https://example.com/#canary",
            "https://a b/",
            "file:///etc",
            "example.com",
        ] {
            let shown = bad.parse::<Address>().expect_err("bad").to_string();
            assert!(!shown.contains("canary"), "{shown}");
        }
    }

    #[test]
    fn shards_split_the_work_without_gap_or_overlap() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].iter().filter_map(|t| t.parse().ok()).collect();
        for item in 0..20 {
            assert_eq!(shards.iter().filter(|s| s.takes(item)).count(), 1);
        }
        for bad in ["0/3", "4/3", "1/0", "1", "1/1001", "+1/2", "1/2/3"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }

    #[test]
    fn project_versions_keep_their_scope() {
        let scoped: ProjectVersion = "@acme/orders@1.4.2+5".parse().expect("a project version");
        assert_eq!(scoped.project.as_str(), "@acme/orders");
        assert_eq!(scoped.to_string(), "@acme/orders@1.4.2+5");
        assert!("orders@v1.4.2".parse::<ProjectVersion>().is_err());
        assert!("@1.0.0".parse::<ProjectVersion>().is_err());
    }

    #[test]
    fn templates_name_functions() {
        let template: NameTemplate = "{name}-{env}".parse().expect("a template");
        let env = "stg_eu00".parse().expect("an environment");
        assert_eq!(
            template.apply(&"Orders".parse().expect("a name"), &env).map(|n| n.to_string()),
            Ok("Orders-stg_eu00".to_owned())
        );
        assert!(template.apply(&"a".repeat(60).parse().expect("a name"), &env).is_err());
        for bad in ["", "x", "{env}", "{name}{name}", "{name}/{env}", "{name} {env}"] {
            assert!(bad.parse::<NameTemplate>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = text.parse::<Shard>();
            let _ = text.parse::<ProjectVersion>();
            let _ = text.parse::<TicketKey>();
            let _ = text.parse::<AwsRegion>();
            let _ = text.parse::<NameTemplate>();
        }
    }
}
