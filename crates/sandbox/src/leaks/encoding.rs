//! What secrets leak in: the other direction, for planting them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// The eight encodings in which secrets are looked for. A secret of several lines is looked for line by line in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Plain,
    /// In a JSON text, as any writer may escape it, and as Rust's `Debug` does.
    Json,
    /// Percent-encoded, in both cases, and as in a form.
    Percent,
    /// Base64 at each of the three alignments, padded, also with line breaks.
    Base64,
    /// Base64 of the alphabet for addresses at each of the three alignments, without padding.
    Base64Url,
    /// Hexadecimal in both cases, also with signs between the bytes.
    Hex,
    /// With entities of HTML and XML: named, decimal, hexadecimal.
    Html,
    /// Quoted for a shell: by quotes, by backslashes, by `$'…'`.
    Shell,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Plain,
        Self::Json,
        Self::Percent,
        Self::Base64,
        Self::Base64Url,
        Self::Hex,
        Self::Html,
        Self::Shell,
    ];

    /// The ways in which a text is written in this encoding.
    pub fn spellings(self, text: &str) -> Vec<String> {
        match self {
            Self::Plain => vec![text.to_owned()],
            Self::Json => json(text),
            Self::Percent => percent(text),
            Self::Base64 => {
                let aligned = |before: &str| STANDARD.encode(format!("{before}{text}"));
                vec![aligned(""), aligned("a"), aligned("ab"), wrapped(&aligned("me:"))]
            }
            Self::Base64Url => {
                ["", "a", "ab"].map(|before| URL_SAFE_NO_PAD.encode(format!("{before}{text}"))).into()
            }
            Self::Hex => {
                let each = |between: &str, upper: bool| {
                    let byte = |byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
                    text.bytes().map(byte).collect::<Vec<_>>().join(between)
                };
                vec![each("", false), each("", true), each(":", false), each(" ", true)]
            }
            Self::Html => vec![
                replaced(text, "&<>\"'", |character| match character {
                    '&' => "&amp;".to_owned(),
                    '<' => "&lt;".to_owned(),
                    '>' => "&gt;".to_owned(),
                    '"' => "&quot;".to_owned(),
                    _ => "&#39;".to_owned(),
                }),
                replaced(text, "&<>\"'", |character| format!("&#{};", u32::from(character))),
                replaced(text, "&<>\"'/=", |character| format!("&#x{:X};", u32::from(character))),
            ],
            Self::Shell => {
                let plain =
                    |character: &char| character.is_ascii_alphanumeric() || "-_./=:@%+,".contains(*character);
                let special: String = text.chars().filter(|character| !plain(character)).collect();
                vec![
                    format!("'{}'", text.replace('\'', "'\\''")),
                    format!("'{}'", text.replace('\'', "'\"'\"'")),
                    replaced(text, &special, |character| format!("\\{character}")),
                    format!("$'{}'", replaced(text, "\\'", |character| format!("\\{character}"))),
                ]
            }
        }
    }
}

fn json(text: &str) -> Vec<String> {
    let escaped = serde_json::Value::from(text).to_string();
    let by_number = |character| format!("\\u{:04x}", u32::from(character));
    vec![
        escaped.clone(),
        escaped.replace('/', "\\/"),
        // As Go's writer does, which spares what HTML gives a meaning to.
        replaced(&escaped, "<>&", by_number),
        text.chars().map(by_number).collect(),
        format!("{text:?}"),
        text.chars().map(|character| character.escape_unicode().to_string()).collect(),
    ]
}

fn percent(text: &str) -> Vec<String> {
    let mut ways = [String::new(), String::new()];
    for byte in text.bytes() {
        let [upper, lower] = &mut ways;
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            upper.push(char::from(byte));
            lower.push(char::from(byte));
        } else {
            let _ = write!(upper, "%{byte:02X}");
            let _ = write!(lower, "%{byte:02x}");
        }
    }
    let [upper, lower] = ways;
    vec![url::form_urlencoded::byte_serialize(text.as_bytes()).collect(), upper, lower]
}

/// In lines of 20 characters.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    for (at, character) in text.chars().enumerate() {
        if at > 0 && at % 20 == 0 {
            lines.push_str("\r\n");
        }
        lines.push(character);
    }
    lines
}

fn replaced(text: &str, characters: &str, by: impl Fn(char) -> String) -> String {
    text.chars()
        .map(|character| if characters.contains(character) { by(character) } else { character.to_string() })
        .collect()
}
