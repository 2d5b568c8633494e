//! Asking a person at a terminal for what could not be seen.

use std::io::{self, BufRead, Write};

use landfall_run::counted;

use super::choice::{Choice, Value};

/// The most characters of an answer.
const MOST: u64 = 4096;

/// Asks for every blank in turn. An empty answer leaves it, and the end of the input leaves all that follow.
///
/// # Errors
/// What the terminal says.
pub(super) fn fill(
    choices: &mut [Choice],
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> io::Result<()> {
    let count = choices.iter().filter(|choice| choice.is_blank()).count();
    if count == 0 {
        return Ok(());
    }
    let values = counted(count, "value");
    writeln!(output, "{values} could not be seen. An empty answer leaves one to be filled in later.")?;
    for choice in choices {
        let Value::Blank(wanted) = &choice.value else { continue };
        write!(output, "{}: {wanted}\n  > ", choice.path())?;
        output.flush()?;
        let mut answer = Vec::new();
        if io::Read::take(&mut *input, MOST).read_until(b'\n', &mut answer)? == 0 {
            writeln!(output)?;
            return Ok(());
        }
        let answer = String::from_utf8_lossy(&answer);
        let answer = answer.trim();
        if !answer.is_empty() {
            choice.value = Value::Text(answer.to_owned());
            "as it was said to landfall init".clone_into(&mut choice.why);
            choice.is_said = true;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::fill;
    use crate::init::choice::{Choice, Value};

    #[test]
    fn blanks_are_asked_for_and_empty_answers_leave_them() {
        let blank = |key| Choice::new(&["jira"], key, Value::Blank("what it is".to_owned()), "fill this in");
        let mut choices = [
            blank("url"),
            Choice::new(&[], "functions", Value::Truth(true), ""),
            blank("project"),
            blank("issue_type"),
        ];
        let mut said = Vec::new();
        fill(&mut choices, &mut &b" https://j \n\n"[..], &mut said).expect("a terminal");
        assert_eq!(choices[0].value, Value::Text("https://j".to_owned()));
        assert!(choices[2].is_blank() && choices[3].is_blank());
        insta::assert_snapshot!(String::from_utf8_lossy(&said), @r"
        3 values could not be seen. An empty answer leaves one to be filled in later.
        jira.url: what it is
          > jira.project: what it is
          > jira.issue_type: what it is
          >
        ");
    }
}
