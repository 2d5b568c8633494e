//! What runs of some releases in one environment.

use std::collections::HashMap;

use landfall_artifacts::ReleaseId;

use super::running::{Change, Code};

/// The functions of an environment that run code of some releases, as the changes tell it one after another.
#[derive(Debug)]
pub(super) struct Held<'a, F> {
    is_ours: F,
    functions: HashMap<&'a str, Code<'a>>,
}

impl<'a, F: Fn(Option<&ReleaseId>) -> bool> Held<'a, F> {
    /// None run any. Changes must be taken from the first on that names any of the releases.
    pub(super) fn new(is_ours: F) -> Self {
        Self { is_ours, functions: HashMap::new() }
    }

    pub(super) fn take(&mut self, change: &Change<'a>) {
        for (name, _, now) in &change.functions {
            if (self.is_ours)(now.release) {
                self.functions.insert(name, *now);
            } else {
                self.functions.remove(name);
            }
        }
    }

    /// What runs of theirs.
    pub(super) fn now(&self) -> impl Iterator<Item = &Code<'a>> {
        self.functions.values()
    }
}
