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
    /// A symbolic link, or what stands behind one: the link, a path below the folder. What it leads to is neither read nor written.
    Linked(String),
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
        let state = match link_on_the_way(folder, &file.path)? {
            Some(link) => State::Linked(link),
            None => at(&folder.join(&file.path), mark, &file.text)?,
        };
        files.push((file, state));
    }
    Ok(Plan { files, left_over })
}

fn at(place: &Path, mark: &str, wanted: &str) -> Result<State, FileError> {
    match read_bounded(place, MOST_BYTES) {
        Ok(bytes) => Ok(state(&bytes, mark, wanted)),
        Err(FileError::Missing { .. }) => Ok(State::Missing),
        Err(FileError::Empty { .. } | FileError::NotRegular { .. } | FileError::TooLarge { .. }) => {
            Ok(State::Foreign)
        }
        Err(error) => Err(error),
    }
}

/// The first step of a path that is a link. The folder itself may be one: somebody named it.
fn link_on_the_way(folder: &Path, path: &str) -> Result<Option<String>, FileError> {
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    for step in ends.filter_map(|end| path.get(..end)) {
        let place = folder.join(step);
        match place.symlink_metadata() {
            Ok(data) if data.is_symlink() => return Ok(Some(step.to_owned())),
            Ok(_) => {}
            Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => break,
            Err(source) => return Err(FileError::Read { path: place, source }),
        }
    }
    Ok(None)
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
        // What stands behind a link is not ours, and the files that would stand there are refused.
        if link_on_the_way(folder, above)?.is_some() {
            continue;
        }
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
        let names = ["fresh.yml", "bytes.yml", "other.yml", "empty.yml", "folder.yml", "far/away.yml"];
        let Plan { files, left_over } =
            plan(folder.path(), MARK, names.map(file).into()).expect("all can be read");
        let states: Vec<State> = files.into_iter().map(|(_, state)| state).collect();
        let stale = State::Stale("line 2 would be `a: 1`".to_owned());
        let foreign = State::Foreign;
        let expected = [State::Fresh, stale, foreign.clone(), foreign.clone(), foreign, State::Missing];
        assert_eq!(states, expected);
        assert_eq!(left_over, ["old.yml"]);
    }

    #[test]
    fn what_is_a_link_or_stands_behind_one_is_told_by_the_link() {
        let (folder, outside) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
        let link = |to: &std::path::Path, name: &str| {
            std::os::unix::fs::symlink(to, folder.path().join(name)).expect("a link");
        };
        for name in ["fresh.yml", "old.yml"] {
            std::fs::write(outside.path().join(name), file("").text).expect("written");
        }
        std::fs::create_dir(folder.path().join("in")).expect("a folder");
        link("nowhere".as_ref(), "dangling.yml");
        link(&outside.path().join("fresh.yml"), "fresh.yml");
        link(outside.path(), "in/behind");
        let names =
            ["dangling.yml", "fresh.yml", "in/behind/fresh.yml", "in/behind/deep/new.yml", "in/new.yml"];
        let there = plan(folder.path(), MARK, names.map(file).into()).expect("all can be looked at");
        let linked = |link: &str| State::Linked(link.to_owned());
        let expected = [
            linked("dangling.yml"),
            linked("fresh.yml"),
            linked("in/behind"),
            linked("in/behind"),
            State::Missing,
        ];
        assert_eq!(there.files.into_iter().map(|(_, state)| state).collect::<Vec<_>>(), expected);
        assert!(there.left_over.is_empty(), "{:?} is of others", there.left_over);

        // The folder itself may be reached by a link.
        link(folder.path(), "in/root");
        let named = plan(&folder.path().join("in/root"), MARK, vec![file("in/new.yml")]).expect("looked at");
        assert_eq!(named.files.first().map(|(_, state)| state), Some(&State::Missing));
    }
}
