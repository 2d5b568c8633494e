//! What a job prints: without known secrets to a file, line by line to whoever watches.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use landfall_secret::Redactor;

/// The most that is kept of one job. Who prints more without end fills no disk.
const MOST: u64 = 64 * 1024 * 1024;

/// A line that gets longer is taken for several.
const LONGEST: usize = 64 * 1024;

/// The log of a job's try.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    redactor: Redactor,
    written: u64,
    /// What came of a line so far.
    line: Vec<u8>,
}

impl Log {
    /// Goes on with a file, which is made where it is not there.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn open(path: &Path, redactor: Redactor) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        let written = file.metadata()?.len();
        Ok(Self { file, redactor, written, line: Vec::new() })
    }

    /// Takes what was printed; the last line that was ended by it.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> io::Result<Vec<String>> {
        let mut lines = Vec::new();
        for byte in bytes {
            // Who draws a line again in place ends it by a carriage return.
            if matches!(byte, b'\n' | b'\r') || self.line.len() >= LONGEST {
                lines.extend(self.end_line()?);
            }
            if !matches!(byte, b'\n' | b'\r') {
                self.line.push(*byte);
            }
        }
        Ok(lines)
    }

    /// Takes a line of the runner's own.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn say(&mut self, line: &str) -> io::Result<()> {
        self.take(format!("\n{line}\n").as_bytes()).map(drop)
    }

    /// Ends the last line; it, if there was any.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn end_line(&mut self) -> io::Result<Option<String>> {
        if self.line.is_empty() {
            return Ok(None);
        }
        let line = self.redactor.redact(&String::from_utf8_lossy(&self.line));
        self.line.clear();
        if self.written < MOST {
            self.written += line.len() as u64 + 1;
            let end = if self.written < MOST { "" } else { "[what comes after this is left out]\n" };
            self.file.write_all(format!("{line}\n{end}").as_bytes())?;
        }
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use landfall_secret::{Redactor, Secret};

    use super::Log;

    #[test]
    fn lines_are_whole_and_have_no_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.txt");
        let redactor = Redactor::new();
        redactor.learn(&Secret::new("hunter2-hunter2"));
        let mut log = Log::open(&path, redactor).expect("opened");
        assert!(log.take(b"one\ntoken hunter2-").expect("taken").len() == 1);
        assert_eq!(
            log.take(b"hunter2 it is\r10 %\r20 %").expect("taken"),
            ["token <redacted> it is", "10 %"]
        );
        assert_eq!(log.end_line().expect("ended").as_deref(), Some("20 %"));
        log.say("try 2").expect("said");
        log.take(&vec![b'x'; 70_000]).expect("taken");
        log.end_line().expect("ended");
        let text = std::fs::read_to_string(path).expect("read");
        let lines: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(lines, [3, 22, 4, 4, 5, 65_536, 4464]);
    }
}
