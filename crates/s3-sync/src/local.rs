//! Archives on the disk, seen against their manifest.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use landfall_artifacts::{CodeSha256, Hasher, ReleaseArtifact};

use crate::Error;

/// Where an archive of a folder is: `<folder>/<service>.zip`.
pub(crate) fn path_of(folder: &Path, artifact: &ReleaseArtifact) -> PathBuf {
    folder.join(format!("{}.zip", artifact.service))
}

/// Reads an archive of a folder and compares it with the manifest. Blocks.
///
/// # Errors
/// [`Error::Local`] where it cannot be read, [`Error::Content`] where it is another one.
pub fn verify_local(folder: &Path, artifact: &ReleaseArtifact) -> Result<(), Error> {
    let path = path_of(folder, artifact);
    let failed = |source| Error::Local { path: path.clone(), source };
    let (found, found_bytes) = digest(&path).map_err(failed)?;
    if (found, found_bytes) == (artifact.sha256, artifact.size_bytes) {
        return Ok(());
    }
    Err(Error::Content {
        place: landfall_secret::escape(&path.to_string_lossy(), 200),
        wanted: artifact.sha256,
        wanted_bytes: artifact.size_bytes,
        found,
        found_bytes,
    })
}

fn digest(path: &Path) -> io::Result<(CodeSha256, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new();
    let mut chunk = vec![0; 64 * 1024];
    let mut size = 0;
    loop {
        let count = file.read(&mut chunk)?;
        let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        size += count as u64;
    }
    Ok((CodeSha256::from(hasher.finish()), size))
}
