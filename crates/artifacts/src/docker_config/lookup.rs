//! What a configuration says about one host.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{DockerConfig, Login};
use crate::file_error::Problems;
use crate::json::{At, FromJson as _};

/// The key of the helpers that are named for single hosts.
pub(super) const HELPERS: &str = "credHelpers";
/// The key of the helper of all other hosts.
pub(super) const STORE: &str = "credsStore";

/// The login that is written for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginEntry<'a> {
    /// The key below `auths`, as it was written.
    pub key: &'a str,
    /// The login.
    pub login: &'a Login,
}

/// The credential helper that is named for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelperEntry<'a> {
    /// Its name, as it was written: the program is `docker-credential-<name>`.
    pub name: &'a str,
    /// The key below `credHelpers`; `None` where it is `credsStore`, the helper of all hosts that have none of their own.
    pub key: Option<&'a str>,
}

impl DockerConfig {
    /// The login for a host (with its port, where it has one). An entry for just that host comes before one with a scheme
    /// or path, such as `https://index.docker.io/v1/`; a login never goes to another host or port.
    pub fn login_for(&self, host: &str) -> Option<LoginEntry<'_>> {
        let found = self.auths.iter().filter_map(|(key, auth)| {
            Some(LoginEntry { key, login: auth.login.as_ref().filter(|_| is_of(key, host))? })
        });
        found.min_by_key(|entry| entry.key != host)
    }

    /// The credential helper for a host: the one of `credHelpers`, else `credsStore`. As with Docker, a host whose helper
    /// is the empty text has none.
    ///
    /// Docker asks the helper first, and looks at `auths` where there is no helper.
    /// Source: docker/cli, `ConfigFile.GetCredentialsStore`.
    pub fn helper_for(&self, host: &str) -> Option<HelperEntry<'_>> {
        let own = self.helpers().filter(|(key, _)| is_of(key, host)).min_by_key(|(key, _)| *key != host);
        let (name, key) = match own {
            Some((key, name)) => (name, Some(key)),
            None => (self.rest.get(STORE).and_then(Value::as_str)?, None),
        };
        (!name.is_empty()).then_some(HelperEntry { name, key })
    }

    /// Every host that a login or a helper of its own is written for, without scheme and path.
    pub fn named_hosts(&self) -> BTreeSet<&str> {
        let helped = self.helpers().filter(|(_, name)| !name.is_empty()).map(|(key, _)| key);
        self.hosts().chain(helped).map(host_of).filter(|host| !host.is_empty()).collect()
    }

    fn helpers(&self) -> impl Iterator<Item = (&str, &str)> {
        let helpers = self.rest.get(HELPERS).and_then(Value::as_object);
        let pairs = helpers.into_iter().flat_map(Map::iter);
        pairs.filter_map(|(key, name)| Some((key.as_str(), name.as_str()?)))
    }
}

/// Notes what is odd about the keys that name helpers; other keys may hold anything.
pub(super) fn check(at: At<'_>, key: &str, problems: &mut Problems<'_>) {
    if key == HELPERS {
        let _ = Option::<BTreeMap<String, String>>::from_json(at, problems);
    } else if key == STORE {
        let _ = Option::<String>::from_json(at, problems);
    }
}

fn is_of(key: &str, host: &str) -> bool {
    key == host || host_of(key).eq_ignore_ascii_case(host)
}

/// Host and port of a key: Docker takes away the scheme and whatever comes after the host.
fn host_of(key: &str) -> &str {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    rest.split('/').next().unwrap_or_default()
}
