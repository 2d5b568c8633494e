//! GitHub's file of variables (GitHub docs, "Workflow commands": setting an environment variable, masking a value in a log).

use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;

use super::named::Named;
use super::{Change, DestinationError};

/// Whether the file is there: GitHub makes it before each step, so that without it nobody would read what is written.
pub(super) fn problem(path: &Path) -> Option<DestinationError> {
    let problem = |cause| DestinationError::GitHubFile { path: path.display().to_string(), cause };
    match std::fs::metadata(path) {
        Ok(data) if data.is_file() => None,
        Ok(_) => Some(problem(std::io::Error::other("it is no file"))),
        Err(cause) => Some(problem(cause)),
    }
}

/// Has the secrets masked, then appends all variables at once. They are on one line each, so that no delimiter is needed.
pub(super) fn append(
    path: &Path,
    variables: &[Named],
    say: &mut (dyn Write + Send),
) -> Result<Vec<Change>, DestinationError> {
    let unsaid = |cause| DestinationError::Say { cause };
    for variable in variables.iter().filter(|variable| variable.is_secret) {
        // What the command would read as its own is written as GitHub's toolkit writes it.
        let value = variable.value.expose().replace('%', "%25");
        writeln!(say, "::add-mask::{value}").map_err(unsaid)?;
    }
    say.flush().map_err(unsaid)?;
    let failed = |cause| DestinationError::GitHubFile { path: path.display().to_string(), cause };
    let mut file = OpenOptions::new().read(true).append(true).open(path).map_err(failed)?;
    let mut text = String::new();
    if !ends_a_line(&mut file).map_err(failed)? {
        text.push('\n');
    }
    for variable in variables {
        text.push_str(&format!("{}={}\n", variable.name, variable.value.expose()));
    }
    file.write_all(text.as_bytes()).map_err(failed)?;
    Ok(variables
        .iter()
        .map(|variable| Change { name: variable.name, outcome: "created", problem: None })
        .collect())
}

fn ends_a_line(file: &mut std::fs::File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
