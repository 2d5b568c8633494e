//! Asks the person at the terminal for a manual job.

use std::io::{BufRead as _, Write as _};

/// Whether a manual job is to start; no, where nobody says yes.
pub(super) fn start(job: &str) -> bool {
    let mut stderr = std::io::stderr();
    let shown = landfall_secret::escape(job, 200);
    // Where nothing can be written nobody reads the question.
    if write!(stderr, "start {shown}? [y/N] ").and_then(|()| stderr.flush()).is_err() {
        return false;
    }
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && is_yes(&answer)
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_a_yes_is_one() {
        assert!(is_yes("y\n") && is_yes(" Yes \n"));
        assert!(!is_yes("") && !is_yes("n\n") && !is_yes("yesterday\n"));
    }
}
