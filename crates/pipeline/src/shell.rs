//! Words for a POSIX shell that it takes for just these words.

/// A word as a shell reads it back, whatever is in it; NUL cannot stand in a word and is left out.
pub fn quoted(word: &str) -> String {
    quoted_unless(word, b"_./:@%+,-")
}

fn quoted_unless(word: &str, good: &[u8]) -> String {
    let word = word.replace('\0', "");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || good.contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word;
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A program and its arguments as one line. A line feed stays one, within quotes.
pub fn line(words: &[String]) -> String {
    // Before the program `A=1` would be an assignment, behind it `--a=1` is a word as any other.
    let shown = |(place, word): (usize, &String)| match place {
        0 => quoted(word),
        _ => quoted_unless(word, b"_./:@%+,-="),
    };
    words.iter().enumerate().map(shown).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::{line, quoted};

    #[test]
    fn plain_words_stay_plain() {
        assert_eq!(
            line(&["landfall".to_owned(), "--to".to_owned(), "s3://a/b:c".to_owned()]),
            "landfall --to s3://a/b:c"
        );
        for (word, shown) in
            [("", "''"), ("A=1", "'A=1'"), ("~", "'~'"), ("$(id)", "'$(id)'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(quoted(word), shown);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shell_reads_back_what_was_written(words in proptest::collection::vec("[ -~\n\t\u{e9}\u{202e}'\"$`\\\\!*?#&|;<>(){}~=]{0,12}", 1..6)) {
            let printed = [vec!["printf".to_owned(), "%s\\0".to_owned()], words.clone()].concat();
            let ran = Command::new("sh").args(["-c", &line(&printed)]).output().expect("sh runs");
            prop_assert!(ran.status.success() && ran.stderr.is_empty());
            let read: Vec<String> = String::from_utf8(ran.stdout).expect("UTF-8").split('\0').map(str::to_owned).collect();
            prop_assert_eq!(&read[..words.len()], &words[..]);
        }
    }
}
