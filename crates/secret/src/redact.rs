//! Removal of known secrets from text on its way out.

use std::fmt;
use std::sync::{Arc, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::{Secret, markdown};

/// A secret shorter than this is not searched for: it would hit ordinary words.
const SHORTEST: usize = 6;

/// Knows the secrets of a run and removes them from any text, in the spellings in which they commonly leak: as they are,
/// each of their lines, JSON-escaped (with and without `/`, as serde_json and as Go write it), percent-encoded (also as in a
/// form), base64 at each of the three offsets (both alphabets), in hexadecimal digits (both cases), with the entities of HTML, and
/// quoted for a shell (by quotes or by backslashes, as `set -x` shows commands).
///
/// Cloning is cheap and clones share what they know, so a secret that is learned late is redacted everywhere.
#[derive(Clone, Default)]
pub struct Redactor {
    patterns: Arc<RwLock<Vec<String>>>,
}

impl Redactor {
    /// What stands in place of a secret.
    pub const MARK: &'static str = "<redacted>";

    /// A redactor that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns a secret and each of its lines. What is under six characters is passed over, and so is a line without a letter or
    /// digit, such as `----------` or an indented `}`: it gives nothing away, and other texts hold it too.
    pub fn learn(&self, secret: &Secret) {
        let value = secret.expose();
        let mut found = Vec::new();
        let says_something = |line: &&str| line.chars().any(char::is_alphanumeric);
        for line in std::iter::once(value).chain(value.lines().filter(says_something)) {
            if line.len() < SHORTEST {
                continue;
            }
            found.push(line.to_owned());
            for slash in [false, true] {
                for as_go in [false, true] {
                    found.push(json_escaped(line, slash, as_go));
                }
            }
            for percent in [percent_encoded(line, true), percent_encoded(line, false)] {
                // As in a form, where `*` stays and `~` does not (WHATWG URL, 5.2), or by those who only changed the space.
                found.push(percent.replace("%20", "+"));
                found.push(percent);
            }
            found.push(url::form_urlencoded::byte_serialize(line.as_bytes()).collect());
            for offset in 0..3 {
                found.extend(base64_inside(line.as_bytes(), offset));
            }
            found.extend(hexadecimal(line));
            for apostrophe in ["&#39;", "&#x27;", "&apos;"] {
                found.push(with_entities(line, apostrophe));
            }
            found.push(line.replace('\'', "'\\''"));
            found.push(line.replace('\'', "'\"'\"'"));
            found.push(behind_backslashes(line));
            found.push(markdown(line));
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
                clean = clean.replace(pattern.as_str(), Self::MARK);
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

/// As `serde_json` writes it: `"`, `\` and control characters. Others escape `/` too, and Go what HTML gives a meaning to.
fn json_escaped(text: &str, slash: bool, as_go: bool) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '/' if slash => escaped.push_str("\\/"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            '<' | '>' | '&' if as_go => escaped.push_str(&format!("\\u{:04x}", u32::from(character))),
            '\0'..='\u{1f}' => escaped.push_str(&format!("\\u{:04x}", u32::from(character))),
            plain => escaped.push(plain),
        }
    }
    escaped
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

/// In lower and in upper case.
fn hexadecimal(text: &str) -> [String; 2] {
    let lower = text.bytes().fold(String::with_capacity(text.len() * 2), |mut digits, byte| {
        digits.push_str(&format!("{byte:02x}"));
        digits
    });
    let upper = lower.to_ascii_uppercase();
    [lower, upper]
}

/// As templates write it into HTML; they differ in the apostrophe alone.
fn with_entities(text: &str, apostrophe: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    escaped.replace('\'', apostrophe)
}

/// As `printf %q` quotes it.
fn behind_backslashes(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if character.is_ascii() && !character.is_ascii_alphanumeric() && !"-_./=:@%+,".contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
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
        let redactor = knows("p\"ss/w+rd of 1 day&\u{1b}\t~\\");
        for leak in [
            "p\"ss/w+rd of 1 day&\u{1b}\t~\\",
            r#"p\"ss/w+rd of 1 day&\u001b\t~\\"#,
            r#"p\"ss\/w+rd of 1 day&\u001b\t~\\"#,
            r#"p\"ss/w+rd of 1 day\u0026\u001b\t~\\"#,
            "p%22ss%2Fw%2Brd%20of%201%20day%26%1B%09~%5C",
            "p%22ss%2fw%2brd%20of%201%20day%26%1b%09~%5c",
            "p%22ss%2Fw%2Brd+of+1+day%26%1B%09~%5C",
            "p%22ss%2Fw%2Brd+of+1+day%26%1B%09%7E%5C",
            "702273732f772b7264206f66203120646179261b097e5c",
            "702273732F772B7264206F66203120646179261B097E5C",
            "p&quot;ss/w+rd of 1 day&amp;\u{1b}\t~\\",
            "p\\\"ss/w+rd\\ of\\ 1\\ day\\&\\\u{1b}\\\t\\~\\\\",
        ] {
            assert_eq!(redactor.redact(&format!("before {leak} after")), "before <redacted> after", "{leak}");
        }
        assert_eq!(redactor.redact("nothing here"), "nothing here");
    }

    #[test]
    fn apostrophes_of_shells_and_pages_are_known() {
        let redactor = knows("it's-a-secret");
        for leak in [
            "'it'\\''s-a-secret'",
            "'it'\"'\"'s-a-secret'",
            "'it&#39;s-a-secret'",
            "'it&#x27;s-a-secret'",
            "'it&apos;s-a-secret'",
            "'it\\'s-a-secret'",
        ] {
            assert_eq!(redactor.redact(leak), "'<redacted>'", "{leak}");
        }
    }

    #[test]
    fn lines_of_a_long_secret_are_removed_one_by_one() {
        let redactor = knows("first-line\nsecond-line");
        assert_eq!(redactor.redact("x second-line y"), "x <redacted> y");
    }

    #[test]
    fn lines_that_say_nothing_are_left_in_other_texts() {
        let redactor = knows("{\n  \"key\": \"s3cret-value\"\n      }\n----------\n=========\n          \n");
        for ordinary in ["{\n      }", "a table\n----------", "==========", "x           y"] {
            assert_eq!(redactor.redact(ordinary), ordinary);
        }
        assert_eq!(redactor.redact("x  \"key\": \"s3cret-value\""), "x<redacted>");
        assert_eq!(knows("?!?!?!?!").redact("of signs alone: ?!?!?!?!"), "of signs alone: <redacted>");
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
