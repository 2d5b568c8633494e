//! Where an image is: host, repository, and a tag or a digest.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Digest, Tag};

/// Host (with optional port) and repository path of images, such as
/// `123456789012.dkr.ecr.eu-west-2.amazonaws.com/app`.
///
/// Nothing is guessed: no `docker.io`, no `library/`, no `:latest`. The path follows the OCI distribution-spec's
/// repository-name rule; host and path together are at most 255 characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    host: String,
    path: String,
}

/// What of a repository is meant.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Version {
    /// A movable name.
    Tag(Tag),
    /// Content.
    Digest(Digest),
}

/// Repository and a tag or digest.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    repository: Repository,
    version: Version,
}

/// Repository and a digest: the only kind of reference that is deployed.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PinnedReference {
    repository: Repository,
    digest: Digest,
}

/// A text that is not a repository or reference.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("`{shown}` is not {expected}")]
pub struct ReferenceError {
    shown: String,
    expected: &'static str,
}

impl Repository {
    /// The host, with the port where one is given.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The repository's path on the host.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The repository below this one.
    ///
    /// # Errors
    /// [`ReferenceError`] where the segment breaks the repository-name rule.
    pub fn join(&self, segment: &str) -> Result<Self, ReferenceError> {
        format!("{self}/{segment}").parse()
    }

    /// This repository's image of that tag.
    pub fn tagged(&self, tag: Tag) -> Reference {
        Reference { repository: self.clone(), version: Version::Tag(tag) }
    }

    /// This repository's image of that digest.
    pub fn pinned(&self, digest: Digest) -> PinnedReference {
        PinnedReference { repository: self.clone(), digest }
    }
}

impl Reference {
    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Tag or digest.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The tag, where it is one.
    pub fn tag(&self) -> Option<&Tag> {
        match &self.version {
            Version::Tag(tag) => Some(tag),
            Version::Digest(_) => None,
        }
    }
}

impl PinnedReference {
    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl From<PinnedReference> for Reference {
    fn from(pinned: PinnedReference) -> Self {
        Self { repository: pinned.repository, version: Version::Digest(pinned.digest) }
    }
}

fn refused(text: &str, expected: &'static str) -> ReferenceError {
    ReferenceError { shown: landfall_secret::escape(text, 300), expected }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let bad = || refused(text, "a repository: expected host[:port]/path without scheme, in lower case");
        let (host, path) = text.split_once('/').ok_or_else(bad)?;
        if text.len() > 255 || !is_host(host) || !path.split('/').all(is_path_segment) {
            return Err(bad());
        }
        Ok(Self { host: host.to_owned(), path: path.to_owned() })
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let bad = || refused(text, "a reference: expected host/path:tag or host/path@sha256:digest");
        if let Some((repository, digest)) = text.split_once('@') {
            let digest = digest.parse().map_err(|_| bad())?;
            return Ok(Self {
                repository: repository.parse().map_err(|_| bad())?,
                version: Version::Digest(digest),
            });
        }
        let slash = text.rfind('/').ok_or_else(bad)?;
        let colon = text.rfind(':').filter(|colon| *colon > slash).ok_or_else(bad)?;
        let (repository, tag) = (&text[..colon], &text[colon + 1..]);
        let tag = tag.parse().map_err(|_| bad())?;
        Ok(Self { repository: repository.parse().map_err(|_| bad())?, version: Version::Tag(tag) })
    }
}

impl FromStr for PinnedReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let reference: Reference = text.parse()?;
        match reference.version {
            Version::Digest(digest) => Ok(Self { repository: reference.repository, digest }),
            Version::Tag(_) => Err(refused(text, "pinned: expected host/path@sha256:digest")),
        }
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        // The colons inside of brackets belong to an IPv6 address.
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    // To Rust `+80` is a number too.
    let is_port = |p: &str| p.bytes().all(|b| b.is_ascii_digit()) && p.parse::<u16>().is_ok_and(|n| n > 0);
    let port_fits = port.is_none_or(is_port);
    let name_fits = if let Some(inner) = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')) {
        inner.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        !name.is_empty()
            && name.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            })
    };
    port_fits && name_fits
}

/// One component of a repository name (distribution-spec): lower-case letters and digits, separated by one `.`, one or two
/// `_`, or any number of `-`. Artifactory's repository keys may hold capitals, and so may the project names below them.
fn is_path_segment(segment: &str) -> bool {
    let alphanumeric = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = segment.as_bytes();
    alphanumeric(bytes.first())
        && alphanumeric(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
        && !segment.contains("..")
}

macro_rules! text_form {
    ($type:ident, |$self:ident| $($format:tt)+) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $self = self;
                write!(f, $($format)+)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_form!(Repository, |r| "{}/{}", r.host, r.path);
text_form!(PinnedReference, |r| "{}@{}", r.repository, r.digest);
text_form!(
    Reference,
    |r| "{}{}{}",
    r.repository,
    match r.version {
        Version::Tag(_) => ':',
        Version::Digest(_) => '@',
    },
    match &r.version {
        Version::Tag(tag) => tag.to_string(),
        Version::Digest(digest) => digest.to_string(),
    }
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{PinnedReference, Reference, Repository};
    use crate::Digest;

    #[test]
    fn references_by_tag_and_digest() {
        let tagged: Reference =
            "127.0.0.1:5000/docker-build/ns/orderService:1.4.2".parse().expect("a good reference");
        assert_eq!(tagged.repository().host(), "127.0.0.1:5000");
        assert_eq!(tagged.repository().path(), "docker-build/ns/orderService");
        assert_eq!(tagged.tag().map(crate::Tag::as_str), Some("1.4.2"));
        for host in ["[::1]", "[2001:db8::1]:5000"] {
            let reference: Reference = format!("{host}/app:1").parse().expect("an IPv6 address, port or not");
            assert_eq!(reference.repository().host(), host);
        }
        let pinned = format!("example.com/app@{}", Digest::of(b"x"));
        assert_eq!(pinned.parse::<PinnedReference>().map(|p| p.to_string()), Ok(pinned));
    }

    #[test]
    fn nothing_is_guessed() {
        for bad in [
            "alpine",
            "alpine:3",
            "example.com/app",
            "https://example.com/app:1",
            "example.com/../etc:1",
            "example.com/app:",
            "example.com//app:1",
            "example.com:0/app:1",
            "example.com:99999/app:1",
            "example.com:+80/app:1",
            "[::1/app:1",
            "::1/app:1",
            "[::1]5000/app:1",
            "[::1]:/app:1",
            "user@example.com/app:1",
            "example.com/app:1@sha256:00",
            "exa mple.com/app:1",
            "example.com/a\u{202e}b:1",
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
        assert!("example.com/app:1".parse::<PinnedReference>().is_err());
    }

    proptest! {
        #[test]
        fn what_parses_prints_the_same(text in "[a-z0-9.:@/-]{0,60}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string(), text.clone());
            }
            if let Ok(repository) = text.parse::<Repository>() {
                prop_assert_eq!(repository.to_string(), text);
            }
        }
    }
}
