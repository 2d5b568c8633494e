//! Folders whose images nobody asks for.

use crate::workspace::glob::Pattern;

/// Folders that are left out when images are looked for: those of patterns, with all below them, and hidden ones, such as `.devcontainer`.
#[derive(Clone, Debug, Default)]
pub struct Excluded(Vec<Pattern>);

/// A pattern that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is no pattern of folders, such as tools/** or **/fixtures")]
pub struct ExcludedError {
    shown: String,
}

impl Excluded {
    /// Takes patterns of folders below the repo's root: `*` stands for anything but `/`, `**` for anything; `.` is the root itself.
    ///
    /// # Errors
    /// [`ExcludedError`] for each that is not understood.
    pub fn new<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Result<Self, Vec<ExcludedError>> {
        let (mut taken, mut errors) = (Vec::new(), Vec::new());
        for text in patterns {
            match Pattern::and_below(text) {
                Ok(pattern) if !text.trim().is_empty() => taken.push(pattern),
                Ok(_) | Err(_) => errors.push(ExcludedError { shown: landfall_secret::escape(text, 100) }),
            }
        }
        if errors.is_empty() { Ok(Self(taken)) } else { Err(errors) }
    }

    /// Whether a folder is one of the patterns, or below one; the root is the empty text.
    pub(super) fn has(&self, folder: &str) -> bool {
        let folder = if folder.is_empty() { "." } else { folder };
        self.0.iter().any(|pattern| pattern.matches(folder))
    }
}

/// Whether a folder, or one above it, is hidden.
pub(super) fn is_hidden(folder: &str) -> bool {
    folder.split('/').any(|name| name.starts_with('.'))
}
