//! How the text of a file differs from the one that would be written.

/// Longest piece of a line that is shown, in characters.
const LONGEST: usize = 60;

/// The first line that differs, by its number and what it would be. What stands there now is not shown: a person may have typed a
/// secret into it, and logs of CI are read by more people than the file.
pub(super) fn difference(there: &str, wanted: &str) -> String {
    let (mut old, mut new) = (there.lines(), wanted.lines());
    let mut number = 0_usize;
    loop {
        number += 1;
        match (old.next(), new.next()) {
            (Some(one), Some(other)) if one == other => {}
            (Some(_), Some(other)) => return format!("line {number} would be {}", shown(other)),
            (None, Some(other)) => {
                return format!("ends before line {number}, which would be {}", shown(other));
            }
            (Some(_), None) => return format!("goes on at line {number}, where it would end"),
            (None, None) => return "differs in its line ends alone".to_owned(),
        }
    }
}

fn shown(line: &str) -> String {
    let line = line.trim();
    if line.is_empty() {
        return "empty".to_owned();
    }
    format!("`{}`", landfall_secret::escape(line, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(difference("a\ntoken: secret\nc\n", "a\n  b: 1\nc\n"), "line 2 would be `b: 1`");
        assert_eq!(difference("a\n", "a\nb\n"), "ends before line 2, which would be `b`");
        assert_eq!(difference("a\nb\n", "a\n"), "goes on at line 2, where it would end");
        assert_eq!(difference("a\r\nb\r\n", "a\nb\n"), "differs in its line ends alone");
        assert_eq!(difference("a\nb\n", "a\n\nb\n"), "line 2 would be empty");
    }
}
