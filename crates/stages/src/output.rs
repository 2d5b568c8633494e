//! Where a stage's files go: to their places, or nowhere on a dry run, or to a folder of foretold files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use landfall_artifacts::{FileError, FileErrors, FileProblem, Mode, WrittenFile, write_atomic};

/// Writes a stage's files, or foretells them.
#[derive(Clone, Debug)]
pub enum Output {
    /// Files are written to their places.
    Real,
    /// Nothing is written, save to the folder of foretold files where one is given.
    DryRun {
        /// The folder of foretold files.
        foretell: Option<PathBuf>,
    },
}

/// Name of the list that marks a folder's files as foretold. The contract files themselves have no room for a mark.
pub const FORETOLD_MARK: &str = "foretold.txt";

impl Output {
    /// Whether nothing may be changed.
    pub fn is_dry_run(&self) -> bool {
        matches!(self, Self::DryRun { .. })
    }

    /// Where a file that is written piece by piece goes: its own place, its place among the foretold files, or nowhere.
    ///
    /// # Errors
    /// As [`Output::write`].
    pub fn place(&self, path: &Path) -> Result<Option<PathBuf>, FileError> {
        match self {
            Self::Real => Ok(Some(path.to_owned())),
            Self::DryRun { foretell: None } => Ok(None),
            Self::DryRun { foretell: Some(folder) } => {
                let name = path.file_name().map_or_else(|| PathBuf::from("file"), PathBuf::from);
                std::fs::create_dir_all(folder)
                    .map_err(|source| FileError::Write { path: folder.clone(), source })?;
                mark(folder, &name)?;
                Ok(Some(folder.join(name)))
            }
        }
    }

    /// Writes a file, or foretells it; returns what reports list.
    ///
    /// # Errors
    /// [`FileError::Write`] where the file cannot be written; [`FileError::Invalid`] where the folder of foretold files holds
    /// files and no mark that they are foretold: nothing is written there then.
    pub fn write(&self, path: &Path, bytes: &[u8], mode: Mode) -> Result<WrittenFile, FileError> {
        match self {
            Self::Real => write_atomic(path, bytes, mode),
            Self::DryRun { foretell: None } => Ok(WrittenFile::of(path, bytes)),
            Self::DryRun { foretell: Some(folder) } => {
                let name = path.file_name().map_or_else(|| PathBuf::from("file"), PathBuf::from);
                mark(folder, &name)?;
                write_atomic(&folder.join(name), bytes, mode)
            }
        }
    }
}

/// First line of the list of foretold files.
const FORETOLD_TEXT: &str =
    "These files were foretold by a dry run. Nothing that they describe has happened.";

/// Adds a file to the list of foretold ones.
fn mark(folder: &Path, name: &Path) -> Result<(), FileError> {
    let list = folder.join(FORETOLD_MARK);
    let mut lines = match fs::read_to_string(&list) {
        Ok(lines) if lines.starts_with(FORETOLD_TEXT) => lines,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound && is_free(folder)? => {
            format!("{FORETOLD_TEXT}\n")
        }
        Ok(_) | Err(_) => return Err(taken(folder)),
    };
    let line = name.to_string_lossy();
    if !lines.lines().any(|known| known == line) {
        lines.push_str(&line);
        lines.push('\n');
        write_atomic(&list, lines.as_bytes(), Mode::Shared)?;
    }
    Ok(())
}

/// Whether the folder is not there, or holds nothing.
fn is_free(folder: &Path) -> Result<bool, FileError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(source) => Err(FileError::Read { path: folder.to_owned(), source }),
    }
}

/// Real files may be in the folder: a dry run must not put others in their place.
fn taken(folder: &Path) -> FileError {
    FileError::Invalid(FileErrors::one(FileProblem {
        file: landfall_secret::escape(&folder.to_string_lossy(), 300),
        pointer: String::new(),
        place: None,
        found: format!("files and no {FORETOLD_MARK} that says that they are foretold"),
        expected: "a folder for foretold files alone: a new or empty one, or that of an earlier --foretell"
            .to_owned(),
    }))
}

/// Whether a file stands in a folder of foretold ones.
pub(crate) fn is_foretold(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.join(FORETOLD_MARK).is_file())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use landfall_artifacts::Mode;

    use super::{FORETOLD_MARK, Output};

    #[test]
    fn a_dry_run_writes_only_to_the_folder_of_foretold_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let real = folder.path().join("real.json");
        let nothing = Output::DryRun { foretell: None };
        assert_eq!(nothing.write(&real, b"{}\n", Mode::Shared).map(|file| file.size_bytes).ok(), Some(3));
        assert!(!real.exists());
        let foretold = folder.path().join("plan");
        let output = Output::DryRun { foretell: Some(foretold.clone()) };
        output.write(&real, b"{}\n", Mode::Shared).expect("foretold");
        output.write(Path::new("other.json"), b"{}\n", Mode::Shared).expect("foretold");
        assert!(!real.exists() && foretold.join("real.json").exists());
        let mark = std::fs::read_to_string(foretold.join(FORETOLD_MARK)).expect("a mark");
        assert!(mark.contains("real.json") && mark.contains("other.json"));
    }

    #[test]
    fn a_folder_of_real_files_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let real = folder.path().join("versions.json");
        std::fs::write(&real, "real").expect("a file");
        let output = Output::DryRun { foretell: Some(folder.path().to_owned()) };
        let error = output.write(Path::new("versions.json"), b"{}\n", Mode::Shared).expect_err("refused");
        assert_eq!(landfall_artifacts::Problem::of(&error).class, landfall_artifacts::Class::Input);
        assert_eq!(std::fs::read_to_string(&real).ok().as_deref(), Some("real"));
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
        // A file of that name that is no mark is somebody else's.
        std::fs::write(folder.path().join(FORETOLD_MARK), "my notes").expect("a file");
        output.write(Path::new("versions.json"), b"{}\n", Mode::Shared).expect_err("refused");
    }
}
