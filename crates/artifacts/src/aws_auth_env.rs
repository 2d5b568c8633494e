//! `aws_auth.env`: temporary AWS credentials.

use std::path::Path;

use landfall_secret::Secret;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::env_lines::{EnvLine, env_lines};
use crate::file::read_bounded;
use crate::file_error::{FileError, FileErrors, Problems};
use crate::instant;
use crate::write::{Mode, WrittenFile, write_atomic};

/// Temporary credentials as GitLab's dotenv report takes them. Default name `aws_auth.env`; mode 0600.
///
/// `KEY=value` lines without quotes, `export` or comments, at most 5 KB in all (GitLab CI/CD, `artifacts:reports:dotenv`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsAuthEnv {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Secret,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Secret,
    /// `AWS_CREDENTIAL_EXPIRATION`; `None` in files of other writers.
    pub expiration: Option<OffsetDateTime>,
}

impl AwsAuthEnv {
    /// Usual name of the file.
    pub const FILE_NAME: &'static str = "aws_auth.env";

    /// The most bytes such a file may have: GitLab's limit of 5 KB.
    pub const MAX_BYTES: usize = 5 * 1024;

    /// Reads the format from bytes; `name` stands for them in messages, which show no value.
    ///
    /// # Errors
    /// [`FileErrors`]: every problem at once.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self, FileErrors> {
        let mut problems = Problems::new(name, "", true);
        let (mut id, mut key, mut token, mut expiration) = (None, None, None, None);
        for EnvLine { number, key: variable, value } in env_lines(bytes, Self::MAX_BYTES, &mut problems) {
            let slot = match variable {
                "AWS_ACCESS_KEY_ID" => &mut id,
                "AWS_SECRET_ACCESS_KEY" => &mut key,
                "AWS_SESSION_TOKEN" => &mut token,
                "AWS_CREDENTIAL_EXPIRATION" => {
                    expiration = OffsetDateTime::parse(value, &Rfc3339).ok();
                    if expiration.is_none() {
                        problems.add_line(
                            number,
                            "AWS_CREDENTIAL_EXPIRATION with another value",
                            "a time of RFC 3339",
                        );
                    }
                    continue;
                }
                _ => continue,
            };
            match fault(value) {
                None => *slot = Some(Secret::new(value)),
                Some(found) => problems.add_line(number, format!("{variable} with {found}"), EXPECTED),
            }
            if slot.is_none() {
                *slot = Some(Secret::new(""));
            }
        }
        for (variable, value) in
            [("AWS_ACCESS_KEY_ID", &id), ("AWS_SECRET_ACCESS_KEY", &key), ("AWS_SESSION_TOKEN", &token)]
        {
            if value.is_none() {
                problems.add_whole(format!("no {variable}"), format!("a line {variable}=..."));
            }
        }
        let whole = id.zip(key).zip(token);
        problems.finish(whole.map(|((access_key_id, secret_access_key), session_token)| Self {
            access_key_id,
            secret_access_key,
            session_token,
            expiration,
        }))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError`] where it cannot be read or breaks its format.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let bytes = read_bounded(path, Self::MAX_BYTES)?;
        Ok(Self::parse(&bytes, &path.to_string_lossy())?)
    }

    /// Writes the file atomically with mode 0600.
    ///
    /// # Errors
    /// [`FileError::Invalid`] where a value breaks GitLab's rules, [`FileError::Write`] where the system refuses.
    pub fn write(&self, path: &Path) -> Result<WrittenFile, FileError> {
        let mut problems = Problems::new(&path.to_string_lossy(), "", true);
        let mut text = String::new();
        for (variable, value) in [
            ("AWS_ACCESS_KEY_ID", &self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &self.secret_access_key),
            ("AWS_SESSION_TOKEN", &self.session_token),
        ] {
            if let Some(found) = fault(value.expose()) {
                problems.add_whole(format!("{variable} with {found}"), EXPECTED);
            }
            text.push_str(&format!("{variable}={}\n", value.expose()));
        }
        if let Some(expiration) = &self.expiration {
            text.push_str(&format!("AWS_CREDENTIAL_EXPIRATION={}\n", instant::text(expiration)));
        }
        if text.len() > Self::MAX_BYTES {
            problems.add_whole(format!("{} bytes", text.len()), "at most 5 KB, which GitLab allows");
        }
        problems.finish(Some(()))?;
        write_atomic(path, text.as_bytes(), Mode::Private)
    }
}

const EXPECTED: &str = "printable ASCII without spaces or quotes";

/// What is wrong with a value; the value itself is never shown.
fn fault(value: &str) -> Option<&'static str> {
    if value.is_empty() {
        Some("no value")
    } else if value.contains(['"', '\'']) {
        Some("a quote")
    } else if !value.bytes().all(|b| b.is_ascii_graphic()) {
        Some("a space, line break or other unprintable character")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use landfall_secret::Secret;
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::AwsAuthEnv;

    fn credentials() -> AwsAuthEnv {
        AwsAuthEnv {
            access_key_id: Secret::new("ASIAEXAMPLE"),
            secret_access_key: Secret::new("canary/secret+key="),
            session_token: Secret::new("canary-session-token"),
            expiration: Some(datetime!(2025-11-19 16:22:00 UTC)),
        }
    }

    #[test]
    fn four_lines_for_the_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("aws_auth.env");
        credentials().write(&path).expect("written");
        insta::assert_snapshot!(std::fs::read_to_string(&path).expect("read"), @r"
        AWS_ACCESS_KEY_ID=ASIAEXAMPLE
        AWS_SECRET_ACCESS_KEY=canary/secret+key=
        AWS_SESSION_TOKEN=canary-session-token
        AWS_CREDENTIAL_EXPIRATION=2025-11-19T16:22:00Z
        ");
        let mode = path.metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(AwsAuthEnv::read(&path).expect("read"), credentials());
    }

    #[test]
    fn messages_show_no_value() {
        let bad = "AWS_ACCESS_KEY_ID=\"canary one\"\nexport AWS_SECRET_ACCESS_KEY=canary two\ncanary three\nAWS_SESSION_TOKEN=\nAWS_SESSION_TOKEN=canary\nAWS_CREDENTIAL_EXPIRATION=canary\n# canary\n";
        let errors = AwsAuthEnv::parse(bad.as_bytes(), "aws_auth.env").expect_err("bad").to_string();
        assert!(!errors.contains("canary"), "{errors}");
        insta::assert_snapshot!(errors, @r"
        8 problems in aws_auth.env
          line 1: found AWS_ACCESS_KEY_ID with a quote, expected printable ASCII without spaces or quotes
          line 2: found something else, expected KEY=value without `export` or comments
          line 3: found something else, expected KEY=value without `export` or comments
          line 4: found AWS_SESSION_TOKEN with no value, expected printable ASCII without spaces or quotes
          line 5: found AWS_SESSION_TOKEN a second time, expected one line for a variable
          line 6: found AWS_CREDENTIAL_EXPIRATION with another value, expected a time of RFC 3339
          line 7: found something else, expected KEY=value without `export` or comments
          found no AWS_SECRET_ACCESS_KEY, expected a line AWS_SECRET_ACCESS_KEY=...
        ");
        assert!(!format!("{:?}", credentials()).contains("canary"));
    }

    #[test]
    fn what_gitlab_would_refuse_is_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("aws_auth.env");
        let mut broken = credentials();
        broken.session_token = Secret::new("a\nAWS_PROFILE=evil");
        assert!(broken.write(&path).is_err());
        broken.session_token = Secret::new("x".repeat(5200));
        assert!(broken.write(&path).is_err());
        assert!(!path.exists());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = AwsAuthEnv::parse(&bytes, "x");
        }
    }
}
