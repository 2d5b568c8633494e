//! What is to be done with each variable, decided before anything is.

use super::GitLabVariables;
use crate::DestinationError;
use crate::destination::named::Named;

/// What GitLab shows of a variable. Its value is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whether it is one that we set, as far as the server can tell.
    pub(super) is_ours: bool,
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

/// One act for each variable.
///
/// # Errors
/// [`DestinationError::NotOurs`]: a value that somebody else set could not be brought back.
pub(super) fn plan(
    at: &GitLabVariables,
    variables: &[Named],
    seen: &[Option<Seen>],
) -> Result<Vec<Act>, DestinationError> {
    let act = |(variable, seen): (&Named, &Option<Seen>)| match seen {
        None => Ok(Act::Create),
        Some(seen) if seen.is_ours => Ok(Act::Update(*seen)),
        Some(_) => Err(DestinationError::NotOurs { name: variable.name, scope: at.scope.clone() }),
    };
    variables.iter().zip(seen).map(act).collect()
}
