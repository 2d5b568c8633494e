//! Foreign text made harmless: one escaping for terminals, CI logs and reports.

/// Escapes text that came from outside so that it can be printed.
///
/// Control characters (C0, C1, DEL, CR, LF, TAB), bidirectional and zero-width characters become `\u{..}`; a text longer
/// than `max_chars` characters is cut and ends in `…`. What CI systems take for a command is broken up with a
/// backslash: GitHub's `::` at the beginning (also after spaces) and its older `##[` anywhere, and GitLab's `section_start:`
/// and `section_end:`.
pub fn escape(text: &str, max_chars: usize) -> String {
    if text.len() <= max_chars && is_plain(text) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len().min(max_chars.saturating_mul(4)));
    for (count, character) in text.chars().enumerate() {
        if count == max_chars {
            shown.push('…');
            break;
        }
        if is_hostile(character) {
            shown.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
        } else {
            shown.push(character);
        }
    }
    if shown.contains("section_") {
        shown = shown.replace("section_start:", "section_start\\:").replace("section_end:", "section_end\\:");
    }
    if shown.contains("##[") {
        shown = shown.replace("##[", "##\\[");
    }
    let blank = shown.len() - shown.trim_start().len();
    if shown.split_at(blank).1.starts_with("::") {
        shown.insert(blank, '\\');
    }
    shown
}

/// Whether a text is sure to stay as it is. Most are, and pages have millions of them.
fn is_plain(text: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'#';
    text.bytes().all(is_plain) && !text.trim_start().starts_with("::") && !text.contains("section_")
}

/// [`escape()`] line by line, for text whose line breaks are wanted: at most `max_lines` lines of `max_chars` each.
pub fn escape_lines(text: &str, max_lines: usize, max_chars: usize) -> String {
    let mut lines: Vec<String> =
        text.lines().take(max_lines).map(|line| escape(line.trim_end_matches('\r'), max_chars)).collect();
    if text.lines().nth(max_lines).is_some() {
        lines.push("…".to_owned());
    }
    lines.join("\n")
}

fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' // zero width, left-to-right and right-to-left marks
                | '\u{2028}'..='\u{202e}' // separators, bidirectional embedding and override
                | '\u{2060}'..='\u{206f}' // word joiner, isolates
                | '\u{61c}'
                | '\u{ad}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{escape, escape_lines, is_hostile};

    #[test]
    fn terminal_control_is_shown_not_obeyed() {
        assert_eq!(escape("\u{1b}]0;title\u{7}", 100), "\\u{1b}]0;title\\u{7}");
        assert_eq!(escape("approved\rrejected", 100), "approved\\u{d}rejected");
        assert_eq!(escape("abc\u{202e}fed", 100), "abc\\u{202e}fed");
    }

    #[test]
    fn ci_commands_are_broken_up() {
        assert_eq!(escape("::add-mask::x", 100), "\\::add-mask::x");
        assert_eq!(escape("  ::error::x", 100), "  \\::error::x");
        assert_eq!(escape("##[error]x", 100), "##\\[error]x");
        assert_eq!(escape("said ##[add-mask]x", 100), "said ##\\[add-mask]x");
        assert_eq!(escape("a::b", 100), "a::b");
        assert_eq!(escape("section_start:1:a", 100), "section_start\\:1:a");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(escape("abcdef", 3), "abc…");
        assert_eq!(escape_lines("a\nb\nc", 2, 10), "a\nb\n…");
    }

    proptest! {
        #[test]
        fn nothing_hostile_survives(text in any::<String>()) {
            let shown = escape(&text, 200);
            prop_assert!(!shown.chars().any(is_hostile));
            prop_assert!(!shown.trim_start().starts_with("::"));
            prop_assert!(!shown.contains("##["));
            prop_assert!(!shown.contains("section_start:"));
        }
    }
}
