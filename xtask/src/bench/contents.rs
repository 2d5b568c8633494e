//! Bytes of layers: gzip, as tools expect of a layer and else make of it, of random bytes, so that nothing gets smaller; the same for the
//! same seed.

use bytes::Bytes;
use flate2::Crc;
use sha2::{Digest as _, Sha256};

/// The most bytes that a stored block of Deflate has (RFC 1951, 3.2.4).
const BLOCK: usize = 65535;
/// How many blocks are made at once. Memory holds no more of a layer than a few times that.
const BLOCKS: usize = 4;
/// The ten bytes that a gzip file begins with: magic, Deflate, no flags, no time, no hints (RFC 1952, 2.3).
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A layer's bytes, chunk by chunk. Blocks are stored: random bytes would take as much room compressed, and more time.
pub(crate) struct Contents {
    random: fastrand::Rng,
    left: u64,
    sum: Crc,
    has_begun: bool,
    has_ended: bool,
}

/// What a layer is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) digest: String,
    pub(crate) size: u64,
    /// The digest of what is inside, which the image's config lists.
    pub(crate) diff_id: String,
}

impl Contents {
    /// A layer with `inside` bytes that follow from the seed. It is little larger than that.
    pub(crate) fn new(seed: &str, inside: u64) -> Self {
        let digest = Sha256::digest(seed);
        let seed = digest.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte));
        Self {
            random: fastrand::Rng::with_seed(seed),
            left: inside,
            sum: Crc::new(),
            has_begun: false,
            has_ended: false,
        }
    }

    /// Makes all of it and keeps nothing.
    pub(crate) fn identity(mut self) -> Identity {
        let (mut inside, mut layer, mut size) = (Sha256::new(), Sha256::new(), 0);
        while let Some(chunk) = self.chunk(|block| inside.update(block)) {
            layer.update(&chunk);
            size += chunk.len() as u64;
        }
        Identity { digest: text(layer), size, diff_id: text(inside) }
    }

    /// The next blocks; `see` is shown what is inside of each.
    fn chunk(&mut self, mut see: impl FnMut(&[u8])) -> Option<Bytes> {
        if self.has_ended {
            return None;
        }
        let mut chunk = Vec::with_capacity(GZIP.len() + BLOCKS * (BLOCK + 5) + 8);
        if !std::mem::replace(&mut self.has_begun, true) {
            chunk.extend(GZIP);
        }
        for _ in 0..BLOCKS {
            let size = u16::try_from(self.left).unwrap_or(u16::MAX);
            self.left -= u64::from(size);
            let is_last = self.left == 0;
            chunk.push(u8::from(is_last));
            chunk.extend(size.to_le_bytes());
            chunk.extend((!size).to_le_bytes());
            let from = chunk.len();
            chunk.resize(from + usize::from(size), 0);
            let block = &mut chunk[from..];
            self.random.fill(block);
            self.sum.update(block);
            see(block);
            if is_last {
                self.has_ended = true;
                chunk.extend(self.sum.sum().to_le_bytes());
                chunk.extend(self.sum.amount().to_le_bytes());
                break;
            }
        }
        Some(chunk.into())
    }
}

impl Iterator for Contents {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.chunk(|_| ())
    }
}

/// The digest of bytes, as registries write it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    text(Sha256::new_with_prefix(bytes))
}

fn text(hash: Sha256) -> String {
    hash.finalize().iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::{BLOCK, BLOCKS, Contents, digest};

    /// More than two chunks, and a block that is not full.
    const INSIDE: u64 = (2 * BLOCKS * BLOCK) as u64 + 7;

    fn all(seed: &str) -> Vec<u8> {
        Contents::new(seed, INSIDE).flatten().collect()
    }

    #[test]
    fn contents_follow_from_their_seed() {
        assert_eq!(all("a"), all("a"));
        assert_ne!(all("a"), all("b"));
    }

    #[test]
    fn a_layer_is_gzip_and_known_by_what_it_is_and_by_what_is_inside() {
        for size in [0, 1, BLOCK as u64, (BLOCKS * BLOCK) as u64, INSIDE] {
            let (layer, mut inside) = (Contents::new("a", size).flatten().collect::<Vec<u8>>(), Vec::new());
            GzDecoder::new(layer.as_slice()).read_to_end(&mut inside).expect("gzip");
            assert_eq!(inside.len() as u64, size);
            let identity = Contents::new("a", size).identity();
            assert_eq!(identity.size, layer.len() as u64);
            assert_eq!((identity.digest, identity.diff_id), (digest(&layer), digest(&inside)));
        }
    }

    #[test]
    fn a_layer_does_not_get_smaller() {
        let layer = all("a");
        let mut again = flate2::read::GzEncoder::new(layer.as_slice(), flate2::Compression::best());
        let mut smaller = Vec::new();
        again.read_to_end(&mut smaller).expect("gzip");
        assert!(smaller.len() as u64 >= INSIDE, "{} bytes", smaller.len());
    }
}
