//! What the stages recorded in the ledger of a world.

use std::path::Path;

use landfall_artifacts::{EventKind, LedgerEvent};
use landfall_ledger::{Ledger, Verified};

/// All events but those of locks, after the chain was found whole.
pub(crate) fn events(folder: impl AsRef<Path>) -> Vec<LedgerEvent> {
    let ledger = Ledger::for_reading(folder);
    let mut events = at_its_own_pace(async move { ledger.events().await }).expect("the chain holds");
    events.retain(|event| !matches!(event.kind, EventKind::Lock | EventKind::Unlock));
    events
}

/// The chain, found whole.
pub(crate) fn verified(folder: impl AsRef<Path>) -> Verified {
    let ledger = Ledger::for_reading(folder);
    at_its_own_pace(async move { ledger.verify(None).await }).expect("the chain holds")
}

/// On a thread and a runtime of its own, so that tests of every kind may ask.
fn at_its_own_pace<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let thread = std::thread::spawn(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
    });
    thread.join().expect("no panic")
}
