//! Filling a registry and looking into it, past HTTP.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::Registry;
use super::digest::digest_of;
use super::manifest::is_index;
use super::store::RepositoryView;
use crate::image_facts::ImageFacts;
use crate::images::{Image, ImageIndex};

/// A manifest as the ECR API shows it.
pub(crate) struct ManifestView {
    pub(crate) digest: String,
    pub(crate) bytes: Bytes,
    pub(crate) media_type: String,
    pub(crate) pushed_at: i64,
}

/// What has become of a blob, as the ECR API tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobState {
    /// The repository shows it.
    Present {
        /// Bytes.
        size: usize,
        /// The type that a manifest of the repository gives it, if one names it.
        media_type: Option<String>,
    },
    /// It was put away with [`Registry::archive_blob`].
    Archived {
        /// Bytes.
        size: usize,
    },
    /// It is not there.
    Absent,
}

impl Registry {
    /// Makes an empty repository. At ECR it must exist before anything is pushed.
    pub fn create_repository(&self, name: &str, immutable: bool) {
        self.lock().store.repository(name).immutable = immutable;
    }

    /// Makes a repository key (Artifactory).
    pub fn create_key(&self, key: &str) {
        self.lock().keys.insert(key.to_owned());
    }

    /// Nobody may read or write repositories whose name starts so (403 DENIED).
    pub fn deny(&self, prefix: &str) {
        self.lock().denied.insert(prefix.to_owned());
    }

    /// Puts an image under a tag, whatever was there, and gives its digest.
    pub fn put_image(&self, repository: &str, tag: &str, image: &Image) -> String {
        for blob in image.blobs() {
            self.put_blob(repository, blob.clone());
        }
        self.put_manifest(repository, tag, &image.manifest, &image.media_type)
    }

    /// Puts an index with its images and gives its digest.
    pub fn put_index(&self, repository: &str, tag: &str, index: &ImageIndex) -> String {
        for image in &index.images {
            self.put_image(repository, &digest_of(&image.manifest), image);
        }
        self.put_manifest(repository, tag, &index.manifest, &index.media_type)
    }

    /// Puts a blob and gives its digest.
    pub fn put_blob(&self, repository: &str, bytes: Bytes) -> String {
        let digest = digest_of(&bytes);
        self.lock().store.add_blob(repository, &digest, bytes);
        digest
    }

    /// Puts a manifest as it is, under a tag or its digest. Immutable tags are overwritten.
    ///
    /// # Panics
    /// If the registry would refuse the manifest: a test that wants that sends a request.
    pub fn put_manifest(&self, repository: &str, reference: &str, bytes: &Bytes, media_type: &str) -> String {
        let mut inner = self.lock();
        let entry = inner.store.repository(repository);
        let immutable = std::mem::replace(&mut entry.immutable, false);
        let stored = self.store_manifest(&mut inner, repository, reference, bytes, media_type);
        inner.store.repository(repository).immutable = immutable;
        drop(inner);
        stored.unwrap_or_else(|refusal| {
            panic!("the registry refuses the manifest for {repository}:{reference}: {refusal:?}")
        })
    }

    /// Takes a tag away.
    pub fn remove_tag(&self, repository: &str, tag: &str) {
        self.lock().store.repository(repository).tags.remove(tag);
    }

    /// Takes an image or index away, with all tags that name it.
    pub fn remove_image(&self, repository: &str, digest: &str) {
        let mut inner = self.lock();
        let found = inner.store.repository(repository);
        found.manifests.remove(digest);
        found.tags.retain(|_, named| named != digest);
    }

    /// Tag to digest; empty for an unknown repository.
    pub fn tags(&self, repository: &str) -> BTreeMap<String, String> {
        self.lock().store.repositories.get(repository).map(|found| found.tags.clone()).unwrap_or_default()
    }

    /// The digest that a tag names.
    pub fn digest_of(&self, repository: &str, tag: &str) -> Option<String> {
        self.lock().store.repositories.get(repository)?.tags.get(tag).cloned()
    }

    /// The bytes of a manifest by tag or digest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<Bytes> {
        self.manifest_view(repository, reference).map(|view| view.bytes)
    }

    pub(crate) fn manifest_view(&self, repository: &str, reference: &str) -> Option<ManifestView> {
        let inner = self.lock();
        let (digest, stored) = inner.store.repositories.get(repository)?.resolve(reference)?;
        Some(ManifestView {
            digest: digest.to_owned(),
            bytes: stored.bytes.clone(),
            media_type: stored.media_type.clone(),
            pushed_at: stored.pushed_at,
        })
    }

    /// Whether the repository shows the blob.
    pub fn has_blob(&self, repository: &str, digest: &str) -> bool {
        self.blob(repository, digest).is_some()
    }

    /// A blob of the repository.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        self.lock().store.blob(repository, digest).cloned()
    }

    /// What has become of a blob.
    pub fn blob_state(&self, repository: &str, digest: &str) -> BlobState {
        let inner = self.lock();
        let Some(found) = inner.store.repositories.get(repository) else { return BlobState::Absent };
        let size = inner.store.blobs.get(digest).map_or(0, Bytes::len);
        if found.blobs.contains(digest) {
            let mut named =
                found.manifests.values().filter(|manifest| manifest.blobs.iter().any(|blob| blob == digest));
            let media_type = named.find_map(|manifest| media_type_of(&manifest.bytes, digest));
            BlobState::Present { size, media_type }
        } else if found.archived.contains(digest) {
            BlobState::Archived { size }
        } else {
            BlobState::Absent
        }
    }

    /// Puts a blob of the repository away, as ECR does with images that are not used: it cannot be read or named by a new manifest until it is
    /// uploaded again.
    pub fn archive_blob(&self, repository: &str, digest: &str) {
        let mut inner = self.lock();
        let found = inner.store.repository(repository);
        if found.blobs.remove(digest) {
            found.archived.insert(digest.to_owned());
        }
    }

    pub(crate) fn tells_absent_layers_as_failures(&self) -> bool {
        self.lock().quirks.absent_layers_are_failures
    }

    /// A repository.
    pub fn repository(&self, name: &str) -> Option<RepositoryView> {
        let inner = self.lock();
        let found = inner.store.repositories.get(name)?;
        Some(RepositoryView {
            name: name.to_owned(),
            immutable: found.immutable,
            tags: found.tags.clone(),
            digests: found.manifests.keys().cloned().collect(),
        })
    }

    /// Names of all repositories, sorted.
    pub fn repositories(&self) -> Vec<String> {
        self.lock().store.repositories.keys().cloned().collect()
    }

    /// Repository and digest of every blob that came by upload, in order.
    pub fn uploaded(&self) -> Vec<(String, String)> {
        self.lock().store.uploaded.clone()
    }

    /// Repository and digest of every blob that was mounted, in order.
    pub fn mounted(&self) -> Vec<(String, String)> {
        self.lock().store.mounted.clone()
    }

    /// How many upload sessions are open.
    pub fn open_uploads(&self) -> usize {
        self.lock().store.uploads.len()
    }

    /// What Lambda needs to know of an image, by its full address (`host/repository:tag`, `host/repository@digest`).
    pub fn image(&self, address: &str) -> ImageFacts {
        self.facts(address).unwrap_or(ImageFacts::Missing)
    }

    fn facts(&self, address: &str) -> Option<ImageFacts> {
        let rest = address.strip_prefix(self.host.as_str())?.strip_prefix('/')?;
        let (repository, reference) = match rest.split_once('@') {
            Some((name, digest)) => (name.split(':').next().unwrap_or(name), digest),
            None => rest.rsplit_once(':')?,
        };
        let view = self.manifest_view(repository, reference)?;
        if is_index(&view.media_type) {
            return Some(ImageFacts::Index);
        }
        let manifest: Value = serde_json::from_slice(&view.bytes).ok()?;
        let config = self.blob(repository, manifest.pointer("/config/digest")?.as_str()?)?;
        let config: Value = serde_json::from_slice(&config).ok()?;
        let architecture = config.get("architecture").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(ImageFacts::Image { digest: view.digest, architecture })
    }
}

/// The media type that a manifest gives to one of its blobs.
fn media_type_of(manifest: &[u8], digest: &str) -> Option<String> {
    let manifest: Value = serde_json::from_slice(manifest).ok()?;
    let layers = manifest.get("layers").and_then(Value::as_array).into_iter().flatten();
    let mut descriptors = manifest.get("config").into_iter().chain(layers);
    let found = descriptors.find(|one| one.get("digest").and_then(Value::as_str) == Some(digest))?;
    found.get("mediaType").and_then(Value::as_str).map(str::to_owned)
}
