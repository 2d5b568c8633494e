//! Foreign text in a message of Slack or Mattermost.

/// Stands behind what must not begin anything: no width, and no part of a name.
const BREAK: char = '\u{200b}';

/// A text in which nothing is markup: it links to nothing, and calls nobody.
///
/// Slack reads `&`, `<` and `>` alone, so that `<!channel>` and `<https://...|text>` end with them. Mattermost also reads `@channel` and
/// `[text](address)` as they stand: a break behind `@`, and between `]` and `(`, ends that and is not seen.
///
/// Source: Slack, Formatting text for app surfaces, "Escaping text"; Mattermost, Incoming webhooks.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '@' => plain.extend(['@', BREAK]),
            ']' => plain.extend([']', BREAK]),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BREAK, plain};

    #[test]
    fn foreign_text_calls_nobody_and_links_nowhere() {
        for (text, told) in [
            ("v1.4.0 & more", "v1.4.0 &amp; more"),
            ("<!channel>", "&lt;!channel&gt;"),
            ("<https://evil.example|the job>", "&lt;https://evil.example|the job&gt;"),
            ("&lt;!here&gt;", "&amp;lt;!here&amp;gt;"),
            ("@channel", "@\u{200b}channel"),
            ("[the job](https://evil.example)", "[the job]\u{200b}(https://evil.example)"),
        ] {
            assert_eq!(plain(text), told);
        }
    }

    proptest! {
        #[test]
        fn nothing_of_any_text_is_markup(text in "[\\PC]{0,60}|[@<>&!\\[\\]()a-z]{0,60}") {
            let told = plain(&text);
            prop_assert!(!told.contains(['<', '>']));
            prop_assert!(!told.contains("]("));
            prop_assert!(told.match_indices('@').all(|(at, _)| told[at + 1..].starts_with(BREAK)));
        }
    }
}
