//! What a fault does to a request, made for that request.

use std::time::Duration;

use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use landfall_sandbox::registry::digest_of;
use landfall_sandbox::{Service, What};

use crate::scene::Scene;
use crate::spot::{Asked, Spot};

/// The header that names what an answer is about.
const DIGEST: &str = "docker-content-digest";
/// Where machines of a cloud find their own credentials.
const METADATA: &str = "http://169.254.169.254/latest/meta-data/iam/security-credentials/";
/// Longer than anybody waits.
const FOR_EVER: Duration = Duration::from_secs(24 * 3600);

/// Something that happens within the body of an answer, where that has a beginning, a middle and an end.
pub(crate) fn within_answer(spot: &Spot, what: fn(u64) -> What, at: fn(u64) -> u64) -> Option<What> {
    (spot.answered_bytes > 2).then(|| what(at(spot.answered_bytes)))
}

/// Something that happens within the body of a request.
pub(crate) fn within_request(spot: &Spot, what: fn(u64) -> What, at: fn(u64) -> u64) -> Option<What> {
    (spot.sent_bytes > 2).then(|| what(at(spot.sent_bytes)))
}

/// Something that happens to content that is named by its digest.
pub(crate) fn to_content(spot: &Spot, what: What) -> Option<What> {
    spot.is_content().then_some(what)
}

/// Something that matters only where the request changes something.
pub(crate) fn to_change(spot: &Spot, what: What) -> Option<What> {
    spot.changes().then_some(what)
}

/// A request that is not answered, and not heard either.
pub(crate) fn unheard() -> What {
    What::Delay(FOR_EVER)
}

/// An answer of a registry that has had enough.
pub(crate) fn throttled(retry_after: Option<&str>) -> What {
    let what = refusal(429, "TOOMANYREQUESTS");
    match retry_after {
        Some(text) => what.header(RETRY_AFTER.as_str(), text),
        None => what,
    }
}

/// The login is not taken, where one is carried. The storage knows none.
pub(crate) fn unauthorized(spot: &Spot) -> Option<What> {
    (spot.service != Service::Storage && spot.status != 401).then_some(What::DropAuthorization)
}

/// What a registry says that does not want to. A storage has words of its own.
pub(crate) fn refused(spot: &Spot, status: u16, code: &str) -> Option<What> {
    (spot.service != Service::Storage).then(|| refusal(status, code))
}

/// The upload is not known any more.
pub(crate) fn forgotten(spot: &Spot) -> Option<What> {
    (spot.asked == Asked::Upload).then(|| refusal(404, "BLOB_UPLOAD_UNKNOWN"))
}

fn refusal(status: u16, code: &str) -> What {
    What::status(status).body(format!(r#"{{"errors":[{{"code":"{code}","message":"no"}}]}}"#))
}

/// The address that was signed for a time is over.
pub(crate) fn expired(spot: &Spot) -> Option<What> {
    (spot.asked == Asked::StoredBlob).then(|| What::status(403))
}

/// The head names other content than the body is, or was.
pub(crate) fn misnamed(spot: &Spot) -> Option<What> {
    spot.names_manifest().then(|| What::replace_header(DIGEST, &digest_of(b"other content")))
}

/// The head names nothing.
pub(crate) fn unnamed(spot: &Spot) -> Option<What> {
    spot.names_manifest().then(|| What::remove_header(DIGEST))
}

/// The content is said to be a page.
pub(crate) fn mistyped(spot: &Spot) -> Option<What> {
    (spot.asked == Asked::SourceManifest && spot.is_content())
        .then(|| What::replace_header(CONTENT_TYPE.as_str(), "text/html"))
}

/// The body is said to be encoded as nobody asked for.
pub(crate) fn compressed(spot: &Spot) -> Option<What> {
    to_content(spot, What::replace_header("content-encoding", "gzip"))
}

/// The token is not the one that was given.
pub(crate) fn spoilt_token(spot: &Spot) -> Option<What> {
    (spot.asked == Asked::Token).then(|| What::FlipBit(spot.answered_bytes / 2))
}

/// More than is taken of any answer that is read whole.
pub(crate) fn endless(spot: &Spot) -> Option<What> {
    (spot.answered_bytes > 0).then_some(What::Lengthen(6 << 20))
}

/// A redirect where none belongs.
pub(crate) fn foreign_redirect(scene: &Scene) -> What {
    What::status(307).header(LOCATION.as_str(), &elsewhere(scene))
}

/// The place to go on is another host.
pub(crate) fn foreign_location(spot: &Spot, scene: &Scene) -> Option<What> {
    spot.leads_on().then(|| What::replace_header(LOCATION.as_str(), &elsewhere(scene)))
}

/// The place to go on is where a machine's own credentials are.
pub(crate) fn metadata_location(spot: &Spot) -> Option<What> {
    spot.leads_on().then(|| What::replace_header(LOCATION.as_str(), METADATA))
}

/// Nothing says where to go on.
pub(crate) fn no_location(spot: &Spot) -> Option<What> {
    spot.leads_on().then(|| What::remove_header(LOCATION.as_str()))
}

/// The login is to be taken to another host.
pub(crate) fn foreign_realm(scene: &Scene) -> What {
    let realm = format!("Bearer realm=\"{}\",service=\"x\"", elsewhere(scene));
    What::status(401).header(WWW_AUTHENTICATE.as_str(), &realm)
}

fn elsewhere(scene: &Scene) -> String {
    format!("{}/v2/elsewhere", scene.sandbox.url(Service::Foreign))
}

/// What a proxy answers in a server's place.
pub(crate) fn login_page() -> What {
    What::status(200)
        .header(CONTENT_TYPE.as_str(), "text/html")
        .body("<!doctype html><title>Sign in</title><form action=\"/login\"></form>")
}

/// Whether a host that is asked for a blob may point to another one with it.
pub(crate) fn leads_away(what: &What) -> bool {
    match what {
        What::Status { code, .. } => code.is_redirection(),
        What::ReplaceHeader { name, .. } => *name == LOCATION,
        _ => false,
    }
}
