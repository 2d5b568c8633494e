//! Lockfiles: which package each dependency resolves to, and what changed between two of them.
//!
//! Read are `yarn.lock` (v1 and berry) and `package-lock.json` (lockfile versions 1 to 3). Of other lockfiles nobody can say
//! here what changed: whatever depends on packages is then concerned.

mod npm;
mod yarn;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use landfall_artifacts::FileErrors;

/// Packages of which a lockfile resolves other contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageChange {
    /// These: `name@version` of packages whose content, or whose own resolved dependencies, are others or that are in one of
    /// both lockfiles only; and keys of the lockfile (`name@range` of yarn, a path below `node_modules` of npm) that resolve to
    /// another package.
    Some(BTreeSet<String>),
    /// Nobody can say which, for this reason: whatever depends on packages is concerned.
    Any(String),
}

/// The lockfiles that are known by name, in the order in which one is looked for. Of two in one folder the first counts.
pub const LOCKFILES: [&str; 6] =
    ["yarn.lock", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "bun.lock", "bun.lockb"];

/// Largest lockfile in bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// How many packages of one name may be meant where nothing says which; a lockfile with more is none that a tool wrote.
const MOST_OF_A_NAME: usize = 100;
/// Most packages in a lockfile.
const MOST_PACKAGES: usize = 200_000;

/// What changed between two versions of the lockfile at this path; `None` where it was or is not there, and where it is so
/// both times nobody can say what changed. Equal bytes are [`PackageChange::Some`] of nothing. Pure.
pub fn package_changes(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> PackageChange {
    ReadLocks::default().changes(path, before, after)
}

/// Lockfiles that were read last. Of commits that follow each other, what is before one is after the other, and reading is what
/// takes the time.
#[derive(Debug, Default)]
pub(crate) struct ReadLocks {
    last: VecDeque<ReadLock>,
}

/// A lockfile that was read.
#[derive(Debug)]
struct ReadLock {
    path: String,
    bytes: Vec<u8>,
    read: Rc<Result<Contents, Unread>>,
}

/// A lockfile, and what it says of each package.
#[derive(Debug)]
struct Contents {
    lock: Lock,
    of_packages: BTreeMap<String, BTreeSet<String>>,
}

/// How many are kept: two of a branch, and two of what it leaves or joins.
const KEPT: usize = 4;

impl ReadLocks {
    /// As [`package_changes`].
    pub(crate) fn changes(
        &mut self,
        path: &str,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
    ) -> PackageChange {
        if before.is_none() && after.is_none() {
            return PackageChange::Any(format!(
                "{} could not be read before or after the change",
                shown(path)
            ));
        }
        if before == after {
            return PackageChange::Some(BTreeSet::new());
        }
        let (Some(before), Some(after)) = (before, after) else {
            let verb = if after.is_some() { "was added" } else { "was removed" };
            return PackageChange::Any(format!("{} {verb}", shown(path)));
        };
        let (before, after) = (self.read(path, before), self.read(path, after));
        match (before.as_ref(), after.as_ref()) {
            (Ok(before), Ok(after)) => PackageChange::Some(Contents::differences(before, after)),
            (Err(cause), _) | (_, Err(cause)) => PackageChange::Any(cause.told(path)),
        }
    }

    fn read(&mut self, path: &str, bytes: &[u8]) -> Rc<Result<Contents, Unread>> {
        if let Some(known) = self.last.iter().find(|known| known.path == path && known.bytes == bytes) {
            return Rc::clone(&known.read);
        }
        let read = Rc::new(Lock::read(path, bytes).map(Contents::new));
        if self.last.len() >= KEPT {
            self.last.pop_front();
        }
        let known = ReadLock { path: path.to_owned(), bytes: bytes.to_owned(), read: Rc::clone(&read) };
        self.last.push_back(known);
        read
    }
}

/// Why a lockfile says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is of a kind that is not read.
    Kind,
    /// It breaks its format, at this line or place.
    Broken(String),
}

impl Unread {
    pub(crate) fn told(&self, path: &str) -> String {
        match self {
            Self::Kind => format!("{} is of a kind that is not read", shown(path)),
            Self::Broken(why) => format!("{} cannot be read: {why}", shown(path)),
        }
    }
}

impl From<FileErrors> for Unread {
    fn from(errors: FileErrors) -> Self {
        let first = errors.problems().first().map(ToString::to_string);
        Self::Broken(first.unwrap_or_default())
    }
}

fn shown(path: &str) -> String {
    landfall_secret::escape(path, 200)
}

/// A lockfile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lock {
    packages: Vec<Locked>,
    /// Places in `packages` by the lockfile's own keys.
    keys: BTreeMap<String, usize>,
    /// Places in `packages` by name.
    names: BTreeMap<String, Vec<usize>>,
    is_npm: bool,
}

/// One entry of a lockfile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locked {
    name: String,
    version: String,
    /// Where it comes from and its hash.
    content: String,
    /// What it resolves its dependencies to: places in the lock.
    needs: Vec<usize>,
}

impl Locked {
    fn name_and_version(&self) -> (&str, &str) {
        (&self.name, &self.version)
    }

    /// `name@version`.
    pub(crate) fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

impl Lock {
    /// Reads a lockfile by the name of its path.
    pub(crate) fn read(path: &str, bytes: &[u8]) -> Result<Self, Unread> {
        if bytes.len() > MOST_BYTES {
            return Err(Unread::Broken(format!("it has more than {MOST_BYTES} bytes")));
        }
        let lock = match path.rsplit('/').next().unwrap_or_default() {
            "yarn.lock" => yarn::read(bytes)?,
            "package-lock.json" | "npm-shrinkwrap.json" => npm::read(bytes, path)?,
            _ => return Err(Unread::Kind),
        };
        Ok(lock)
    }

    /// Refuses what no tool wrote, before anything is done with each of so many.
    fn bound(count: usize) -> Result<(), Unread> {
        if count > MOST_PACKAGES {
            return Err(Unread::Broken(format!("it has more than {MOST_PACKAGES} packages")));
        }
        Ok(())
    }

    fn add(&mut self, package: Locked) -> usize {
        let at = self.packages.len();
        self.names.entry(package.name.clone()).or_default().push(at);
        self.packages.push(package);
        at
    }

    /// What a dependency of a folder resolves to: places of packages, and the keys that say so. Where the keys do not say it,
    /// all packages of the name.
    pub(crate) fn resolve(&self, folder: &str, name: &str, range: Option<&str>) -> (Vec<usize>, Vec<String>) {
        let keys = if self.is_npm { npm::keys(folder, name) } else { yarn::keys(name, range) };
        for key in keys {
            if let Some(at) = self.keys.get(&key) {
                return (vec![*at], vec![key]);
            }
        }
        let of_name = self.names.get(name).into_iter().flatten().copied().take(MOST_OF_A_NAME);
        (of_name.collect(), Vec::new())
    }

    /// Packages and what each needs, itself or indirectly, from among those of `start`: for every place that is reached, the
    /// package of `start` from which it is. A package may have changed again since, so that it is not in this lockfile any more:
    /// then the lockfile's keys among `start` lead to what took its place.
    pub(crate) fn reached_by(&self, start: &BTreeSet<String>) -> BTreeMap<usize, String> {
        let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); self.packages.len()];
        for (at, package) in self.packages.iter().enumerate() {
            for need in &package.needs {
                if let Some(list) = needed_by.get_mut(*need) {
                    list.push(at);
                }
            }
        }
        let mut reached = BTreeMap::new();
        let by_key: BTreeMap<usize, &String> =
            start.iter().filter_map(|key| Some((*self.keys.get(key)?, key))).collect();
        let name_of = |at: usize| {
            let id = self.packages.get(at)?.id();
            if start.contains(&id) { Some(id) } else { by_key.get(&at).map(|key| (*key).clone()) }
        };
        let changed = |at: usize| {
            by_key.contains_key(&at)
                || self.packages.get(at).is_some_and(|package| start.contains(&package.id()))
        };
        let needs_changed = |at: usize| {
            self.packages.get(at).is_some_and(|package| package.needs.iter().any(|need| changed(*need)))
        };
        let places: Vec<usize> = (0..self.packages.len()).filter(|at| changed(*at)).collect();
        // A package may have changed only because of what it needs: the change is named by its source.
        let (others, sources): (Vec<usize>, Vec<usize>) =
            places.into_iter().partition(|at| needs_changed(*at));
        for places in [sources, others] {
            let mut next: VecDeque<(usize, String)> =
                places.into_iter().filter_map(|at| Some((at, name_of(at)?))).collect();
            while let Some((at, id)) = next.pop_front() {
                if reached.contains_key(&at) {
                    continue;
                }
                for user in needed_by.get(at).into_iter().flatten() {
                    next.push_back((*user, id.clone()));
                }
                reached.insert(at, id);
            }
        }
        reached
    }

    /// By `name@version`, everything that is said of it: contents, and what it resolves its dependencies to.
    fn contents(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut contents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for package in &self.packages {
            let needs: BTreeSet<String> =
                package.needs.iter().filter_map(|at| self.packages.get(*at)).map(Locked::id).collect();
            let needs: Vec<String> = needs.into_iter().collect();
            let said = format!("{} {}", package.content, needs.join(" "));
            contents.entry(package.id()).or_default().insert(said);
        }
        contents
    }
}

impl Contents {
    fn new(lock: Lock) -> Self {
        Self { of_packages: lock.contents(), lock }
    }

    /// What [`PackageChange::Some`] lists.
    fn differences(before: &Self, after: &Self) -> BTreeSet<String> {
        let (was, is) = (&before.of_packages, &after.of_packages);
        let (before, after) = (&before.lock, &after.lock);
        let mut changed: BTreeSet<String> = was
            .iter()
            .filter(|(id, content)| is.get(*id) != Some(content))
            .map(|(id, _)| id.clone())
            .collect();
        changed.extend(is.keys().filter(|id| !was.contains_key(*id)).cloned());
        for (key, at) in &after.keys {
            let now = after.packages.get(*at).map(Locked::name_and_version);
            let then =
                before.keys.get(key).and_then(|at| before.packages.get(*at)).map(Locked::name_and_version);
            // A key that is new is used by someone whose own files changed.
            if then.is_some() && now != then {
                changed.insert(key.clone());
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests;
