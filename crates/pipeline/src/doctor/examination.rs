//! The order of the checks of one job, and what follows from what was seen.

use std::collections::BTreeMap;

use landfall_artifacts::Problem;

use super::failure::{best, of_check};
use super::{Check, Evidence, Failure};

/// What a look brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was taken.
    Looked {
        /// At what, and what was there; safe to print.
        at: String,
        /// What is wrong; none where all is well.
        problems: Vec<Problem>,
    },
    /// It was not taken.
    Skipped {
        /// Why not, such as `offline`.
        why: String,
    },
}

/// The checks of one job, as far as they were made.
#[derive(Clone, Debug)]
pub struct Examination {
    tree: &'static [Check],
    seen: BTreeMap<Evidence, Seen>,
}

/// A check and how it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: &'static Check,
    /// How it went.
    pub verdict: Verdict,
}

/// How a check went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong.
    Good {
        /// What was looked at.
        at: String,
    },
    /// Something is.
    Failed {
        /// What was looked at.
        at: String,
        /// What is wrong, in the order in which it was found.
        found: Vec<Named>,
    },
    /// It was not made, because another one failed or was not made.
    NotReached {
        /// That check.
        after: &'static str,
    },
    /// It was not made.
    Skipped {
        /// Why not.
        why: String,
    },
}

/// A problem, and the failure that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The failure; `None` where no page is about it.
    pub failure: Option<&'static Failure>,
    /// The problem.
    pub problem: Problem,
}

impl Examination {
    /// With nothing looked at yet.
    pub fn new(tree: &'static [Check]) -> Self {
        Self { tree, seen: BTreeMap::new() }
    }

    /// The look that comes next; `None` where all that can be said is known.
    pub fn next(&self) -> Option<Evidence> {
        let verdicts = self.verdicts();
        self.tree.iter().zip(&verdicts).find(|(_, verdict)| verdict.is_none()).map(|(check, _)| check.by)
    }

    /// What a look brought.
    pub fn saw(&mut self, by: Evidence, seen: Seen) {
        self.seen.insert(by, seen);
    }

    /// All checks in their order. Those that wait for a look that was not taken are not among them.
    pub fn findings(&self) -> Vec<Finding> {
        let verdicts = self.verdicts().into_iter();
        self.tree
            .iter()
            .zip(verdicts)
            .filter_map(|(check, verdict)| Some(Finding { check, verdict: verdict? }))
            .collect()
    }

    fn verdicts(&self) -> Vec<Option<Verdict>> {
        let mut known: Vec<Option<Verdict>> = Vec::with_capacity(self.tree.len());
        for check in self.tree {
            let blocked = self.tree.iter().zip(&known).find(|(before, verdict)| {
                check.after.contains(&before.id)
                    && matches!(verdict, Some(Verdict::Failed { .. } | Verdict::NotReached { .. }))
            });
            known.push(self.verdict(check, blocked.map(|(before, _)| before.id)));
        }
        known
    }

    /// A problem is told even where a check before it failed: a look may find several things at once.
    fn verdict(&self, check: &'static Check, blocked: Option<&'static str>) -> Option<Verdict> {
        let seen = self.seen.get(&check.by);
        let found = self.found(check);
        match (seen, blocked) {
            (Some(Seen::Looked { at, .. }), _) if !found.is_empty() => {
                Some(Verdict::Failed { at: at.clone(), found })
            }
            (_, Some(after)) => Some(Verdict::NotReached { after }),
            (Some(Seen::Looked { at, .. }), None) => Some(Verdict::Good { at: at.clone() }),
            (Some(Seen::Skipped { why }), None) => Some(Verdict::Skipped { why: why.clone() }),
            (None, None) => None,
        }
    }

    /// The problems that are this check's: of those that go by the same look the one whose failures fit best, else the last.
    fn found(&self, check: &'static Check) -> Vec<Named> {
        let Some(Seen::Looked { problems, .. }) = self.seen.get(&check.by) else { return Vec::new() };
        let same: Vec<&'static Check> = self.tree.iter().filter(|other| other.by == check.by).collect();
        let failures: Vec<_> = same.iter().flat_map(|check| of_check(check)).collect();
        let mut found = Vec::new();
        for problem in problems {
            let failure = best(&failures, problem);
            let owner =
                failure.and_then(|failure| same.iter().find(|check| check.failures.contains(&failure.id)));
            if owner.or(same.last()).is_some_and(|owner| owner.id == check.id) {
                found.push(Named { failure, problem: problem.clone() });
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
