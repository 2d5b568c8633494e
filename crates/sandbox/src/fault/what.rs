//! The kinds of fault.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// What a fault does to the request it strikes.
///
/// Three questions tell them apart: whether the service is asked, what the caller sees of the answer, and whether the connection ends or stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Answers this; the service is not asked.
    Status {
        /// Status.
        code: StatusCode,
        /// Headers of the answer.
        headers: HeaderMap,
        /// Body of the answer.
        body: Bytes,
    },
    /// Answers 307 with the request's own address; the service is not asked. With [`super::Fault::every`] there is no way out.
    RedirectToItself,
    /// Takes the `Authorization` header away and asks the service, which answers with its own challenge.
    DropAuthorization,
    /// Waits, then goes on as always. A caller who hangs up meanwhile has caused no effect.
    Delay(Duration),
    /// The service acts, then the answer waits. The effect stays when the caller hangs up meanwhile.
    DelayAnswer(Duration),
    /// Closes the connection without an answer; the service is not asked.
    CutBefore,
    /// Reads this many bytes of the request body, then closes the connection; the service is not asked.
    CutRequestAfter(u64),
    /// Reads this many bytes of the request body, then takes no more and says nothing, but stays connected; the service is not asked. What the
    /// system's buffers still hold of the body the caller can get rid of.
    StallRequestAfter(u64),
    /// The service acts; this many bytes of the answer's body are sent, then the connection is closed.
    CutAfterBytes(u64),
    /// The service acts; the answer's head and this many bytes of its body are sent, then nothing comes, but the connection stays. A body that is
    /// not longer arrives whole.
    StallAfterBytes(u64),
    /// The service acts; nothing is ever answered, but the connection stays.
    StallAnswer,
    /// The service acts; the lowest bit of this byte of the answer's body, from 0, is the other one. Beyond the end: of the last byte. An empty
    /// body stays empty.
    FlipBit(u64),
    /// The service acts; the last so many bytes of the answer's body are left out, and `Content-Length` agrees with what is sent.
    Shorten(u64),
    /// The service acts; so many zero bytes come after the answer's body, and `Content-Length` agrees with what is sent.
    Lengthen(u64),
    /// The service acts; `Content-Length` promises so many bytes more than the body has; after the body the connection is closed.
    PromiseMore(u64),
    /// The service acts; `Content-Length` promises so many bytes fewer than the body has. The body is sent whole, and the connection stays: its
    /// next bytes are no answer to anything.
    PromiseFewer(u64),
    /// The service acts; in its answer this header has this one value, or with `None` is missing.
    ReplaceHeader {
        /// Name of the header.
        name: HeaderName,
        /// Its value.
        value: Option<HeaderValue>,
    },
    /// The service acts; what is answered is this status with an empty body.
    FailAfter(StatusCode),
    /// The service acts; before its answer come so many others of status 103.
    Hints(u64),
    /// The service acts; its answer has one header more, with a value of so many bytes.
    GiantHeader(u64),
    /// The service acts; its answer has so many headers more. Beyond some twenty thousand there are no more of them.
    ManyHeaders(u64),
    /// The service acts; the connection is closed without an answer.
    LoseAnswer,
    /// Kills the child process (SIGKILL); the service is not asked.
    KillBefore,
    /// The service acts, then the child process is killed; there is no answer.
    KillAfter,
}

impl What {
    /// A status with an empty body.
    pub fn status(code: u16) -> Self {
        let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::Status { code, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Adds a header to a status; other faults stay as they are. A name or value that HTTP does not allow is left out.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Self::Status { headers, .. }, Ok(name), Ok(value)) =
            (&mut self, HeaderName::try_from(name), HeaderValue::from_str(value))
        {
            headers.append(name, value);
        }
        self
    }

    /// Sets the body of a status; other faults stay as they are.
    pub fn body(mut self, text: impl Into<Bytes>) -> Self {
        if let Self::Status { body, .. } = &mut self {
            *body = text.into();
        }
        self
    }

    /// [`What::ReplaceHeader`] with a value.
    ///
    /// # Panics
    /// If HTTP does not allow the name or the value.
    pub fn replace_header(name: &str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("the test gives a valid value");
        Self::ReplaceHeader { name: header_name(name), value: Some(value) }
    }

    /// [`What::ReplaceHeader`] without a value: the answer lacks that header.
    ///
    /// # Panics
    /// If HTTP does not allow the name.
    pub fn remove_header(name: &str) -> Self {
        Self::ReplaceHeader { name: header_name(name), value: None }
    }

    /// What the journal says of it.
    pub(crate) fn describe(&self) -> String {
        let text = match self {
            Self::Status { code, .. } => format!("status {}", code.as_u16()),
            Self::RedirectToItself => "redirect to itself".to_owned(),
            Self::DropAuthorization => "authorization dropped".to_owned(),
            Self::Delay(time) => format!("delay {time:?}"),
            Self::DelayAnswer(time) => format!("answer delayed {time:?}"),
            Self::CutBefore => "cut".to_owned(),
            Self::CutRequestAfter(count) => format!("cut after {count} bytes of the request"),
            Self::StallRequestAfter(count) => format!("stall after {count} bytes of the request"),
            Self::CutAfterBytes(count) => format!("answer cut after {count} bytes"),
            Self::StallAfterBytes(count) => format!("answer stalled after {count} bytes"),
            Self::StallAnswer => "answer stalled".to_owned(),
            Self::FlipBit(offset) => format!("byte {offset} of the answer changed"),
            Self::Shorten(count) => format!("answer {count} bytes shorter"),
            Self::Lengthen(count) => format!("answer {count} bytes longer"),
            Self::PromiseMore(count) => format!("answer promised {count} bytes longer"),
            Self::PromiseFewer(count) => format!("answer promised {count} bytes shorter"),
            Self::ReplaceHeader { name, value: Some(_) } => format!("{name} replaced"),
            Self::ReplaceHeader { name, value: None } => format!("{name} removed"),
            Self::FailAfter(code) => format!("status {} after the effect", code.as_u16()),
            Self::Hints(count) => format!("{count} answers of status 103 before"),
            Self::GiantHeader(count) => format!("a header of {count} bytes"),
            Self::ManyHeaders(count) => format!("{count} headers more"),
            Self::LoseAnswer => "answer lost".to_owned(),
            Self::KillBefore => "child killed before".to_owned(),
            Self::KillAfter => "child killed after".to_owned(),
        };
        format!("fault: {text}")
    }
}

fn header_name(name: &str) -> HeaderName {
    HeaderName::try_from(name).expect("the test gives a valid name")
}
