//! Removal of known secrets from text on its way out.

use std::fmt;
use std::sync::{Arc, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::Secret;

/// What stands in place of a secret.
const MARK: &str = "<redacted>";

/// A secret shorter than this is not searched for: it would hit ordinary words.
const SHORTEST: usize = 6;

/// Knows the secrets of a run and removes them from any text, in the spellings in which they commonly leak: as they are,
/// each of their lines, JSON-escaped, percent-encoded, and base64 at each of the three offsets (both alphabets).
///
/// Cloning is cheap and clones share what they know, so a secret that is learned late is redacted everywhere.
#[derive(Clone, Default)]
pub struct Redactor {
    patterns: Arc<RwLock<Vec<String>>>,
}

impl Redactor {
    /// A redactor that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns a secret. Values under six characters are passed over.
    pub fn learn(&self, secret: &Secret) {
        let value = secret.expose();
        let mut found = Vec::new();
        for line in std::iter::once(value).chain(value.lines()) {
            if line.len() < SHORTEST {
                continue;
            }
            found.push(line.to_owned());
            found.push(json_escaped(line));
            found.push(percent_encoded(line, true));
            found.push(percent_encoded(line, false));
            for offset in 0..3 {
                found.extend(base64_inside(line.as_bytes(), offset));
            }
        }
        let mut patterns = match self.patterns.write() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        };
        patterns.append(&mut found);
        // Longest first: a secret that holds another is replaced whole.
        patterns.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        patterns.dedup();
    }

    /// The text without any known secret.
    pub fn redact(&self, text: &str) -> String {
        let patterns = match self.patterns.read() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        };
        let mut clean = text.to_owned();
        for pattern in patterns.iter() {
            if clean.contains(pattern.as_str()) {
                clean = clean.replace(pattern.as_str(), MARK);
            }
        }
        clean
    }

    /// Whether the text holds a known secret in any of the spellings.
    pub fn finds_secret_in(&self, text: &str) -> bool {
        self.redact(text) != text
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

fn json_escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t").replace('/', "\\/")
}

fn percent_encoded(text: &str, upper: bool) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else if upper {
            encoded.push_str(&format!("%{byte:02X}"));
        } else {
            encoded.push_str(&format!("%{byte:02x}"));
        }
    }
    encoded
}

/// The characters of a base64 text that depend on the secret alone when `offset` other bytes stand before it.
fn base64_inside(secret: &[u8], offset: usize) -> Vec<String> {
    let mut padded = vec![0u8; offset];
    padded.extend_from_slice(secret);
    let start = (offset * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)]
        .into_iter()
        .filter_map(|text| text.get(start..end).map(str::to_owned))
        .filter(|text| text.len() >= SHORTEST)
        .collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::Redactor;
    use crate::Secret;

    fn knows(secret: &str) -> Redactor {
        let redactor = Redactor::new();
        redactor.learn(&Secret::new(secret));
        redactor
    }

    #[test]
    fn each_spelling_is_removed() {
        let secret = "p\"ss/w+rd of 1 day";
        let redactor = knows(secret);
        for leak in [secret.to_owned(), serde_like(secret), "p%22ss%2Fw%2Brd%20of%201%20day".to_owned()] {
            assert!(redactor.finds_secret_in(&format!("before {leak} after")), "{leak}");
        }
        assert_eq!(redactor.redact("nothing here"), "nothing here");
    }

    fn serde_like(text: &str) -> String {
        text.replace('"', "\\\"").replace('/', "\\/")
    }

    #[test]
    fn lines_of_a_long_secret_are_removed_one_by_one() {
        let redactor = knows("first-line\nsecond-line");
        assert_eq!(redactor.redact("x second-line y"), "x <redacted> y");
    }

    proptest! {
        #[test]
        fn base64_of_surrounded_secret_is_found(before in "[ -~]{0,7}", secret in "[A-Za-z0-9/+]{10,40}", after in "[ -~]{0,7}") {
            let redactor = knows(&secret);
            let whole = format!("{before}{secret}{after}");
            prop_assert!(redactor.finds_secret_in(&STANDARD.encode(&whole)));
            prop_assert!(redactor.finds_secret_in(&URL_SAFE.encode(&whole)));
            prop_assert!(!redactor.redact(&whole).contains(&secret));
        }
    }
}
