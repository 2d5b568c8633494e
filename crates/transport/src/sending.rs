//! One sending of a request, and what its failure says about repeating it.

use std::error::Error as _;
use std::future::Future;
use std::time::Duration;

use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use landfall_run::{Hint, RateLimiter, Run, Throttle};
use landfall_secret::{Credential, CredentialKind};
use url::Url;

use crate::response::shown;
use crate::retry_after::asked_pause;
use crate::{Answer, Cap, Error, Http, Repeat, Streaming, body};

/// How long an answer to what may change something is waited for after a stop.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// The longest pause that one answer can make all who share a limit take.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(120);

/// All that one sending needs.
pub(crate) struct Sending<'a> {
    pub(crate) http: &'a Http,
    pub(crate) name: &'static str,
    pub(crate) method: &'a Method,
    /// Whether it changes nothing.
    pub(crate) reads: bool,
    pub(crate) url: &'a Url,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) credential: Option<&'a Credential>,
    pub(crate) limiter: Option<&'a RateLimiter>,
    pub(crate) throttle: Option<&'a Throttle>,
    /// What it is about, in the counters.
    pub(crate) counted: Option<&'static str>,
    pub(crate) timeout: Option<Duration>,
    /// Whether a page with a status of success is a passing fault.
    pub(crate) never_a_page: bool,
}

/// Why an attempt may have to be repeated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Error(Error),
    #[error("{}", .0.status)]
    Status(Answer),
    #[error("{} with a page for people", .0.status)]
    Page(Answer),
}

/// The same, of an attempt whose body would still be coming.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamFailed {
    #[error(transparent)]
    Error(Error),
    #[error("{}", .0.status)]
    Status(Streaming),
}

impl Failed {
    pub(crate) fn hint(&self, run: &Run, repeat: Repeat) -> Hint {
        match self {
            Self::Error(error) => error_hint(error, repeat),
            Self::Status(answer) | Self::Page(answer) => {
                status_hint(answer.status, &answer.headers, run, repeat)
            }
        }
    }
}

impl StreamFailed {
    pub(crate) fn hint(&self, run: &Run, repeat: Repeat) -> Hint {
        match self {
            Self::Error(error) => error_hint(error, repeat),
            Self::Status(streaming) => status_hint(streaming.status, &streaming.headers, run, repeat),
        }
    }
}

fn error_hint(error: &Error, repeat: Repeat) -> Hint {
    match (error, repeat) {
        // An idempotent write whose answer was lost may be made again: the second answer is the first one's.
        (Error::Unanswered { .. }, Repeat::Idempotent) => Hint::Again,
        (Error::Unanswered { .. } | Error::Stalled { .. }, Repeat::Never) => Hint::Stop,
        (error, _) => error.hint(),
    }
}

fn status_hint(status: StatusCode, headers: &HeaderMap, run: &Run, repeat: Repeat) -> Hint {
    let refused_untouched = status == StatusCode::TOO_MANY_REQUESTS;
    if repeat == Repeat::Never && !refused_untouched {
        return Hint::Stop;
    }
    match asked_pause(status, headers, run.clock().now()) {
        Some(pause) => Hint::After(pause),
        None => Hint::Again,
    }
}

/// Statuses that a later attempt may not see: 408, 425, 429, 500, 502, 503, 504, and the 499 and 522 of proxies.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 499 | 500 | 502 | 503 | 504 | 522)
}

pub(crate) async fn attempt(
    sending: &Sending<'_>,
    run: &Run,
    body: Bytes,
    cap: Cap,
    repeat: Repeat,
) -> Result<Answer, Failed> {
    let changes = repeat == Repeat::Never || !sending.reads;
    // Waiting for a turn is no part of the time an answer may take: nothing was sent yet.
    turn(sending, run).await.map_err(Failed::Error)?;
    run.counters().sent(body.len() as u64);
    let exchange = async {
        let streaming = exchange_heads(sending, run, (!body.is_empty()).then(|| body.into())).await?;
        read(streaming, cap).await
    };
    let limit = sending.timeout.unwrap_or(sending.http.config().idle_timeout);
    let timed = async {
        match tokio::time::timeout(limit, exchange).await {
            Ok(answer) => answer.map_err(|error| lost(error, sending.method, changes)),
            Err(_elapsed) => Err(Error::Unanswered {
                method: sending.method.to_string(),
                url: shown(sending.url),
                changes,
                cause: format!("no complete answer came in {limit:?}").into(),
            }),
        }
    };
    let answer = heeding_a_stop(sending, run, timed).await.map_err(Failed::Error)?;
    if is_passing(answer.status) {
        Err(Failed::Status(answer))
    } else if sending.never_a_page && is_page(&answer) {
        Err(Failed::Page(answer))
    } else {
        Ok(answer)
    }
}

/// Whether it is a page for people that says it is what was asked for.
fn is_page(answer: &Answer) -> bool {
    let kind = answer.header("content-type").and_then(|text| text.split(';').next()).unwrap_or_default();
    answer.status.is_success() && kind.trim().eq_ignore_ascii_case("text/html")
}

/// An answer that broke off or fell silent after its head: whether the request changed something is not known either.
pub(crate) fn lost(error: Error, method: &Method, changes: bool) -> Error {
    match error {
        Error::Unanswered { url, cause, .. } => {
            Error::Unanswered { method: method.to_string(), url, changes, cause }
        }
        Error::Stalled { ref url, .. } if changes => {
            let url = url.clone();
            Error::Unanswered { method: method.to_string(), url, changes, cause: error.into() }
        }
        error => error,
    }
}

/// Waits for the turn of a request; none comes after a stop.
async fn turn(sending: &Sending<'_>, run: &Run) -> Result<(), Error> {
    let Some(limiter) = sending.limiter else { return Ok(()) };
    tokio::select! {
        biased;
        () = run.stop().wait() => Err(Error::Stopped { url: shown(sending.url) }),
        () = limiter.turn() => Ok(()),
    }
}

/// What only reads is dropped at a stop; what may change something is seen to its end, for a while.
pub(crate) async fn heeding_a_stop<T>(
    sending: &Sending<'_>,
    run: &Run,
    exchange: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let grace_is_over = async {
        run.stop().wait().await;
        run.clock().sleep(STOP_GRACE).await;
    };
    tokio::select! {
        ended = exchange => ended,
        () = run.stop().wait(), if sending.reads => Err(Error::Stopped { url: shown(sending.url) }),
        () = grace_is_over, if !sending.reads => Err(Error::Unanswered {
            method: sending.method.to_string(),
            url: shown(sending.url),
            changes: true,
            cause: format!("the run was stopped, and no answer came in {STOP_GRACE:?}").into(),
        }),
    }
}

pub(crate) async fn send_streaming(
    sending: &Sending<'_>,
    run: &Run,
    request_body: Option<reqwest::Body>,
) -> Result<Streaming, Error> {
    turn(sending, run).await?;
    heeding_a_stop(sending, run, exchange_heads(sending, run, request_body)).await
}

/// Sends a body that is streamed, and reads the whole answer.
pub(crate) async fn send_body(
    sending: &Sending<'_>,
    run: &Run,
    body: reqwest::Body,
    cap: Cap,
) -> Result<Answer, Error> {
    turn(sending, run).await?;
    let exchange = async {
        let streaming = exchange_heads(sending, run, Some(body)).await?;
        read(streaming, cap).await.map_err(|error| lost(error, sending.method, !sending.reads))
    };
    heeding_a_stop(sending, run, exchange).await
}

/// Sends the request and waits for the head of the answer.
async fn exchange_heads(
    sending: &Sending<'_>,
    run: &Run,
    request_body: Option<reqwest::Body>,
) -> Result<Streaming, Error> {
    let url = shown(sending.url);
    let mut headers = sending.headers.clone();
    // Compressed bodies would have another digest than the one that was asked for, and could be bombs.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(credential) = sending.credential {
        let (name, value) = authorization(credential)?;
        headers.insert(name, value);
    }
    run.counters().request(&match sending.counted {
        Some(what) => format!("{}.{what}.{}", sending.name, sending.method),
        None => format!("{}.{}", sending.name, sending.method),
    });
    let mut request =
        sending.http.client().request(sending.method.clone(), sending.url.clone()).headers(headers);
    if let Some(body) = request_body {
        request = request.body(body);
    }
    let safe = sending.reads;
    let patience = sending.timeout.unwrap_or(sending.http.config().idle_timeout);
    let answered = tokio::time::timeout(patience, request.send()).await;
    let unanswered = |cause| Error::Unanswered {
        method: sending.method.to_string(),
        url: url.clone(),
        changes: !safe,
        cause,
    };
    let response = match answered {
        Err(_elapsed) => return Err(unanswered(format!("no answer came in {patience:?}").into())),
        Ok(Err(error)) => return Err(failed_send(error, &url, unanswered)),
        Ok(Ok(response)) => response,
    };
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        run.counters().throttle();
        if let Some(throttle) = sending.throttle {
            throttle.note();
        }
        if let Some(limiter) = sending.limiter {
            let pause = asked_pause(response.status(), response.headers(), run.clock().now());
            limiter.throttled(pause.map(|pause| pause.min(LONGEST_BACK_OFF)));
        }
    }
    if response.headers().get_all(header::CONTENT_ENCODING).iter().any(|encoding| encoding != "identity") {
        return Err(Error::NotAsAsked {
            what: "unencoded body",
            url,
            begins: String::new(),
            cause: "the server encoded the body although `identity` was asked for".into(),
        });
    }
    Ok(Streaming {
        status: response.status(),
        headers: response.headers().clone(),
        url: sending.url.clone(),
        redactor: run.redactor().clone(),
        body: body::guarded(response, url, sending.http.config(), run),
    })
}

/// A body stream that failed carries our own error inside the client's: it is the cause, and not the connection.
fn failed_send(
    error: reqwest::Error,
    url: &str,
    unanswered: impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> Error,
) -> Error {
    let error = error.without_url();
    if error.is_connect() {
        if is_untrusted(&error) {
            return Error::Untrusted { url: url.to_owned(), cause: error.into() };
        }
        return Error::Connect { url: url.to_owned(), cause: error.into() };
    }
    let mut source = error.source();
    while let Some(inner) = source {
        if inner.downcast_ref::<Error>().is_some() {
            return unanswered(inner.to_string().into());
        }
        source = inner.source();
    }
    unanswered(error.into())
}

/// Whether a connection came about and the other side could not prove who it is.
fn is_untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(inner) = source {
        if inner.is::<rustls::Error>() {
            return true;
        }
        // The payload of an I/O error is not among its sources.
        source = match inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(payload) => Some(payload),
            None => inner.source(),
        };
    }
    false
}

pub(crate) async fn read(mut streaming: Streaming, cap: Cap) -> Result<Answer, Error> {
    let is_error = streaming.status.is_client_error() || streaming.status.is_server_error();
    let cap = if is_error { Cap::ERROR } else { cap };
    let mut bytes = BytesMut::new();
    while let Some(chunk) = streaming.body.next().await {
        let chunk = chunk?;
        let room = usize::try_from(cap.bytes).unwrap_or(usize::MAX).saturating_sub(bytes.len());
        if chunk.len() > room {
            if !is_error {
                return Err(Error::TooLarge { what: cap.what, url: shown(&streaming.url), limit: cap.bytes });
            }
            bytes.extend_from_slice(chunk.get(..room).unwrap_or_default());
            break;
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: streaming.status,
        headers: streaming.headers,
        url: streaming.url,
        redactor: streaming.redactor,
        body: bytes.freeze(),
    })
}

fn authorization(credential: &Credential) -> Result<(HeaderName, HeaderValue), Error> {
    let (name, text) = match credential.kind() {
        CredentialKind::Basic { user, password } => {
            let pair = format!("{user}:{}", password.expose());
            (
                header::AUTHORIZATION,
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)),
            )
        }
        CredentialKind::Bearer(token) => (header::AUTHORIZATION, format!("Bearer {}", token.expose())),
        CredentialKind::Header { name, value } => {
            let name = HeaderName::try_from(*name).map_err(|_| Error::Header { name: (*name).to_owned() })?;
            (name, value.expose().to_owned())
        }
    };
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| Error::Header { name: name.as_str().to_owned() })?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::is_untrusted;

    #[test]
    fn a_server_without_proof_is_told_from_one_that_is_not_there() {
        let refused = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let in_io = io::Error::new(io::ErrorKind::InvalidData, refused);
        let nested = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, in_io));
        assert!(is_untrusted(&nested));
        let caused = crate::Error::Connect { url: "https://host/".to_owned(), cause: nested.into() };
        assert!(is_untrusted(&caused), "also as the source of another error");
        assert!(!is_untrusted(&io::Error::from(io::ErrorKind::ConnectionRefused)));
        assert!(!is_untrusted(&io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof")));
    }
}
