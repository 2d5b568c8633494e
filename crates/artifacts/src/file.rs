//! What all files share: bounded reading, the format version, pretty printing.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use serde::Serialize;

use crate::file_error::{FileError, FileErrors};
use crate::json::{At, FromJson, Kind, Limits, parse};

/// The version of Landfall's own formats that this crate writes and reads.
pub const FORMAT_VERSION: u64 = 1;

/// Whose shape a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Fixed by other teams' scripts.
    Contract,
    /// Ours: carries `formatVersion`.
    Own,
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// [`FileError`] where it is missing, has zero bytes, is too large, is no regular file, or cannot be read.
pub fn read_bounded(path: &Path, most: usize) -> Result<Vec<u8>, FileError> {
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => FileError::Missing { path: path.to_owned() },
        _ => FileError::Read { path: path.to_owned(), source },
    };
    // Asked before opening: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(FileError::NotRegular { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.is_empty() {
        return Err(FileError::Empty { path: path.to_owned() });
    }
    if bytes.len() > most {
        return Err(FileError::TooLarge { path: path.to_owned(), most });
    }
    Ok(bytes)
}

pub(crate) fn parse_json<T: FromJson>(
    bytes: &[u8],
    name: &str,
    shape: Shape,
    limits: Limits,
    conceal: bool,
) -> Result<T, FileErrors> {
    let mut parsed = parse(bytes, name, limits, conceal);
    let problems = &mut parsed.problems;
    let value = parsed.root.as_ref().and_then(|root| {
        let at = At::root(root);
        if shape == Shape::Own && at.members(problems).is_some() {
            match root.get("formatVersion").map(|version| &version.kind) {
                Some(Kind::Number(text)) if *text == FORMAT_VERSION.to_string() => {}
                Some(Kind::Number(text)) => {
                    // Of another version nothing else can be judged.
                    problems.add_whole(
                        format!("formatVersion {}", landfall_secret::escape(text, 20)),
                        format!("formatVersion {FORMAT_VERSION}: read it with the Landfall that wrote it"),
                    );
                    return None;
                }
                Some(_) | None => problems.missing(at, "formatVersion"),
            }
        }
        T::from_json(at, problems)
    });
    parsed.problems.finish(value)
}

/// Two spaces, keys in the order of the type, a final newline.
pub(crate) fn render_json<T: Serialize>(value: &T, shape: Shape) -> Vec<u8> {
    #[derive(Serialize)]
    struct Versioned<'a, T> {
        #[serde(rename = "formatVersion")]
        format_version: u64,
        #[serde(flatten)]
        value: &'a T,
    }
    let mut bytes = match shape {
        Shape::Contract => serde_json::to_vec_pretty(value),
        Shape::Own => serde_json::to_vec_pretty(&Versioned { format_version: FORMAT_VERSION, value }),
    }
    .expect("formats have text keys and no serialiser that fails");
    bytes.push(b'\n');
    bytes
}

/// Gives a JSON format its reading and writing.
macro_rules! json_file {
    ($type:ident, $shape:ident, $most:expr) => {
        impl $type {
            /// The most bytes such a file may have.
            pub const MAX_BYTES: usize = $most;

            /// Reads the format from bytes; `name` stands for them in messages.
            ///
            /// # Errors
            /// [`FileErrors`](crate::FileErrors): every problem of the text at once.
            pub fn parse(bytes: &[u8], name: &str) -> Result<Self, $crate::file_error::FileErrors> {
                $crate::file::parse_json(
                    bytes,
                    name,
                    $crate::file::Shape::$shape,
                    $crate::json::Limits::bytes(Self::MAX_BYTES),
                    false,
                )
            }

            /// Reads a file.
            ///
            /// # Errors
            /// [`FileError`](crate::FileError) where it cannot be read or breaks its format.
            pub fn read(path: &std::path::Path) -> Result<Self, $crate::file_error::FileError> {
                let bytes = $crate::file::read_bounded(path, Self::MAX_BYTES)?;
                Ok(Self::parse(&bytes, &path.to_string_lossy())?)
            }

            /// The bytes of the file: UTF-8, two spaces, keys in a stable order, a final newline.
            pub fn to_bytes(&self) -> Vec<u8> {
                $crate::file::render_json(self, $crate::file::Shape::$shape)
            }

            /// Writes the file atomically.
            ///
            /// # Errors
            /// [`FileError::Write`](crate::FileError::Write).
            pub fn write(
                &self,
                path: &std::path::Path,
            ) -> Result<$crate::write::WrittenFile, $crate::file_error::FileError> {
                $crate::write::write_atomic(path, &self.to_bytes(), $crate::write::Mode::Shared)
            }
        }
    };
}

pub(crate) use json_file;

#[cfg(test)]
mod tests {
    use super::read_bounded;
    use crate::FileError;

    #[test]
    fn files_are_read_up_to_their_cap_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        assert!(matches!(read_bounded(&path, 4), Err(FileError::Missing { .. })));
        for (content, fits) in [("abc", true), ("abcd", true), ("abcde", false)] {
            std::fs::write(&path, content).expect("written");
            match read_bounded(&path, 4) {
                Ok(bytes) => assert!(fits && bytes == content.as_bytes()),
                Err(FileError::TooLarge { most: 4, .. }) => assert!(!fits),
                Err(other) => panic!("{other}"),
            }
        }
        std::fs::write(&path, "").expect("written");
        assert!(matches!(read_bounded(&path, 4), Err(FileError::Empty { .. })));
        assert!(matches!(read_bounded(folder.path(), 4), Err(FileError::NotRegular { .. })));
        assert!(matches!(read_bounded(&path.join("below"), 4), Err(FileError::Read { .. })));
        assert!(matches!(read_bounded("/dev/zero".as_ref(), 4), Err(FileError::NotRegular { .. })));
    }
}
