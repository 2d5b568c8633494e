//! `.env` at the root of a service repo.

use std::path::Path;

use crate::env_lines::is_variable;
use crate::file::read_bounded;
use crate::file_error::{FileError, FileErrors, Problems};
use crate::text_name::{AccountId, AwsRegion};

/// What is read of `.env`: region, account and profile of the image scripts. Every other line is passed over unseen.
///
/// `export`, `#` comments, and single or double quotes around a value are tolerated; of two lines the later one holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DotEnv {
    /// `AWS_REGION`.
    pub region: Option<AwsRegion>,
    /// `AWS_ACCOUNT_ID`.
    pub account: Option<AccountId>,
    /// `AWS_PROFILE`.
    pub profile: Option<String>,
}

impl DotEnv {
    /// Usual name of the file.
    pub const FILE_NAME: &'static str = ".env";

    /// The most bytes such a file may have.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Reads the format from bytes; `name` stands for them in messages.
    ///
    /// # Errors
    /// [`FileErrors`] where one of the three values breaks its rule.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self, FileErrors> {
        let mut problems = Problems::new(name, "", false);
        if bytes.len() > Self::MAX_BYTES {
            problems
                .add_whole(format!("{} bytes", bytes.len()), format!("at most {} bytes", Self::MAX_BYTES));
            return problems.finish(None);
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            problems.add_whole("bytes that are not UTF-8", "UTF-8 text");
            return problems.finish(None);
        };
        let mut found = Self::default();
        for (index, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let key = key.trim_end();
            if !is_variable(key) {
                continue;
            }
            let value = unquoted(value.trim());
            let mut refuse = |expected: &str| {
                let shown = landfall_secret::escape(value, 80);
                problems.add_line(index + 1, format!("{key}=`{shown}`"), expected);
            };
            match key {
                "AWS_REGION" => match value.parse() {
                    Ok(region) => found.region = Some(region),
                    Err(_) => refuse("an AWS region such as eu-west-2"),
                },
                "AWS_ACCOUNT_ID" => match value.parse() {
                    Ok(account) => found.account = Some(account),
                    Err(_) => refuse("an AWS account: 12 digits"),
                },
                "AWS_PROFILE" => {
                    if (1..=128).contains(&value.len()) && !value.chars().any(char::is_control) {
                        found.profile = Some(value.to_owned());
                    } else {
                        refuse("the name of a profile: 1 to 128 characters");
                    }
                }
                _ => {}
            }
        }
        problems.finish(Some(found))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError`] where it cannot be read or breaks its format.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let bytes = read_bounded(path, Self::MAX_BYTES)?;
        Ok(Self::parse(&bytes, &path.to_string_lossy())?)
    }

    /// Host of the account's private ECR registry in the region, such as `123456789012.dkr.ecr.eu-west-2.amazonaws.com`
    /// (ECR user guide, "Private registry authentication"); `None` where account or region is not set.
    pub fn registry_host(&self) -> Option<String> {
        let (account, region) = (self.account.as_ref()?, self.region.as_ref()?);
        let suffix = if region.as_str().starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        Some(format!("{account}.dkr.ecr.{region}.{suffix}"))
    }
}

/// A value without the quotes around it, or without the comment after it.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some((inner, _)) = value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
            return inner;
        }
    }
    value.split_once(" #").map_or(value, |(before, _)| before.trim_end())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::DotEnv;

    #[test]
    fn three_values_are_read_in_any_spelling() {
        let text = "# shared\nexport AWS_REGION=\"eu-west-2\"\r\nAWS_ACCOUNT_ID = 123456789012 # dev\nAWS_PROFILE='team a'\nTOKEN=canary\nnot a line\n";
        let env = DotEnv::parse(text.as_bytes(), ".env").expect("valid");
        assert_eq!(env.registry_host().as_deref(), Some("123456789012.dkr.ecr.eu-west-2.amazonaws.com"));
        assert_eq!(env.profile.as_deref(), Some("team a"));
        assert!(!format!("{env:?}").contains("canary"));
        assert_eq!(DotEnv::parse(b"\n", ".env").expect("valid").registry_host(), None);
    }

    #[test]
    fn wrong_values_are_named() {
        let text = "AWS_REGION=evil.example/\nAWS_ACCOUNT_ID=1234\nAWS_PROFILE=\n";
        let errors = DotEnv::parse(text.as_bytes(), ".env").expect_err("bad");
        insta::assert_snapshot!(errors, @r"
        3 problems in .env
          line 1: found AWS_REGION=`evil.example/`, expected an AWS region such as eu-west-2
          line 2: found AWS_ACCOUNT_ID=`1234`, expected an AWS account: 12 digits
          line 3: found AWS_PROFILE=``, expected the name of a profile: 1 to 128 characters
        ");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = DotEnv::parse(&bytes, "x");
        }
    }
}
