//! Texts from elsewhere in pages of Markdown.

/// A text that stays one: no mark of Markdown or HTML in it means anything (CommonMark 0.31, 2.4: a backslash before ASCII punctuation),
/// and it stays on its line, as a cell of a table must. A [`Redactor`](crate::Redactor) knows secrets in this form too.
pub fn markdown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' => plain.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&' | '!' | '@' => {
                plain.extend(['\\', character]);
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::markdown;
    use crate::{Redactor, Secret};

    #[test]
    fn foreign_text_is_no_markdown() {
        assert_eq!(
            markdown("a | b\n<img src=x> [x](y) **z** `c` &lt; @all"),
            r"a \| b \<img src=x\> \[x\](y) \*\*z\*\* \`c\` \&lt; \@all"
        );
    }

    #[test]
    fn a_secret_is_known_behind_its_backslashes() {
        let redactor = Redactor::default();
        redactor.learn(&Secret::new("glpat-ab_cd*ef#0123456789"));
        let page = format!("| {} |", markdown("it said glpat-ab_cd*ef#0123456789!"));
        assert!(!redactor.redact(&page).contains("ab\\_cd"), "{page}");
    }
}
