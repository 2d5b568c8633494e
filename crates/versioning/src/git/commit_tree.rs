//! The files of a commit as a tree.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use landfall_artifacts::CommitId;
use landfall_run::Run;

use super::objects::Blob;
use super::{Git, WAYS};
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
            .envs(WAYS)
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

impl CommitTree {
    /// A file as another commit has it; `None` where it has no such file.
    ///
    /// # Errors
    /// What git says, and a file that is too large.
    pub fn read_at(&self, commit: &CommitId, path: &str) -> io::Result<Option<Vec<u8>>> {
        if path.contains('\n') {
            return Err(io::Error::other("the path has a line break"));
        }
        self.ask(&format!("{commit}:{path}"))
    }

    fn ask(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut reader = match self.reader.lock() {
            Ok(reader) => reader,
            Err(poisoned) => poisoned.into_inner(),
        };
        reader.read(name)
    }
}

impl Tree for CommitTree {
    fn paths(&self) -> &[String] {
        &self.paths
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(blob) = self.files.get(path) else { return Ok(None) };
        let bytes = self.ask(&blob.object)?;
        bytes.map(Some).ok_or_else(|| io::Error::other("git does not have the file"))
    }
}

impl Reader {
    /// Asks for one object and reads the answer: `<id> blob <size>`, the bytes, a line break; or `<name> missing`. What is no file
    /// is none.
    fn read(&mut self, name: &str) -> io::Result<Option<Vec<u8>>> {
        writeln!(self.input, "{name}")?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let line = line.trim_end_matches('\n');
        if line.ends_with(" missing") {
            return Ok(None);
        }
        let odd = || io::Error::other("git's answer cannot be read");
        let (head, size) = line.rsplit_once(' ').ok_or_else(odd)?;
        let size: usize = size.parse().map_err(|_| odd())?;
        let is_file = head.ends_with(" blob");
        if !is_file || size > LARGEST {
            // The next answer comes after these bytes.
            io::copy(&mut self.output.by_ref().take(size as u64 + 1), &mut io::sink())?;
            let why = format!("the file is larger than {LARGEST} bytes");
            return if is_file { Err(io::Error::other(why)) } else { Ok(None) };
        }
        let mut bytes = vec![0; size + 1];
        self.output.read_exact(&mut bytes)?;
        bytes.truncate(size);
        Ok(Some(bytes))
    }
}
