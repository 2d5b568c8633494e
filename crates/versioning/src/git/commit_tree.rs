//! The files of a commit as a tree.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use landfall_artifacts::CommitId;
use landfall_run::Run;

use super::Git;
use super::objects::Blob;
use crate::{Error, Tree};

/// The largest file that is read, in bytes.
const LARGEST: usize = 64 * 1024 * 1024;

/// The files of a commit, read from git's store by one child that lives as long as this value.
#[derive(Debug)]
pub struct CommitTree {
    paths: Vec<String>,
    files: BTreeMap<String, Blob>,
    reader: Mutex<Reader>,
}

#[derive(Debug)]
struct Reader {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Git {
    /// The files of a commit.
    ///
    /// # Errors
    /// As git says.
    pub async fn commit_tree(&self, commit: &CommitId, run: &Run) -> Result<CommitTree, Error> {
        let files = self.files_of(commit, run).await?;
        let mut child = Command::new("git")
            .args(["cat-file", "--batch"])
            .current_dir(&self.root)
            .env_clear()
            .envs(&self.variables)
            .envs(self.settings(false))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|cause| Error::Program { cause })?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::Malformed { what: "files of a commit" });
        };
        let reader = Mutex::new(Reader { child, input, output: BufReader::new(output) });
        Ok(CommitTree { paths: files.keys().cloned().collect(), files, reader })
    }
}

impl Tree for CommitTree {
    fn paths(&self) -> &[String] {
        &self.paths
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(blob) = self.files.get(path) else { return Ok(None) };
        let mut reader = match self.reader.lock() {
            Ok(reader) => reader,
            Err(poisoned) => poisoned.into_inner(),
        };
        reader.read(&blob.object).map(Some)
    }
}

impl Reader {
    /// Asks for one object and reads the answer: `<id> blob <size>`, the bytes, a line break.
    fn read(&mut self, object: &str) -> io::Result<Vec<u8>> {
        writeln!(self.input, "{object}")?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let size = line.trim_end().rsplit_once(' ').and_then(|(_, size)| size.parse::<usize>().ok());
        let size = size.ok_or_else(|| io::Error::other("git does not have the file"))?;
        if size > LARGEST {
            return Err(io::Error::other(format!("the file is larger than {LARGEST} bytes")));
        }
        let mut bytes = vec![0; size + 1];
        self.output.read_exact(&mut bytes)?;
        bytes.truncate(size);
        Ok(bytes)
    }
}
