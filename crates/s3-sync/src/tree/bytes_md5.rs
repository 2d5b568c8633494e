//! The MD5 of an object's bytes, as records have it.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::etag::{hex, md5};

/// The MD5 of an object's bytes; in files 32 lower-case hex digits. Kept small: there may be a hundred thousand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BytesMd5(pub(super) [u8; 16]);

impl fmt::Display for BytesMd5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for BytesMd5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for BytesMd5 {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BytesMd5 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(from)?;
        md5(&text).map(Self).ok_or_else(|| D::Error::custom("an MD5 has 32 lower-case hex digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::BytesMd5;

    #[test]
    fn it_is_written_and_read_in_hex() {
        let text = "\"92eb5ffee6ae2fec3ad71c777531578f\"";
        let md5: BytesMd5 = serde_json::from_str(text).expect("an MD5");
        assert_eq!(serde_json::to_string(&md5).expect("JSON"), text);
        for odd in
            ["\"\"", "\"92EB5FFEE6AE2FEC3AD71C777531578F\"", "\"92eb5ffee6ae2fec3ad71c777531578f-2\"", "7"]
        {
            assert!(serde_json::from_str::<BytesMd5>(odd).is_err(), "{odd}");
        }
    }
}
