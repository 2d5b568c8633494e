//! Blobs: every way to upload, mount, read and cancel.

use landfall_sandbox::registry::digest_of;

use super::step::Mood::{Artifactory, Distribution, Ecr, Plain};
use super::step::{Case, SANDBOX, Step, case, is, refused, step};

const ONE: &[u8] = b"one";
const TWO: &[u8] = b"two";
/// The smallest part that ECR takes, so that all moods can be asked the same.
const PART: usize = 5 * 1024 * 1024;

/// Opens a session.
fn begin() -> Step {
    step("POST", "blobs/uploads/").gives(is(202)).has("location").with("range", "0-0")
}

/// Ends a session; `body` is the last part.
fn end(digest: &str, body: &'static [u8]) -> Step {
    step("PUT", format!("{{location}}?digest={digest}")).body(body)
}

/// A part of an upload.
fn chunk(range: &str, bytes: &'static [u8]) -> Step {
    step("PATCH", "{location}").header("content-range", range).body(bytes)
}

/// Uploads to a repository.
pub(super) fn upload(repository: &str, bytes: impl Into<bytes::Bytes>) -> [Step; 2] {
    let bytes = bytes.into();
    let digest = digest_of(&bytes);
    [
        step("POST", format!("/v2/{repository}/blobs/uploads/")).gives(is(202)),
        step("PUT", format!("{{location}}?digest={digest}")).body(bytes).gives(is(201)),
    ]
}

/// Says that a GET gives these bytes and a HEAD tells of them.
fn readable(bytes: &'static [u8]) -> [Step; 2] {
    let digest = digest_of(bytes);
    let head = step("HEAD", format!("blobs/{digest}"))
        .with("content-length", bytes.len().to_string())
        .with("docker-content-digest", &digest);
    [head, step("GET", format!("blobs/{digest}")).bytes(bytes)]
}

pub(super) fn cases() -> Vec<Case> {
    let (one, two, none) = (digest_of(ONE), digest_of(TWO), digest_of(b"none"));
    let sha512 = format!("sha512:{}", "0".repeat(128));
    let stored = |step: Step| step.gives(is(201)).has("location");
    let mut cases = vec![
        case(
            "ping",
            [
                step("GET", "/v2/"),
                step("GET", "/v2/")
                    .anonymous()
                    .gives(refused(401, "UNAUTHORIZED"))
                    .has("www-authenticate")
                    .but(Plain, is(200))
                    .but(Distribution, is(200)),
            ],
        ),
        case(
            "POST then PUT",
            [begin(), stored(end(&one, ONE)).with("docker-content-digest", &one)]
                .into_iter()
                .chain(readable(ONE)),
        ),
        case(
            "what is not there",
            [
                step("HEAD", format!("blobs/{none}")).gives(is(404)),
                step("GET", format!("blobs/{none}")).gives(refused(404, "BLOB_UNKNOWN")),
                step("GET", "blobs/sha256:short").gives(refused(400, "DIGEST_INVALID")),
            ],
        ),
        case(
            "single POST",
            [
                stored(step("POST", format!("blobs/uploads/?digest={one}")).body(ONE))
                    .but(Ecr, is(202))
                    .but(Artifactory, is(202))
                    .but(Distribution, is(202)),
                stored(end(&one, ONE)).only(&[Ecr, Artifactory, Distribution]),
            ]
            .into_iter()
            .chain(readable(ONE)),
        ),
        case(
            "PATCH of all, then PUT",
            [
                begin(),
                step("PATCH", "{location}")
                    .body(ONE)
                    .gives(is(202))
                    .has("location")
                    .with("range", "0-2")
                    .but(Ecr, is(201)),
                step("GET", "{location}").gives(is(204)).has("location").with("range", "0-2"),
                stored(end(&one, b"")),
            ]
            .into_iter()
            .chain(readable(ONE)),
        ),
        chunks(),
        case(
            "a chunk out of order",
            [
                begin(),
                // Debian's docker-registry takes chunks as they come.
                chunk("3-5", TWO).gives(refused(416, "BLOB_UPLOAD_INVALID")).only(&SANDBOX),
                chunk("0-7", ONE).gives(refused(416, "BLOB_UPLOAD_INVALID")).only(&SANDBOX),
                chunk("x", ONE).gives(refused(416, "BLOB_UPLOAD_INVALID")).only(&SANDBOX),
                chunk("0-18446744073709551615", ONE)
                    .gives(refused(416, "BLOB_UPLOAD_INVALID"))
                    .only(&SANDBOX),
                chunk("0-2", ONE).gives(is(202)).but(Ecr, is(201)),
                chunk("0-2", ONE)
                    .gives(refused(416, "BLOB_UPLOAD_INVALID"))
                    .with("range", "0-2")
                    .only(&SANDBOX),
                stored(end(&one, b"")),
            ]
            .into_iter()
            .chain(readable(ONE)),
        ),
        case(
            "cancel",
            [
                begin(),
                step("PATCH", "{location}").body(ONE).gives(is(202)).but(Ecr, is(201)),
                step("DELETE", "{location}").gives(is(204)),
                step("GET", "{location}").gives(refused(404, "BLOB_UPLOAD_UNKNOWN")),
                end(&one, ONE).gives(refused(404, "BLOB_UPLOAD_UNKNOWN")),
                step("HEAD", format!("blobs/{one}")).gives(is(404)),
            ],
        ),
        case(
            "a session that never was",
            [step("PATCH", "blobs/uploads/0000?_state=1")
                .body(ONE)
                .gives(refused(404, "BLOB_UPLOAD_UNKNOWN"))
                // Its own `_state` is signed.
                .but(Distribution, is(404))],
        ),
        case(
            "empty blob",
            [begin(), stored(end(&digest_of(b""), b"")).but(Ecr, refused(400, "BLOB_UPLOAD_INVALID"))],
        ),
        case(
            "a range of a blob",
            upload("{app}", "0123456789").into_iter().chain({
                let blob = format!("blobs/{}", digest_of(b"0123456789"));
                let part = |range: &str| step("GET", &blob).header("range", range);
                [
                    part("bytes=2-4").gives(is(206)).with("content-range", "bytes 2-4/10").bytes("234"),
                    part("bytes=8-").gives(is(206)).with("content-range", "bytes 8-9/10").bytes("89"),
                    part("bytes=-3").gives(is(206)).with("content-range", "bytes 7-9/10").bytes("789"),
                    part("bytes=10-").gives(is(416)).with("content-range", "bytes */10"),
                ]
            }),
        ),
        case(
            "method that is not for blobs",
            [step("PUT", format!("blobs/{one}"))
                .gives(refused(405, "UNSUPPORTED"))
                .but(Distribution, is(405))],
        ),
        case(
            "a session is left open",
            [begin(), step("GET", "{location}").gives(is(204)).with("range", "0-0")],
        ),
    ];
    cases.extend(mounts());
    // Every way to upload, with a digest that the bytes do not have, none, or one of another algorithm.
    let bad = [
        (two.as_str(), "digest of other bytes"),
        ("sha256:short", "digest that is none"),
        ("md5:d41d8cd98f00b204e9800998ecf8427e", "digest of an unknown algorithm"),
        (&sha512, "sha512"),
    ];
    for (digest, name) in bad {
        let invalid = |step: Step| step.gives(refused(400, "DIGEST_INVALID"));
        let patch = || step("PATCH", "{location}").body(ONE).gives(is(202)).but(Ecr, is(201));
        let mut steps = vec![
            begin(),
            invalid(end(digest, ONE)),
            begin(),
            patch(),
            invalid(end(digest, b"")),
            invalid(step("POST", format!("blobs/uploads/?digest={digest}")).body(ONE)).only(&[Plain]),
            step("HEAD", format!("blobs/{one}")).gives(is(404)),
            step("HEAD", format!("blobs/{two}")).gives(is(404)),
        ];
        if name == "sha512" {
            steps.push(
                invalid(step("GET", format!("blobs/{sha512}")))
                    .but(Distribution, refused(404, "BLOB_UNKNOWN")),
            );
        }
        cases.push(case(name, steps));
    }
    cases.push(case("no digest", [begin(), end("", ONE).gives(refused(400, "DIGEST_INVALID"))]));
    cases
}

/// Three chunks, the last with the PUT.
fn chunks() -> Case {
    let parts = [vec![1; PART], vec![2; PART], vec![3; 10]];
    let whole = parts.concat();
    let digest = digest_of(&whole);
    let chunk = |method: &'static str, target: String, number: usize| {
        let start: usize = parts[..number].iter().map(Vec::len).sum();
        let range = format!("{start}-{}", start + parts[number].len() - 1);
        step(method, target).header("content-range", range).body(parts[number].clone())
    };
    let (first, both) = (format!("0-{}", PART - 1), format!("0-{}", 2 * PART - 1));
    // ECR keeps the range of the first part.
    let told =
        |step: Step, range: &str| step.gives(is(202)).with("range", range).has("location").but(Ecr, is(201));
    case(
        "chunks",
        [
            begin(),
            told(chunk("PATCH", "{location}".to_owned(), 0), &first),
            told(chunk("PATCH", "{location}".to_owned(), 1), &both),
            step("GET", "{location}")
                .gives(is(204))
                .with_at(Plain, "range", &both)
                .with_at(Artifactory, "range", &both)
                .with_at(Distribution, "range", &both)
                .with_at(Ecr, "range", &first),
            chunk("PUT", format!("{{location}}?digest={digest}"), 2).gives(is(201)).has("location"),
            step("GET", format!("blobs/{digest}")).bytes(whole.clone()),
        ],
    )
}

fn mounts() -> Vec<Case> {
    let (one, none) = (digest_of(ONE), digest_of(b"none"));
    let there = || upload("{other}", ONE);
    let mount = |query: &str| step("POST", format!("blobs/uploads/?{query}"));
    let mounted = |step: Step| step.gives(is(201)).has("location");
    vec![
        case(
            "mount",
            there()
                .into_iter()
                .chain([
                    mounted(mount(&format!("mount={one}&from={{other}}")))
                        .but(Ecr, is(202))
                        .but(Artifactory, is(202)),
                    // What is not mounted is uploaded in the session that came instead.
                    end(&one, ONE).gives(is(201)).only(&[Ecr, Artifactory]),
                ])
                .chain(readable(ONE)),
        ),
        case(
            "mount without a source",
            there()
                .into_iter()
                .chain([
                    mounted(mount(&format!("mount={one}")))
                        .but(Ecr, is(202))
                        .but(Artifactory, is(202))
                        .but(Distribution, is(202)),
                    end(&one, ONE).gives(is(201)).only(&[Ecr, Artifactory, Distribution]),
                ])
                .chain(readable(ONE)),
        ),
        case(
            "mount of what is not there",
            [
                mount(&format!("mount={none}&from={{other}}")).gives(is(202)).has("location"),
                step("DELETE", "{location}").gives(is(204)),
                mount(&format!("mount={none}&from=docker-build/never/was"))
                    .gives(is(202))
                    .has("location")
                    .but(Artifactory, is(202)),
                step("DELETE", "{location}").gives(is(204)),
                mount(&format!("mount={none}")).gives(is(202)).has("location"),
                end(&one, ONE).gives(is(201)),
            ],
        ),
    ]
}
