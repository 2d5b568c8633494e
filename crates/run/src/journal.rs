//! The one door that every effect passes: intent before, outcome after.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

use landfall_artifacts::{Class, Digest, Explain};

/// A change to the world outside that is about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The action in the service's words, such as `UpdateFunctionCode` or `PUT manifest`.
    pub action: String,
    /// What it acts on: a function, a reference, a ticket.
    pub target: String,
    /// The environment, where the effect is in one.
    pub environment: Option<String>,
    /// The release that it is for, where known.
    pub release: Option<String>,
    /// What else a reader of the record needs to know, by name.
    pub details: Vec<(&'static str, String)>,
    /// What is put there.
    pub items: Vec<EffectItem>,
}

/// One thing that an effect puts somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectItem {
    /// Project, function or file.
    pub name: String,
    /// Its version, where it has one.
    pub version: Option<String>,
    /// Its content, where it has a digest.
    pub digest: Option<Digest>,
    /// What stood there before, where that is known.
    pub before: Option<Digest>,
}

/// How an effect ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectOutcome {
    /// It is so, and was confirmed.
    Done,
    /// It is not so; the text says why.
    Failed(String),
    /// Whether it is so could not be found out; the text says why.
    Unknown(String),
}

/// The receipt of a recorded intent, given back with its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Sequence number of the intent's record.
    pub sequence: u64,
    /// The effect that was intended.
    pub effect: Effect,
}

/// Why an effect may not be made, or could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another run holds the environment.
    #[error("environment {environment} is held by {holder}")]
    Held {
        /// The environment.
        environment: String,
        /// Who holds it.
        holder: String,
    },
    /// The record could not be written.
    #[error("cannot record the intent to {action} in {place}")]
    Write {
        /// The action that was to be recorded.
        action: String,
        /// The journal's place.
        place: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// It has as many records as it may have.
    #[error("the journal in {place} is full: it has the {most} records that it may have")]
    Full {
        /// The journal's place.
        place: String,
        /// How many it may have.
        most: u64,
    },
    /// What is recorded there is damaged.
    #[error("the journal in {place} is damaged at record {sequence}: {what}")]
    Damaged {
        /// The journal's place.
        place: String,
        /// The first bad record.
        sequence: u64,
        /// What is wrong with it.
        what: String,
    },
}

impl Explain for JournalError {
    fn code(&self) -> &'static str {
        match self {
            Self::Held { .. } => "LF-LEDGER-HELD",
            Self::Write { .. } => "LF-LEDGER-WRITE",
            Self::Full { .. } => "LF-LEDGER-FULL",
            Self::Damaged { .. } => "LF-LEDGER-DAMAGED",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Held { .. } => Class::Locked,
            Self::Write { .. } => Class::Transient,
            Self::Full { .. } => Class::Input,
            Self::Damaged { .. } => Class::Integrity,
        }
    }

    fn remedy(&self) -> Option<std::borrow::Cow<'static, str>> {
        Some(match self {
            Self::Held { holder, .. } => format!("wait for {holder} to end, then run again").into(),
            Self::Write { place, .. } => {
                format!("make {place} writable and check its free space, then run again").into()
            }
            Self::Full { .. } => {
                "begin another ledger by --ledger, and keep this one; docs/ledger.md says how".into()
            }
            Self::Damaged { place, .. } => {
                format!("find out who changed {place}, restore it, and do not delete records").into()
            }
        })
    }
}

/// What [`Journal`]'s methods return.
pub type JournalFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, JournalError>> + Send + 'a>>;

/// Records intents before effects and outcomes after them.
///
/// `intend` fails where the effect may not be made: it is the door that carries locks and gates. A failure of `outcome`
/// costs evidence and not safety, because recovery reads the services and not the journal.
pub trait Journal: Send + Sync + Debug {
    /// Records that an effect is about to be made; durable when it returns, where the journal is.
    fn intend(&self, effect: Effect) -> JournalFuture<'_, Intent>;

    /// Records how an intended effect ended.
    fn outcome(&self, intent: Intent, outcome: EffectOutcome) -> JournalFuture<'_, ()>;
}

/// A journal that lives as long as the process.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    records: Mutex<Vec<(Effect, Option<EffectOutcome>)>>,
}

impl MemoryJournal {
    /// All effects so far with their outcomes; `None` where none was recorded.
    pub fn records(&self) -> Vec<(Effect, Option<EffectOutcome>)> {
        match self.records.lock() {
            Ok(guard) => guard.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }
}

impl Journal for MemoryJournal {
    fn intend(&self, effect: Effect) -> JournalFuture<'_, Intent> {
        Box::pin(async move {
            let mut records = match self.records.lock() {
                Ok(guard) => guard,
                Err(poisoned) => poisoned.into_inner(),
            };
            records.push((effect.clone(), None));
            Ok(Intent { sequence: records.len() as u64 - 1, effect })
        })
    }

    fn outcome(&self, intent: Intent, outcome: EffectOutcome) -> JournalFuture<'_, ()> {
        Box::pin(async move {
            let mut records = match self.records.lock() {
                Ok(guard) => guard,
                Err(poisoned) => poisoned.into_inner(),
            };
            if let Some(record) = usize::try_from(intent.sequence).ok().and_then(|at| records.get_mut(at)) {
                record.1 = Some(outcome);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Effect, EffectOutcome, Journal, MemoryJournal};

    #[tokio::test]
    async fn an_outcome_finds_its_intent() {
        let journal = MemoryJournal::default();
        let effect = |target: &str| Effect {
            action: "PUT manifest".into(),
            target: target.into(),
            environment: None,
            release: None,
            details: Vec::new(),
            items: Vec::new(),
        };
        let first = journal.intend(effect("a")).await.expect("memory never fails");
        journal.intend(effect("b")).await.expect("memory never fails");
        journal.outcome(first, EffectOutcome::Done).await.expect("memory never fails");
        let seen: Vec<_> =
            journal.records().into_iter().map(|(effect, outcome)| (effect.target, outcome)).collect();
        assert_eq!(seen, [("a".to_owned(), Some(EffectOutcome::Done)), ("b".to_owned(), None)]);
    }
}
