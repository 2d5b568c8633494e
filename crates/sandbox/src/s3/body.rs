//! Bodies as they are sent: plain or in chunks with a trailer, and their checksums.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::reply::Refusal;

/// Checksums that are understood (S3 User Guide, "Checking object integrity"); the service has more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `x-amz-checksum-sha256`.
    Sha256,
    /// `x-amz-checksum-crc32`.
    Crc32,
    /// `x-amz-checksum-crc64nvme`, what the service computes where nothing is given.
    Crc64Nvme,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Sha256, Self::Crc32, Self::Crc64Nvme];

    /// The header.
    pub fn header(self) -> &'static str {
        match self {
            Self::Sha256 => "x-amz-checksum-sha256",
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA256",
            Self::Crc32 => "CRC32",
            Self::Crc64Nvme => "CRC64NVME",
        }
    }

    fn of(self, bytes: &[u8]) -> String {
        match self {
            Self::Sha256 => STANDARD.encode(Sha256::digest(bytes)),
            Self::Crc32 => {
                let mut crc = flate2::Crc::new();
                crc.update(bytes);
                STANDARD.encode(crc.sum().to_be_bytes())
            }
            Self::Crc64Nvme => STANDARD.encode(crc64_nvme(bytes).to_be_bytes()),
        }
    }
}

/// A checksum that is kept with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    pub(super) value: String,
}

impl Checksum {
    pub(super) fn sha256(&self) -> Option<String> {
        (self.algorithm == Algorithm::Sha256).then(|| self.value.clone())
    }
}

/// A body with its framing taken off, and the checksum that came with it.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    pub(super) checksum: Option<Checksum>,
}

/// Takes the framing off and verifies whatever was said about the bytes.
pub(super) fn received(headers: &HeaderMap, sent: &Bytes) -> Result<Received, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let hash = text("x-amz-content-sha256")
        .ok_or_else(|| Refusal::request("Missing required header for this request: x-amz-content-sha256"))?;
    let (bytes, trailers) = match hash {
        "UNSIGNED-PAYLOAD" => (sent.clone(), Vec::new()),
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER" | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => {
            if !text("content-encoding")
                .is_some_and(|value| value.split(',').any(|part| part.trim() == "aws-chunked"))
            {
                return Err(Refusal::request("Content-Encoding must be aws-chunked"));
            }
            let (bytes, trailers) = chunked(sent)?;
            let announced = text("x-amz-decoded-content-length").and_then(|value| value.parse().ok());
            if announced != Some(bytes.len()) {
                return Err(Refusal::new(
                    400,
                    "IncompleteBody",
                    "You did not provide the number of bytes specified by the x-amz-decoded-content-length header",
                ));
            }
            let named = text("x-amz-trailer").unwrap_or_default().to_ascii_lowercase();
            if trailers.iter().any(|(name, _)| *name != named) || trailers.is_empty() != named.is_empty() {
                return Err(Refusal::new(
                    400,
                    "MalformedTrailerError",
                    "The request contained trailing data that was not well-formed or did not conform to our published schema.",
                ));
            }
            (bytes, trailers)
        }
        hex => {
            if hex_sha256(sent) != hex {
                return Err(Refusal::new(
                    400,
                    "XAmzContentSHA256Mismatch",
                    "The provided 'x-amz-content-sha256' header does not match what was computed.",
                ));
            }
            (sent.clone(), Vec::new())
        }
    };
    // It is of the body as it is sent; with a chunked one it would be of the chunks (PutObject, Content-MD5).
    if let Some(md5) = text("content-md5") {
        if STANDARD.decode(md5).ok().is_none_or(|bytes| bytes.len() != 16) {
            return Err(Refusal::new(400, "InvalidDigest", "The Content-MD5 you specified was invalid."));
        }
        if md5 != STANDARD.encode(Md5::digest(sent)) {
            let message = "The Content-MD5 you specified did not match what we received.";
            return Err(Refusal::new(400, "BadDigest", message));
        }
    }
    let checksum = checksum(headers, &trailers, &bytes)?;
    Ok(Received { bytes, checksum })
}

fn checksum(
    headers: &HeaderMap,
    trailers: &[(String, String)],
    bytes: &[u8],
) -> Result<Option<Checksum>, Refusal> {
    let given = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()))
        .chain(trailers.iter().cloned())
        .filter(|(name, _)| {
            name.starts_with("x-amz-checksum-")
                && !matches!(
                    name.as_str(),
                    "x-amz-checksum-mode" | "x-amz-checksum-type" | "x-amz-checksum-algorithm"
                )
        });
    let given: Vec<(String, String)> = given.collect();
    let [(name, value)] = &given[..] else {
        return if given.is_empty() {
            Ok(None)
        } else {
            Err(Refusal::request(
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            ))
        };
    };
    let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.header() == name);
    let Some(algorithm) = algorithm else { return Err(Refusal::not_implemented(name)) };
    if algorithm.of(bytes) != *value {
        let message =
            format!("The {} you specified did not match the calculated checksum.", algorithm.name());
        return Err(Refusal::new(400, "BadDigest", message));
    }
    Ok(Some(Checksum { algorithm, value: value.clone() }))
}

/// What the service computes where the writer gave no checksum.
pub(super) fn own_checksum(bytes: &[u8]) -> Checksum {
    Checksum { algorithm: Algorithm::Crc64Nvme, value: Algorithm::Crc64Nvme.of(bytes) }
}

/// SHA-256 in hex, 64 digits.
pub(super) fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

/// MD5 in hex, 32 digits: what an ETag is of an object that was put whole.
pub(super) fn hex_md5(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().fold(String::with_capacity(32), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

type Chunked = (Bytes, Vec<(String, String)>);

/// Takes `aws-chunked` apart: `<hex size>[;chunk-signature=...]\r\n<bytes>\r\n`, a chunk of nothing, trailers, an empty line.
fn chunked(sent: &Bytes) -> Result<Chunked, Refusal> {
    let broken = || Refusal::new(400, "IncompleteBody", "The request body is not well-formed aws-chunked");
    let line = |from: usize| -> Option<(&[u8], usize)> {
        let rest = sent.get(from..)?;
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        Some((rest.get(..end)?, from + end + 2))
    };
    let mut bytes = BytesMut::new();
    let mut at = 0;
    loop {
        let (head, next) = line(at).ok_or_else(broken)?;
        let head = std::str::from_utf8(head).map_err(|_| broken())?;
        let size =
            usize::from_str_radix(head.split(';').next().unwrap_or_default(), 16).map_err(|_| broken())?;
        at = next;
        if size == 0 {
            break;
        }
        bytes.extend_from_slice(sent.get(at..at.saturating_add(size)).ok_or_else(broken)?);
        at += size;
        if sent.get(at..at + 2) != Some(&b"\r\n"[..]) {
            return Err(broken());
        }
        at += 2;
    }
    let mut trailers = Vec::new();
    while let Some((text, next)) = line(at) {
        at = next;
        if text.is_empty() {
            break;
        }
        let text = std::str::from_utf8(text).map_err(|_| broken())?;
        let (name, value) = text.split_once(':').ok_or_else(broken)?;
        if name.trim() != "x-amz-trailer-signature" {
            trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    if at == sent.len() { Ok((bytes.freeze(), trailers)) } else { Err(broken()) }
}

/// CRC-64/NVME: reflected, polynomial 0xad93d23594c93659, begun and ended with all ones.
fn crc64_nvme(bytes: &[u8]) -> u64 {
    const REFLECTED: u64 = 0x9a6c_9329_ac4b_c9b5;
    !bytes.iter().fold(u64::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u64::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ REFLECTED } else { crc >> 1 },
        )
    })
}

#[cfg(test)]
mod unit {
    use bytes::Bytes;

    use super::{chunked, crc64_nvme};

    #[test]
    fn the_checksum_is_the_published_one() {
        // Check value of the catalogue of parametrised CRC algorithms.
        assert_eq!(crc64_nvme(b"123456789"), 0xae8b_1486_0a79_9888);
    }

    #[test]
    fn chunks_are_put_together() {
        let sent = Bytes::from_static(
            b"3\r\nabc\r\n2;chunk-signature=0\r\nde\r\n0\r\nx-amz-checksum-crc32:aaaa\r\n\r\n",
        );
        let (bytes, trailers) = chunked(&sent).expect("well-formed");
        assert_eq!(&bytes[..], b"abcde");
        assert_eq!(trailers, [("x-amz-checksum-crc32".to_owned(), "aaaa".to_owned())]);
        for broken in [&b""[..], b"3\r\nab", b"3\r\nabcd\r\n0\r\n\r\n", b"z\r\n", b"0\r\n\r\nmore"] {
            assert!(chunked(&Bytes::from_static(broken)).is_err(), "{broken:?}");
        }
    }
}
