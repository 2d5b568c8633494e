//! Where a stage's files go: to their places, or nowhere on a dry run, or to a folder of foretold files.

use std::path::{Path, PathBuf};

use landfall_artifacts::{FileError, Mode, WrittenFile, write_atomic};

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

    /// Writes a file, or foretells it; returns what reports list.
    ///
    /// # Errors
    /// [`FileError::Write`] where the file cannot be written.
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

/// Adds a file to the list of foretold ones.
fn mark(folder: &Path, name: &Path) -> Result<(), FileError> {
    let list = folder.join(FORETOLD_MARK);
    let mut lines = std::fs::read_to_string(&list).unwrap_or_else(|_| {
        String::from("These files were foretold by a dry run. Nothing that they describe has happened.\n")
    });
    let line = name.to_string_lossy();
    if !lines.lines().any(|known| known == line) {
        lines.push_str(&line);
        lines.push('\n');
        write_atomic(&list, lines.as_bytes(), Mode::Shared)?;
    }
    Ok(())
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
}
