//! Reading and putting manifests (OCI distribution-spec 1.1, "Pulling manifests", "Pushing Manifests").

use landfall_artifacts::{Digest, Tag, Version};
use landfall_run::Run;
use landfall_transport::{Answer, Cap, Method, Site, StatusCode};

use crate::manifest::MANIFEST_MEDIA_TYPES;
use crate::registry::{Access, Need};
use crate::{Descriptor, Error, Flavour, Manifest, ManifestFault, Registry, refusal};

/// How a manifest got to its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was written and read back.
    Written,
    /// The tag named it already.
    Already,
}

/// What of a repository is meant, as the paths of the API write it.
pub(crate) fn of_path(version: &Version) -> String {
    match version {
        Version::Tag(tag) => tag.to_string(),
        Version::Digest(digest) => digest.to_string(),
    }
}

impl Registry {
    /// Host, repository and tag or digest, for messages.
    pub(crate) fn named(&self, path: &str, version: &Version) -> String {
        let separator = match version {
            Version::Tag(_) => ':',
            Version::Digest(_) => '@',
        };
        format!("{}/{path}{separator}{}", self.host(), of_path(version))
    }

    /// The digest that a tag or digest names; `None` where it is not there. No content is read, unless the registry leaves the
    /// digest out of its answer.
    ///
    /// # Errors
    /// [`Error::DigestDiffers`] where a digest is answered with another one; [`Error::Denied`], [`Error::LoginRefused`] and
    /// what else a registry may answer.
    pub async fn head_manifest(
        &self,
        path: &str,
        version: &Version,
        run: &Run,
    ) -> Result<Option<Digest>, Error> {
        let reference = self.named(path, version);
        let need = Need { path, access: Access::Pull, doing: format!("HEAD manifest {reference}") };
        let answer = self
            .ask(&need, Cap::MANIFEST, run, |site| {
                manifest_request(site, Method::HEAD, path, &of_path(version))
            })
            .await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.refused(&need, &answer, run)),
        }
        let Some(digest) = promised_digest(&answer) else {
            return Ok(self.get_manifest(path, version, run).await?.map(|manifest| manifest.digest));
        };
        if let Version::Digest(wanted) = version
            && *wanted != digest
        {
            return Err(Error::DigestDiffers { what: reference, expected: *wanted, actual: digest });
        }
        Ok(Some(digest))
    }

    /// As [`Self::head_manifest`], before a write: what Artifactory refuses to show counts as not there.
    pub(crate) async fn observe_tag(
        &self,
        path: &str,
        tag: &Tag,
        run: &Run,
    ) -> Result<Option<Digest>, Error> {
        match self.head_manifest(path, &Version::Tag(tag.clone()), run).await {
            Err(Error::Denied { .. }) if self.flavour() == Flavour::Artifactory => Ok(None),
            other => other,
        }
    }

    /// A manifest with its bytes; `None` where it is not there. The digest is computed from the bytes and held against the one
    /// that was asked for and the one in the header; bytes that differ are fetched once more, since they may have been damaged on
    /// their way.
    ///
    /// # Errors
    /// [`Error::Manifest`], [`Error::DigestDiffers`], [`Error::RepositoryMissing`], and as for [`Self::head_manifest`].
    pub async fn get_manifest(
        &self,
        path: &str,
        version: &Version,
        run: &Run,
    ) -> Result<Option<Manifest>, Error> {
        match self.get_manifest_once(path, version, run).await {
            Err(Error::DigestDiffers { .. }) => {
                run.counters().retry();
                self.get_manifest_once(path, version, run).await
            }
            other => other,
        }
    }

    async fn get_manifest_once(
        &self,
        path: &str,
        version: &Version,
        run: &Run,
    ) -> Result<Option<Manifest>, Error> {
        let reference = self.named(path, version);
        let need = Need { path, access: Access::Pull, doing: format!("GET manifest {reference}") };
        let answer = self
            .ask(&need, Cap::MANIFEST, run, |site| {
                manifest_request(site, Method::GET, path, &of_path(version))
            })
            .await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return match refusal::read(&answer, run).code.as_deref() {
                    Some("NAME_UNKNOWN") => Err(self.refused(&need, &answer, run)),
                    Some(_) | None => Ok(None),
                };
            }
            _ => return Err(self.refused(&need, &answer, run)),
        }
        // The bytes are held against their digests first: what is wrong with damaged bytes is that they are damaged.
        let actual = Digest::of(answer.body());
        if let Version::Digest(expected) = version
            && *expected != actual
        {
            return Err(Error::DigestDiffers { what: reference, expected: *expected, actual });
        }
        if let Some(expected) = promised_digest(&answer).filter(|promised| *promised != actual) {
            return Err(Error::DigestDiffers { what: reference, expected, actual });
        }
        let manifest = Manifest::read(answer.body().clone(), answer.header("content-type"))
            .map_err(|cause| Error::Manifest { reference, cause })?;
        Ok(Some(manifest))
    }

    /// A manifest that an index lists. `known` is the manifest where it is at hand already. What its entry says is held against
    /// it: a reader that believes the entry would count other bytes, or take it for something else (OCI image-spec 1.1,
    /// "Descriptors").
    ///
    /// # Errors
    /// [`Error::ImageMissing`]; [`Error::SizeDiffers`]; [`Error::Manifest`] where the media types differ; and as for
    /// [`Self::get_manifest`].
    pub(crate) async fn get_listed(
        &self,
        path: &str,
        entry: &Descriptor,
        known: Option<Manifest>,
        run: &Run,
    ) -> Result<Manifest, Error> {
        let version = Version::Digest(entry.digest);
        let reference = self.named(path, &version);
        let found = match known {
            Some(manifest) => Some(manifest),
            None => self.get_manifest(path, &version, run).await?,
        };
        let Some(manifest) = found else { return Err(Error::ImageMissing { reference }) };
        let (expected, actual) = (entry.size_bytes, manifest.size_bytes());
        if expected != actual {
            return Err(Error::SizeDiffers { what: reference, expected, actual });
        }
        if entry.media_type != manifest.media_type {
            let listed = landfall_secret::escape(&entry.media_type, 120);
            let cause = ManifestFault::ListedAs { listed, found: manifest.media_type };
            return Err(Error::Manifest { reference, cause });
        }
        Ok(manifest)
    }

    /// Whether a repository is said not to exist. Only registries that want repositories made beforehand say so.
    pub(crate) async fn lacks_repository(&self, path: &str, tag: &Tag, run: &Run) -> Result<bool, Error> {
        match self.get_manifest(path, &Version::Tag(tag.clone()), run).await {
            Err(Error::RepositoryMissing { .. }) => Ok(true),
            Ok(_) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Puts a manifest at a tag (or at its own digest, without a tag), byte for byte, and reads it back. Everything it names has
    /// to be in the repository.
    ///
    /// Repeating it is harmless, and after a stop of the run it is not begun. An answer that was lost or cannot be taken, and a
    /// tag that may not be written twice, are settled by reading back: the same digest is success.
    ///
    /// # Errors
    /// [`Error::DigestDiffers`] for another digest than the manifest's; [`Error::TagDiffers`] where the tag names other content afterwards; [`Error::NotWritten`], [`Error::Unconfirmed`] where
    /// no answer came; and what else a registry may answer.
    pub async fn put_manifest(
        &self,
        path: &str,
        version: &Version,
        manifest: &Manifest,
        run: &Run,
    ) -> Result<Put, Error> {
        let reference = self.named(path, version);
        if let Version::Digest(expected) = version
            && *expected != manifest.digest
        {
            let (expected, actual) = (*expected, manifest.digest);
            return Err(Error::DigestDiffers { what: reference, expected, actual });
        }
        let need = Need { path, access: Access::Push, doing: format!("PUT manifest {reference}") };
        if run.stop().requested().is_some() {
            return Err(Error::Stopped { doing: format!("the manifest {reference} was put") });
        }
        let answered = self
            .ask(&need, Cap::JSON, run, |site| {
                let site = match self.manifest_writes() {
                    Some(limiter) => site.with_limiter(limiter.clone()),
                    None => site.clone(),
                };
                site.request(Method::PUT, &manifest_path(path, &of_path(version)))
                    .counted_as("manifest")
                    .body(&manifest.media_type, manifest.bytes.clone())
            })
            .await;
        let mut promised = None;
        let failure = match answered {
            Ok(answer) if answer.status().is_success() => {
                // Another digest in the head may be a mistake of the head: reading back decides.
                promised = promised_digest(&answer).filter(|promised| *promised == manifest.digest);
                None
            }
            Ok(answer) => Some(self.refused(&need, &answer, run)),
            Err(error) => Some(error),
        };
        if let Some(error) = failure.as_ref()
            && !is_taken(error)
            && !is_unanswered(error)
        {
            return failure.map_or(Ok(Put::Written), Err);
        }
        match (self.head_manifest(path, version, &run.to_its_end()).await, failure) {
            (Ok(Some(held)), failure) if held == manifest.digest => {
                Ok(if failure.as_ref().is_some_and(is_taken) { Put::Already } else { Put::Written })
            }
            (Ok(Some(held)), _) => {
                Err(Error::TagDiffers { target: reference, held, wanted: manifest.digest })
            }
            (Ok(None), Some(cause)) if is_taken(&cause) => Err(cause),
            (Ok(None), Some(cause)) => Err(Error::NotWritten { target: reference, cause: Box::new(cause) }),
            (Ok(None), None) => {
                let cause = Box::new(Error::ImageMissing { reference: reference.clone() });
                Err(Error::Unconfirmed { target: reference, cause })
            }
            // The answer to the write named the digest: that is a confirmation too, where reading back is cut short.
            (Err(_), None) if promised.is_some() => Ok(Put::Written),
            (Err(cause), _) => Err(Error::Unconfirmed { target: reference, cause: Box::new(cause) }),
        }
    }
}

fn manifest_path(path: &str, version: &str) -> String {
    format!("/v2/{path}/manifests/{version}")
}

fn manifest_request(site: &Site, method: Method, path: &str, version: &str) -> landfall_transport::Request {
    // All kinds are named, so that nothing is converted on its way (ECR does that by tag).
    site.request(method, &manifest_path(path, version))
        .header("accept", &MANIFEST_MEDIA_TYPES.join(", "))
        .counted_as("manifest")
}

/// The digest in the header, where it is one; it is a cross-check and never the source.
fn promised_digest(answer: &Answer) -> Option<Digest> {
    answer.header("docker-content-digest").and_then(|text| text.trim().parse().ok())
}

/// Whether the tag is said to exist already, where it may not be written twice.
fn is_taken(error: &Error) -> bool {
    match error {
        Error::Answer { status, code, said, .. } => {
            *status == 409 || code.as_deref() == Some("TAG_INVALID") || said.contains("immutable")
        }
        _ => false,
    }
}

/// Whether it is not known from the answer alone what was written.
fn is_unanswered(error: &Error) -> bool {
    match error {
        Error::Answer { status, .. } => *status >= 500 || *status == 408 || *status == 499,
        _ => error.leaves_write_open(),
    }
}
