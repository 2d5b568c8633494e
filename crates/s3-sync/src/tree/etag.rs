//! What a listing says of an object.

/// An object as it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its ETag.
    pub etag: Etag,
    /// When it was written, in milliseconds since 1970; of stores that tell whole seconds a multiple of a thousand.
    pub modified: i64,
}

/// An ETag, small in memory.
///
/// It is the MD5 of the bytes where an object was put whole and is encrypted with S3's own keys or not at all; else it is another
/// text that names the object's content (S3 API reference, "Object", ETag).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Etag {
    /// 32 hex digits: an MD5, or what looks like one.
    Md5Like([u8; 16]),
    /// Another text, without its quotation marks.
    Other(Box<str>),
    /// None was given, as by some stores that speak S3's protocol.
    Missing,
}

impl Etag {
    /// From a header or a listing.
    pub(crate) fn of(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::Missing };
        let bare = text.trim().trim_matches('"');
        match md5(bare) {
            Some(md5) => Self::Md5Like(md5),
            None if bare.is_empty() => Self::Missing,
            None => Self::Other(bare.into()),
        }
    }

    /// As it stands in `If-Match`; `None` where there is none.
    pub(crate) fn condition(&self) -> Option<String> {
        self.text().map(|text| format!("\"{text}\""))
    }

    /// Without quotation marks.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::Md5Like(md5) => Some(hex(md5)),
            Self::Other(text) => Some(text.to_string()),
            Self::Missing => None,
        }
    }
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        text
    })
}

/// What 32 lower-case hex digits say.
pub(super) fn md5(text: &str) -> Option<[u8; 16]> {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() != 32 || !text.bytes().all(is_hex) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::Etag;

    #[test]
    fn etags_are_md5_like_or_not_and_come_back_as_they_were() {
        let md5 = "\"0cc175b9c0f1b6a831c399e269772661\"";
        assert!(matches!(Etag::of(Some(md5)), Etag::Md5Like(_)));
        assert_eq!(Etag::of(Some(md5)).condition().as_deref(), Some(md5));
        for other in
            ["\"0cc175b9c0f1b6a831c399e269772661-2\"", "\"0CC175B9C0F1B6A831C399E269772661\"", "\"x\""]
        {
            assert!(matches!(Etag::of(Some(other)), Etag::Other(_)), "{other}");
            assert_eq!(Etag::of(Some(other)).condition().as_deref(), Some(other));
        }
        assert_eq!((Etag::of(None), Etag::of(Some("\"\""))), (Etag::Missing, Etag::Missing));
        assert_eq!(Etag::Missing.condition(), None);
    }
}
