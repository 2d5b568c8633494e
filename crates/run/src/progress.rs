//! What happens, as it happens, for whoever shows it.

use std::fmt::Debug;
use std::time::Duration;

/// Something a person watching would like to know. Texts are escaped by whoever shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A phase of a stage begins: `check`, `plan`, `copy` and so on.
    Phase {
        /// The phase, in the words of the stage's runbook.
        name: String,
        /// How many items it has, where known.
        items: Option<u64>,
    },
    /// The bytes that the phase has to move, all items together; told once, after [`Event::Phase`].
    Total {
        /// In bytes.
        bytes: u64,
        /// How many items they are in, where known: each is started, and closed or finished.
        items: Option<u64>,
    },
    /// An item of the phase is being worked on.
    Started {
        /// The item.
        item: String,
        /// Its size in bytes, where it has one.
        size_bytes: Option<u64>,
    },
    /// An item moved on by some bytes.
    Advanced {
        /// The item.
        item: String,
        /// Bytes since the last event of this item.
        bytes: u64,
    },
    /// An item is finished.
    Finished {
        /// The item.
        item: String,
        /// How it ended, in a few words.
        result: String,
    },
    /// Bytes of an item that were told have to pass again: it is begun anew.
    Rewound {
        /// The item.
        item: String,
        /// How many bytes.
        bytes: u64,
    },
    /// An item is over and nobody needs a line about it: it was part of a larger one.
    Closed {
        /// The item.
        item: String,
    },
    /// What a program printed that a stage ran. It is folded where it went well: shown only where somebody asks for it.
    Output {
        /// What it was run for.
        item: String,
        /// All that it printed, or the parts of it that are worth showing; many lines.
        text: String,
        /// Whether it went well.
        went_well: bool,
    },
    /// A request is repeated after a pause.
    Retrying {
        /// What is repeated.
        what: String,
        /// Why, in the words of whatever failed last: a status, or the last cause of an error.
        why: String,
        /// The attempt that comes next, beginning with 2.
        attempt: u32,
        /// The pause before it.
        pause: Duration,
    },
    /// Something worth a line that is neither of the above.
    Note(String),
    /// Something the reader should look at although the stage goes on.
    Warning(String),
}

/// Shows events: bars on a terminal, lines in CI, JSON for machines, or nothing.
pub trait Progress: Send + Sync + Debug {
    /// Takes an event. Must not block.
    fn event(&self, event: Event);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _: Event) {}
}
