//! Writing blobs (OCI distribution-spec 1.1, "Pushing blobs", "Mounting a blob from another repository").
//!
//! POST, then one PUT with the whole blob: ECR answers parts in a way of its own (201, a stale `Range`, 5 MiB at least), and
//! two requests are fewer than three. Where a registry refuses the PUT, one PATCH with the whole blob and an empty PUT follow.

use std::sync::atomic::Ordering;

use landfall_artifacts::Digest;
use landfall_run::Run;
use landfall_transport::{Answer, BodyStream, Cap, Location, Method, Site, StatusCode};

use crate::registry::{Access, Need};
use crate::{Error, Registry};

/// What a registry answered when a blob was announced.
#[derive(Debug)]
pub enum Begun {
    /// It took the blob over from another repository of its own.
    Mounted,
    /// It wants the bytes.
    Session(UploadSession),
}

/// An upload that was begun. A session that is dropped is forgotten by the registry after a while.
#[derive(Clone, Debug)]
pub struct UploadSession {
    path: String,
    digest: Digest,
    location: Location,
}

impl Registry {
    /// Announces a blob. With `mount_from`, a repository of this registry that has it, the registry may take it over from there.
    ///
    /// # Errors
    /// [`Error::Transport`] where the registry points to another host; [`Error::RepositoryMissing`], [`Error::Denied`], and what
    /// else a registry may answer.
    pub async fn begin_upload(
        &self,
        path: &str,
        digest: Digest,
        mount_from: Option<&str>,
        run: &Run,
    ) -> Result<Begun, Error> {
        let need = Need { path, access: Access::Push, doing: self.doing("POST", path, digest) };
        let answer = self
            .ask(&need, Cap::JSON, run, |site| {
                let site = match self.upload_starts() {
                    Some(limiter) => site.with_limiter(limiter.clone()),
                    None => site.clone(),
                };
                let request = site
                    .request(Method::POST, &format!("/v2/{path}/blobs/uploads/"))
                    .counted_as(if mount_from.is_some() { "mount" } else { "upload" });
                let request = match mount_from {
                    Some(from) => request.query("mount", &digest.to_string()).query("from", from),
                    None => request,
                };
                // A second session does no harm: it ends by itself.
                request.header("content-length", "0").idempotent().never_a_page()
            })
            .await?;
        match answer.status() {
            StatusCode::CREATED if mount_from.is_some() => Ok(Begun::Mounted),
            // A refused mount is answered with a session, which is used: 201 alone means mounted.
            StatusCode::ACCEPTED => {
                let location = self.location(&need, &answer, run).await?;
                Ok(Begun::Session(UploadSession { path: path.to_owned(), digest, location }))
            }
            StatusCode::CREATED => Err(self.incomplete(&need, "status: 202 was to come")),
            _ => Err(self.refused(&need, &answer, run)),
        }
    }

    /// Sends the bytes of a blob that was begun and ends it. The registry holds them against the digest too.
    ///
    /// # Errors
    /// [`Error::Answer`] and others; after one of them the session is over, and the blob has to be begun again. A registry that
    /// refuses the PUT is remembered as one that wants PATCH, and the error is retryable.
    pub async fn finish_upload(
        &self,
        session: UploadSession,
        size_bytes: u64,
        body: BodyStream,
        run: &Run,
    ) -> Result<(), Error> {
        let UploadSession { path, digest, location } = session;
        let digest_text = digest.to_string();
        let patches = self.patches().load(Ordering::SeqCst);
        let method = if patches { Method::PATCH } else { Method::PUT };
        let need =
            Need { path: &path, access: Access::Push, doing: self.doing(method.as_str(), &path, digest) };
        let failed = |cause| Self::failed(&need.doing, cause);
        let site = self.entered(&need, run).await?;
        let at = if patches { location.clone() } else { location.clone().with_query("digest", &digest_text) };
        let answer = site
            .request_at(method, &at)
            .header("content-type", "application/octet-stream")
            .counted_as("upload")
            .send_body(run, size_bytes, body, Cap::JSON)
            .await
            .map_err(failed)?;
        if !patches {
            if is_stored(answer.status()) {
                return Ok(());
            }
            if refuses_put(answer.status()) {
                self.patches().store(true, Ordering::SeqCst);
            }
            return Err(self.refused(&need, &answer, run));
        }
        // 202 by the specification, 201 at ECR, 204 at others.
        if !is_stored(answer.status()) {
            return Err(self.refused(&need, &answer, run));
        }
        let next = match answer.header("location") {
            Some(_) => self.location(&need, &answer, run).await?,
            None => location,
        };
        let need = Need { doing: self.doing("PUT", &path, digest), ..need };
        let last = next.with_query("digest", &digest_text);
        let answer = self
            .ask(&need, Cap::JSON, run, |site: &Site| {
                site.request_at(Method::PUT, &last).header("content-length", "0").counted_as("upload")
            })
            .await?;
        if is_stored(answer.status()) { Ok(()) } else { Err(self.refused(&need, &answer, run)) }
    }

    /// Where the upload goes on, which has to be on this very registry.
    async fn location(&self, need: &Need<'_>, answer: &Answer, run: &Run) -> Result<Location, Error> {
        let Some(given) = answer.header("location") else {
            return Err(self.incomplete(need, "Location"));
        };
        let site = self.entered(need, run).await?;
        site.accept(answer.url(), given, "Location").map_err(|cause| Self::failed(&need.doing, cause))
    }

    /// Whether an answer to the PUT of a blob may go away when the blob is begun again.
    pub(crate) fn may_begin_again(error: &Error) -> bool {
        match error {
            Error::Answer { status, code, .. } => {
                refuses_put(StatusCode::from_u16(*status).unwrap_or_default())
                    || *status >= 500
                    || matches!(*status, 408 | 425 | 429 | 499)
                    || matches!(code.as_deref(), Some("BLOB_UPLOAD_UNKNOWN" | "TOOMANYREQUESTS"))
            }
            Error::LoginRefused { .. } | Error::Incomplete { .. } => false,
            Error::Transport { cause, .. } => matches!(
                **cause,
                landfall_transport::Error::Unanswered { .. }
                    | landfall_transport::Error::Stalled { .. }
                    | landfall_transport::Error::Connect { .. }
            ),
            Error::TargetStalled { .. } => true,
            _ => false,
        }
    }
}

/// Whether bytes were taken: 201 or 202 by the specification, 204 at others. A page with status 200 is somebody else's.
fn is_stored(status: StatusCode) -> bool {
    matches!(status.as_u16(), 201 | 202 | 204)
}

/// Whether a registry wants another way of uploading.
fn refuses_put(status: StatusCode) -> bool {
    matches!(status.as_u16(), 405 | 411 | 413 | 415 | 501)
}
