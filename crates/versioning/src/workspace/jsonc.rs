//! JSON with comments, made plain JSON of the same length.
//!
//! Nx and TypeScript read their files with comments and trailing commas. Both are blanked out here, so that the strict reader
//! of all our files can do the rest and every message still names the right line and column.

/// The same bytes, with spaces where a byte-order mark, comments and trailing commas stood. Line breaks stay.
pub(crate) fn blanked(bytes: &[u8]) -> Vec<u8> {
    let mut plain = bytes.to_vec();
    let mut at = 0;
    if bytes.starts_with(b"\xef\xbb\xbf") {
        blank(&mut plain, 0, 3);
        at = 3;
    }
    // A comma after which nothing but white space came so far.
    let mut comma = None;
    while let Some(&byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1)) {
            (b'"', _) => {
                at = end_of_text(bytes, at);
                comma = None;
            }
            (b'/', Some(b'/')) => {
                let end = bytes.iter().skip(at).position(|b| *b == b'\n').map_or(bytes.len(), |n| at + n);
                blank(&mut plain, at, end);
                at = end;
            }
            (b'/', Some(b'*')) => {
                // A comment that does not end is left to the strict reader to complain of.
                let Some(end) = end_of_comment(bytes, at) else { break };
                blank(&mut plain, at, end);
                at = end;
            }
            _ => {
                match byte {
                    b',' => comma = Some(at),
                    b'}' | b']' => {
                        if let Some(comma) = comma.take() {
                            blank(&mut plain, comma, comma + 1);
                        }
                    }
                    byte if byte.is_ascii_whitespace() => {}
                    _ => comma = None,
                }
                at += 1;
            }
        }
    }
    plain
}

fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn end_of_comment(bytes: &[u8], start: usize) -> Option<usize> {
    let inside = bytes.get(start + 2..)?;
    inside.windows(2).position(|pair| pair == b"*/").map(|n| start + 2 + n + 2)
}

fn blank(bytes: &mut [u8], start: usize, end: usize) {
    for byte in bytes.iter_mut().take(end).skip(start) {
        if *byte != b'\n' && *byte != b'\r' {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::blanked;

    fn plain(text: &str) -> String {
        String::from_utf8(blanked(text.as_bytes())).expect("still UTF-8")
    }

    #[test]
    fn comments_and_trailing_commas_become_spaces() {
        assert_eq!(plain("{ \"a\": 1, // b\n}"), "{ \"a\": 1      \n}");
        assert_eq!(plain("[1,/* , */\n2 , ]"), "[1,       \n2   ]");
        assert_eq!(plain("\u{feff}{}"), "   {}");
        // In a text nothing is a comment.
        let text = r#"{"paths":{"@a/*":["libs/*/x"],"u":"http://b","q":"\"//"}}"#;
        assert_eq!(plain(text), text);
        // What is broken stays broken.
        assert_eq!(plain("{ /* x"), "{ /* x");
        assert_eq!(plain("[,]"), "[ ]");
    }

    proptest! {
        #[test]
        fn any_bytes_keep_their_length(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(blanked(&bytes).len(), bytes.len());
        }

        #[test]
        fn plain_json_stays_as_it_is(text in "[a-z0-9 \n\u{e9}]{0,40}") {
            let json = serde_json::json!({ "a": [text, { "b": 1 }], "/*": "//" }).to_string();
            prop_assert_eq!(plain(&json), json);
        }
    }
}
