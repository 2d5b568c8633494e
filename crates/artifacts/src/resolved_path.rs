//! Where a path leads, also one that is not there yet.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where a path is, with links and `..` resolved as far as it is there. It need not be there: what is missing stands behind as it was
/// given, also its `..`. A path that cannot be made absolute is given back.
pub fn resolved(path: &Path) -> PathBuf {
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

#[cfg(test)]
mod tests {
    use super::resolved;

    #[test]
    fn links_are_followed_as_far_as_the_path_is_there() {
        let root = tempfile::tempdir().expect("a folder");
        let real = root.path().canonicalize().expect("it is there");
        std::fs::create_dir(real.join("there")).expect("made");
        std::os::unix::fs::symlink("there", real.join("link")).expect("linked");
        assert_eq!(resolved(&real.join("link/new/er")), real.join("there/new/er"));
        assert_eq!(resolved(&real.join("link/../new")), real.join("new"));
        assert_eq!(resolved(&real.join("there")), real.join("there"));
    }
}
