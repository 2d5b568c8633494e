//! Manifests: pushed by tag and by digest, complete and not, about others, nested, deleted.

use landfall_sandbox::images::{Image, ImageIndex, function_image};
use landfall_sandbox::registry::digest_of;
use serde_json::{Value, json};

use super::blobs::upload;
use super::step::Mood::{Artifactory, Distribution, Ecr, Plain};
use super::step::{Case, Step, case, is, refused, step};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

pub(super) fn image() -> Image {
    function_image("cart", "1", "amd64", 10)
}

/// Uploads all blobs of an image.
fn blobs(image: &Image) -> Vec<Step> {
    image.blobs().flat_map(|blob| upload("{app}", blob.clone())).collect()
}

/// Blobs and manifest under a tag.
pub(super) fn pushed(image: &Image, tag: &str) -> Vec<Step> {
    let mut steps = blobs(image);
    steps.push(put(tag, &image.manifest, &image.media_type).gives(is(201)));
    steps
}

fn put(reference: &str, bytes: &[u8], media_type: &str) -> Step {
    step("PUT", format!("manifests/{reference}")).header("content-type", media_type).body(bytes.to_vec())
}

fn descriptor(bytes: &[u8], media_type: &str) -> Value {
    json!({"mediaType": media_type, "digest": digest_of(bytes), "size": bytes.len()})
}

/// A small artifact that is about another manifest. Its only blob is `{}`.
pub(super) fn about(subject: &[u8], kind: &str) -> Vec<u8> {
    let empty = descriptor(b"{}", EMPTY);
    let document = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind, "config": empty, "layers": [empty],
        "subject": descriptor(subject, MANIFEST), "annotations": {"kind": kind},
    });
    document.to_string().into_bytes()
}

fn readable(reference: &str, bytes: &[u8], media_type: &str) -> [Step; 2] {
    let (digest, length) = (digest_of(bytes), bytes.len().to_string());
    let told = |step: Step| {
        step.with("content-type", media_type)
            .with("docker-content-digest", &digest)
            .with("content-length", &length)
    };
    let target = format!("manifests/{reference}");
    let accept = |step: Step| step.header("accept", media_type);
    [told(accept(step("HEAD", &target))), told(accept(step("GET", &target))).bytes(bytes.to_vec())]
}

pub(super) fn cases() -> Vec<Case> {
    let image = image();
    let (digest, none) = (image.digest(), digest_of(b"none"));
    let stored = |step: Step| step.gives(is(201)).has("location").with("docker-content-digest", &digest);
    let invalid = |step: Step| step.gives(refused(400, "MANIFEST_INVALID"));
    vec![
        case(
            "by tag and by digest",
            blobs(&image)
                .into_iter()
                .chain([
                    stored(put("one", &image.manifest, MANIFEST)),
                    stored(put("one", &image.manifest, MANIFEST)),
                    stored(put(&digest, &image.manifest, MANIFEST)),
                ])
                .chain(readable("one", &image.manifest, MANIFEST))
                .chain(readable(&digest, &image.manifest, MANIFEST))
                .chain([
                    step("HEAD", "manifests/none").gives(is(404)),
                    step("GET", "manifests/none").gives(refused(404, "MANIFEST_UNKNOWN")),
                    step("HEAD", format!("manifests/{none}")).gives(is(404)),
                    step("GET", format!("manifests/{none}")).gives(refused(404, "MANIFEST_UNKNOWN")),
                ]),
        ),
        case("a tag moves", {
            let other = function_image("cart", "2", "amd64", 10);
            pushed(&image, "one")
                .into_iter()
                .chain(pushed(&other, "one"))
                .chain(readable("one", &other.manifest, MANIFEST))
                .chain(readable(&digest, &image.manifest, MANIFEST))
        }),
        case(
            "not a manifest",
            [
                invalid(put("one", b"{", MANIFEST)),
                invalid(put("one", b"[]", MANIFEST)),
                invalid(put("one", b"{}", MANIFEST)).but(Distribution, is(500)),
                invalid(put("one", b"{\"schemaVersion\":1}", MANIFEST)).but(Distribution, is(500)),
                invalid(put("one", &image.manifest, DOCKER)),
                invalid(put("one", &image.manifest, INDEX)),
                invalid(put("one", b"{\"schemaVersion\":2}", "text/plain")),
                step("GET", "manifests/one").gives(refused(404, "MANIFEST_UNKNOWN")),
            ],
        ),
        case(
            "blobs that are not there",
            [
                put("one", &image.manifest, MANIFEST)
                    .gives(refused(404, "MANIFEST_BLOB_UNKNOWN"))
                    .but(Ecr, refused(400, "MANIFEST_BLOB_UNKNOWN"))
                    .but(Distribution, refused(400, "MANIFEST_BLOB_UNKNOWN")),
                step("HEAD", "manifests/one").gives(is(404)),
            ],
        ),
        case(
            "another digest, and tags that are none",
            blobs(&image).into_iter().chain([
                put(&none, &image.manifest, MANIFEST).gives(refused(400, "DIGEST_INVALID")),
                put("sha512:00", &image.manifest, MANIFEST)
                    .gives(refused(400, "DIGEST_INVALID"))
                    .but(Distribution, is(500)),
                put("-x", &image.manifest, MANIFEST)
                    .gives(refused(400, "TAG_INVALID"))
                    .but(Distribution, is(404)),
                put(&"a".repeat(129), &image.manifest, MANIFEST)
                    .gives(refused(400, "TAG_INVALID"))
                    .but(Distribution, is(404)),
                put(&"a".repeat(128), &image.manifest, MANIFEST).gives(is(201)),
            ]),
        ),
        case("no layers", {
            let config = descriptor(b"{}", EMPTY);
            let document = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []});
            let bytes = document.to_string().into_bytes();
            upload("{app}", "{}").into_iter().chain([put("one", &bytes, MANIFEST).gives(is(201))])
        }),
        case("an index in an index", {
            let inner = ImageIndex::new(vec![image.clone()], false);
            let outer = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(&inner.manifest, INDEX)]});
            let outer = outer.to_string().into_bytes();
            pushed(&image, &digest)
                .into_iter()
                .chain([
                    put(&inner.digest(), &inner.manifest, INDEX).gives(is(201)),
                    put("all", &outer, INDEX).gives(is(201)),
                ])
                .chain(readable("all", &outer, INDEX))
                .chain(readable(&inner.digest(), &inner.manifest, INDEX))
        }),
        case("an index whose image is elsewhere", {
            let index = ImageIndex::new(vec![image.clone()], false);
            [
                put("all", &index.manifest, INDEX)
                    .gives(refused(404, "MANIFEST_BLOB_UNKNOWN"))
                    .but(Plain, is(201))
                    .but(Ecr, refused(400, "MANIFEST_BLOB_UNKNOWN"))
                    .but(Distribution, refused(400, "MANIFEST_BLOB_UNKNOWN")),
                step("GET", "manifests/all")
                    .header("accept", INDEX)
                    .only(&[Plain])
                    .bytes(index.manifest.clone()),
                step("GET", "manifests/all")
                    .header("accept", INDEX)
                    .only(&[Ecr, Artifactory, Distribution])
                    .gives(refused(404, "MANIFEST_UNKNOWN")),
            ]
        }),
        case("a subject that is not there", {
            let artifact = about(&image.manifest, "application/vnd.test.a");
            let taken = put("signature", &artifact, MANIFEST)
                .gives(is(201))
                .with_at(Plain, "oci-subject", &digest)
                .with_at(Ecr, "oci-subject", &digest)
                .lacks_at(Artifactory, "oci-subject")
                .lacks_at(Distribution, "oci-subject");
            upload("{app}", "{}").into_iter().chain([
                taken,
                step("GET", format!("manifests/{digest}")).gives(refused(404, "MANIFEST_UNKNOWN")),
            ])
        }),
        case(
            "too large",
            [put("one", &vec![b' '; 4 * 1024 * 1024 + 1], MANIFEST)
                .gives(refused(413, "MANIFEST_INVALID"))
                .but(Distribution, refused(400, "MANIFEST_INVALID"))],
        ),
        case(
            "a tag is deleted, then its manifest, then a blob",
            pushed(&image, "one").into_iter().chain({
                let blob = format!("blobs/{}", digest_of(&image.config));
                let manifest = format!("manifests/{digest}");
                let delete = |target: &str| {
                    step("DELETE", target)
                        .gives(is(202))
                        .but(Ecr, refused(405, "UNSUPPORTED"))
                        .but(Artifactory, refused(405, "UNSUPPORTED"))
                        .but(Distribution, refused(405, "UNSUPPORTED"))
                };
                let gone = |target: &str, code| step("GET", target).only(&[Plain]).gives(refused(404, code));
                let accept = |target: &str| step("GET", target).header("accept", MANIFEST);
                [
                    delete("manifests/one"),
                    gone("manifests/one", "MANIFEST_UNKNOWN"),
                    accept(&manifest),
                    accept("manifests/one").only(&[Ecr, Artifactory, Distribution]),
                    delete(&manifest),
                    gone(&manifest, "MANIFEST_UNKNOWN"),
                    step("GET", &blob),
                    delete(&blob),
                    gone(&blob, "BLOB_UNKNOWN"),
                    step("DELETE", "manifests/one").only(&[Plain]).gives(refused(404, "MANIFEST_UNKNOWN")),
                    step("DELETE", &manifest).only(&[Plain]).gives(refused(404, "MANIFEST_UNKNOWN")),
                    step("DELETE", &blob).only(&[Plain]).gives(refused(404, "BLOB_UNKNOWN")),
                ]
            }),
        ),
        case(
            "a digest takes its tags along",
            pushed(&image, "one").into_iter().chain([
                step("DELETE", format!("manifests/{digest}")).only(&[Plain]).gives(is(202)),
                step("GET", "manifests/one").only(&[Plain]).gives(refused(404, "MANIFEST_UNKNOWN")),
                step("GET", "tags/list").only(&[Plain]).json("/tags", json!([])),
            ]),
        ),
    ]
}
