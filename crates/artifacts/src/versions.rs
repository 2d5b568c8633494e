//! `versions.json`: what is to be deployed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use semver::Version;
use serde::Serialize;

use crate::digest::Digest;
use crate::file::json_file;
use crate::file_error::{FileErrors, FileProblem, Problems};
use crate::json::{At, FromJson, Limits, parse, record};
use crate::name::{Folder, ProjectName, ReleaseId};

/// Every project that is to be deployed, with version and folder. Default name `versions.json`.
///
/// An empty map is valid: nothing to deploy. A file without bytes is not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Versions {
    /// The projects by name.
    pub projects: BTreeMap<ProjectName, VersionedProject>,
}

/// A project's version and folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VersionedProject {
    /// SemVer 2.0.0 without `v`.
    #[schemars(with = "crate::schema::SemVer")]
    pub version: Version,
    /// One path segment below the functions root.
    pub folder: Folder,
}

record!(VersionedProject { version: "version", folder: "folder" });
json_file!(Versions, Contract, 8 * 1024 * 1024);

/// `versions.json` as builds read it: a version may be missing. Everything else is as in [`Versions`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct BuildVersions {
    /// The projects by name.
    pub projects: BTreeMap<ProjectName, BuildProject>,
}

/// A project that is to be built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuildProject {
    /// SemVer 2.0.0 without `v`, where there is one.
    pub version: Option<Version>,
    /// One path segment below the functions root.
    pub folder: Folder,
}

record!(BuildProject { version: "version", folder: "folder" });
json_file!(BuildVersions, Contract, 8 * 1024 * 1024);

impl FromJson for BuildVersions {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        BTreeMap::from_json(at, problems).map(|projects| Self { projects })
    }
}

impl FromJson for Versions {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        BTreeMap::from_json(at, problems).map(|projects| Self { projects })
    }
}

impl Versions {
    /// Usual name of the file.
    pub const FILE_NAME: &'static str = "versions.json";

    /// Whether there is nothing to deploy.
    pub fn is_empty(&self) -> bool {
        self.projects.is_empty()
    }

    /// The release these versions are: `r-` and the first 12 hex digits of the SHA-256 of `{"project":"version",...}`,
    /// compact, keys sorted by their bytes. Folders do not count.
    pub fn release_id(&self) -> ReleaseId {
        let canonical: BTreeMap<&str, String> = self
            .projects
            .iter()
            .map(|(name, project)| (name.as_str(), project.version.to_string()))
            .collect();
        let bytes = serde_json::to_vec(&canonical).expect("a map of texts is JSON");
        let hex = Digest::of(&bytes).hex();
        format!("r-{}", hex.get(..12).unwrap_or_default())
            .parse()
            .expect("`r-` and hex digits are a release id")
    }

    /// Like [`Versions::parse`], but passes over entries that lack `version` or `folder` and returns what was passed over.
    ///
    /// # Errors
    /// [`FileErrors`]: everything else that is wrong, at once.
    pub fn parse_skipping(bytes: &[u8], name: &str) -> Result<(Self, Vec<FileProblem>), FileErrors> {
        let mut parsed = parse(bytes, name, Limits::bytes(Self::MAX_BYTES), false);
        let Some(mut root) = parsed.root else {
            return parsed.problems.finish(None);
        };
        let mut skipped = Problems::new(name, parsed.problems.source(), false);
        if let crate::json::Kind::Object(members) = &mut root.kind {
            let whole = root_without_members(root.start, root.end);
            let at = At::root(&whole);
            members.retain(|member| {
                let child = at.child(member);
                let lacks: Vec<&str> = ["version", "folder"]
                    .into_iter()
                    .filter(|key| child.is_object() && member.value.get(key).is_none())
                    .collect();
                for key in &lacks {
                    skipped.missing(child, key);
                }
                lacks.is_empty()
            });
        }
        let value = Self::from_json(At::root(&root), &mut parsed.problems);
        let versions = parsed.problems.finish(value)?;
        Ok((versions, skipped.drain()))
    }
}

fn root_without_members(start: usize, end: usize) -> crate::json::Node {
    crate::json::Node { start, end, kind: crate::json::Kind::Null }
}

#[cfg(test)]
mod tests {
    use super::Versions;

    const GOOD: &str = r#"{
        "paymentGateway": { "folder": "payment-gateway", "version": "2.0.0", "owner": "team-a" },
        "orderService": { "version": "1.4.2", "folder": "order-service" } }"#;

    fn versions(text: &str) -> Versions {
        Versions::parse(text.as_bytes(), "versions.json").expect("valid versions")
    }

    #[test]
    fn any_spelling_is_read_and_one_is_written() {
        insta::assert_snapshot!(String::from_utf8_lossy(&versions(GOOD).to_bytes()), @r#"
        {
          "orderService": {
            "version": "1.4.2",
            "folder": "order-service"
          },
          "paymentGateway": {
            "version": "2.0.0",
            "folder": "payment-gateway"
          }
        }
        "#);
        assert_eq!(versions(&String::from_utf8_lossy(&versions(GOOD).to_bytes())), versions(GOOD));
        assert!(versions("{}").is_empty());
        assert_eq!(versions("{}").to_bytes(), b"{}\n");
    }

    #[test]
    fn the_release_is_named_by_projects_and_versions_alone() {
        let id = versions(GOOD).release_id();
        // printf '{"orderService":"1.4.2","paymentGateway":"2.0.0"}' | sha256sum
        assert_eq!(id.as_str(), "r-cc47dc661071");
        let moved = GOOD.replace("\"order-service\"", "\"elsewhere\"");
        assert_eq!(versions(&moved).release_id(), id);
        let other = GOOD.replace("1.4.2", "1.4.3");
        assert_ne!(versions(&other).release_id(), id);
    }

    #[test]
    fn every_problem_is_said_at_once() {
        let bad = r#"{
  "a": { "version": "v1.0.0", "folder": "../x" },
  "a": { "version": "1.0.0", "folder": "a" },
  "../b": { "version": "1.0.0", "folder": "/etc" },
  "c": { "version": 1, "folder": "a\u0000b" },
  "d": "1.0.0",
  "e": { "folder": "" },
  "f\u001b[2J": { "version": "1.0", "folder": "f" }
}"#;
        let errors = Versions::parse(bad.as_bytes(), "versions.json").expect_err("bad");
        insta::assert_snapshot!(errors, @r"
        12 problems in versions.json
          /a/version at 2:21: found `v1.0.0`, expected a version as SemVer 2.0.0 writes it, such as 1.4.2, without `v`
          /a/folder at 2:41: found `../x`, expected a folder: one path segment without / or \, not . or .., no control characters, at most 255 bytes
          /a at 3:3: found the same key a second time, expected one such key; the first stands at 2:3
          /..~1b at 4:3: found the key `../b`, expected a project name: 1 to 100 of A-Z a-z 0-9 _ . - with at most one @scope/ before it
          /..~1b/folder at 4:43: found `/etc`, expected a folder: one path segment without / or \, not . or .., no control characters, at most 255 bytes
          /c/version at 5:21: found 1, expected a version as SemVer 2.0.0 writes it, such as 1.4.2, without `v`
          /c/folder at 5:34: found `a\u{0}b`, expected a folder: one path segment without / or \, not . or .., no control characters, at most 255 bytes
          /d at 6:8: found `1.0.0`, expected an object
          /e at 7:8: found no `version`, expected the key `version`
          /e/folder at 7:20: found an empty text, expected a folder: one path segment without / or \, not . or .., no control characters, at most 255 bytes
          /f\u{1b}[2J at 8:3: found the key `f\u{1b}[2J`, expected a project name: 1 to 100 of A-Z a-z 0-9 _ . - with at most one @scope/ before it
          /f\u{1b}[2J/version at 8:30: found `1.0`, expected a version as SemVer 2.0.0 writes it, such as 1.4.2, without `v`
        ");
    }

    #[test]
    fn what_is_no_map_is_refused() {
        let shown: Vec<String> = ["", "[]", "null", "\u{feff}{}", "{\"a\":{}", "{} x"]
            .iter()
            .map(|text| Versions::parse(text.as_bytes(), "versions.json").expect_err("bad").to_string())
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        versions.json: found nothing, expected a JSON value
        versions.json: at 1:1: found a list of 0, expected an object
        versions.json: at 1:1: found null, expected an object
        versions.json: at 1:1: found `\u{feff}`, expected no byte-order mark
        versions.json: at 1:8: found the end of the file, expected `,` or `}`
        versions.json: at 1:4: found `x`, expected the end of the file
        ");
    }

    #[test]
    fn many_problems_are_counted_not_kept() {
        let entries: Vec<String> = (0..5000).map(|n| format!("\"p{n}\":1")).collect();
        let text = format!("{{{}}}", entries.join(","));
        let errors = Versions::parse(text.as_bytes(), "v").expect_err("bad");
        assert_eq!((errors.problems().len(), errors.further()), (100, 4900));
        let twice = "{\"a\":{},".to_owned() + &"\"a\":{},".repeat(200_000) + "\"a\":{}}";
        assert!(Versions::parse(twice.as_bytes(), "v").is_err());
    }

    #[test]
    fn entries_without_a_field_can_be_passed_over() {
        let text = r#"{"a":{"version":"1.0.0"},"b":{"version":"1.0.0","folder":"b"},"c":{}}"#;
        let (versions, skipped) =
            Versions::parse_skipping(text.as_bytes(), "PROD_VERSIONS_JSON").expect("read");
        assert_eq!(versions.projects.len(), 1);
        let shown: Vec<String> = skipped.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        /a at 1:6: found no `folder`, expected the key `folder`
        /c at 1:67: found no `version`, expected the key `version`
        /c at 1:67: found no `folder`, expected the key `folder`
        ");
        let wrong = text.replace("\"folder\":\"b\"", "\"folder\":7");
        assert!(Versions::parse_skipping(wrong.as_bytes(), "x").is_err());
        assert!(Versions::parse_skipping(b"[]", "x").is_err());
    }
}
