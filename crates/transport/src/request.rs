//! A request on a site, being put together and sent.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use landfall_run::{Hint, Run};
use serde::Serialize;
use url::Url;

use crate::response::shown;
use crate::sending::{Failed, Sending, StreamFailed, attempt, is_passing, send_body, send_streaming};
use crate::{Answer, BodyStream, Cap, Error, Site, Streaming};

/// Whether a request may be made again when it is not known whether it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Making it twice is the same as making it once.
    Idempotent,
    /// Making it twice may do something twice: only a request that surely was not taken (no connection, 429) is repeated.
    Never,
}

/// A request being put together. Nothing happens until it is sent.
#[derive(Debug)]
pub struct Request {
    site: Site,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    reads: bool,
    repeat: Repeat,
    timeout: Option<Duration>,
    counted: Option<&'static str>,
    once: bool,
    never_a_page: bool,
    refused: Option<Error>,
}

impl Request {
    pub(crate) fn new(site: Site, method: Method, url: Url, refused: Option<Error>) -> Self {
        let repeat = if method == Method::POST || method == Method::PATCH {
            Repeat::Never
        } else {
            Repeat::Idempotent
        };
        Self {
            reads: method.is_safe(),
            site,
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            repeat,
            timeout: None,
            counted: None,
            once: false,
            never_a_page: false,
            refused,
        }
    }

    /// Adds a header. It is not for secrets: those are the site's credential.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            (Ok(_) | Err(_), Ok(_) | Err(_)) => {
                self.refused.get_or_insert(Error::Header { name: landfall_secret::escape(name, 60) });
            }
        }
        self
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Sets a JSON body.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(text) => self.body("application/json", text),
            Err(cause) => {
                let url = shown(&self.url);
                self.refused.get_or_insert(Error::Encode { url, cause });
                self
            }
        }
    }

    /// Sets a body.
    pub fn body(mut self, content_type: &str, bytes: impl Into<Bytes>) -> Self {
        self.body = bytes.into();
        self.header("content-type", content_type)
    }

    /// Says that making the request twice is the same as making it once. The default for all methods but POST and PATCH.
    pub fn idempotent(mut self) -> Self {
        self.repeat = Repeat::Idempotent;
        self
    }

    /// Says that making the request twice may do something twice. The default for POST and PATCH.
    pub fn never_repeated(mut self) -> Self {
        self.repeat = Repeat::Never;
        self
    }

    /// Says that the request changes nothing, whatever its method, as a search by POST. The default for GET and HEAD.
    pub fn reading(mut self) -> Self {
        self.reads = true;
        self.repeat = Repeat::Idempotent;
        self
    }

    /// What the request is about, in the counters: `blob` counts it as `registry.blob.GET` (default: `registry.GET`).
    pub fn counted_as(mut self, what: &'static str) -> Self {
        self.counted = Some(what);
        self
    }

    /// Makes the request once, whatever comes: for what is nice to know and not worth waiting for.
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Says that no page for people is the answer to this. One that comes with a status of success (`text/html`) is somebody
    /// else's, such as a proxy's, and counts as a passing fault (default: it is an answer like others).
    pub fn never_a_page(mut self) -> Self {
        self.never_a_page = true;
        self
    }

    /// How long the whole answer may take (default: the idle timeout of the configuration).
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Makes the request and reads the whole answer, whatever its status. At a stop of the run a request that only reads is
    /// dropped, and one that may change something is given ten seconds more; a request that waits for its turn is not made. Passing faults (no connection; 408, 425, 429 and
    /// 5xx; a broken answer) are repeated as the run allows; what `Retry-After` asks for is waited.
    ///
    /// # Errors
    /// See [`Error`]. A status is no error here: the last answer is returned when repeating does not help.
    pub async fn send(mut self, run: &Run, cap: Cap) -> Result<Answer, Error> {
        if let Some(refused) = self.refused.take() {
            return Err(refused);
        }
        let sending = self.sending();
        let what = format!("{} {}", self.method, shown(&self.url));
        let (repeat, once) = (self.repeat, self.once);
        let result = run
            .retry(
                &what,
                |failed: &Failed| if once { Hint::Stop } else { failed.hint(run, repeat) },
                || {
                    let (body, sending) = (self.body.clone(), &sending);
                    async move { attempt(sending, run, body, cap, repeat).await }
                },
            )
            .await;
        match result {
            Ok(answer) | Err(Failed::Status(answer) | Failed::Page(answer)) => Ok(answer),
            Err(Failed::Error(error)) => Err(error),
        }
    }

    /// Makes the request once, with a body that is streamed, and reads the whole answer. A stream cannot be repeated: who
    /// made it decides what to do when it breaks.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send_body(
        mut self,
        run: &Run,
        size_bytes: u64,
        body: BodyStream,
        cap: Cap,
    ) -> Result<Answer, Error> {
        if let Some(refused) = self.refused.take() {
            return Err(refused);
        }
        let least = self.site.http().config().least_bytes_per_second.max(1);
        let patience = self.site.http().config().idle_timeout + Duration::from_secs(size_bytes / least);
        self.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size_bytes));
        self.timeout.get_or_insert(patience);
        let sending = self.sending();
        run.counters().sent(size_bytes);
        send_body(&sending, run, reqwest::Body::wrap_stream(body), cap).await
    }

    /// Makes the request and returns when the head of the answer is there. Passing faults before that are repeated.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send_streaming(mut self, run: &Run) -> Result<Streaming, Error> {
        if let Some(refused) = self.refused.take() {
            return Err(refused);
        }
        let sending = self.sending();
        let what = format!("{} {}", self.method, shown(&self.url));
        let repeat = self.repeat;
        let result = run
            .retry(
                &what,
                |failed: &StreamFailed| failed.hint(run, repeat),
                || {
                    let (body, sending) = (self.body.clone(), &sending);
                    async move {
                        let streaming = send_streaming(sending, run, (!body.is_empty()).then(|| body.into()))
                            .await
                            .map_err(StreamFailed::Error)?;
                        if is_passing(streaming.status) {
                            Err(StreamFailed::Status(streaming))
                        } else {
                            Ok(streaming)
                        }
                    }
                },
            )
            .await;
        match result {
            Ok(streaming) | Err(StreamFailed::Status(streaming)) => Ok(streaming),
            Err(StreamFailed::Error(error)) => Err(error),
        }
    }

    fn sending(&self) -> Sending<'_> {
        Sending {
            http: self.site.http(),
            name: self.site.name(),
            method: &self.method,
            reads: self.reads,
            url: &self.url,
            headers: &self.headers,
            credential: self.site.credential(),
            limiter: self.site.limiter(),
            throttle: self.site.throttle(),
            counted: self.counted,
            timeout: self.timeout,
            never_a_page: self.never_a_page,
        }
    }
}
