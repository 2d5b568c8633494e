//! A failure: what is seen, why it happens, how it is mended.

use landfall_artifacts::Problem;

use super::{Check, FAILURES, tree};

/// A failure that has a page in `docs/failures`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its name, which is also its page's: lower-case letters, digits and `-`.
    pub id: &'static str,
    /// What is wrong, in one sentence without a full stop.
    pub title: &'static str,
    /// The codes of problems that it shows as.
    pub codes: &'static [&'static str],
    /// Words of which a problem's text has one, where its code alone does not tell; empty: any text fits.
    pub words: &'static [&'static str],
    /// Why it happens, in whole sentences.
    pub why: &'static str,
    /// What to do, step by step, in whole sentences.
    pub remedy: &'static [&'static str],
}

/// Failures that nothing but doing the same again can disprove: a good look reads, and these are of writes or of what happens afterwards.
const SEEN_BY_DOING: [&str; 5] =
    ["bucket-denied", "lambda-denied", "registry-denied", "smoke-test-failed", "update-failed"];

impl Failure {
    /// Whether a check that is good says nothing of it: it may be so all the same.
    pub fn is_seen_by_doing(&self) -> bool {
        SEEN_BY_DOING.contains(&self.id)
    }

    /// Whether a problem is one of this failure.
    pub fn fits(&self, problem: &Problem) -> bool {
        self.codes.contains(&problem.code.as_str())
            && (self.words.is_empty() || self.words.iter().any(|word| problem.told().contains(word)))
    }
}

/// The failure of a name.
pub fn failure(id: &str) -> Option<&'static Failure> {
    FAILURES.iter().flat_map(|part| part.iter()).find(|failure| failure.id == id)
}

/// The failure that a problem of a stage is: of those that the stage's checks may find the one whose words fit best, else any.
pub fn named(stage: &str, problem: &Problem) -> Option<&'static Failure> {
    let of_stage: Vec<_> = tree(stage).iter().flat_map(of_check).collect();
    let all: Vec<_> = FAILURES.iter().flat_map(|part| part.iter()).collect();
    best(&of_stage, problem).or_else(|| best(&all, problem))
}

/// The failures that a check may find.
pub(super) fn of_check(check: &Check) -> impl Iterator<Item = &'static Failure> + use<> {
    check.failures.iter().filter_map(|id| failure(id))
}

/// The first that fits by its words, else the first that fits by its code alone.
pub(super) fn best(failures: &[&'static Failure], problem: &Problem) -> Option<&'static Failure> {
    let fitting = || failures.iter().copied().filter(|failure| failure.fits(problem));
    fitting().find(|failure| !failure.words.is_empty()).or_else(|| fitting().next())
}

#[cfg(test)]
mod tests {
    use super::{Failure, SEEN_BY_DOING, failure};

    #[test]
    fn what_is_seen_by_doing_alone_has_a_page() {
        for id in SEEN_BY_DOING {
            assert!(failure(id).is_some_and(Failure::is_seen_by_doing), "{id} is no failure");
        }
        let is_read = |id: &str| failure(id).is_some_and(|failure| !failure.is_seen_by_doing());
        assert!(is_read("function-missing") && is_read("approval-missing"));
    }
}
