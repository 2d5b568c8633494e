//! Where a tree is published.

use std::fmt;
use std::str::FromStr;

use crate::BucketName;

/// Most bytes of a key (S3 User Guide, "Naming Amazon S3 objects").
pub(crate) const MOST_KEY_BYTES: usize = 1024;

/// A bucket and the prefix of its keys that a tree has to itself: `s3://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeAddress {
    bucket: BucketName,
    prefix: String,
}

/// A text that is no such address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not s3://bucket/prefix: {why}")]
pub struct TreeAddressError {
    shown: String,
    why: &'static str,
}

impl TreeAddress {
    /// A bucket and a prefix, without slashes around it; an empty prefix is the whole bucket.
    ///
    /// # Errors
    /// A prefix with `//`, `.` or `..` between its slashes, with what [`landfall_secret::escape`] changes, such as control characters and
    /// those without width, or of more than 512 bytes.
    pub fn new(bucket: BucketName, prefix: &str) -> Result<Self, TreeAddressError> {
        let bare = prefix.trim_matches('/');
        let refused = |why| {
            let shown = landfall_secret::escape(&format!("s3://{bucket}/{prefix}"), 200);
            Err(TreeAddressError { shown, why })
        };
        if bare.is_empty() {
            return Ok(Self { bucket, prefix: String::new() });
        }
        if bare.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return refused("a part between slashes is empty, `.` or `..`");
        }
        if bare.len() > MOST_KEY_BYTES / 2 {
            return refused("the prefix is longer than 512 bytes");
        }
        let prefix = format!("{bare}/");
        // Records name it by the text that people see: what is shown in another way would be another prefix there.
        if landfall_secret::escape(&prefix, MOST_KEY_BYTES) != prefix {
            return refused("it has characters that are not seen, or what CI systems take for a command");
        }
        Ok(Self { prefix, bucket })
    }

    /// The bucket.
    pub fn bucket(&self) -> &BucketName {
        &self.bucket
    }

    /// What all keys begin with: empty, or with a slash at its end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The key of a name below it.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The address of a name below it, for people.
    pub fn shown(&self, name: &str) -> String {
        landfall_secret::escape(&format!("s3://{}/{}{name}", self.bucket, self.prefix), 400)
    }
}

impl FromStr for TreeAddress {
    type Err = TreeAddressError;

    fn from_str(text: &str) -> Result<Self, TreeAddressError> {
        let refused = |why| TreeAddressError { shown: landfall_secret::escape(text, 200), why };
        let rest = text.strip_prefix("s3://").ok_or_else(|| refused("it does not begin with s3://"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let bucket = bucket.parse().map_err(|_| refused("a bucket is 3 to 63 of a-z 0-9 . -"))?;
        Self::new(bucket, prefix)
    }
}

impl fmt::Display for TreeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::TreeAddress;

    #[test]
    fn addresses_are_a_bucket_and_a_prefix() {
        for (text, prefix) in [
            ("s3://acme-config", ""),
            ("s3://acme-config/", ""),
            ("s3://acme-config/web", "web/"),
            ("s3://acme-config/web/", "web/"),
            ("s3://acme-config//web//", "web/"),
            ("s3://acme-config/web/é x", "web/é x/"),
        ] {
            let address: TreeAddress = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((address.bucket().as_str(), address.prefix()), ("acme-config", prefix), "{text}");
            assert_eq!(address.to_string().parse(), Ok(address), "{text}");
        }
        for bad in [
            "",
            "acme-config/web",
            "s3:/acme-config",
            "s3://",
            "s3://A/b",
            "s3://acme-config/a//b",
            "s3://acme-config/../b",
            "s3://acme-config/a/./b",
            "s3://acme-config/a\nb",
            "s3://acme-config/we\u{ad}b",
            "s3://acme-config/a/\u{200d}",
            "s3://acme-config/a##[b",
            "s3://acme-config/::error",
            "s3://acme-config/section_end:1",
            "https://acme-config/web",
            &format!("s3://acme-config/{}", "x".repeat(600)),
        ] {
            assert!(bad.parse::<TreeAddress>().is_err(), "{bad}");
        }
    }
}
