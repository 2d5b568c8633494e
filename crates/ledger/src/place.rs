//! Where a ledger is.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use landfall_artifacts::BucketName;

/// Most bytes of a prefix: with a record's name the key stays far below the 1,024 bytes of S3.
const MOST_PREFIX: usize = 512;

/// A folder, or a bucket and the prefix of its keys that the ledger has to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// `s3://bucket/prefix`.
    S3 {
        /// The bucket.
        bucket: BucketName,
        /// What all keys begin with: empty, or with a slash at its end.
        prefix: String,
    },
}

/// A text that names no place for a ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is no place for a ledger: {why}")]
pub struct PlaceError {
    shown: String,
    why: &'static str,
}

impl Place {
    /// Whether other machines see it too.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::S3 { .. })
    }

    /// Whether one of the two lies in the other, or they are the same: then who can change one can change both.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Folder(one), Self::Folder(other)) => {
                let (one, other) = (real(one), real(other));
                one.starts_with(&other) || other.starts_with(&one)
            }
            (Self::S3 { bucket, prefix }, Self::S3 { bucket: other, prefix: beside }) => {
                bucket == other && (prefix.starts_with(beside) || beside.starts_with(prefix))
            }
            (Self::Folder(_), Self::S3 { .. }) | (Self::S3 { .. }, Self::Folder(_)) => false,
        }
    }
}

/// Where a path really leads, links resolved as far as it is there.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for there in path.ancestors() {
        if let Ok(found) = there.canonicalize() {
            let rest = path.strip_prefix(there).unwrap_or(Path::new(""));
            return rest.components().fold(found, |mut path, part| {
                match part {
                    Component::ParentDir => {
                        path.pop();
                    }
                    part => path.push(part),
                }
                path
            });
        }
    }
    path
}

impl FromStr for Place {
    type Err = PlaceError;

    /// `s3://bucket/prefix` with a prefix of at most 512 of `A-Z a-z 0-9 . _ - = /`; everything else is a folder.
    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let refused = |why| PlaceError { shown: landfall_secret::escape(text, 200), why };
        let Some(rest) = text.strip_prefix("s3://") else {
            if text.trim().is_empty() {
                return Err(refused("it is empty"));
            }
            if text.contains("://") {
                return Err(refused("only s3:// addresses and folders can hold one"));
            }
            return Ok(Self::Folder(PathBuf::from(text)));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let bucket = bucket.parse().map_err(|_| refused("a bucket is 3 to 63 of a-z 0-9 . -"))?;
        let prefix = prefix.trim_matches('/');
        if prefix.is_empty() {
            return Ok(Self::S3 { bucket, prefix: String::new() });
        }
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-=/".contains(&b);
        if prefix.len() > MOST_PREFIX || !prefix.bytes().all(is_plain) {
            return Err(refused("a prefix is at most 512 of A-Z a-z 0-9 . _ - = /"));
        }
        if prefix.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(refused("a part between slashes is empty, `.` or `..`"));
        }
        Ok(Self::S3 { bucket, prefix: format!("{prefix}/") })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => f.write_str(&landfall_secret::escape(&path.to_string_lossy(), 400)),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{}", prefix.trim_end_matches('/')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_is_a_folder_or_a_bucket_with_a_prefix() {
        for (text, shown) in [
            (".landfall/ledger", ".landfall/ledger"),
            ("/srv/ledger", "/srv/ledger"),
            ("s3://acme-ledger", "s3://acme-ledger/"),
            ("s3://acme-ledger/app/", "s3://acme-ledger/app"),
            ("s3://acme-ledger/a/b-1", "s3://acme-ledger/a/b-1"),
        ] {
            let place: Place = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(place.to_string(), shown);
            assert_eq!(place.is_shared(), text.starts_with("s3://"));
            assert_eq!(place.to_string().parse::<Place>().as_ref(), Ok(&place), "it reads what it writes");
        }
        for bad in
            ["", " ", "s3://", "s3://A/b", "s3://abc/a//b", "s3://abc/../b", "s3://abc/a b", "https://x/y"]
        {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
        assert!(format!("s3://abc/{}", "x".repeat(513)).parse::<Place>().is_err());
    }

    #[test]
    fn places_that_lie_in_each_other_are_not_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| Place::Folder(folder.path().join(name));
        std::fs::create_dir(folder.path().join("ledger")).expect("a folder");
        std::os::unix::fs::symlink(folder.path().join("ledger"), folder.path().join("link")).expect("a link");
        let s3 = |text: &str| text.parse::<Place>().expect("a place");
        for (one, other, overlap) in [
            (at("ledger"), at("ledger"), true),
            (at("ledger"), at("ledger/below/it"), true),
            (at("ledger"), at("link/below"), true),
            (at("ledger"), at("not/there/../../ledger"), true),
            (at("ledger"), at("ledger-2"), false),
            (s3("s3://acme/app"), s3("s3://acme/app/checkpoints"), true),
            (s3("s3://acme"), s3("s3://acme/app"), true),
            (s3("s3://acme/app"), s3("s3://acme/app-2"), false),
            (s3("s3://acme/app"), s3("s3://other/app"), false),
            (s3("s3://acme/app"), at("ledger"), false),
        ] {
            assert_eq!(one.overlaps(&other), overlap, "{one} {other}");
            assert_eq!(other.overlaps(&one), overlap, "{other} {one}");
        }
    }
}
