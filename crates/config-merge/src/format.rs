//! The formats of documents.

use std::fmt;

use landfall_artifacts::{FileErrors, FileProblem};

use crate::limits::Limits;
use crate::value::{Node, Value};
use crate::{json, toml, yaml};

/// A format of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// JSON as RFC 8259 has it: no comments, no byte-order mark.
    Json,
    /// YAML 1.2 with its core schema, and the merge key `<<` of YAML 1.1.
    Yaml,
    /// TOML 1.1.
    Toml,
}

impl Format {
    /// The format that a file's name says: `.json`, `.yaml` or `.yml`, `.toml`, in any case.
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?;
        let (stem, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            _ if stem.is_empty() => None,
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
        })
    }
}

/// What a document is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is merged and written again: tags of YAML and further documents in its file would be lost, and are refused.
    Merge,
    /// It is only looked at, since its bytes are copied: tags are passed over, and a file may hold several documents.
    Check,
}

/// Reads a document; `None` where a file of YAML holds none, as one of comments alone. `file` is named by every value and message.
///
/// # Errors
/// [`FileErrors`]: all that is found, at least the first place where reading cannot go on; duplicate keys with both
/// places.
pub fn read(
    bytes: &[u8],
    file: &str,
    format: Format,
    purpose: Purpose,
    limits: Limits,
) -> Result<Option<Node>, FileErrors> {
    Ok(read_all(bytes, file, format, purpose, limits)?.into_iter().next())
}

/// Reads all documents of a file; with [`Purpose::Merge`] there is at most one.
///
/// # Errors
/// As [`read`].
pub fn read_all(
    bytes: &[u8],
    file: &str,
    format: Format,
    purpose: Purpose,
    limits: Limits,
) -> Result<Vec<Node>, FileErrors> {
    match format {
        Format::Json => json::read(bytes, file, limits).map(|node| vec![node]),
        Format::Toml => toml::read(bytes, file, limits).map(|node| vec![node]),
        Format::Yaml => yaml::read(bytes, file, purpose, limits),
    }
}

/// Writes a document: the same tree always gives the same bytes. Keys keep their order, save that TOML has the plain keys of
/// a table before its tables; comments and anchors are gone.
///
/// For TOML the root has to be a map and nothing in it may be null, as is so of what was read from TOML.
pub fn write(root: &Node, format: Format) -> String {
    match format {
        Format::Json => json::write(root),
        Format::Yaml => yaml::write(root),
        Format::Toml => toml::write(root),
    }
}

/// A problem with a file as a whole.
pub(crate) fn whole(file: &str, found: String, expected: String) -> FileErrors {
    let file = landfall_secret::escape(file, 300);
    FileErrors::one(FileProblem { file, pointer: String::new(), place: None, found, expected })
}

/// Whether a document says nothing: it is empty, null, or a map without keys.
pub(crate) fn says_nothing(node: Option<&Node>) -> bool {
    node.is_none_or(|node| node.is_null() || matches!(&node.value, Value::Map(members) if members.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn formats_are_told_by_names() {
        let of = |name| Format::of(name).map(|format| format.to_string()).unwrap_or_default();
        assert_eq!(
            [
                of("a/b.json"),
                of("b.YML"),
                of("b.yaml"),
                of("x.toml"),
                of("json"),
                of(".json"),
                of("a.json/b"),
                of("a.json5")
            ],
            ["JSON", "YAML", "YAML", "TOML", "", "", "", ""]
        );
    }
}
