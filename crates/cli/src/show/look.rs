//! What the surroundings of the process allow.

use std::str::FromStr;

use crate::Environment;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("expected text or json"),
        }
    }
}

/// What the surroundings of the process allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Standard error is a terminal with a person before it, and bars may be drawn.
    pub bars: bool,
    /// Colour may be used on standard error.
    pub colour: bool,
    /// Collapsible sections of a CI system.
    pub sections: Sections,
}

/// Which CI system's sections are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sections {
    /// None.
    None,
    /// `section_start` and `section_end` (GitLab, "Custom collapsible sections").
    GitLab,
    /// `::group::` and `::endgroup::` (GitHub, workflow commands).
    GitHub,
}

impl Look {
    /// Looks at the environment: `NO_COLOR`, `TERM`, `CI`, `GITLAB_CI`, `GITHUB_ACTIONS`.
    pub fn of(environment: &Environment, stderr_is_terminal: bool) -> Self {
        let dumb = environment.get("TERM").is_none_or(|term| term == "dumb");
        let terminal = stderr_is_terminal && !dumb;
        let sections = if environment.get("GITLAB_CI").is_some() {
            Sections::GitLab
        } else if environment.get("GITHUB_ACTIONS").is_some() {
            Sections::GitHub
        } else {
            Sections::None
        };
        let ci = environment.get("CI").is_some() || sections != Sections::None;
        Self { bars: terminal && !ci, colour: terminal && environment.get("NO_COLOR").is_none(), sections }
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, Sections};
    use crate::Environment;

    fn look(variables: &[(&str, &str)], terminal: bool) -> Look {
        let environment: Environment =
            variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Look::of(&environment, terminal)
    }

    #[test]
    fn the_look_follows_terminal_and_ci() {
        let terminal = [("TERM", "xterm")];
        assert_eq!(look(&terminal, true), Look { bars: true, colour: true, sections: Sections::None });
        assert_eq!(look(&terminal, false), Look { bars: false, colour: false, sections: Sections::None });
        assert!(!look(&[("TERM", "xterm"), ("NO_COLOR", "1")], true).colour);
        assert!(!look(&[("TERM", "dumb")], true).bars);
        let gitlab = look(&[("CI", "true"), ("GITLAB_CI", "true"), ("TERM", "xterm")], true);
        assert_eq!((gitlab.bars, gitlab.sections), (false, Sections::GitLab));
        assert_eq!(look(&[("GITHUB_ACTIONS", "true")], false).sections, Sections::GitHub);
        assert!(
            !look(&[("GITHUB_ACTIONS", "true"), ("TERM", "xterm")], true).bars,
            "sections need whole lines"
        );
    }
}
