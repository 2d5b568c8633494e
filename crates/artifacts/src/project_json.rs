//! `project.json` and `package.json` of a project: the few keys that are read, and the one that is rewritten.

use std::collections::BTreeMap;
use std::path::Path;

use semver::Version;
use serde_json::Value;

use crate::file::read_bounded;
use crate::file_error::{FileError, FileErrors, Problems};
use crate::json::{At, FromJson, Kind, Limits, Node, parse};
use crate::name::ProjectName;

/// What is read of an Nx `project.json`. Every other key is passed over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectJson {
    /// `name`; `None` where it is missing or empty.
    pub name: Option<ProjectName>,
    /// `version`; `None` where it is missing or empty. `0.0.0` stands for "never released".
    pub version: Option<Version>,
    /// `targets` by name.
    pub targets: BTreeMap<String, Value>,
    /// `tags`.
    pub tags: Vec<String>,
    /// `implicitDependencies`.
    pub implicit_dependencies: Vec<String>,
    /// `namedInputs` by name.
    pub named_inputs: BTreeMap<String, Value>,
}

/// What is read of a `package.json`. Every other key is passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageJson {
    /// `name`; `None` where it is missing or empty. At most 214 characters (npm documentation, "name").
    pub name: Option<String>,
    /// `version`; `None` where it is missing or empty.
    pub version: Option<Version>,
}

const MAX_BYTES: usize = 8 * 1024 * 1024;

impl ProjectJson {
    /// Name of the file in a project's folder.
    pub const FILE_NAME: &'static str = "project.json";

    /// Reads the format from bytes; `name` stands for them in messages.
    ///
    /// # Errors
    /// [`FileErrors`]: every problem at once.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self, FileErrors> {
        read_as(bytes, name)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError`] where it cannot be read or breaks its format.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        Ok(Self::parse(&read_bounded(path, MAX_BYTES)?, &path.to_string_lossy())?)
    }

    /// Whether the project has a version that was released: one that is not `0.0.0`.
    pub fn released_version(&self) -> Option<&Version> {
        self.version.as_ref().filter(|version| **version != Version::new(0, 0, 0))
    }
}

impl PackageJson {
    /// Name of the file in a project's folder.
    pub const FILE_NAME: &'static str = "package.json";

    /// Reads the format from bytes; `name` stands for them in messages.
    ///
    /// # Errors
    /// [`FileErrors`]: every problem at once.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self, FileErrors> {
        read_as(bytes, name)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError`] where it cannot be read or breaks its format.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        Ok(Self::parse(&read_bounded(path, MAX_BYTES)?, &path.to_string_lossy())?)
    }
}

/// The bytes of a `project.json` or `package.json` with another `version`; every other byte stays. Where there is no
/// `version`, one is put after `name`, or first, with the white space that stands before its neighbour.
///
/// # Errors
/// [`FileErrors`] where the bytes are no JSON object, or `version` stands there and is no text.
pub fn with_version(bytes: &[u8], name: &str, version: &Version) -> Result<Vec<u8>, FileErrors> {
    let mut parsed = parse(bytes, name, Limits::bytes(MAX_BYTES), false);
    let edited = parsed.root.as_ref().and_then(|root| edit(bytes, root, version, &mut parsed.problems));
    parsed.problems.finish(edited)
}

fn edit(bytes: &[u8], root: &Node, version: &Version, problems: &mut Problems<'_>) -> Option<Vec<u8>> {
    let at = At::root(root);
    let members = at.members(problems)?;
    if let Some(member) = root.member("version") {
        if !matches!(member.value.kind, Kind::Text(_) | Kind::Null) {
            problems.wrong(at.child(member), "a version as a text");
            return None;
        }
        let span = (member.value.start, member.value.end);
        return spliced(bytes, span, &format!("\"{version}\""));
    }
    let Some(first) = members.first() else {
        let inside = root.start + 1;
        return spliced(bytes, (inside, root.end - 1), &format!("\n  \"version\": \"{version}\"\n"));
    };
    // The white space between `{` and the first key is how this file sets its members apart.
    let gap = std::str::from_utf8(bytes.get(root.start + 1..first.at)?).ok()?;
    match root.member("name") {
        Some(named) => {
            let after = named.value.end;
            spliced(bytes, (after, after), &format!(",{gap}\"version\": \"{version}\""))
        }
        None => spliced(bytes, (first.at, first.at), &format!("\"version\": \"{version}\",{gap}")),
    }
}

fn spliced(bytes: &[u8], (start, end): (usize, usize), put: &str) -> Option<Vec<u8>> {
    let mut edited = bytes.get(..start)?.to_vec();
    edited.extend_from_slice(put.as_bytes());
    edited.extend_from_slice(bytes.get(end..)?);
    Some(edited)
}

fn read_as<T: FromJson>(bytes: &[u8], name: &str) -> Result<T, FileErrors> {
    crate::file::parse_json(bytes, name, crate::file::Shape::Contract, Limits::bytes(MAX_BYTES), false)
}

/// An empty text is as good as none.
struct Filled<T>(Option<T>);

impl<T: FromJson> FromJson for Filled<T> {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match &at.node.kind {
            Kind::Null => Some(Self(None)),
            Kind::Text(text) if text.trim().is_empty() => Some(Self(None)),
            _ => T::from_json(at, problems).map(|value| Self(Some(value))),
        }
    }

    fn absent(_: At<'_>, _: &str, _: &mut Problems<'_>) -> Option<Self> {
        Some(Self(None))
    }
}

impl FromJson for ProjectJson {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        at.members(problems)?;
        let name: Option<Filled<_>> = at.field("name", problems);
        let version: Option<Filled<_>> = at.field("version", problems);
        let targets = at.field_or_default("targets", problems);
        let tags = at.field_or_default("tags", problems);
        let implicit_dependencies = at.field_or_default("implicitDependencies", problems);
        let named_inputs = at.field_or_default("namedInputs", problems);
        Some(Self {
            name: name?.0,
            version: version?.0,
            targets: targets?,
            tags: tags?,
            implicit_dependencies: implicit_dependencies?,
            named_inputs: named_inputs?,
        })
    }
}

impl FromJson for PackageJson {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        at.members(problems)?;
        let name: Option<Filled<String>> = at.field("name", problems);
        let version: Option<Filled<_>> = at.field("version", problems);
        let name = name?.0;
        if name.as_ref().is_some_and(|n| n.len() > 214 || n.chars().any(char::is_control)) {
            problems.at_field(at, "name", "a package name of at most 214 characters");
            return None;
        }
        Some(Self { name, version: version?.0 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use semver::Version;

    use super::{PackageJson, ProjectJson, with_version};

    #[test]
    fn the_keys_that_are_read() {
        let text = r#"{"$schema":"x","name":"orderService","version":"1.4.2","targets":{"docker":{"executor":"x"}},
            "tags":["scope:orders"],"implicitDependencies":["shared"],"namedInputs":{"default":["{projectRoot}/**"]},"x":7}"#;
        let project = ProjectJson::parse(text.as_bytes(), "project.json").expect("valid");
        assert_eq!(project.released_version(), Some(&Version::new(1, 4, 2)));
        assert_eq!(project.tags, ["scope:orders"]);
        assert!(project.targets.contains_key("docker"));
        for unreleased in
            ["{}", r#"{"version":"0.0.0"}"#, r#"{"version":"","name":""}"#, r#"{"version":null}"#]
        {
            let project = ProjectJson::parse(unreleased.as_bytes(), "x").expect("valid");
            assert_eq!((project.released_version(), &project.name), (None, &None));
        }
        let package = PackageJson::parse(br#"{"name":"@acme/x~y","version":"1.0.0"}"#, "x").expect("valid");
        assert_eq!(package.name.as_deref(), Some("@acme/x~y"));
    }

    #[test]
    fn every_problem_is_said_at_once() {
        let text = r#"{"name":"a/b/c","version":"1","targets":[],"tags":["a",1],"implicitDependencies":"x","namedInputs":{"a\n":1}}"#;
        let errors = ProjectJson::parse(text.as_bytes(), "functions/a/project.json").expect_err("bad");
        insta::assert_snapshot!(errors, @r"
        6 problems in functions/a/project.json
          /name at 1:9: found `a/b/c`, expected a project name: 1 to 100 of A-Z a-z 0-9 _ . - with at most one @scope/ before it
          /version at 1:27: found `1`, expected a version as SemVer 2.0.0 writes it, such as 1.4.2, without `v`
          /targets at 1:41: found a list of 0, expected an object
          /tags/1 at 1:56: found 1, expected a text
          /implicitDependencies at 1:82: found `x`, expected a list
          /namedInputs/a\u{a} at 1:101: found the key `a\u{a}`, expected a name
        ");
    }

    #[test]
    fn a_rewrite_keeps_every_other_byte() {
        let version = Version::new(2, 0, 0);
        let rewritten = |text: &str| {
            with_version(text.as_bytes(), "project.json", &version)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .map_err(|e| e.to_string())
        };
        for text in [
            "{\r\n\t\"version\"  :\t\"1.0.0\" ,\"name\":\"\\u0061\", \"n\": 1.50, \"version2\": \"1.0.0\" }\r\n\r\n",
            "{\"targets\":{\"version\":\"1.0.0\"},\"version\":\"\\u0031.0.0\"}",
            "{\"version\":\"not semver\"}",
        ] {
            let mut expected = text.to_owned();
            let from = text.find("\"version\"  ").or(text.find("},\"version\"")).unwrap_or(0);
            let start = text[from..].find(':').expect("a colon") + from + 1;
            let start = start + text[start..].find('"').expect("a quote");
            let end = start + 1 + text[start + 1..].find('"').expect("a quote") + 1;
            expected.replace_range(start..end, "\"2.0.0\"");
            assert_eq!(rewritten(text), Ok(expected));
        }
        assert_eq!(
            rewritten("{\n    \"name\": \"a\",\n    \"x\": 1\n}\n").as_deref(),
            Ok("{\n    \"name\": \"a\",\n    \"version\": \"2.0.0\",\n    \"x\": 1\n}\n")
        );
        assert_eq!(rewritten("{\"x\":1}").as_deref(), Ok("{\"version\": \"2.0.0\",\"x\":1}"));
        assert_eq!(rewritten("{ }").as_deref(), Ok("{\n  \"version\": \"2.0.0\"\n}"));
        assert!(rewritten("[]").is_err());
        assert!(rewritten("{\"version\":7}").is_err());
        assert!(rewritten("{\"version\":\"1\",\"version\":\"2\"}").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ProjectJson::parse(&bytes, "x");
            let _ = PackageJson::parse(&bytes, "x");
            let _ = with_version(&bytes, "x", &Version::new(1, 0, 0));
        }

        #[test]
        fn a_rewrite_changes_the_version_alone(
            before in "[a-z]{0,6}", after in "[a-z\u{e9}\u{1f600}]{0,6}", space in "[ \n\t]{0,4}"
        ) {
            let text = format!("{{{space}\"k{before}\":\"{after}\",{space}\"version\"{space}:{space}\"1.0.0\"{space}}}{space}");
            let edited = with_version(text.as_bytes(), "x", &Version::new(12, 0, 1)).expect("edited");
            prop_assert_eq!(String::from_utf8_lossy(&edited), text.replace("1.0.0", "12.0.1"));
        }
    }
}
