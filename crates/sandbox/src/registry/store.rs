//! What the registry holds.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

/// A manifest or index as it was put.
#[derive(Clone, Debug)]
pub(super) struct StoredManifest {
    pub(super) bytes: Bytes,
    pub(super) media_type: String,
    /// Digests of blobs that it names.
    pub(super) blobs: Vec<String>,
    /// Digests of manifests that it names.
    pub(super) children: Vec<String>,
    /// The manifest that it is about, which need not be there.
    pub(super) subject: Option<String>,
    /// Seconds since 1970.
    pub(super) pushed_at: i64,
}

#[derive(Debug, Default)]
pub(super) struct Repository {
    pub(super) immutable: bool,
    pub(super) blobs: BTreeSet<String>,
    /// Blobs that were here and are put away (ECR); a new upload brings them back.
    pub(super) archived: BTreeSet<String>,
    pub(super) manifests: BTreeMap<String, StoredManifest>,
    pub(super) tags: BTreeMap<String, String>,
}

impl Repository {
    /// The digest that a tag or digest stands for.
    pub(super) fn resolve<'a>(&'a self, reference: &'a str) -> Option<(&'a str, &'a StoredManifest)> {
        let digest = self.tags.get(reference).map_or(reference, String::as_str);
        self.manifests.get_key_value(digest).map(|(digest, manifest)| (digest.as_str(), manifest))
    }

    /// Whether a manifest here names the blob.
    pub(super) fn references(&self, digest: &str) -> bool {
        self.manifests.values().any(|manifest| manifest.blobs.iter().any(|blob| blob == digest))
    }
}

/// An upload that has begun.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) repository: String,
    /// Changes with each step: only the newest `Location` works.
    pub(super) state: u64,
    pub(super) parts: Vec<Bytes>,
}

impl Upload {
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }
}

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) blobs: BTreeMap<String, Bytes>,
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) uploads: BTreeMap<String, Upload>,
    /// Repository and digest of every blob that came by upload, in order.
    pub(super) uploaded: Vec<(String, String)>,
    /// Repository and digest of every blob that was mounted, in order.
    pub(super) mounted: Vec<(String, String)>,
}

impl Store {
    /// The blob, if that repository shows it.
    pub(super) fn blob(&self, repository: &str, digest: &str) -> Option<&Bytes> {
        let visible = self.repositories.get(repository).is_some_and(|found| found.blobs.contains(digest));
        self.blobs.get(digest).filter(|_| visible)
    }

    pub(super) fn add_blob(&mut self, repository: &str, digest: &str, bytes: Bytes) {
        self.blobs.entry(digest.to_owned()).or_insert(bytes);
        self.show(repository, digest);
    }

    /// Lets the repository show a blob that the registry has.
    pub(super) fn show(&mut self, repository: &str, digest: &str) {
        let target = self.repository(repository);
        target.archived.remove(digest);
        target.blobs.insert(digest.to_owned());
    }

    pub(super) fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }
}

/// A repository as the ECR API and tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryView {
    /// Name without the host.
    pub name: String,
    /// Whether its tags are immutable.
    pub immutable: bool,
    /// Tag to digest.
    pub tags: BTreeMap<String, String>,
    /// Digests of all manifests, tagged or not.
    pub digests: Vec<String>,
}
