//! `functions/<folder>/.deployment`: the real name of a Lambda function.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::file::read_bounded;
use crate::file_error::{FileError, FileErrors, FileProblem, Problems};
use crate::name::{EnvironmentName, Folder, LambdaName, ProjectName};
use crate::text_name::NameTemplate;
use crate::versions::Versions;

/// A `.deployment` file: the first line that is neither blank nor a `#` comment is the function's name or ARN.
///
/// A byte-order mark, CRLF and white space around the name are tolerated; further lines are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentFile {
    /// The function's bare name.
    pub lambda: LambdaName,
}

impl DeploymentFile {
    /// Name of the file in the project's folder.
    pub const FILE_NAME: &'static str = ".deployment";

    /// The most bytes such a file may have.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// The file of a folder below the functions root.
    pub fn path(functions: &Path, folder: &Folder) -> PathBuf {
        functions.join(folder.as_str()).join(Self::FILE_NAME)
    }

    /// Reads the format from bytes; `name` stands for them in messages.
    ///
    /// # Errors
    /// [`FileErrors`] where there is no name or it is not Lambda's.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self, FileErrors> {
        let mut problems = Problems::new(name, "", false);
        if bytes.len() > Self::MAX_BYTES {
            problems
                .add_whole(format!("{} bytes", bytes.len()), format!("at most {} bytes", Self::MAX_BYTES));
            return problems.finish(None);
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            problems.add_whole("bytes that are not UTF-8", "UTF-8 text");
            return problems.finish(None);
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let first = text
            .lines()
            .map(str::trim)
            .enumerate()
            .find(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let lambda = match first {
            None => {
                problems.add_whole("no name", "the name of the Lambda function on the first line");
                None
            }
            Some((index, line)) => {
                let lambda = LambdaName::from_name_or_arn(line).ok();
                if lambda.is_none() {
                    problems.add_line(
                        index + 1,
                        format!("`{}`", landfall_secret::escape(line, 160)),
                        "a Lambda function name (1 to 64 of A-Z a-z 0-9 _ -) or its ARN",
                    );
                }
                lambda
            }
        };
        problems.finish(lambda.map(|lambda| Self { lambda }))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError`] where it cannot be read or holds no name.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let bytes = read_bounded(path, Self::MAX_BYTES)?;
        Ok(Self::parse(&bytes, &path.to_string_lossy())?)
    }
}

/// The Lambda functions of all projects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LambdaNames {
    /// Each project's function.
    pub functions: BTreeMap<ProjectName, LambdaName>,
    /// Projects whose file is missing or empty, where that was allowed.
    pub skipped: Vec<FileProblem>,
}

/// What a missing `.deployment` file means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingName {
    /// A problem.
    Refuse,
    /// The project is passed over and named in [`LambdaNames::skipped`].
    Skip,
}

impl LambdaNames {
    /// Reads the `.deployment` file of every project below the functions root. Where an environment adds to the names, its
    /// template is applied.
    ///
    /// # Errors
    /// [`FileErrors`] with every problem of every file: missing, empty, wrong, or two folders that name one function.
    pub fn collect(
        functions: &Path,
        versions: &Versions,
        environment: Option<(&NameTemplate, &EnvironmentName)>,
        missing: MissingName,
    ) -> Result<Self, FileErrors> {
        let mut collected = Self::default();
        let mut errors: Vec<FileErrors> = Vec::new();
        let mut first_use: BTreeMap<LambdaName, PathBuf> = BTreeMap::new();
        for (project, entry) in &versions.projects {
            let path = DeploymentFile::path(functions, &entry.folder);
            let shown = landfall_secret::escape(&path.to_string_lossy(), 300);
            let problem = |found: String, expected: String| FileProblem {
                file: shown.clone(),
                pointer: String::new(),
                place: None,
                found,
                expected,
            };
            let lambda = match DeploymentFile::read(&path) {
                Ok(file) => file.lambda,
                Err(FileError::Invalid(invalid)) => {
                    errors.push(invalid);
                    continue;
                }
                Err(other) => {
                    let absent = matches!(other, FileError::Missing { .. } | FileError::Empty { .. });
                    let found = match &other {
                        FileError::Missing { .. } => "no file".to_owned(),
                        FileError::Empty { .. } => "an empty file".to_owned(),
                        FileError::Read { source, .. } => format!("a file that cannot be read ({source})"),
                        other => other.to_string(),
                    };
                    let expected =
                        format!("a file whose first line is the name of {project}'s Lambda function in AWS");
                    if absent && missing == MissingName::Skip {
                        collected.skipped.push(problem(found, expected));
                    } else {
                        errors.push(FileErrors::one(problem(found, expected)));
                    }
                    continue;
                }
            };
            let lambda = match environment.map(|(template, name)| template.apply(&lambda, name)) {
                None => lambda,
                Some(Ok(named)) => named,
                Some(Err(cause)) => {
                    let expected = "a name that the environment's template makes a function name of";
                    errors.push(FileErrors::one(problem(cause.to_string(), expected.to_owned())));
                    continue;
                }
            };
            if let Some(other) = first_use.get(&lambda) {
                errors.push(FileErrors::one(problem(
                    format!("`{lambda}`"),
                    format!(
                        "a function that no other folder names; {} names it too",
                        landfall_secret::escape(&other.to_string_lossy(), 300)
                    ),
                )));
                continue;
            }
            first_use.insert(lambda.clone(), path);
            collected.functions.insert(project.clone(), lambda);
        }
        match errors.into_iter().reduce(FileErrors::join) {
            None => Ok(collected),
            Some(errors) => Err(errors),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{DeploymentFile, LambdaNames, MissingName};
    use crate::{LambdaName, Versions};

    fn name_in(text: &str) -> Result<String, String> {
        DeploymentFile::parse(text.as_bytes(), "functions/x/.deployment")
            .map(|file| file.lambda.to_string())
            .map_err(|e| e.to_string())
    }

    #[test]
    fn tolerated_spellings() {
        for text in [
            "OrderServiceFunction",
            "OrderServiceFunction\n",
            "\u{feff}OrderServiceFunction\r\n",
            "\n\n   # the real name\r\n\t OrderServiceFunction  \r\nanything after",
            "arn:aws:lambda:eu-west-2:123456789012:function:OrderServiceFunction",
            "arn:aws:lambda:eu-west-2:123456789012:function:OrderServiceFunction:live\n",
            "123456789012:function:OrderServiceFunction",
        ] {
            assert_eq!(name_in(text), Ok("OrderServiceFunction".to_owned()), "{text}");
        }
    }

    #[test]
    fn refused_content() {
        let long = "a".repeat(65);
        let shown: Vec<String> = ["", "# only a comment\n\n", "Order Service", "../x", "a\u{1b}[2Jb", &long]
            .iter()
            .map(|text| name_in(text).expect_err("bad"))
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        functions/x/.deployment: found no name, expected the name of the Lambda function on the first line
        functions/x/.deployment: found no name, expected the name of the Lambda function on the first line
        functions/x/.deployment: line 1: found `Order Service`, expected a Lambda function name (1 to 64 of A-Z a-z 0-9 _ -) or its ARN
        functions/x/.deployment: line 1: found `../x`, expected a Lambda function name (1 to 64 of A-Z a-z 0-9 _ -) or its ARN
        functions/x/.deployment: line 1: found `a\u{1b}[2Jb`, expected a Lambda function name (1 to 64 of A-Z a-z 0-9 _ -) or its ARN
        functions/x/.deployment: line 1: found `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`, expected a Lambda function name (1 to 64 of A-Z a-z 0-9 _ -) or its ARN
        ");
        assert!(DeploymentFile::parse(&[0xff, 0xfe], "x").is_err());
        assert!(DeploymentFile::parse(&vec![b'a'; 70_000], "x").is_err());
    }

    #[test]
    fn all_problems_of_all_folders_are_said_at_once() {
        let root = tempfile::tempdir().expect("a folder");
        for (folder, content) in
            [("a", Some("Same")), ("b", Some("Same")), ("c", None), ("d", Some("")), ("e", Some("no name!"))]
        {
            let path = root.path().join(folder);
            std::fs::create_dir(&path).expect("made");
            if let Some(content) = content {
                std::fs::write(path.join(".deployment"), content).expect("written");
            }
        }
        let entries: Vec<String> = ["a", "b", "c", "d", "e"]
            .iter()
            .map(|n| format!("\"{n}Service\":{{\"version\":\"1.0.0\",\"folder\":\"{n}\"}}"))
            .collect();
        let versions = Versions::parse(format!("{{{}}}", entries.join(",")).as_bytes(), "v").expect("valid");
        let errors =
            LambdaNames::collect(root.path(), &versions, None, MissingName::Refuse).expect_err("bad");
        let shown = errors.to_string().replace(&*root.path().to_string_lossy(), "functions");
        insta::assert_snapshot!(shown, @r"
        4 problems
          functions/b/.deployment: found `Same`, expected a function that no other folder names; functions/a/.deployment names it too
          functions/c/.deployment: found no file, expected a file whose first line is the name of cService's Lambda function in AWS
          functions/d/.deployment: found an empty file, expected a file whose first line is the name of dService's Lambda function in AWS
          functions/e/.deployment: line 1: found `no name!`, expected a Lambda function name (1 to 64 of A-Z a-z 0-9 _ -) or its ARN
        ");
    }

    #[test]
    fn missing_names_can_be_passed_over_and_templates_apply() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(root.path().join("a")).expect("made");
        std::fs::write(root.path().join("a/.deployment"), "Orders").expect("written");
        let versions = Versions::parse(
            br#"{"a":{"version":"1.0.0","folder":"a"},"b":{"version":"1.0.0","folder":"b"}}"#,
            "v",
        )
        .expect("valid");
        let template = "{name}-{env}".parse().expect("a template");
        let env = "stg_eu00".parse().expect("an environment");
        let names = LambdaNames::collect(root.path(), &versions, Some((&template, &env)), MissingName::Skip)
            .expect("collected");
        assert_eq!(names.functions.values().map(LambdaName::as_str).collect::<Vec<_>>(), ["Orders-stg_eu00"]);
        assert_eq!(names.skipped.len(), 1);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = DeploymentFile::parse(&bytes, "x");
        }
    }
}
