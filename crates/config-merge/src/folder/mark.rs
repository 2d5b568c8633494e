//! The file beside the target that says which trees are ours.

use std::path::Path;

use landfall_artifacts::{Digest, FileError, Limits, Mode, read_bounded, strict_value, write_atomic};
use serde_json::{Value, json};

use crate::error::Error;

/// Most bytes of such a file.
const MOST: usize = 64 * 1024;

/// The digests of trees that are ours; none where the file is not there or says nothing that can be understood.
pub(super) fn read(path: &Path) -> Vec<Digest> {
    let Ok(bytes) = read_bounded(path, MOST) else { return Vec::new() };
    let Ok(value) = strict_value(&bytes, "the mark", Limits::bytes(MOST)) else { return Vec::new() };
    if value.get("formatVersion") != Some(&Value::from(1)) {
        return Vec::new();
    }
    let trees = value.get("trees").and_then(Value::as_array).into_iter().flatten();
    trees.filter_map(|tree| tree.as_str()?.parse().ok()).collect()
}

/// Writes the file.
pub(super) fn write(path: &Path, trees: impl Iterator<Item = Digest>) -> Result<(), Error> {
    let trees: Vec<String> = trees.map(|tree| tree.to_string()).collect();
    let text = format!("{:#}\n", json!({ "formatVersion": 1, "trees": trees }));
    match write_atomic(path, text.as_bytes(), Mode::Shared) {
        Ok(_) => Ok(()),
        Err(FileError::Write { path, source } | FileError::Read { path, source }) => {
            Err(Error::Write { path, source })
        }
        Err(other) => Err(Error::Write { path: path.to_owned(), source: std::io::Error::other(other) }),
    }
}
