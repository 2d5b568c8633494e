//! The folder that archives go to, seen against folders that are packaged: what is made must not be packaged.

use std::path::Path;

use landfall_artifacts::resolved;

/// Whether a folder is the one that archives go to, or is below it: it is none of a service then.
pub fn is_output(folder: &Path, out: &Path) -> bool {
    resolved(folder).starts_with(resolved(out))
}

/// Whether a folder holds the one that archives go to, so that what one run makes the next would package.
pub(super) fn holds_output(folder: &Path, out: &Path) -> bool {
    resolved(out).starts_with(resolved(folder))
}
