//! What a fault does to a request, made for that request.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use landfall_sandbox::registry::digest_of;
use landfall_sandbox::{BUILD_KEY, Service, What};
use serde_json::Value;

use crate::scene::Scene;
use crate::spot::{Asked, Spot};

/// A cut somewhere in a body that has a beginning, a middle and an end.
pub(crate) fn answer_cut(spot: &Spot, at: fn(u64) -> u64) -> Option<What> {
    let length = spot.content()?.len() as u64;
    (length > 2).then(|| What::CutAfterBytes(at(length)))
}

pub(crate) fn request_cut(spot: &Spot, at: fn(u64) -> u64) -> Option<What> {
    (spot.sent_bytes > 2).then(|| What::CutRequestAfter(at(spot.sent_bytes)))
}

pub(crate) fn throttled(retry_after: Option<&str>) -> What {
    let what = What::status(429).body(r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"Rate exceeded"}]}"#);
    match retry_after {
        Some(text) => what.header(RETRY_AFTER.as_str(), text),
        None => what,
    }
}

/// What the registry itself says to a request without a login. A storage asks for none.
pub(crate) fn unauthorized(spot: &Spot, scene: &Scene) -> Option<What> {
    let challenge = match spot.service {
        Service::EcrRegistry => {
            format!("Basic realm=\"{}/\",service=\"ecr.amazonaws.com\"", scene.sandbox.url(spot.service))
        }
        Service::Artifactory if spot.status != 401 => format!(
            "Bearer realm=\"{}/artifactory/api/docker/{BUILD_KEY}/v2/token\",service=\"artifactory\"",
            scene.sandbox.url(spot.service)
        ),
        _ => return None,
    };
    Some(What::status(401).header(WWW_AUTHENTICATE.as_str(), &challenge))
}

/// What a registry says that does not want to. A storage has words of its own.
pub(crate) fn refused(spot: &Spot, status: u16, code: &str) -> Option<What> {
    (spot.service != Service::Storage).then(|| refusal(status, code))
}

pub(crate) fn refusal(status: u16, code: &str) -> What {
    What::status(status).body(format!(r#"{{"errors":[{{"code":"{code}","message":"no"}}]}}"#))
}

/// The content under the name of an encoding that nobody asked for.
pub(crate) fn compressed(spot: &Spot, _: &Scene) -> Option<What> {
    let content = spot.content()?;
    let what = answer(200, head_of(spot, &digest_of(content)), content.clone());
    Some(what.header(CONTENT_ENCODING.as_str(), "gzip"))
}

/// The content with the head that belongs to it, changed.
pub(crate) fn altered(spot: &Spot, change: fn(&Bytes) -> Bytes) -> Option<What> {
    let content = spot.content()?;
    Some(answer(200, head_of(spot, &digest_of(content)), change(content)))
}

/// The answer as it would be, with the name of other content in its head.
pub(crate) fn wrong_head(spot: &Spot, _: &Scene) -> Option<What> {
    let named = match (spot.asked, spot.status) {
        (Asked::SourceManifest, 200) => spot.content().cloned(),
        (Asked::TargetManifest, 200) | (Asked::ManifestPut, _) => Some(Bytes::new()),
        _ => None,
    };
    Some(answer(spot.status, head_of(spot, &digest_of(b"other content")), named?))
}

fn head_of(spot: &Spot, digest: &str) -> HeaderMap {
    let document = spot.content().and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    let media_type = document.as_ref().and_then(|document| document["mediaType"].as_str());
    let mut headers = HeaderMap::new();
    let mut add = |name: HeaderName, text: &str| {
        headers.insert(name, HeaderValue::from_str(text).expect("a header"));
    };
    add(CONTENT_TYPE, media_type.unwrap_or("application/octet-stream"));
    add(HeaderName::from_static("docker-content-digest"), digest);
    headers
}

fn answer(code: u16, headers: HeaderMap, body: Bytes) -> What {
    What::Status { code: StatusCode::from_u16(code).expect("a status"), headers, body }
}

pub(crate) fn flipped(content: &Bytes) -> Bytes {
    let mut changed = content.to_vec();
    let middle = changed.len() / 2;
    if let Some(byte) = changed.get_mut(middle) {
        *byte ^= 1;
    }
    changed.into()
}

pub(crate) fn shorter(content: &Bytes) -> Bytes {
    content.slice(..content.len() - 1)
}

pub(crate) fn longer(content: &Bytes) -> Bytes {
    [content, &b"!"[..]].concat().into()
}

/// More than is taken of any answer that is read whole.
pub(crate) fn endless() -> What {
    answer(200, HeaderMap::new(), vec![b' '; 6 << 20].into())
}

/// Back to where it came from.
pub(crate) fn circle(spot: &Spot, scene: &Scene) -> What {
    redirect(&format!("{}{}", scene.sandbox.url(spot.service), spot.path()))
}

pub(crate) fn foreign_redirect(scene: &Scene) -> What {
    redirect(&format!("{}/elsewhere", scene.sandbox.url(Service::Foreign)))
}

fn redirect(to: &str) -> What {
    What::status(307).header(LOCATION.as_str(), to)
}

pub(crate) fn foreign_realm(scene: &Scene) -> What {
    let realm = format!("Bearer realm=\"{}/token\",service=\"x\"", scene.sandbox.url(Service::Foreign));
    What::status(401).header(WWW_AUTHENTICATE.as_str(), &realm)
}

pub(crate) fn foreign_upload(spot: &Spot, scene: &Scene) -> Option<What> {
    let to = format!("{}{}1", scene.sandbox.url(Service::Foreign), spot.path());
    (spot.asked == Asked::UploadStart).then(|| What::status(202).header(LOCATION.as_str(), &to))
}

/// What a proxy answers in a server's place.
pub(crate) fn login_page() -> What {
    What::status(200)
        .header(CONTENT_TYPE.as_str(), "text/html")
        .body("<!doctype html><title>Sign in</title><form action=\"/login\"></form>")
}
