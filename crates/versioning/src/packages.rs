//! Which packages each project uses, and whom a change of packages concerns.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::ProjectName;

use crate::lockfile::{Lock, PackageChange};

/// The packages that projects use, and the lockfile that resolves them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packages {
    /// `None` where there is no lockfile that can be read.
    lock: Option<Lock>,
    /// What each project names directly.
    used: BTreeMap<ProjectName, Used>,
}

/// What a project names directly.
#[derive(Clone, Debug, Default)]
struct Used {
    names: BTreeSet<String>,
    /// Places in the lockfile.
    places: BTreeSet<usize>,
    /// Keys of the lockfile by which they were found.
    keys: BTreeSet<String>,
}

/// A package that a project names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wanted {
    /// The package.
    pub(crate) name: String,
    /// The range of versions, where a `package.json` gives one.
    pub(crate) range: Option<String>,
}

impl Packages {
    pub(crate) fn new(lock: Option<Lock>) -> Self {
        Self { lock, used: BTreeMap::new() }
    }

    pub(crate) fn has_lock(&self) -> bool {
        self.lock.is_some()
    }

    /// Adds what a project in this folder names.
    pub(crate) fn add(
        &mut self,
        project: &ProjectName,
        folder: &str,
        wanted: impl IntoIterator<Item = Wanted>,
    ) {
        let used = self.used.entry(project.clone()).or_default();
        for Wanted { name, range } in wanted {
            if let Some(lock) = &self.lock {
                let (places, keys) = lock.resolve(folder, &name, range.as_deref());
                used.places.extend(places);
                used.keys.extend(keys);
            }
            used.names.insert(name);
        }
    }

    /// Projects that use any package.
    pub(crate) fn users(&self) -> impl Iterator<Item = &ProjectName> {
        self.used.iter().filter(|(_, used)| !used.names.is_empty()).map(|(project, _)| project)
    }

    /// Projects that a change concerns by what they use themselves, with what changed, and whether that is a guess.
    pub(crate) fn concerned(&self, change: &PackageChange) -> Vec<(&ProjectName, String, bool)> {
        let changed = match change {
            PackageChange::Any(why) => {
                return self.users().map(|project| (project, why.clone(), true)).collect();
            }
            PackageChange::Some(changed) => changed,
        };
        let reached = self.lock.as_ref().map(|lock| lock.reached_by(changed)).unwrap_or_default();
        let names: BTreeMap<&str, &String> =
            changed.iter().filter_map(|id| Some((id.rsplit_once('@')?.0, id))).collect();
        let mut concerned = Vec::new();
        for (project, used) in &self.used {
            let by_place = used.places.iter().find_map(|at| reached.get(at));
            let by_key = || used.keys.iter().find(|key| changed.contains(*key));
            // Without a lockfile, what is used indirectly is not known, so the names of what is used directly must do.
            let by_name = || {
                let named = used.names.iter().find_map(|name| names.get(name.as_str()).copied());
                named.filter(|_| self.lock.is_none())
            };
            if let Some(what) = by_place.or_else(by_key) {
                concerned.push((project, what.clone(), false));
            } else if let Some(what) = by_name() {
                concerned.push((project, what.clone(), true));
            }
        }
        concerned
    }
}
