//! How a stage's `run` ends.

use std::collections::BTreeMap;

use landfall_artifacts::{Class, Explain, OutcomeKind, Problem, ReleaseId, WrittenFile, gravest};
use landfall_notify::News;
use landfall_run::{Run, Signal};
use landfall_secret::Secret;
use serde_json::Value;

/// What a stage's `run` returns: once anything was attempted there is a [`Finished`]; a [`Refusal`] means that nothing was
/// touched.
pub type Outcome = Result<Finished, Refusal>;

/// Why nothing was touched: every problem that was found.
#[derive(Debug, Clone)]
pub struct Refusal(pub Vec<Problem>);

impl Refusal {
    /// One error, with its causes and remedy.
    pub fn of(error: &dyn Explain) -> Self {
        Self(vec![Problem::of(error)])
    }

    /// One problem.
    pub fn one(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl<E: Explain> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}

/// What happened to one thing that a stage acts on.
#[derive(Debug, Clone)]
pub struct Item {
    /// The thing: a project, a function, a ticket, a file.
    pub name: String,
    /// What became of it, as a word of lower-case letters and `-`: `copied`, `unchanged`, `updated`, `failed`, `planned`.
    pub outcome: &'static str,
    /// Whether the world is different because of it, as far as is known.
    pub changed: bool,
    /// Bytes moved for it.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What went wrong with it.
    pub problem: Option<Problem>,
    /// Facts of the stage's own.
    pub details: BTreeMap<String, Value>,
}

impl Item {
    /// An item that ended so, and nothing else.
    pub fn new(name: impl Into<String>, outcome: &'static str) -> Self {
        Self {
            name: name.into(),
            outcome,
            changed: false,
            bytes: 0,
            duration_ms: 0,
            problem: None,
            details: BTreeMap::new(),
        }
    }

    /// Says that the world is different because of it.
    pub fn changed(mut self) -> Self {
        self.changed = true;
        self
    }

    /// Adds a fact.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// Adds what went wrong.
    pub fn failed(mut self, problem: Problem) -> Self {
        self.problem = Some(problem);
        self
    }

    /// Whether it is not known what became of it.
    fn is_unknown(&self) -> bool {
        self.outcome == "unknown"
    }

    /// Whether what was sent for it was not answered, and running again finds out and does the rest: a passing fault stays one.
    fn is_unanswered(&self) -> bool {
        self.outcome == "unanswered"
    }
}

/// What whoever started the program finds on standard output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToCaller {
    /// The result for people.
    #[default]
    Result,
    /// A secret that the caller asked for, as it is and nothing else.
    Secret(Secret),
    /// An answer, which is all that was asked for.
    Answer {
        /// For people: lines that are safe to print.
        people: String,
        /// For machines, as JSON.
        json: String,
    },
    /// What a program wrote there that was run in the caller's place; its exit code becomes ours, unless something went wrong here.
    Program {
        /// The exit code.
        code: u8,
    },
}

/// What a stage did, item by item.
#[derive(Debug, Clone, Default)]
pub struct Finished {
    /// Item by item.
    pub items: Vec<Item>,
    /// Problems that are no single item's.
    pub problems: Vec<Problem>,
    /// Things the reader should look at although all is well.
    pub warnings: Vec<String>,
    /// Files that were written, or foretold on a dry run.
    pub files: Vec<WrittenFile>,
    /// The result for people, before the summary.
    pub lines: Vec<String>,
    /// One line that says it all.
    pub summary: String,
    /// The release, where the stage found out which it is.
    pub release: Option<ReleaseId>,
    /// What whoever started the program finds on standard output (default: the result for people).
    pub to_caller: ToCaller,
    /// What people are to be told of the release besides how the stage ended.
    pub news: Option<News>,
    /// Whether problems of items leave the stage a success, as partial promotion does unless `--strict`.
    pub lenient: bool,
}

impl Finished {
    /// A result with nothing in it but its summary.
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), ..Self::default() }
    }

    /// What was changed or may have been, a line each, for the error page.
    pub fn changes(&self) -> Vec<String> {
        // What was changed and changed back again was touched all the same.
        let is_unknown = |item: &Item| item.is_unknown() || item.is_unanswered();
        let line = |item: &Item| match (item.changed || item.outcome == "rolled-back", is_unknown(item)) {
            (_, true) => Some(format!("{}: {}, it may have been changed", item.name, item.outcome)),
            (true, false) => Some(format!("{}: {}", item.name, item.outcome)),
            (false, false) => None,
        };
        self.items.iter().filter_map(line).collect()
    }

    /// All problems: those of items and those of the whole.
    pub fn all_problems(&self) -> Vec<Problem> {
        self.items
            .iter()
            .filter_map(|item| item.problem.clone())
            .chain(self.problems.iter().cloned())
            .collect()
    }

    /// The verdict: kind of outcome, and the class that decides the exit code, where it is not a success.
    pub fn verdict(&self) -> (OutcomeKind, Option<Class>) {
        // What may have been changed counts as changed: nothing may be called untouched that perhaps is not.
        let something = self.items.iter().any(|item| item.changed || item.is_unknown());
        let class = gravest(&self.all_problems(), something);
        let kind = match class {
            None if something => OutcomeKind::Done,
            None => OutcomeKind::NothingToDo,
            Some(Class::Unknown) => OutcomeKind::Unknown,
            Some(Class::Refused | Class::Locked | Class::Input) => OutcomeKind::Blocked,
            Some(Class::Partial) => OutcomeKind::Partial,
            Some(_) if something => OutcomeKind::Partial,
            Some(_) => OutcomeKind::Failed,
        };
        // Leniency is for items: a stop, say, is still no success.
        (kind, if self.lenient { gravest(&self.problems, something) } else { class })
    }

    /// Adds a problem where the run was asked to stop, or its deadline passed, and `left` items were not taken up.
    pub fn note_stop(&mut self, run: &Run, left: usize) {
        let (code, class, why) = match run.stop().requested() {
            Some(Signal::Interrupt | Signal::Terminate) => {
                ("LF-STOPPED", Class::Interrupted, "stopped on request")
            }
            Some(Signal::Deadline) => ("LF-DEADLINE", Class::Transient, "the deadline passed"),
            None => return,
        };
        if left > 0 {
            let problem = Problem::new(code, class, format!("{why} with {left} left to do"));
            self.problems.push(problem.with_remedy("run again: it does what is left"));
        }
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{Class, OutcomeKind, Problem};

    use super::{Finished, Item};

    fn finished(items: Vec<Item>) -> Finished {
        Finished { items, ..Finished::default() }
    }

    fn copied() -> Item {
        Item::new("a", "copied").changed()
    }

    fn failed(class: Class) -> Item {
        Item::new("b", "failed").failed(Problem::new("LF-X", class, "x"))
    }

    #[test]
    fn the_verdict_follows_items_and_problems() {
        assert_eq!(finished(vec![]).verdict(), (OutcomeKind::NothingToDo, None));
        assert_eq!(finished(vec![copied()]).verdict(), (OutcomeKind::Done, None));
        let partly = finished(vec![copied(), failed(Class::Transient)]);
        assert_eq!(partly.verdict(), (OutcomeKind::Partial, Some(Class::Partial)));
        assert_eq!(
            finished(vec![failed(Class::Transient)]).verdict(),
            (OutcomeKind::Failed, Some(Class::Transient))
        );
        assert_eq!(
            finished(vec![failed(Class::Refused)]).verdict(),
            (OutcomeKind::Blocked, Some(Class::Refused))
        );
        assert_eq!(
            finished(vec![failed(Class::Unknown)]).verdict(),
            (OutcomeKind::Unknown, Some(Class::Unknown))
        );
        let lenient = Finished { lenient: true, ..partly };
        assert_eq!(lenient.verdict(), (OutcomeKind::Partial, None));
        let mut stopped = lenient;
        stopped.problems.push(Problem::new("LF-STOPPED", Class::Interrupted, "x"));
        assert_eq!(stopped.verdict().1, Some(Class::Interrupted));
    }

    #[test]
    fn what_was_not_answered_stays_a_passing_fault_and_is_told() {
        let lost = Item::new("b", "unanswered").failed(Problem::new("LF-X", Class::Transient, "x"));
        let one = finished(vec![lost.clone()]);
        assert_eq!(one.changes(), ["b: unanswered, it may have been changed"]);
        assert_eq!(one.verdict(), (OutcomeKind::Failed, Some(Class::Transient)));
        assert_eq!(finished(vec![lost, copied()]).verdict().1, Some(Class::Partial));
    }

    #[test]
    fn what_may_have_been_changed_is_told() {
        let lost = Item::new("b", "unknown").failed(Problem::new("LF-X", Class::Unknown, "x"));
        let both = finished(vec![copied(), lost.clone(), failed(Class::Transient)]);
        assert_eq!(both.changes(), ["a: copied", "b: unknown, it may have been changed"]);
        assert_eq!(both.verdict(), (OutcomeKind::Unknown, Some(Class::Unknown)));
        let refused = Item { problem: Some(Problem::new("LF-X", Class::Refused, "x")), ..lost };
        assert_eq!(finished(vec![refused]).verdict(), (OutcomeKind::Partial, Some(Class::Partial)));
    }
}
