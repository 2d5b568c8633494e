//! `KEY=value` lines.

use std::collections::BTreeSet;

use crate::file_error::Problems;

/// A line that sets a variable.
pub(crate) struct EnvLine<'t> {
    /// From one.
    pub(crate) number: usize,
    pub(crate) key: &'t str,
    pub(crate) value: &'t str,
}

/// The variables of a text without quotes, `export` or comments. Blank lines and CRLF are tolerated; a line that is no
/// variable, or sets one a second time, is a problem that shows no value.
pub(crate) fn env_lines<'t>(bytes: &'t [u8], most: usize, problems: &mut Problems<'_>) -> Vec<EnvLine<'t>> {
    if bytes.len() > most {
        problems.add_whole(format!("{} bytes", bytes.len()), format!("at most {most} bytes"));
        return Vec::new();
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        problems.add_whole("bytes that are not UTF-8", "UTF-8 text");
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.trim().is_empty() {
            continue;
        }
        match line.split_once('=') {
            Some((key, value)) if is_variable(key) => {
                if seen.insert(key) {
                    lines.push(EnvLine { number, key, value });
                } else {
                    problems.add_line(
                        number,
                        format!("{} a second time", landfall_secret::escape(key, 80)),
                        "one line for a variable",
                    );
                }
            }
            _ => problems.add_line(number, "something else", "KEY=value without `export` or comments"),
        }
    }
    lines
}

/// Whether a text is the name of an environment variable: at most 128 of A-Z a-z 0-9 _, not beginning with a digit.
pub(crate) fn is_variable(key: &str) -> bool {
    (1..=128).contains(&key.len())
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
