//! How each blob gets to each repository: not at all, by a mount, or over the wire.

use std::collections::BTreeMap;

use landfall_artifacts::{Digest, Repository};

use super::presence::Present;

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
    /// Another part of the work, whose image comes first, sends it. It is waited for, and sent where it does not come.
    Elsewhere,
}

/// Decides for one blob after the other, in the order of the plan.
pub(super) struct Ways<'a> {
    present: &'a Present,
    /// What an image of the plan brings.
    planned: Present,
    /// Target host and digest, and the path of the first repository there that has it or will have it.
    homes: BTreeMap<(String, Digest), String>,
}

impl<'a> Ways<'a> {
    pub(super) fn new(present: &'a Present) -> Self {
        let mut homes = BTreeMap::new();
        for (repository, digest) in present {
            let home = (repository.host().to_owned(), *digest);
            homes.entry(home).or_insert_with(|| repository.path().to_owned());
        }
        Self { present, planned: Present::new(), homes }
    }

    /// How a blob of `source` gets to `target`.
    pub(super) fn of(&mut self, source: &Repository, target: &Repository, digest: Digest) -> BlobState {
        let key = (target.clone(), digest);
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
    use landfall_artifacts::{Digest, Repository};

    use super::{BlobState, Present, Ways};

    fn at(text: &str) -> Repository {
        text.parse().expect("a repository")
    }

    #[test]
    fn a_blob_is_sent_once_to_a_registry_and_mounted_from_there() {
        let digest = Digest::of(b"x");
        let held = (at("t.example.com/three"), Digest::of(b"y"));
        let present: Present = [held].into();
        let mut ways = Ways::new(&present);
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
        let held = Digest::of(b"y");
        assert_eq!(ways.of(&source, &at("t.example.com/three"), held), BlobState::Present);
        assert_eq!(ways.of(&source, &at("t.example.com/one"), held), mount("three"), "it is there already");
    }
}
