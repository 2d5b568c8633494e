//! The name of a bucket.

use std::fmt;
use std::str::FromStr;

/// The name of a general-purpose bucket: 3 to 63 of a-z 0-9 . -, beginning and ending with a letter or digit, no two dots beside
/// each other, no IP address (S3 User Guide, "General purpose bucket naming rules").
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketName(String);

/// A text that is no bucket's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a bucket: expected 3 to 63 of a-z 0-9 . -, without s3:// and without a path")]
pub struct BucketNameError {
    shown: String,
}

impl BucketName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BucketName {
    type Err = BucketNameError;

    fn from_str(text: &str) -> Result<Self, BucketNameError> {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let fits = (3..=63).contains(&text.len())
            && text.bytes().all(|b| inner(b) || b == b'.' || b == b'-')
            && text.bytes().next().is_some_and(inner)
            && text.bytes().last().is_some_and(inner)
            && !text.contains("..")
            && text.parse::<std::net::Ipv4Addr>().is_err();
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(BucketNameError { shown: landfall_secret::escape(text, 100) })
        }
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::BucketName;

    #[test]
    fn buckets_follow_their_rule() {
        for good in ["abc", "acme-releases", "a.b-1", "prd3292.dev1.us-east-1.demand-capture.tmaws"] {
            assert!(good.parse::<BucketName>().is_ok(), "{good}");
        }
        for bad in
            ["", "ab", "s3://abc", "abc/", "Abc", "-abc", "abc-", "a..b", "127.0.0.1", "a_b", &"a".repeat(64)]
        {
            assert!(bad.parse::<BucketName>().is_err(), "{bad}");
        }
    }
}
