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

/// Sessions that may be open at once.
const MAX_SESSIONS: usize = 10_000;

impl Registry {
    /// POST: a mount, a whole upload in one request where the registry takes that, or a session.
    pub(super) fn start_upload(&self, call: &Call, repository: &str, body: Bytes) -> Answer {
        self.authorize(call, repository, "push", "InitiateLayerUpload")?;
        let mut inner = self.lock();
        let limit = inner.quirks.uploads_per_second;
        inner.upload_rate.take(limit)?;
        if let Some(digest) = call.parameter("mount")
            && let Some(from) = mount_source(&inner, &digest, call.parameter("from"))
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
            return Err(Refusal::too_many("too many open uploads"));
        }
        let session = format!("{:032x}", fastrand::u128(..));
        let upload =
            Upload { repository: repository.to_owned(), state: fastrand::u64(..), parts: Vec::new() };
        let location = self.location(&inner, repository, &session, upload.state);
        inner.store.uploads.insert(session.clone(), upload);
        if inner.quirks.single_post && call.parameter("digest").is_some() {
            let answer = finish(&mut inner, call, repository, &session, body);
            inner.store.uploads.remove(&session);
            return answer;
        }
        let headers = [
            (header::LOCATION, location),
            (header::RANGE, "0-0".to_owned()),
            (HeaderName::from_static("docker-upload-uuid"), session),
        ];
        let mut response = (StatusCode::ACCEPTED, headers).into_response();
        if let (Some(length), false) = (inner.quirks.min_part, self.is_ecr()) {
            response.headers_mut().insert("oci-chunk-min-length", length.into());
        }
        Ok(response)
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
            Method::PUT => finish(&mut inner, call, repository, session, body),
            Method::GET => {
                let range = inner.store.uploads.get(session).map(|upload| self.told_range(upload));
                let location = self.location(&inner, repository, session, state.unwrap_or_default());
                let headers = [(header::LOCATION, location), (header::RANGE, range.unwrap_or_default())];
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
        let min_part = inner.quirks.min_part;
        let upload = inner.store.uploads.get_mut(session).ok_or_else(Refusal::upload_unknown)?;
        append(upload, call, body, min_part)?;
        upload.state = fastrand::u64(..);
        let state = upload.state;
        let range = self.told_range(upload);
        let status = if self.is_ecr() { StatusCode::CREATED } else { StatusCode::ACCEPTED };
        let headers = [
            (header::LOCATION, self.location(inner, repository, session, state)),
            (header::RANGE, range),
            (HeaderName::from_static("docker-upload-uuid"), session.to_owned()),
        ];
        Ok((status, headers).into_response())
    }

    /// ECR tells the end of the first part for ever (containers-roadmap 2831).
    fn told_range(&self, upload: &Upload) -> String {
        let first = || upload.parts.first().map_or(0, Bytes::len);
        received(if self.is_ecr() { first() } else { upload.len() })
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

/// Ends a session and keeps its bytes.
fn finish(inner: &mut Inner, call: &Call, repository: &str, session: &str, body: Bytes) -> Answer {
    let digest = call.parameter("digest").filter(|text| is_digest(text));
    let digest =
        digest.ok_or_else(|| Refusal::bad("DIGEST_INVALID", "digest parameter missing or not sha256"))?;
    // Whatever comes of it, the session is over.
    let mut upload = inner.store.uploads.remove(session).ok_or_else(Refusal::upload_unknown)?;
    if !body.is_empty() {
        append(&mut upload, call, body, inner.quirks.min_part)?;
    }
    if upload.len() == 0 && !inner.quirks.empty_blobs {
        // EmptyUploadException of the ECR API.
        let message = format!(
            "The upload with id '{session}' in the repository with name '{repository}' cannot be completed because it does not have any parts."
        );
        return Err(Refusal::bad("BLOB_UPLOAD_INVALID", message));
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

/// The repository that a blob may be mounted from; `None` where it may not.
fn mount_source(inner: &Inner, digest: &str, from: Option<String>) -> Option<String> {
    let holds = |name: &String| inner.store.blob(name, digest).is_some();
    match inner.quirks.mounts {
        Mounts::Refused => None,
        Mounts::AfterManifest => from.filter(|name| {
            holds(name) && inner.store.repositories.get(name).is_some_and(|source| source.references(digest))
        }),
        Mounts::Always => match from {
            Some(name) => Some(name).filter(holds),
            None => inner.store.repositories.keys().find(|name| holds(name)).cloned(),
        },
    }
}

fn append(upload: &mut Upload, call: &Call, body: Bytes, min_part: Option<usize>) -> Result<(), Refusal> {
    let content_type = call.header(header::CONTENT_TYPE).unwrap_or("application/octet-stream");
    if content_type != "application/octet-stream" {
        return Err(Refusal::bad("BLOB_UPLOAD_INVALID", "Content-Type must be application/octet-stream"));
    }
    let length = upload.len();
    if let Some(text) = call.header(header::CONTENT_RANGE) {
        let number = |text: &str| text.parse::<usize>().ok();
        let span = text.split_once('-').and_then(|(start, end)| Some((number(start)?, number(end)?)));
        let end = length + body.len();
        if !span.is_some_and(|(first, last)| first == length && last.checked_add(1) == Some(end)) {
            let first = span.map_or_else(|| text.to_owned(), |(first, _)| first.to_string());
            let message = format!("First byte of the layer part is {first} instead of {length}");
            return Err(Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID", message)
                .header(header::RANGE, received(length)));
        }
    }
    if let Some(least) = min_part
        && upload.parts.last().is_some_and(|part| part.len() < least)
    {
        let message = format!(
            "LayerPartTooSmallException: All layer parts except the last part should be at least {}MB",
            least / (1024 * 1024)
        );
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
