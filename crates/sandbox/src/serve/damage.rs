//! What a fault makes of an answer that the service gave.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use super::wire::Line;
use crate::fault::What;

/// An answer before the answer (RFC 8297).
const HINT: &[u8] = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";

/// How the body of an answer ends.
enum End {
    /// As it should.
    Whole,
    /// The connection is closed.
    Cut,
    /// Nothing more comes.
    Stall,
    /// These bytes follow.
    Surplus(Bytes),
}

/// An answer with its body in hand.
struct Draft {
    parts: Parts,
    body: Bytes,
    /// What `Content-Length` says; with HEAD it is not the length of `body`.
    announced: u64,
    /// HEAD, and the statuses that have no body.
    is_bodiless: bool,
    end: End,
}

/// The answer as the fault wants it, and how many bytes of a body it sends. Faults that do not touch answers leave it as it is.
pub(super) async fn damaged(
    what: &What,
    method: &Method,
    response: Response<Body>,
    line: &Line,
) -> (Response<Body>, u64) {
    let mut draft = Draft::read(method, response).await;
    match what {
        What::CutAfterBytes(count) => draft.stop_after(*count, End::Cut),
        What::StallAfterBytes(count) => draft.stop_after(*count, End::Stall),
        What::FlipBit(offset) => draft.flip(*offset),
        What::Shorten(count) => draft.resize(-i128::from(*count)),
        What::Lengthen(count) => draft.resize(i128::from(*count)),
        What::PromiseMore(count) => {
            draft.announced = draft.announced.saturating_add(*count);
            draft.end = End::Cut;
        }
        What::PromiseFewer(count) => draft.promise_fewer(*count),
        What::ReplaceHeader { name, value } => {
            draft.parts.headers.remove(name);
            if let Some(value) = value {
                draft.parts.headers.insert(name.clone(), value.clone());
            }
        }
        What::FailAfter(code) => draft.replace(*code),
        What::Hints(count) => line.send_before(HINT.repeat(size(*count)).into()),
        What::GiantHeader(count) => draft.add_header("x-giant", vec![b'y'; size(*count)]),
        What::ManyHeaders(count) => {
            for number in 0..*count {
                draft.add_header(&format!("x-many-{number}"), vec![b'y']);
            }
        }
        // They strike before the service is asked, or instead of an answer.
        _ => {}
    }
    draft.response(line)
}

impl Draft {
    async fn read(method: &Method, response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        let announced = content_length(&parts.headers).unwrap_or(body.len() as u64);
        let is_bodiless = *method == Method::HEAD
            || parts.status == StatusCode::NO_CONTENT
            || parts.status == StatusCode::NOT_MODIFIED;
        Self { parts, body, announced, is_bodiless, end: End::Whole }
    }

    /// Sends that much; the length of the whole body stays announced, so that the peer can see what is missing.
    fn stop_after(&mut self, count: u64, end: End) {
        if count < self.body.len() as u64 {
            self.body.truncate(size(count));
            self.end = end;
        }
    }

    fn flip(&mut self, offset: u64) {
        let mut bytes = BytesMut::from(&self.body[..]);
        let last = bytes.len().saturating_sub(1);
        if let Some(byte) = bytes.get_mut(usize::try_from(offset).unwrap_or(last).min(last)) {
            *byte ^= 1;
        }
        self.body = bytes.freeze();
    }

    fn resize(&mut self, by: i128) {
        if self.is_bodiless {
            return;
        }
        let length = usize::try_from((self.body.len() as i128 + by).max(0)).unwrap_or(usize::MAX);
        let mut bytes = BytesMut::from(&self.body[..]);
        bytes.resize(length, 0);
        self.body = bytes.freeze();
        self.announced = self.body.len() as u64;
    }

    /// Another answer in place of the service's.
    fn replace(&mut self, status: StatusCode) {
        self.parts.status = status;
        self.parts.headers = HeaderMap::new();
        self.body = Bytes::new();
        self.announced = 0;
    }

    fn add_header(&mut self, name: &str, value: Vec<u8>) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            // There is an end to what the map holds.
            let _ = self.parts.headers.try_append(name, value);
        }
    }

    fn promise_fewer(&mut self, count: u64) {
        self.announced = self.announced.saturating_sub(count);
        let kept = size(self.announced);
        if kept < self.body.len() {
            self.end = End::Surplus(self.body.split_off(kept));
        }
    }

    fn response(mut self, line: &Line) -> (Response<Body>, u64) {
        if self.announced > 0 || self.parts.headers.contains_key(header::CONTENT_LENGTH) {
            self.parts.headers.insert(header::CONTENT_LENGTH, self.announced.into());
        }
        let mut sent = self.body.len() as u64;
        let body = match self.end {
            End::Whole => Body::from(self.body),
            End::Cut if self.is_bodiless => Body::empty(),
            End::Cut => Body::from_stream(start(self.body).chain(cut(line.clone()))),
            End::Stall => Body::from_stream(start(self.body).chain(stream::pending())),
            End::Surplus(bytes) => {
                sent += bytes.len() as u64;
                line.send_behind(bytes);
                Body::from(self.body)
            }
        };
        (Response::from_parts(self.parts, body), sent)
    }
}

fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// What the header says, if it says a number.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn start(bytes: Bytes) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::once(std::future::ready(Ok(bytes)))
}

/// The end of the connection in place of the rest.
fn cut(line: Line) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::once(async move {
        // Hyper flushes what it has when the body is not ready; only then may the connection go.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        line.cut();
        Err(std::io::Error::other("cut on cue"))
    })
}
