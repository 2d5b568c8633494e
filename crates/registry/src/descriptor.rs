//! What a manifest says about a part of it (OCI image-spec 1.1, "Descriptors").

use landfall_artifacts::Digest;
use oci_client::manifest::OciDescriptor;

/// The largest blob that is taken: Lambda's limit for a whole image, uncompressed (Lambda quotas, "Container image code package
/// size").
const LARGEST_BLOB_BYTES: u64 = 10 << 30;

/// The longest media type, in bytes: the two names of it have at most 127 characters each (RFC 6838, 4.2).
const LONGEST_MEDIA_TYPE: usize = 255;

/// Media type, digest and size of content, as somebody promises it. It is held against the bytes when they come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The media type: 1 to 255 printable ASCII characters.
    pub media_type: String,
    /// The digest.
    pub digest: Digest,
    /// The size in bytes.
    pub size_bytes: u64,
    /// Whether it says that the content is to be had elsewhere (`urls`).
    pub is_foreign: bool,
}

impl Descriptor {
    /// From the library's form, in which the digest is any text and the size may be negative.
    pub(crate) fn from_oci(given: &OciDescriptor) -> Result<Self, String> {
        let shown = || landfall_secret::escape(&given.digest, 80);
        let digest = given.digest.parse().map_err(|_| format!("`{}` is not a sha256 digest", shown()))?;
        let size_bytes =
            u64::try_from(given.size).map_err(|_| format!("the size of {} is {}", shown(), given.size))?;
        if size_bytes > LARGEST_BLOB_BYTES {
            return Err(format!(
                "{} is said to have {size_bytes} bytes, more than the 10 GiB that Lambda runs",
                shown()
            ));
        }
        let is_printable = given.media_type.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !(1..=LONGEST_MEDIA_TYPE).contains(&given.media_type.len()) || !is_printable {
            return Err(format!(
                "the media type of {} is empty, too long, or not in printable ASCII",
                shown()
            ));
        }
        Ok(Self {
            media_type: given.media_type.clone(),
            digest,
            size_bytes,
            is_foreign: given.urls.as_ref().is_some_and(|urls| !urls.is_empty()),
        })
    }
}

#[cfg(test)]
mod tests {
    use oci_client::manifest::OciDescriptor;

    use super::{Descriptor, LARGEST_BLOB_BYTES};

    #[test]
    fn sizes_are_bounded() {
        let sized = |size: i64| {
            Descriptor::from_oci(&OciDescriptor {
                media_type: "application/octet-stream".to_owned(),
                digest: landfall_artifacts::Digest::of(b"x").to_string(),
                size,
                ..OciDescriptor::default()
            })
        };
        let largest = i64::try_from(LARGEST_BLOB_BYTES).expect("it fits");
        assert_eq!(sized(largest).map(|blob| blob.size_bytes), Ok(LARGEST_BLOB_BYTES));
        assert!(sized(largest - 1).is_ok() && sized(0).is_ok());
        for odd in [largest + 1, i64::MAX, -1] {
            assert!(sized(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn media_types_are_short_and_printable() {
        let typed = |media_type: &str| {
            Descriptor::from_oci(&OciDescriptor {
                media_type: media_type.to_owned(),
                digest: landfall_artifacts::Digest::of(b"x").to_string(),
                ..OciDescriptor::default()
            })
        };
        for good in ["a/b", "application/vnd.oci.empty.v1+json", &"x".repeat(254), &"x".repeat(255)] {
            assert_eq!(typed(good).map(|blob| blob.media_type), Ok(good.to_owned()));
        }
        for odd in ["", "a/b\r\nx-header: y", "a/\u{202e}b", "a/\0", &"x".repeat(256)] {
            assert!(typed(odd).is_err(), "{odd:?}");
        }
    }
}
