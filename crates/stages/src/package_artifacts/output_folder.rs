//! The folder that archives go to, seen against folders that are packaged: what is made must not be packaged.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where a path is, with links and `..` resolved as far as it is there. It need not be there.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut missing: Vec<OsString> = Vec::new();
    let mut there = path.as_path();
    loop {
        if let Ok(mut found) = there.canonicalize() {
            found.extend(missing.iter().rev());
            return found;
        }
        let (Some(above), Some(name)) = (there.parent(), there.file_name()) else { return path };
        missing.push(name.to_owned());
        there = above;
    }
}

/// Whether a folder is the one that archives go to, or is below it: it is none of a service then.
pub fn is_output(folder: &Path, out: &Path) -> bool {
    real(folder).starts_with(real(out))
}

/// Whether a folder holds the one that archives go to, so that what one run makes the next would package.
pub(super) fn holds_output(folder: &Path, out: &Path) -> bool {
    real(out).starts_with(real(folder))
}
