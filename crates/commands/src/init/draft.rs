//! `landfall.toml` before it is written: one that is there already, and values that cannot stand in it.

use std::path::Path;

use landfall_artifacts::{Class, FileError, FileErrors, Problem, Settings, read_bounded};
use landfall_stages::Refusal;

use super::choice::{Choice, Value, text};

/// The text of a file that is there and says something.
///
/// # Errors
/// Where it cannot be read; a link to where nothing is said: writing would put a file in its place.
pub(super) fn there(path: &Path) -> Result<Option<String>, Refusal> {
    match read_bounded(path, Settings::MAX_BYTES) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(FileError::Missing { .. } | FileError::Empty { .. }) if path.is_symlink() => {
            let shown = landfall_secret::escape(&path.to_string_lossy(), 200);
            let what = format!("{shown} is a symbolic link to where nothing is said, and is left alone");
            Err(Refusal::one(Problem::new("LF-INIT-LINK", Class::Refused, what).with_remedy(
                "delete the link, or write the file that it leads to; then run `landfall init` again",
            )))
        }
        Err(FileError::Missing { .. } | FileError::Empty { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// How many values of a text are to be filled in.
pub(super) fn blanks(text: &str) -> usize {
    let mark = format!("= \"{}", Settings::BLANK);
    text.lines().filter(|line| line.contains(&mark)).count()
}

/// Makes blanks of values that were seen and cannot stand in the file: what they are in the old files may be more than one thing here.
///
/// # Errors
/// What a person said and cannot stand in it, all of it.
pub(super) fn mend(choices: &mut [Choice]) -> Result<(), Refusal> {
    let filled: Vec<Choice> = choices.iter().filter(|choice| !choice.is_blank()).cloned().collect();
    let Err(errors) = Settings::parse(text(&filled).as_bytes(), Settings::FILE_NAME, &[]) else {
        return Ok(());
    };
    let is_of = |choice: &Choice, pointer: &str| {
        pointer == choice.pointer() || pointer.starts_with(&format!("{}/", choice.pointer()))
    };
    let mut refused = Vec::new();
    for problem in errors.problems() {
        match choices.iter_mut().find(|choice| is_of(choice, &problem.pointer)) {
            Some(choice) if choice.is_said => {
                let what = format!(
                    "{} cannot be used: found {}, expected {}",
                    choice.path(),
                    problem.found,
                    problem.expected
                );
                refused.push(Problem::new("LF-CONFIG", Class::Input, what).with_remedy("give another one"));
            }
            Some(choice) => {
                choice.why = format!("what was seen cannot be used: {}", choice.why);
                choice.value = Value::Blank(problem.expected.clone());
            }
            None => return Err(FileErrors::one(problem.clone()).into()),
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(Refusal(refused)) }
}

#[cfg(test)]
mod tests {
    use super::{blanks, mend};
    use crate::init::choice::{Choice, Value, text};

    fn of(value: &str) -> Choice {
        Choice::new(&["registries"], "url", Value::Text(value.to_owned()), "x.yml, line 1")
    }

    #[test]
    fn what_was_seen_and_is_no_good_becomes_a_blank_and_what_was_said_is_refused() {
        let namespace = Choice::new(&[], "image_namespace", Value::Text("shop".to_owned()), "");
        let mut choices = [namespace, of("https://me:canary@a.example.com")];
        mend(&mut choices).expect("mended");
        let text = text(&choices);
        assert!(choices[1].is_blank() && blanks(&text) == 1 && !text.contains("canary"), "{text}");
        let mut said = of("nonsense");
        said.is_said = true;
        let refused = mend(&mut [said]).expect_err("refused");
        assert!(
            refused.0[0].what.starts_with("registries.url cannot be used: found `nonsense`"),
            "{refused:?}"
        );
    }
}
