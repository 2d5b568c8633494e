//! Manifests and tags over HTTP.

use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::json;
use time::OffsetDateTime;

use super::blobs::{flipped, with_digest};
use super::call::Call;
use super::digest::{digest_of, is_digest, is_tag};
use super::manifest;
use super::reply::{Answer, Refusal};
use super::store::StoredManifest;
use super::{Inner, Registry};

/// The largest manifest, in bytes (ECR API reference, PutImage).
const MAX_MANIFEST: usize = 4 * 1024 * 1024;

impl Registry {
    pub(super) fn read_manifest(&self, call: &Call, repository: &str, reference: &str) -> Answer {
        self.authorize(call, repository, "pull", "BatchGetImage")?;
        let inner = self.lock();
        let repository = inner.behind(repository, |found| found.resolve(reference).is_some());
        let found =
            inner.store.repositories.get(repository.as_ref()).and_then(|found| found.resolve(reference));
        let Some((digest, stored)) = found else {
            if inner.quirks.forbidden_if_missing {
                return Err(Refusal::denied("The requested resource is denied"));
            }
            return Err(Refusal::manifest_unknown(reference));
        };
        if !accepted(call, &stored.media_type) {
            let message =
                format!("the manifest is a {}, which the Accept header does not name", stored.media_type);
            return Err(Refusal::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", message));
        }
        let corrupt = inner.quirks.corrupt_manifest.as_deref() == Some(digest);
        let bytes = if corrupt { flipped(&stored.bytes) } else { stored.bytes.clone() };
        let length = HeaderValue::from(bytes.len());
        let body = if call.method == Method::HEAD { Body::empty() } else { Body::from(bytes) };
        let media_type =
            HeaderValue::from_str(&stored.media_type).map_err(|_| Refusal::manifest_unknown(reference))?;
        let response =
            ([(header::CONTENT_TYPE, media_type), (header::CONTENT_LENGTH, length)], body).into_response();
        Ok(with_digest(response, digest, inner.quirks.omit_digest_header))
    }

    pub(super) fn put_manifest_request(
        &self,
        call: &Call,
        repository: &str,
        reference: &str,
        body: &Bytes,
    ) -> Answer {
        self.authorize(call, repository, "push", "PutImage")?;
        let mut inner = self.lock();
        let limit = inner.quirks.manifests_per_second;
        inner.manifest_rate.take(limit)?;
        if body.len() > MAX_MANIFEST {
            return Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "MANIFEST_INVALID",
                "manifest larger than 4 MiB",
            ));
        }
        let content_type = call.header(header::CONTENT_TYPE).unwrap_or_default();
        let digest = self.store_manifest(&mut inner, repository, reference, body, content_type)?;
        let omit = inner.quirks.omit_digest_header;
        let location = format!("/v2/{repository}/manifests/{digest}");
        let mut response = (StatusCode::CREATED, [(header::LOCATION, location)]).into_response();
        let stored = inner.store.repositories.get(repository).and_then(|found| found.manifests.get(&digest));
        if let Some(subject) = stored.and_then(|stored| stored.subject.as_ref())
            && inner.quirks.referrers
            && let Ok(value) = HeaderValue::from_str(subject)
        {
            response.headers_mut().insert(HeaderName::from_static("oci-subject"), value);
        }
        Ok(with_digest(response, &digest, omit))
    }

    /// Takes a manifest after checking all it says. `reference` is a tag or its digest.
    pub(super) fn store_manifest(
        &self,
        inner: &mut Inner,
        repository: &str,
        reference: &str,
        body: &Bytes,
        media_type: &str,
    ) -> Result<String, Refusal> {
        let digest = digest_of(body);
        if is_digest(reference) {
            if reference != digest {
                return Err(Refusal::bad("DIGEST_INVALID", "provided digest did not match uploaded content"));
            }
        } else if reference.contains(':') {
            return Err(Refusal::bad("DIGEST_INVALID", "provided digest is not a sha256 digest"));
        } else if !is_tag(reference) {
            return Err(Refusal::bad("TAG_INVALID", "manifest tag did not match URI"));
        }
        let pointers =
            manifest::read(body, media_type).map_err(|text| Refusal::bad("MANIFEST_INVALID", text))?;
        for (blob, size) in &pointers.blobs {
            let held = inner.store.blob(repository, blob).map(Bytes::len);
            if held.is_none() && inner.quirks.head_lies {
                return Err(Refusal::bad("MANIFEST_INVALID", format!("Failed to copy blob {blob}")));
            }
            self.check_size(blob, *size, held, "blob unknown to registry")?;
        }
        let known = inner.store.repositories.get(repository);
        for (child, size) in &pointers.children {
            let held = known.and_then(|known| known.manifests.get(child)).map(|child| child.bytes.len());
            if held.is_some() || !inner.quirks.sparse_indexes {
                self.check_size(child, *size, held, "manifest unknown to registry")?;
            }
        }
        let target = inner.store.repository(repository);
        let tagged = !is_digest(reference);
        // Even the identical image is refused (containers-roadmap 2380).
        if tagged && target.immutable && target.tags.contains_key(reference) {
            let message = format!(
                "The image tag '{reference}' already exists in the '{repository}' repository and cannot be overwritten because the tag is immutable."
            );
            return Err(Refusal::bad("TAG_INVALID", message));
        }
        let stored = StoredManifest {
            bytes: body.clone(),
            media_type: media_type.to_owned(),
            blobs: pointers.blobs.into_iter().map(|(digest, _)| digest).collect(),
            children: pointers.children.into_iter().map(|(digest, _)| digest).collect(),
            subject: pointers.subject,
            pushed_at: OffsetDateTime::now_utc().unix_timestamp(),
        };
        target.manifests.entry(digest.clone()).or_insert(stored);
        if tagged {
            target.tags.insert(reference.to_owned(), digest.clone());
        }
        Ok(digest)
    }

    fn check_size(&self, digest: &str, size: u64, held: Option<usize>, text: &str) -> Result<(), Refusal> {
        match held {
            Some(length) if length as u64 == size => Ok(()),
            Some(length) => {
                let message = format!("{digest} has {length} bytes, the descriptor says {size}");
                Err(Refusal::bad("MANIFEST_INVALID", message))
            }
            None => {
                // ECR's exception is LayersNotFoundException, a 400; distribution says 404.
                let status = if self.is_ecr() { StatusCode::BAD_REQUEST } else { StatusCode::NOT_FOUND };
                Err(Refusal::new(status, "MANIFEST_BLOB_UNKNOWN", format!("{text}: {digest}")))
            }
        }
    }

    pub(super) fn list_tags(&self, call: &Call, repository: &str) -> Answer {
        self.authorize(call, repository, "pull", "ListImages")?;
        let inner = self.lock();
        let found =
            inner.store.repositories.get(repository).ok_or_else(|| Refusal::name_unknown(repository))?;
        let last = call.parameter("last").unwrap_or_default();
        let limit = match call.parameter("n") {
            None => 1000,
            Some(text) => text
                .parse::<usize>()
                .map_err(|_| Refusal::bad("PAGINATION_NUMBER_INVALID", "n must be a number"))?
                .min(1000),
        };
        let rest: Vec<&String> = found.tags.keys().filter(|tag| **tag > last).collect();
        let page: Vec<&String> = rest.iter().take(limit).copied().collect();
        let body = json!({"name": repository, "tags": page}).to_string();
        let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
        if let (true, Some(end)) = (rest.len() > page.len(), page.last())
            && let Ok(value) = HeaderValue::from_str(&format!(
                "</v2/{repository}/tags/list?n={limit}&last={end}>; rel=\"next\""
            ))
        {
            response.headers_mut().insert(header::LINK, value);
        }
        Ok(response)
    }
}

/// Whether the `Accept` headers name the type; none at all means anything.
fn accepted(call: &Call, media_type: &str) -> bool {
    let mut values =
        call.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if values.peek().is_none() {
        return true;
    }
    let mut types = values
        .flat_map(|value| value.split(','))
        .map(|part| part.split(';').next().unwrap_or_default().trim());
    types.any(|wanted| wanted == media_type || wanted == "*/*" || wanted == "application/*")
}
