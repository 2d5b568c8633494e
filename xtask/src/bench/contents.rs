//! Bytes of layers: gzip, as tools expect of a layer and else make of it, of random bytes, so that nothing gets smaller; the same for the
//! same seed.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

/// How many bytes are made at once. Memory holds no more of a layer than a few of these.
const CHUNK: usize = 256 * 1024;

/// A layer's bytes, chunk by chunk.
pub(crate) struct Contents {
    random: fastrand::Rng,
    left: u64,
    /// Of what is inside.
    hash: Sha256,
    gzip: Option<GzEncoder<Vec<u8>>>,
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
            hash: Sha256::new(),
            gzip: Some(GzBuilder::new().write(Vec::with_capacity(CHUNK * 2), Compression::none())),
        }
    }

    /// Makes all of it and keeps nothing.
    pub(crate) fn identity(mut self) -> Identity {
        let (mut hash, mut size) = (Sha256::new(), 0);
        for chunk in self.by_ref() {
            hash.update(&chunk);
            size += chunk.len() as u64;
        }
        Identity { digest: text(hash), size, diff_id: text(self.hash) }
    }
}

impl Iterator for Contents {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let size = usize::try_from(self.left).map_or(CHUNK, |left| left.min(CHUNK));
        if size == 0 {
            let last = self.gzip.take()?.finish().expect("memory takes all bytes");
            return Some(last.into());
        }
        self.left -= size as u64;
        let mut chunk = vec![0; size];
        self.random.fill(&mut chunk);
        self.hash.update(&chunk);
        let gzip = self.gzip.as_mut()?;
        gzip.write_all(&chunk).expect("memory takes all bytes");
        Some(std::mem::replace(gzip.get_mut(), Vec::with_capacity(CHUNK * 2)).into())
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

    use super::{CHUNK, Contents, digest};

    const INSIDE: u64 = 4 * CHUNK as u64 + 7;

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
        let (layer, mut inside) = (all("a"), Vec::new());
        GzDecoder::new(layer.as_slice()).read_to_end(&mut inside).expect("gzip");
        assert_eq!(inside.len() as u64, INSIDE);
        let identity = Contents::new("a", INSIDE).identity();
        assert_eq!(identity.size, layer.len() as u64);
        assert_eq!((identity.digest, identity.diff_id), (digest(&layer), digest(&inside)));
    }

    #[test]
    fn a_layer_does_not_get_smaller() {
        let mut again = flate2::read::GzEncoder::new(all("a").leak() as &[u8], flate2::Compression::best());
        let mut smaller = Vec::new();
        again.read_to_end(&mut smaller).expect("gzip");
        assert!(smaller.len() as u64 >= INSIDE, "{} bytes", smaller.len());
    }
}
