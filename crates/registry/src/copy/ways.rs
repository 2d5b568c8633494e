//! How each blob gets to each repository: not at all, by a mount, or over the wire.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{Digest, Repository};

use super::targets::Wanted;
use crate::{Descriptor, Registry};

/// Where a blob is, seen from the target repository, and how it gets there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobState {
    /// There already.
    Present,
    /// An earlier image of the plan brings it.
    Earlier,
    /// The target registry has it, or will have it, in another repository, and is asked to take it over from there. Where it
    /// refuses, the blob is sent.
    Mount {
        /// That repository's path.
        from: String,
    },
    /// It has to be sent.
    Needed,
}

/// What all repositories are to have, a row each.
pub(super) fn wanted<'a>(
    images: impl Iterator<Item = (&'a Registry, &'a Repository, &'a [Descriptor])>,
) -> Vec<Wanted> {
    let mut rows: BTreeMap<String, Wanted> = BTreeMap::new();
    for (registry, repository, blobs) in images {
        let row = rows.entry(repository.to_string()).or_insert_with(|| Wanted {
            registry: registry.clone(),
            repository: repository.clone(),
            digests: BTreeSet::new(),
        });
        row.digests.extend(blobs.iter().map(|blob| blob.digest));
    }
    rows.into_values().collect()
}

/// Decides for one blob after the other, in the order of the plan.
pub(super) struct Ways {
    present: BTreeSet<(String, Digest)>,
    /// Repository and digest that an image of the plan brings.
    planned: BTreeSet<(String, Digest)>,
    /// Target host and digest, and the path of the first repository there that has it or will have it.
    homes: BTreeMap<(String, Digest), String>,
}

impl Ways {
    pub(super) fn new(wanted: &[Wanted], present: BTreeSet<(String, Digest)>) -> Self {
        let mut homes = BTreeMap::new();
        for row in wanted {
            let name = row.repository.to_string();
            for digest in row.digests.iter().filter(|digest| present.contains(&(name.clone(), **digest))) {
                let home = (row.repository.host().to_owned(), *digest);
                homes.entry(home).or_insert_with(|| row.repository.path().to_owned());
            }
        }
        Self { present, planned: BTreeSet::new(), homes }
    }

    /// How a blob of `source` gets to `target`.
    pub(super) fn of(&mut self, source: &Repository, target: &Repository, digest: Digest) -> BlobState {
        let key = (target.to_string(), digest);
        if self.present.contains(&key) {
            return BlobState::Present;
        }
        if !self.planned.insert(key) {
            return BlobState::Earlier;
        }
        let home = (target.host().to_owned(), digest);
        if source.host() == target.host() && source.path() != target.path() {
            let from = source.path().to_owned();
            self.homes.entry(home).or_insert_with(|| from.clone());
            return BlobState::Mount { from };
        }
        if let Some(from) = self.homes.get(&home) {
            return BlobState::Mount { from: from.clone() };
        }
        self.homes.insert(home, target.path().to_owned());
        BlobState::Needed
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use landfall_artifacts::{Digest, Repository};

    use super::{BlobState, Ways};

    fn at(text: &str) -> Repository {
        text.parse().expect("a repository")
    }

    #[test]
    fn a_blob_is_sent_once_to_a_registry_and_mounted_from_there() {
        let digest = Digest::of(b"x");
        let mut ways = Ways::new(&[], BTreeSet::new());
        let source = at("build.example.com/a");
        let mount = |from: &str| BlobState::Mount { from: from.to_owned() };
        assert_eq!(ways.of(&source, &at("t.example.com/one"), digest), BlobState::Needed);
        assert_eq!(ways.of(&source, &at("t.example.com/one"), digest), BlobState::Earlier);
        assert_eq!(ways.of(&source, &at("t.example.com/two"), digest), mount("one"));
        assert_eq!(ways.of(&source, &at("t.example.com/three"), digest), mount("one"));
        assert_eq!(ways.of(&source, &at("u.example.com/one"), digest), BlobState::Needed, "another registry");
        assert_eq!(
            ways.of(&source, &at("build.example.com/b"), digest),
            mount("a"),
            "within its own registry"
        );
    }
}
