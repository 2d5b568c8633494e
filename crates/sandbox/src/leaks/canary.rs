//! A secret that is looked for.

use std::fmt;

use crate::Service;

/// A secret that is looked for, and where it belongs. `Debug` shows no value.
#[derive(Clone, PartialEq, Eq)]
pub struct Canary {
    /// What it is called where it is found, such as `JIRA_TOKEN`.
    pub name: String,
    /// The secret itself.
    pub value: String,
    /// The services that it may be sent to, as a credential. Default: none.
    pub homes: Vec<Service>,
}

impl Canary {
    /// A secret that may be sent nowhere.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), homes: Vec::new() }
    }

    /// The same, which these services may be sent.
    pub fn at(mut self, homes: &[Service]) -> Self {
        self.homes.extend(homes);
        self
    }
}

impl fmt::Debug for Canary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Canary").field("name", &self.name).finish_non_exhaustive()
    }
}
