//! Writing blobs: sessions, parts, mounts.

use axum::response::IntoResponse;
use bytes::{Bytes, BytesMut};
use http::{HeaderName, Method, StatusCode, header};

use super::call::Call;
use super::digest::{digest_of_parts, is_digest};
use super::quirks::Mounts;
use super::reply::{Answer, Refusal};
use super::store::Upload;
use super::{Inner, Registry};

/// The smallest part at ECR, but for the last (ECR API reference, UploadLayerPart).
const MIN_PART: usize = 5 * 1024 * 1024;
/// Sessions that may be open at once.
const MAX_SESSIONS: usize = 10_000;

impl Registry {
    /// POST: a mount or a session. A digest in the query (upload in one request) is not taken up: the answer is 202, as at Debian's registry.
    pub(super) fn start_upload(&self, call: &Call, repository: &str) -> Answer {
        self.authorize(call, repository, "push", "InitiateLayerUpload")?;
        let mut inner = self.lock();
        if let (Some(digest), Some(from)) = (call.parameter("mount"), call.parameter("from"))
            && may_mount(&inner, &digest, &from)
        {
            drop(inner);
            self.authorize(call, &from, "pull", "GetDownloadUrlForLayer")?;
            inner = self.lock();
            inner.store.show(repository, &digest);
            inner.store.mounted.push((repository.to_owned(), digest.clone()));
            let headers = [
                (header::LOCATION, format!("/v2/{repository}/blobs/{digest}")),
                (HeaderName::from_static("docker-content-digest"), digest),
            ];
            return Ok((StatusCode::CREATED, headers).into_response());
        }
        if inner.store.uploads.len() >= MAX_SESSIONS {
            return Err(Refusal::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TOOMANYREQUESTS",
                "too many open uploads",
            ));
        }
        let session = format!("{:032x}", fastrand::u128(..));
        let upload =
            Upload { repository: repository.to_owned(), state: fastrand::u64(..), parts: Vec::new() };
        let location = self.location(&inner, repository, &session, upload.state);
        inner.store.uploads.insert(session.clone(), upload);
        let headers = [
            (header::LOCATION, location),
            (header::RANGE, "0-0".to_owned()),
            (HeaderName::from_static("docker-upload-uuid"), session),
        ];
        Ok((StatusCode::ACCEPTED, headers).into_response())
    }

    pub(super) fn upload(&self, call: &Call, repository: &str, session: &str, body: Bytes) -> Answer {
        let action = if call.method == Method::PUT { "CompleteLayerUpload" } else { "UploadLayerPart" };
        self.authorize(call, repository, "push", action)?;
        let mut inner = self.lock();
        let state = call.parameter("_state").and_then(|text| text.parse().ok());
        let known = inner.store.uploads.get(session);
        if known.is_none_or(|upload| upload.repository != repository || Some(upload.state) != state) {
            return Err(Refusal::upload_unknown());
        }
        match call.method {
            Method::PATCH => self.part(&mut inner, call, repository, session, body),
            Method::PUT => self.finish(&mut inner, call, repository, session, body),
            Method::GET => {
                let length = inner.store.uploads.get(session).map_or(0, Upload::len);
                let location = self.location(&inner, repository, session, state.unwrap_or_default());
                let headers = [(header::LOCATION, location), (header::RANGE, received(length))];
                Ok((StatusCode::NO_CONTENT, headers).into_response())
            }
            Method::DELETE => {
                inner.store.uploads.remove(session);
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            _ => Err(Refusal::method()),
        }
    }

    fn part(&self, inner: &mut Inner, call: &Call, repository: &str, session: &str, body: Bytes) -> Answer {
        let upload = inner.store.uploads.get_mut(session).ok_or_else(Refusal::upload_unknown)?;
        append(upload, call, body, self.is_ecr())?;
        upload.state = fastrand::u64(..);
        let state = upload.state;
        // ECR tells the end of the first part for ever (containers-roadmap 2831).
        let length = if self.is_ecr() { upload.parts.first().map_or(0, Bytes::len) } else { upload.len() };
        let status = if self.is_ecr() { StatusCode::CREATED } else { StatusCode::ACCEPTED };
        let headers = [
            (header::LOCATION, self.location(inner, repository, session, state)),
            (header::RANGE, received(length)),
            (HeaderName::from_static("docker-upload-uuid"), session.to_owned()),
        ];
        Ok((status, headers).into_response())
    }

    fn finish(&self, inner: &mut Inner, call: &Call, repository: &str, session: &str, body: Bytes) -> Answer {
        let digest = call.parameter("digest").filter(|text| is_digest(text));
        let digest =
            digest.ok_or_else(|| Refusal::bad("DIGEST_INVALID", "digest parameter missing or not sha256"))?;
        // Whatever comes of it, the session is over.
        let mut upload = inner.store.uploads.remove(session).ok_or_else(Refusal::upload_unknown)?;
        if !body.is_empty() {
            append(&mut upload, call, body, self.is_ecr())?;
        }
        if digest_of_parts(upload.parts.iter().map(|part| &part[..])) != digest {
            return Err(Refusal::bad("DIGEST_INVALID", "provided digest did not match uploaded content"));
        }
        inner.store.add_blob(repository, &digest, joined(upload.parts));
        inner.store.uploaded.push((repository.to_owned(), digest.clone()));
        let headers = [
            (header::LOCATION, format!("/v2/{repository}/blobs/{digest}")),
            (HeaderName::from_static("docker-content-digest"), digest),
        ];
        Ok((StatusCode::CREATED, headers).into_response())
    }

    /// Absolute at ECR, a path at Artifactory, so that a client meets both.
    fn location(&self, inner: &Inner, repository: &str, session: &str, state: u64) -> String {
        let path = format!("/v2/{repository}/blobs/uploads/{session}?_state={state}");
        match &inner.quirks.upload_origin {
            Some(origin) => format!("{origin}{path}"),
            None if self.is_ecr() => format!("http://{}{path}", self.host),
            None => path,
        }
    }
}

fn may_mount(inner: &Inner, digest: &str, from: &str) -> bool {
    let held = inner.store.blob(from, digest).is_some();
    match inner.quirks.mounts {
        Mounts::Refused => false,
        Mounts::AfterManifest => {
            held && inner.store.repositories.get(from).is_some_and(|source| source.references(digest))
        }
        Mounts::Always => held,
    }
}

fn append(upload: &mut Upload, call: &Call, body: Bytes, is_ecr: bool) -> Result<(), Refusal> {
    let content_type = call.header(header::CONTENT_TYPE).unwrap_or("application/octet-stream");
    if content_type != "application/octet-stream" {
        return Err(Refusal::bad("BLOB_UPLOAD_INVALID", "Content-Type must be application/octet-stream"));
    }
    let length = upload.len();
    if let Some(text) = call.header(header::CONTENT_RANGE) {
        let span =
            text.split_once('-').and_then(|(start, end)| Some((start.parse().ok()?, end.parse().ok()?)));
        let fits = span
            .is_some_and(|(start, end): (usize, usize)| start == length && end + 1 == length + body.len());
        if !fits {
            return Err(Refusal::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "BLOB_UPLOAD_INVALID",
                "part out of order",
            )
            .header(header::RANGE, received(length)));
        }
    }
    if is_ecr && upload.parts.last().is_some_and(|part| part.len() < MIN_PART) {
        let message =
            "LayerPartTooSmallException: All layer parts except the last part should be at least 5MB";
        return Err(Refusal::bad("BLOB_UPLOAD_INVALID", message));
    }
    upload.parts.push(body);
    Ok(())
}

fn received(length: usize) -> String {
    format!("0-{}", length.saturating_sub(1))
}

fn joined(mut parts: Vec<Bytes>) -> Bytes {
    if parts.len() == 1 {
        return parts.pop().unwrap_or_default();
    }
    let mut whole = BytesMut::new();
    for part in parts {
        whole.extend_from_slice(&part);
    }
    whole.freeze()
}
