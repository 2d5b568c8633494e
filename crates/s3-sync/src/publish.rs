//! A release on its way into the store: archives first, several at a time, the manifest last.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;
use landfall_artifacts::{Class, CodeSha256, Digest, Explain as _, ReleaseArtifact, ReleaseManifest};
use landfall_run::{Event, Run};
use tokio::time::Instant;

use crate::local::path_of;
use crate::upload::{Body, Created, Wanted};
use crate::{Error, ReleaseStore, WantedObject};

/// Archives that are on their way at a time.
const AT_ONCE: usize = 4;

/// What became of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectOutcome {
    /// It was put there, and S3 confirmed its bytes.
    Published,
    /// It was there already, with these bytes.
    Unchanged,
    /// It is not there, or the key holds other bytes.
    Failed,
    /// It may be there: no answer came, and it could not be read back.
    Unknown,
    /// It was not tried, since the run was asked to stop or an archive is missing.
    NotTried,
}

/// One object of a release, and what became of it.
#[derive(Debug)]
pub struct ObjectResult {
    /// The service; `manifest` for the manifest.
    pub name: String,
    /// The key.
    pub key: String,
    /// SHA-256 of its bytes.
    pub sha256: CodeSha256,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// What became of it.
    pub outcome: ObjectOutcome,
    /// Why it is not there.
    pub error: Option<Error>,
    /// How long it took.
    pub took: Duration,
}

/// What became of a release: its archives in the order of the manifest, and the manifest as the last.
#[derive(Debug, Default)]
pub struct Published {
    /// Object by object.
    pub objects: Vec<ObjectResult>,
}

impl Published {
    /// Whether every object is there with its bytes.
    pub fn is_complete(&self) -> bool {
        self.objects
            .iter()
            .all(|object| matches!(object.outcome, ObjectOutcome::Published | ObjectOutcome::Unchanged))
    }
}

impl ReleaseStore {
    /// Puts the archives `<folder>/<service>.zip` of a release at their keys, and then its manifest. What is there with the
    /// same bytes is left alone; nothing is ever written over. Repeating it puts there what is missing. Bytes of an archive that are not
    /// those of the manifest are refused by S3.
    pub async fn publish(&self, manifest: &ReleaseManifest, folder: &Path, run: &Run) -> Published {
        self.publish_rest(manifest, folder, &BTreeSet::new(), run).await
    }

    /// The same, where the objects at some keys were seen to be `there` with their bytes: they are not sent again.
    pub async fn publish_rest(
        &self,
        manifest: &ReleaseManifest,
        folder: &Path,
        there: &BTreeSet<String>,
        run: &Run,
    ) -> Published {
        let uploads = manifest.artifacts.iter().map(|artifact| async move {
            if there.contains(artifact.key.as_str()) {
                return was_there(artifact.service.as_str(), WantedObject::of(artifact));
            }
            let path = path_of(folder, artifact);
            self.put_archive(artifact, &path, manifest, run).await
        });
        let objects =
            futures_util::stream::iter(uploads.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
        self.finish(objects, manifest, there, run).await
    }

    /// One archive from the disk.
    pub(crate) async fn put_archive(
        &self,
        artifact: &ReleaseArtifact,
        path: &Path,
        manifest: &ReleaseManifest,
        run: &Run,
    ) -> ObjectResult {
        let wanted = Wanted {
            key: artifact.key.as_str(),
            sha256: artifact.sha256,
            size_bytes: artifact.size_bytes,
            content_type: "application/zip",
            body: Body::File(path),
        };
        let service = artifact.service.as_str();
        run.progress()
            .event(Event::Started { item: service.to_owned(), size_bytes: Some(artifact.size_bytes) });
        let begun = Instant::now();
        let created = self.create_recorded(wanted, service, manifest, run).await;
        let result = told(service, wanted, created, begun);
        run.progress()
            .event(Event::Finished { item: service.to_owned(), result: word(result.outcome).to_owned() });
        result
    }

    /// The manifest, where every archive is there.
    pub(crate) async fn finish(
        &self,
        objects: Vec<ObjectResult>,
        manifest: &ReleaseManifest,
        there: &BTreeSet<String>,
        run: &Run,
    ) -> Published {
        let mut published = Published { objects };
        let (bytes, key) = (manifest.to_bytes(), manifest.key());
        let wanted = Wanted {
            key: &key,
            sha256: CodeSha256::from(Digest::of(&bytes)),
            size_bytes: bytes.len() as u64,
            content_type: "application/json",
            body: Body::Bytes(&bytes),
        };
        if there.contains(&key) {
            let own = WantedObject { key: key.clone(), sha256: wanted.sha256, size_bytes: wanted.size_bytes };
            published.objects.push(was_there("manifest", own));
            return published;
        }
        let begun = Instant::now();
        let is_there = |object: &&ObjectResult| {
            matches!(object.outcome, ObjectOutcome::Published | ObjectOutcome::Unchanged)
        };
        let left = published.objects.len() - published.objects.iter().filter(is_there).count();
        let created = if left > 0 {
            Err(Error::Incomplete { address: self.address(&key), left })
        } else {
            self.create_recorded(wanted, "manifest", manifest, run).await
        };
        published.objects.push(told("manifest", wanted, created, begun));
        published
    }
}

fn was_there(name: &str, object: WantedObject) -> ObjectResult {
    ObjectResult {
        name: name.to_owned(),
        key: object.key,
        sha256: object.sha256,
        size_bytes: object.size_bytes,
        outcome: ObjectOutcome::Unchanged,
        error: None,
        took: Duration::ZERO,
    }
}

fn told(name: &str, wanted: Wanted<'_>, created: Result<Created, Error>, begun: Instant) -> ObjectResult {
    let outcome = match &created {
        Ok(Created::Now) => ObjectOutcome::Published,
        Ok(Created::Before) => ObjectOutcome::Unchanged,
        Err(Error::Stopped { .. } | Error::Incomplete { .. }) => ObjectOutcome::NotTried,
        Err(error) if error.class() == Class::Unknown => ObjectOutcome::Unknown,
        Err(_) => ObjectOutcome::Failed,
    };
    ObjectResult {
        name: name.to_owned(),
        key: wanted.key.to_owned(),
        sha256: wanted.sha256,
        size_bytes: wanted.size_bytes,
        outcome,
        error: created.err(),
        took: begun.elapsed(),
    }
}

fn word(outcome: ObjectOutcome) -> &'static str {
    match outcome {
        ObjectOutcome::Published => "published",
        ObjectOutcome::Unchanged => "was there",
        ObjectOutcome::Failed => "failed",
        ObjectOutcome::Unknown => "unknown",
        ObjectOutcome::NotTried => "not tried",
    }
}
