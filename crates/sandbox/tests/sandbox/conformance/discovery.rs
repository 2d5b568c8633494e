//! What there is: tags in pages, and what is about a manifest.

use landfall_sandbox::images::ImageIndex;
use landfall_sandbox::registry::digest_of;
use serde_json::{Value, json};

use super::blobs::upload;
use super::manifests::{about, image, pushed};
use super::step::Mood::{Artifactory, Distribution, Ecr};
use super::step::{Case, Step, case, is, refused, step};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn put(reference: &str, bytes: &[u8], media_type: &str) -> Step {
    step("PUT", format!("manifests/{reference}"))
        .header("content-type", media_type)
        .body(bytes.to_vec())
        .gives(is(201))
}

pub(super) fn cases() -> Vec<Case> {
    vec![tags(), no_repository(), referrers(), filters(), fallback_tag()]
}

fn tags() -> Case {
    let image = image();
    let list = |query: &str, tags: Value| {
        // Debian's docker-registry does not sort its tags.
        step("GET", format!("tags/list{query}")).json("/tags", tags).but(Distribution, is(200))
    };
    let more = |step: Step, last: &str| {
        step.with("link", format!("</v2/{{app}}/tags/list?n=2&last={last}>; rel=\"next\""))
    };
    let mut steps = pushed(&image, "c");
    for tag in ["a", "e", "b", "d"] {
        steps.push(put(tag, &image.manifest, MANIFEST));
    }
    steps.extend([
        list("", json!(["a", "b", "c", "d", "e"])).json("/name", json!("{app}")),
        more(list("?n=2", json!(["a", "b"])), "b"),
        more(list("?n=2&last=b", json!(["c", "d"])), "d"),
        list("?n=2&last=d", json!(["e"])).lacks("link"),
        list("?last=c", json!(["d", "e"])).lacks("link"),
        list("?n=5", json!(["a", "b", "c", "d", "e"])).lacks("link"),
        list("?n=99", json!(["a", "b", "c", "d", "e"])).lacks("link"),
        list("?n=0", json!([])).lacks("link"),
        // The last one need not be there.
        list("?n=9&last=bb", json!(["c", "d", "e"])),
        list("?last=z", json!([])).lacks("link"),
        step("GET", "tags/list?n=x")
            .gives(refused(400, "PAGINATION_NUMBER_INVALID"))
            .but(Distribution, is(200)),
    ]);
    case("tags in pages", steps)
}

fn no_repository() -> Case {
    case(
        "a repository that is not there",
        [
            step("GET", "/v2/docker-build/never/was/tags/list")
                .gives(refused(404, "NAME_UNKNOWN"))
                .but(Artifactory, refused(401, "UNAUTHORIZED")),
            step("GET", "tags/list").gives(refused(404, "NAME_UNKNOWN")).but(Ecr, is(200)),
            step("GET", "manifests/one").gives(refused(404, "MANIFEST_UNKNOWN")),
            step("GET", "/v2/docker-build/a..b/tags/list")
                .gives(refused(400, "NAME_INVALID"))
                .but(Distribution, is(404)),
        ],
    )
}

/// A manifest as the list of referrers shows it.
fn entry(bytes: &[u8], kind: &str) -> Value {
    json!({
        "mediaType": MANIFEST, "digest": digest_of(bytes), "size": bytes.len(),
        "artifactType": kind, "annotations": {"kind": kind},
    })
}

fn referrers() -> Case {
    let image = image();
    let digest = image.digest();
    let one = about(&image.manifest, "application/vnd.test.one");
    let two = about(&image.manifest, "application/vnd.test.two");
    let mut entries = vec![entry(&one, "application/vnd.test.one"), entry(&two, "application/vnd.test.two")];
    entries.sort_by_key(|entry| entry["digest"].as_str().unwrap().to_owned());
    let list = |subject: &str, entries: Value| {
        step("GET", format!("referrers/{subject}"))
            .with("content-type", INDEX)
            .json("/schemaVersion", json!(2))
            .json("/mediaType", json!(INDEX))
            .json("/manifests", entries)
            .lacks("oci-filters-applied")
            .but(Artifactory, is(404))
            .but(Distribution, is(404))
    };
    let steps = upload("{app}", "{}").into_iter().chain([
        list(&digest, json!([])),
        put("one", &one, MANIFEST),
        put(&digest_of(&two), &two, MANIFEST),
        // The subject comes after what is about it.
        list(&digest, json!(entries)),
    ]);
    let steps = steps.chain(pushed(&image, "image")).chain([
        list(&digest, json!(entries)),
        list(&digest_of(b"none"), json!([])),
        step("GET", "referrers/sha256:short")
            .gives(refused(400, "DIGEST_INVALID"))
            .but(Distribution, is(404)),
    ]);
    case("referrers", steps)
}

fn filters() -> Case {
    let image = image();
    let digest = image.digest();
    // Without a type of its own, an image has that of its configuration.
    let plain = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.test.config", "digest": digest_of(b"{}"), "size": 2}, "layers": [],
        "subject": {"mediaType": MANIFEST, "digest": digest, "size": image.manifest.len()},
    });
    let plain = plain.to_string().into_bytes();
    let typed = about(&image.manifest, "application/vnd.test.one");
    let list = |kind: &str, entries: Value| {
        step("GET", format!("referrers/{digest}?artifactType={kind}"))
            .with("oci-filters-applied", "artifactType")
            .json("/manifests", entries)
            .but(Artifactory, is(404))
            .but(Distribution, is(404))
    };
    let (one, config) = ("application/vnd.test.one", "application/vnd.test.config");
    let mut untyped = entry(&plain, config);
    untyped.as_object_mut().unwrap().remove("annotations");
    case(
        "referrers of one type",
        upload("{app}", "{}").into_iter().chain([
            put("typed", &typed, MANIFEST),
            put("plain", &plain, MANIFEST),
            list(one, json!([entry(&typed, one)])),
            list(config, json!([untyped])),
            list("application/vnd.test.none", json!([])),
        ]),
    )
}

/// Where there is no referrers API, an index under this tag takes its place.
fn fallback_tag() -> Case {
    let image = image();
    let tag = image.digest().replace(':', "-");
    let artifact = about(&image.manifest, "application/vnd.test.one");
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "digest": digest_of(&artifact), "size": artifact.len(), "artifactType": "application/vnd.test.one"},
    ]});
    let index = index.to_string().into_bytes();
    let empty = ImageIndex::new(Vec::new(), false);
    case(
        "the tag of referrers",
        upload("{app}", "{}").into_iter().chain([
            step("GET", format!("manifests/{tag}"))
                .header("accept", INDEX)
                .gives(refused(404, "MANIFEST_UNKNOWN")),
            put(&digest_of(&artifact), &artifact, MANIFEST),
            put(&tag, &index, INDEX),
            step("GET", format!("manifests/{tag}")).header("accept", INDEX).bytes(index.clone()),
            put(&tag, &empty.manifest, INDEX),
            step("GET", format!("manifests/{tag}")).header("accept", INDEX).bytes(empty.manifest.clone()),
        ]),
    )
}
