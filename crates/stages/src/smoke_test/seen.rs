//! What a failed check saw, bounded and without secrets.

use landfall_run::Run;

/// Most lines of output that are kept.
const MOST_LINES: usize = 20;

/// Longest line that is kept, in characters.
const LONGEST_LINE: usize = 300;

/// What a try of a check saw that was not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// In one line.
    pub what: String,
    /// What was answered or printed, the last of it.
    pub lines: Vec<String>,
    /// What to do, where that is known.
    pub remedy: Option<String>,
    /// Whether another try cannot help.
    pub is_final: bool,
    /// Whether what was deployed could not be asked, so that nothing is known of it.
    pub is_unasked: bool,
}

impl Seen {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), lines: Vec::new(), remedy: None, is_final: false, is_unasked: false }
    }

    /// Adds what was answered or printed: without known secrets, and the last lines of it.
    pub(super) fn with_text(mut self, text: &str, run: &Run) -> Self {
        // Secrets first: a cut in the middle of one would let the rest of it through.
        let clean = run.redactor().redact(text);
        let lines: Vec<&str> = clean.lines().filter(|line| !line.trim().is_empty()).collect();
        let from = lines.len().saturating_sub(MOST_LINES);
        let kept = lines.iter().skip(from).map(|line| landfall_secret::escape(line, LONGEST_LINE));
        self.lines.extend(kept);
        self
    }

    /// Says that there was one more try, which our own clock ended.
    pub(super) fn and_cut(mut self) -> Self {
        self.lines.push("one more try was cut short: the time was over".to_owned());
        self
    }

    /// Adds what to do.
    pub(super) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Says that what was deployed could not be asked.
    pub(super) fn unasked(mut self) -> Self {
        self.is_unasked = true;
        self
    }

    /// Says that another try cannot help.
    pub(super) fn at_once(mut self) -> Self {
        self.is_final = true;
        self
    }
}
