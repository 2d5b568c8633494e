//! What is wrong with a file: every problem at once, each with its place.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::json::At;
use crate::outcome::{Class, Explain};

/// How many problems of a file are kept; the rest is counted.
const MOST_PROBLEMS: usize = 100;

/// One thing wrong with a file. All texts are safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// The file, as it was named to the reader.
    pub file: String,
    /// JSON pointer (RFC 6901) of the value, empty for the whole; `line N` in files that are not JSON.
    pub pointer: String,
    /// Line and column, both from one, where they are known.
    pub place: Option<(usize, usize)>,
    /// What stands there.
    pub found: String,
    /// What should stand there.
    pub expected: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pointer.as_str(), self.place) {
            ("", Some((line, column))) => write!(f, "at {line}:{column}: ")?,
            ("", None) => {}
            (pointer, Some((line, column))) => write!(f, "{pointer} at {line}:{column}: ")?,
            (pointer, None) => write!(f, "{pointer}: ")?,
        }
        write!(f, "found {}, expected {}", self.found, self.expected)
    }
}

/// Everything that is wrong with a file's content; at least one problem, at most a hundred and the number of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileErrors {
    problems: Vec<FileProblem>,
    further: usize,
}

impl FileErrors {
    /// An error of one problem.
    pub fn one(problem: FileProblem) -> Self {
        Self { problems: vec![problem], further: 0 }
    }

    /// The problems, in the order of the file.
    pub fn problems(&self) -> &[FileProblem] {
        &self.problems
    }

    /// How many problems there are besides.
    pub fn further(&self) -> usize {
        self.further
    }

    /// The problems of several files together.
    pub fn join(mut self, other: Self) -> Self {
        self.further += other.further;
        for problem in other.problems {
            if self.problems.len() < MOST_PROBLEMS {
                self.problems.push(problem);
            } else {
                self.further += 1;
            }
        }
        self
    }
}

impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one_file = self.problems.windows(2).all(|pair| match pair {
            [a, b] => a.file == b.file,
            _ => true,
        });
        match self.problems.as_slice() {
            [only] if self.further == 0 => write!(f, "{}: {only}", only.file),
            problems => {
                let count = problems.len() + self.further;
                match problems.first().filter(|_| one_file) {
                    Some(first) => write!(f, "{count} problems in {}", first.file)?,
                    None => write!(f, "{count} problems")?,
                }
                for problem in problems {
                    f.write_str("\n  ")?;
                    if !one_file {
                        write!(f, "{}: ", problem.file)?;
                    }
                    write!(f, "{problem}")?;
                }
                if self.further > 0 {
                    write!(f, "\n  and {} more", self.further)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for FileErrors {}

impl Explain for FileErrors {
    fn code(&self) -> &'static str {
        "LF-FILE-INVALID"
    }

    fn class(&self) -> Class {
        Class::Input
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(
            "correct the places named; docs/formats describes each file and docs/schemas has its schema"
                .into(),
        )
    }
}

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not there.
    #[error("{path} does not exist", path = shown(path))]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It is there and has no bytes.
    #[error("{path} is empty (zero bytes)", path = shown(path))]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is a folder, a pipe or a device.
    #[error("{path} is not a regular file", path = shown(path))]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// It has more bytes than its format may have.
    #[error("{path} has more than {most} bytes", path = shown(path))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The cap in bytes.
        most: usize,
    },
    /// The system would not let it be read.
    #[error("{path} could not be read", path = shown(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system would not let it be written.
    #[error("{path} could not be written", path = shown(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its content breaks its format.
    #[error(transparent)]
    Invalid(#[from] FileErrors),
}

fn shown(path: &std::path::Path) -> String {
    landfall_secret::escape(&path.to_string_lossy(), 300)
}

impl FileError {
    /// Whether the same call may succeed a moment later: no.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::Empty { .. }
            | Self::NotRegular { .. }
            | Self::TooLarge { .. }
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Invalid(_) => false,
        }
    }
}

impl Explain for FileError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "LF-FILE-MISSING",
            Self::Empty { .. } => "LF-FILE-EMPTY",
            Self::NotRegular { .. } => "LF-FILE-KIND",
            Self::TooLarge { .. } => "LF-FILE-SIZE",
            Self::Read { .. } => "LF-FILE-READ",
            Self::Write { .. } => "LF-FILE-WRITE",
            Self::Invalid(errors) => errors.code(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Missing { .. }
            | Self::Empty { .. }
            | Self::NotRegular { .. }
            | Self::TooLarge { .. }
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Invalid(_) => Class::Input,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Missing { .. } => Some(
                "check that the job which writes it ran before, and that its artifacts are passed on".into(),
            ),
            Self::Empty { .. } => {
                Some("the job which writes it was cut off or wrote nothing; run that job again".into())
            }
            Self::NotRegular { .. } => Some("give the path of a file".into()),
            Self::TooLarge { .. } => Some("this is not the file it should be; look at what wrote it".into()),
            Self::Read { .. } => Some("check owner and mode of the file".into()),
            Self::Write { .. } => Some("check that the folder is writable and the disk has room".into()),
            Self::Invalid(errors) => errors.remedy(),
        }
    }
}

/// Collects the problems of one file.
pub(crate) struct Problems<'t> {
    file: String,
    text: &'t str,
    /// No value of the file may be shown.
    conceal: bool,
    /// With the offset or line that says where in the file a problem stands; problems of the whole come last.
    found: Vec<(usize, FileProblem)>,
    further: usize,
}

impl<'t> Problems<'t> {
    pub(crate) fn new(file: &str, text: &'t str, conceal: bool) -> Self {
        Self { file: landfall_secret::escape(file, 300), text, conceal, found: Vec::new(), further: 0 }
    }

    /// About the file as a whole.
    pub(crate) fn add_whole(&mut self, found: impl Into<String>, expected: impl Into<String>) {
        self.push(usize::MAX, String::new(), None, found.into(), expected.into());
    }

    /// About a place in the text.
    pub(crate) fn add_at(
        &mut self,
        offset: usize,
        pointer: String,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) {
        // Finding line and column reads the text from its start, so it is not done for problems that are only counted.
        let place = (!self.is_full()).then(|| self.line_and_column(offset));
        self.push(offset, pointer, place, found.into(), expected.into());
    }

    /// About a key that stands a second time in its object.
    pub(crate) fn add_duplicate(&mut self, second: usize, first: usize, pointer: String) {
        let expected = if self.is_full() {
            String::new()
        } else {
            let (line, column) = self.line_and_column(first);
            format!("one such key; the first stands at {line}:{column}")
        };
        self.add_at(second, pointer, "the same key a second time", expected);
    }

    /// Whether further problems are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= MOST_PROBLEMS
    }

    /// About a line of a file that is not JSON; lines count from one.
    pub(crate) fn add_line(&mut self, line: usize, found: impl Into<String>, expected: impl Into<String>) {
        self.push(line, format!("line {line}"), None, found.into(), expected.into());
    }

    /// What stands at a value is not what was expected.
    pub(crate) fn wrong(&mut self, at: At<'_>, expected: impl Into<String>) {
        let found = at.node.describe(self.conceal);
        self.add_at(at.node.start, at.pointer(), found, expected);
    }

    /// What stands at a key of an object is not what was expected.
    pub(crate) fn at_field(&mut self, at: At<'_>, key: &str, expected: impl Into<String>) {
        match at.node.member(key) {
            Some(member) => self.wrong(at.child(member), expected),
            None => self.wrong(at, expected),
        }
    }

    /// The text that is read.
    pub(crate) fn source(&self) -> &'t str {
        self.text
    }

    /// A key is missing from an object.
    pub(crate) fn missing(&mut self, at: At<'_>, key: &str) {
        let pointer = at.pointer();
        self.add_at(at.node.start, pointer, format!("no `{key}`"), format!("the key `{key}`"));
    }

    /// Line and column, both from one, of a byte of the text.
    pub(crate) fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(start..).map_or(0, |tail| tail.chars().count()) + 1;
        (line, column)
    }

    /// The value, if nothing was wrong.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, FileErrors> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => {
                if self.found.is_empty() {
                    self.add_whole("something unreadable", "the format of this file");
                }
                let further = self.further;
                Err(FileErrors { problems: self.drain(), further })
            }
        }
    }

    /// The problems so far in the order of the file, which are then forgotten.
    pub(crate) fn drain(&mut self) -> Vec<FileProblem> {
        self.found.sort_by_key(|(order, _)| *order);
        std::mem::take(&mut self.found).into_iter().map(|(_, problem)| problem).collect()
    }

    fn push(
        &mut self,
        order: usize,
        pointer: String,
        place: Option<(usize, usize)>,
        found: String,
        expected: String,
    ) {
        if self.is_full() {
            self.further += 1;
            return;
        }
        let file = self.file.clone();
        self.found.push((order, FileProblem { file, pointer, place, found, expected }));
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;

    use super::FileError;
    use crate::{Class, Explain as _, Versions};

    #[test]
    fn every_error_says_what_to_do() {
        let path = || "out/versions.json".into();
        let errors = [
            FileError::Missing { path: path() },
            FileError::Empty { path: path() },
            FileError::NotRegular { path: path() },
            FileError::TooLarge { path: path(), most: 8 },
            FileError::Read { path: path(), source: io::Error::from(io::ErrorKind::PermissionDenied) },
            FileError::Write { path: path(), source: io::Error::from(io::ErrorKind::StorageFull) },
            FileError::from(Versions::parse(b"[]", "out/versions.json").expect_err("bad")),
        ];
        let mut shown = String::new();
        for error in &errors {
            assert_eq!((error.class(), error.is_retryable()), (Class::Input, false));
            shown.push_str(&format!("{} {error}", error.code()));
            if let Some(cause) = error.source() {
                shown.push_str(&format!("; caused by {cause}"));
            }
            shown.push_str(&format!("; try: {}\n", error.remedy().unwrap_or_default()));
        }
        insta::assert_snapshot!(shown, @r"
        LF-FILE-MISSING out/versions.json does not exist; try: check that the job which writes it ran before, and that its artifacts are passed on
        LF-FILE-EMPTY out/versions.json is empty (zero bytes); try: the job which writes it was cut off or wrote nothing; run that job again
        LF-FILE-KIND out/versions.json is not a regular file; try: give the path of a file
        LF-FILE-SIZE out/versions.json has more than 8 bytes; try: this is not the file it should be; look at what wrote it
        LF-FILE-READ out/versions.json could not be read; caused by permission denied; try: check owner and mode of the file
        LF-FILE-WRITE out/versions.json could not be written; caused by no storage space; try: check that the folder is writable and the disk has room
        LF-FILE-INVALID out/versions.json: at 1:1: found a list of 0, expected an object; try: correct the places named; docs/formats describes each file and docs/schemas has its schema
        ");
    }
}
