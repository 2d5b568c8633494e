//! How things end: kinds of outcome, classes of problem, and the problem itself as a person and a machine read it.

use std::borrow::Cow;
use std::error::Error;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a stage ended, as its report says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// Everything that was asked for is so, and was confirmed.
    Done,
    /// Everything was so already.
    NothingToDo,
    /// Something stands in the way; nothing was changed.
    Blocked,
    /// It was tried and did not work; nothing was changed.
    Failed,
    /// Some of it was done; the next run does what is left.
    Partial,
    /// Something was sent and its effect could not be confirmed.
    Unknown,
}

/// What a problem means for the next step. Each class has one exit code (`docs/exit-codes.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A defect of ours.
    Defect,
    /// Bad usage or bad input; nothing was changed.
    Input,
    /// A check or gate said no; nothing was changed.
    Refused,
    /// Another run holds the environment.
    Locked,
    /// A passing fault; nothing is lost and it is safe to run again.
    Transient,
    /// Partly done; the next run resumes.
    Partial,
    /// Content is not what it was said to be; do not run again blindly.
    Integrity,
    /// The outcome is unknown; read back what the service shows.
    Unknown,
    /// Stopped on request, after a clean end.
    Interrupted,
}

/// An error that can say its code, its class and what to do next.
pub trait Explain: Error {
    /// A stable, greppable code such as `LF-ECR-AUTH`.
    fn code(&self) -> &'static str;

    /// What it means for the next step.
    fn class(&self) -> Class;

    /// What to try next, in the reader's terms; `None` where we honestly do not know.
    fn remedy(&self) -> Option<Cow<'static, str>>;
}

/// A problem as it stands in a report and on an error page.
///
/// All texts are already safe to print: foreign parts are escaped and known secrets removed by whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Stable code.
    pub code: String,
    /// What it means for the next step.
    pub class: Class,
    /// What was attempted, on what, and what came back.
    pub what: String,
    /// The chain of causes, outermost first.
    #[serde(default)]
    pub cause: Vec<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Problem {
    /// A problem without causes.
    pub fn new(code: impl Into<String>, class: Class, what: impl Into<String>) -> Self {
        Self { code: code.into(), class, what: what.into(), cause: Vec::new(), remedy: None }
    }

    /// Adds what to do next.
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// What happened and why, on one line of at most 4,000 characters: the text and its causes, outermost first, joined by
    /// `: `.
    pub fn told(&self) -> String {
        let texts: Vec<&str> = std::iter::once(&self.what).chain(&self.cause).map(String::as_str).collect();
        texts.join(": ").replace('\n', " ").chars().take(4000).collect()
    }

    /// Takes code, class, text, causes and remedy of an error. At most eight causes are kept.
    pub fn of(error: &dyn Explain) -> Self {
        let mut cause = Vec::new();
        let mut source = error.source();
        while let Some(inner) = source.filter(|_| cause.len() < 8) {
            cause.push(landfall_secret::escape(&inner.to_string(), 600));
            source = inner.source();
        }
        Self {
            code: error.code().to_owned(),
            class: error.class(),
            what: landfall_secret::escape_lines(&error.to_string(), 200, 600),
            cause,
            remedy: error.remedy().map(Cow::into_owned),
        }
    }
}

/// How a set of problems ends a stage of which something was done or nothing was.
///
/// The gravest class decides: integrity, then unknown; then, where something was changed, partial; else the rest by how
/// little a re-run would help (defect, input, refused, locked, transient, interrupted).
pub fn gravest<'a>(
    problems: impl IntoIterator<Item = &'a Problem>,
    something_changed: bool,
) -> Option<Class> {
    let weight = |class: Class| match class {
        Class::Integrity => 9,
        Class::Unknown => 8,
        Class::Defect => 7,
        Class::Partial => 6,
        Class::Input => 5,
        Class::Refused => 4,
        Class::Locked => 3,
        Class::Interrupted => 2,
        Class::Transient => 1,
    };
    let worst = problems.into_iter().map(|problem| problem.class).max_by_key(|class| weight(*class))?;
    Some(match worst {
        Class::Integrity | Class::Unknown | Class::Defect | Class::Partial | Class::Interrupted => worst,
        Class::Input | Class::Refused | Class::Locked | Class::Transient if something_changed => {
            Class::Partial
        }
        Class::Input | Class::Refused | Class::Locked | Class::Transient => worst,
    })
}

#[cfg(test)]
mod tests {
    use super::{Class, Problem, gravest};

    fn problem(class: Class) -> Problem {
        Problem::new("LF-X", class, "x")
    }

    #[test]
    fn a_problem_is_told_with_its_causes() {
        let mut told = Problem::new("LF-X", Class::Transient, "cannot ask\nanybody");
        assert_eq!(told.told(), "cannot ask anybody");
        told.cause = vec!["no connection".to_owned(), "timed out".to_owned()];
        assert_eq!(told.told(), "cannot ask anybody: no connection: timed out");
    }

    #[test]
    fn the_gravest_class_decides() {
        let both = [problem(Class::Transient), problem(Class::Integrity)];
        assert_eq!(gravest(&both, true), Some(Class::Integrity));
        assert_eq!(gravest(&[problem(Class::Transient)], false), Some(Class::Transient));
        assert_eq!(gravest(&[problem(Class::Refused)], true), Some(Class::Partial));
        assert_eq!(gravest(&[problem(Class::Unknown), problem(Class::Refused)], true), Some(Class::Unknown));
        assert_eq!(gravest(&[], true), None);
    }
}
