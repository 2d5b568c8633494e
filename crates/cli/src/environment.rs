//! The environment variables of the process, read once.

use std::collections::BTreeMap;

/// Environment variables as they were at the start. A variable that is set to nothing counts as not set, because that is
/// what CI systems make of a variable without a value.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process. Those that are not UTF-8 are passed over.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        std::env::vars_os().filter_map(text).collect()
    }

    /// A variable's value; `None` where it is not set or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// Whether a variable is set at all, be it to nothing.
    pub fn is_set(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The names of those variables that begin with a prefix and are not empty.
    pub fn names_with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty())
            .map(|(name, _)| name.as_str())
    }

    /// Adds variables that are not set yet, as a file of variables does.
    pub fn with_defaults(mut self, defaults: impl IntoIterator<Item = (String, String)>) -> Self {
        for (name, value) in defaults {
            if self.get(&name).is_none() {
                self.0.insert(name, value);
            }
        }
        self
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}
