//! Signatures of Standard Webhooks, by which a receiver knows who sent a message and when.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_artifacts::Hasher;
use landfall_secret::Secret;

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// The value of `webhook-signature`: `v1,` and base64 of HMAC-SHA256 over `<id>.<seconds>.<body>`.
///
/// The key is the secret's bytes; one that begins with `whsec_` is base64 behind that.
///
/// Source: Standard Webhooks 1.0.0, "Signature scheme".
pub(crate) fn signature(secret: &Secret, id: &str, seconds: i64, body: &[u8]) -> String {
    let text = secret.expose();
    let coded = text.strip_prefix("whsec_").and_then(|coded| STANDARD.decode(coded).ok());
    let key = coded.unwrap_or_else(|| text.as_bytes().to_vec());
    let head = format!("{id}.{seconds}.");
    format!("v1,{}", STANDARD.encode(hmac_sha256(&key, &[head.as_bytes(), body])))
}

/// HMAC with SHA-256 (RFC 2104) over parts that stand one behind the other.
fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0u8; BLOCK];
    let hashed = hash(&[key]);
    let short: &[u8] = if key.len() > BLOCK { &hashed } else { key };
    for (byte, of_key) in block.iter_mut().zip(short) {
        *byte = *of_key;
    }
    let inner_key = block.map(|byte| byte ^ 0x36);
    let mut inner = vec![inner_key.as_slice()];
    inner.extend_from_slice(parts);
    hash(&[&block.map(|byte| byte ^ 0x5c), &hash(&inner)])
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    *hasher.finish().as_bytes()
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Digest;
    use landfall_secret::Secret;

    use super::{hmac_sha256, signature};

    #[test]
    fn hmac_is_that_of_the_standard() {
        // RFC 4231, test cases 1, 2, 6 and 7.
        for (key, text, expected) in [
            (vec![0x0b; 20], "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe".to_vec(),
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                vec![0xaa; 131],
                "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ] {
            let (head, tail) = text.as_bytes().split_at(3);
            assert_eq!(Digest::from_sha256(hmac_sha256(&key, &[head, tail])).hex(), expected);
        }
    }

    #[test]
    fn messages_are_signed_as_the_standard_has_it() {
        // The example of the standard's own libraries.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed =
            signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        // A key that is no base64 is a text.
        assert_ne!(signature(&Secret::new("whsec_!"), "x", 0, b""), signature(&Secret::new(""), "x", 0, b""));
    }
}
