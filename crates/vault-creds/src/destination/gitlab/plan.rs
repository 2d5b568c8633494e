//! What is to be done with each variable, decided before anything is.

use super::GitLabVariables;
use crate::DestinationError;
use crate::destination::named::Named;

/// Whose a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// It has our mark.
    Ours,
    /// It has none.
    Theirs,
    /// The server keeps no description, so that it cannot have one.
    Untold,
}

/// What GitLab shows of a variable. Its value is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whose it is.
    pub(super) whose: Whose,
    /// Whether logs do not show it.
    pub(super) masked: bool,
    /// Whether it is handed to jobs as a file.
    pub(super) is_file: bool,
}

/// What to do with a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Create,
    Update(Seen),
}

/// What to do with one variable.
///
/// # Errors
/// [`DestinationError::NotOurs`], [`DestinationError::Untold`]: a value that somebody else set could not be brought back.
pub(super) fn act(
    at: &GitLabVariables,
    name: &'static str,
    seen: Option<Seen>,
) -> Result<Act, DestinationError> {
    let Some(seen) = seen else { return Ok(Act::Create) };
    let scope = at.scope.clone();
    match seen.whose {
        Whose::Ours => Ok(Act::Update(seen)),
        Whose::Theirs => Err(DestinationError::NotOurs { name, scope }),
        Whose::Untold => Err(DestinationError::Untold { name, scope }),
    }
}

/// One act for each variable.
///
/// # Errors
/// As for [`act`].
pub(super) fn plan(
    at: &GitLabVariables,
    variables: &[Named],
    seen: &[Option<Seen>],
) -> Result<Vec<Act>, DestinationError> {
    variables.iter().zip(seen).map(|(variable, seen)| act(at, variable.name, *seen)).collect()
}
