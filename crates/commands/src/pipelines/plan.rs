//! What becomes of each file of a rendering: decided before anything is written.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use landfall_artifacts::{FileError, read_bounded};
use landfall_pipeline::Rendered;

use super::difference::difference;

/// The most that a file may have that is compared, far more than any that is written.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What is at the place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing.
    Missing,
    /// The same text.
    Fresh,
    /// A file that Landfall wrote, and how it differs.
    Stale(String),
    /// A file of somebody else, or what is no file.
    Foreign,
}

/// The files of a rendering beside what is in the folder.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Each file with what is at its place, in the order of the rendering.
    pub(crate) files: Vec<(Rendered, State)>,
    /// Files that Landfall wrote for the same system, in the folders of these, that are no longer among them: paths below the folder.
    pub(crate) left_over: Vec<String>,
}

/// Looks at what is in a folder. `mark` begins every file that Landfall writes for the system.
///
/// # Errors
/// [`FileError`] where something cannot be read.
pub(crate) fn plan(folder: &Path, mark: &str, rendered: Vec<Rendered>) -> Result<Plan, FileError> {
    let left_over = left_over(folder, mark, &rendered)?;
    let mut files = Vec::new();
    for file in rendered {
        let state = match read_bounded(&folder.join(&file.path), MOST_BYTES) {
            Ok(bytes) => state(&bytes, mark, &file.text),
            Err(FileError::Missing { .. }) => State::Missing,
            Err(FileError::Empty { .. } | FileError::NotRegular { .. } | FileError::TooLarge { .. }) => {
                State::Foreign
            }
            Err(error) => return Err(error),
        };
        files.push((file, state));
    }
    Ok(Plan { files, left_over })
}

fn state(there: &[u8], mark: &str, wanted: &str) -> State {
    if there == wanted.as_bytes() {
        State::Fresh
    } else if there.starts_with(mark.as_bytes()) {
        State::Stale(difference(&String::from_utf8_lossy(there), wanted))
    } else {
        State::Foreign
    }
}

fn left_over(folder: &Path, mark: &str, rendered: &[Rendered]) -> Result<Vec<String>, FileError> {
    let places: BTreeSet<&str> = rendered.iter().map(|file| file.path.as_str()).collect();
    let folders: BTreeSet<&str> =
        places.iter().map(|path| path.rsplit_once('/').map_or("", |(above, _)| above)).collect();
    let mut left = Vec::new();
    for above in folders {
        let place = folder.join(above);
        let failed = |source| FileError::Read { path: place.clone(), source };
        let entries = match std::fs::read_dir(&place) {
            Ok(entries) => entries,
            // A file that stands where a folder is wanted is said by the one who writes.
            Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            Err(cause) => return Err(failed(cause)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if above.is_empty() { name } else { format!("{above}/{name}") };
            let is_one = path.ends_with(".yml") && entry.file_type().map_err(failed)?.is_file();
            if is_one && !places.contains(path.as_str()) && begins_with(&entry.path(), mark)? {
                left.push(path);
            }
        }
    }
    left.sort();
    Ok(left)
}

fn begins_with(path: &PathBuf, mark: &str) -> Result<bool, FileError> {
    let failed = |source| FileError::Read { path: path.clone(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(mark.len() as u64).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes == mark.as_bytes())
}

#[cfg(test)]
mod tests {
    use landfall_pipeline::Rendered;

    use super::{Plan, State, plan};

    const MARK: &str = "# Written by `landfall render x`";

    fn file(path: &str) -> Rendered {
        Rendered { path: path.to_owned(), text: format!("{MARK}; more.\na: 1\n") }
    }

    #[test]
    fn whatever_stands_at_a_place_is_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let mark = MARK.as_bytes();
        std::fs::write(at("fresh.yml"), file("").text).expect("written");
        std::fs::write(at("bytes.yml"), [mark, b"; more.\n\xff\xfe\n"].concat()).expect("written");
        std::fs::write(at("other.yml"), b"\xff\xfe").expect("written");
        std::fs::write(at("empty.yml"), b"").expect("written");
        std::fs::write(at("old.yml"), mark).expect("written");
        std::fs::write(at("old.txt"), mark).expect("written");
        std::fs::create_dir(at("folder.yml")).expect("a folder");
        std::os::unix::fs::symlink("nowhere", at("link.yml")).expect("a link");
        let names =
            ["fresh.yml", "bytes.yml", "other.yml", "empty.yml", "folder.yml", "link.yml", "far/away.yml"];
        let Plan { files, left_over } =
            plan(folder.path(), MARK, names.map(file).into()).expect("all can be read");
        let states: Vec<State> = files.into_iter().map(|(_, state)| state).collect();
        let stale = State::Stale("line 2 would be `a: 1`".to_owned());
        let (missing, foreign) = (State::Missing, State::Foreign);
        let expected =
            [State::Fresh, stale, foreign.clone(), foreign.clone(), foreign, missing.clone(), missing];
        assert_eq!(states, expected);
        assert_eq!(left_over, ["old.yml"]);
    }
}
