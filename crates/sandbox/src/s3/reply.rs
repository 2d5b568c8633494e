//! Errors and documents of S3, in XML.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, StatusCode, header};

use crate::issued::AuthRefusal;

/// A refused call: status, code and text (S3 API reference, "Error responses").
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

pub(super) type Answer = Result<Response, Refusal>;

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code, message: message.into() }
    }

    pub(super) fn argument(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidArgument", message)
    }

    pub(super) fn request(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequest", message)
    }

    pub(super) fn denied() -> Self {
        Self::new(403, "AccessDenied", "Access Denied")
    }

    pub(super) fn no_bucket() -> Self {
        Self::new(404, "NoSuchBucket", "The specified bucket does not exist")
    }

    pub(super) fn no_key() -> Self {
        Self::new(404, "NoSuchKey", "The specified key does not exist.")
    }

    pub(super) fn precondition() -> Self {
        Self::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    }

    pub(super) fn conflict() -> Self {
        Self::new(
            409,
            "ConditionalRequestConflict",
            "The conditional request cannot succeed due to a conflicting operation against this resource.",
        )
    }

    pub(super) fn not_implemented(what: &str) -> Self {
        let message = format!(
            "A header or parameter you provided implies functionality that is not implemented: {what}"
        );
        Self::new(501, "NotImplemented", message)
    }

    pub(super) fn too_large() -> Self {
        Self::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
    }

    /// The answer to a HEAD.
    pub(super) fn without_body(&self) -> Response {
        (self.status, [ids()]).into_response()
    }
}

impl From<AuthRefusal> for Refusal {
    fn from(refusal: AuthRefusal) -> Self {
        let (status, code) = match &refusal {
            AuthRefusal::Missing | AuthRefusal::Denied { .. } => (403, "AccessDenied"),
            AuthRefusal::Malformed(_)
            | AuthRefusal::WrongRegion { .. }
            | AuthRefusal::WrongService { .. } => (400, "AuthorizationHeaderMalformed"),
            AuthRefusal::UnknownKey => (403, "InvalidAccessKeyId"),
            AuthRefusal::WrongToken => (400, "InvalidToken"),
            AuthRefusal::Expired => (400, "ExpiredToken"),
        };
        Self::new(status, code, refusal.message())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (code, message) = (self.code, escape(&self.message));
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{}</RequestId></Error>",
            request_id()
        );
        (self.status, [(header::CONTENT_TYPE, "application/xml".to_owned()), ids()], body).into_response()
    }
}

/// A document of an operation's own; `root` has the namespace of the API.
pub(super) fn document(root: &str, members: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{members}</{root}>"
    );
    ([(header::CONTENT_TYPE, "application/xml".to_owned()), ids()], body).into_response()
}

pub(super) fn ids() -> (HeaderName, String) {
    (HeaderName::from_static("x-amz-request-id"), request_id())
}

fn request_id() -> String {
    format!("{:016X}", fastrand::u64(..))
}

pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The other way round, numbers of characters included; `None` where a reference is none.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        let (name, after) = behind.split_once(';')?;
        plain.push_str(before);
        plain.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let number = number.strip_prefix('#')?;
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
        });
        rest = after;
    }
    plain.push_str(rest);
    Some(plain)
}

/// A name as `encoding-type=url` has it: form encoding that leaves slashes alone.
pub(super) fn url_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}
