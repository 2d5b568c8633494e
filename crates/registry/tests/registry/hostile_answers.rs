//! Answers that no registry would give: each is refused by name, and little of it is read.

use std::time::Duration;

use axum::body::Bytes;
use landfall_artifacts::{Digest, Explain as _, Problem, Version};
use landfall_registry::{Descriptor, Error, Manifest, ManifestKind, Registry};
use landfall_run::{RetryPolicy, Run};
use landfall_transport::{Http, HttpConfig};

use crate::hostile_server::{Hostile, IN_FLIGHT, Reply};
use crate::server::{Image, OCI, http, layer};

/// Two attempts, so that asking again is seen to end.
pub(crate) fn run() -> Run {
    let policy = RetryPolicy { attempts: 2, base: Duration::from_millis(1), ..RetryPolicy::default() };
    Run::builder().retry_policy(policy).build()
}

pub(crate) fn manifest() -> Manifest {
    Manifest::read(Image::new(&[layer(1, 100)]).manifest, Some(OCI)).expect("a manifest")
}

pub(crate) fn config() -> Descriptor {
    let ManifestKind::Image(image) = manifest().kind else { panic!("an image") };
    image.config
}

use Doing::{Begin, Blob, Get, Head, Put, Resume};

/// What is done with a hostile server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Doing {
    Head,
    Get,
    Blob,
    /// A blob from its seventh byte on.
    Resume,
    Begin,
    Put,
}

impl Doing {
    pub(crate) async fn with(self, registry: &Registry) -> Result<String, Error> {
        let (run, tag) = (run(), Version::Tag("1".parse().expect("a tag")));
        let version = Version::Tag("1".parse().expect("a tag"));
        Ok(match self {
            Self::Head => format!("{:?}", registry.head_manifest("a", &version, &run).await?),
            Self::Get => format!("{:?}", registry.get_manifest("a", &version, &run).await?),
            Self::Blob => format!("{:?}", registry.get_blob("a", &config(), &run).await?),
            Self::Resume => format!("{:?}", registry.get_blob_stream("a", config().digest, 7, &run).await?),
            Self::Begin => format!("{:?}", registry.begin_upload("a", config().digest, None, &run).await?),
            Self::Put => format!("{:?}", registry.put_manifest("a", &tag, &manifest(), &run).await?),
        })
    }
}

/// Lets a server answer everything so and expects the error of that code, few bytes, no open connection, and, of what only
/// reads, no write.
pub(crate) async fn refused(http: &Http, name: &str, doing: Doing, reply: Reply, code: &str) {
    let server = Hostile::start(move |_, _| reply.clone()).await;
    let case = format!("{doing:?}, {name}");
    let error = doing.with(&server.registry(http)).await.expect_err(&case);
    assert_eq!(error.code(), code, "{case}: {error:?}");
    let problem = Problem::of(&error);
    let shown = format!("{} {}", problem.what, problem.cause.join(" "));
    assert!(shown.len() < 2 << 10, "{case}: {} characters are shown", shown.len());
    assert!(!shown.contains(['\n', '\u{1b}', '\u{202e}']), "{case}: {shown:?}");
    server.closed().await;
    let seen = server.seen();
    assert!(!seen.is_empty() && seen.len() <= 4, "{case}: {seen:?}");
    let limit = (IN_FLIGHT + (4 << 20)) * seen.len() as u64;
    assert!(server.sent_bytes() < limit, "{case}: {} bytes were taken", server.sent_bytes());
    let reads = matches!(doing, Head | Get | Blob | Resume);
    let written = seen.iter().find(|asked| reads && !asked.line.starts_with(['G', 'H']));
    assert!(written.is_none(), "{case}: {written:?}");
}

#[tokio::test]
async fn bodies_without_end_are_cut_off() {
    let (http, chunk) = (http(), format!("1000\r\n{}\r\n", "[".repeat(0x1000)));
    for (doing, status, code) in [
        (Get, 200, "LF-HTTP-TOO-LARGE"),
        (Get, 307, "LF-HTTP-TOO-LARGE"),
        (Get, 401, "LF-REG-AUTH"),
        (Get, 403, "LF-REG-DENIED"),
        (Get, 418, "LF-REG-ANSWER"),
        (Get, 500, "LF-REG-ANSWER"),
        (Head, 403, "LF-REG-DENIED"),
        (Blob, 200, "LF-REG-SIZE"),
        (Blob, 404, "LF-REG-BLOB-MISSING"),
        (Blob, 500, "LF-REG-ANSWER"),
        (Begin, 202, "LF-HTTP-TOO-LARGE"),
        (Begin, 403, "LF-REG-DENIED"),
        (Put, 201, "LF-REG-UNCONFIRMED"),
        (Put, 400, "LF-REG-ANSWER"),
    ] {
        let endless = |headers: &[&str]| Reply::head(status, headers).then_endless("x");
        let chunked = Reply::head(status, &["transfer-encoding: chunked"]).then_endless(chunk.as_str());
        refused(&http, "endless", doing, endless(&[]), code).await;
        refused(&http, "endless in chunks", doing, chunked, code).await;
        refused(&http, "a terabyte", doing, endless(&["content-length: 1099511627776"]), code).await;
    }
}

#[tokio::test]
async fn heads_without_end_are_given_up() {
    let impatient =
        Http::new(HttpConfig { idle_timeout: Duration::from_millis(300), ..HttpConfig::default() });
    let impatient = impatient.expect("a client");
    for (name, reply) in [
        ("headers", Reply::raw("HTTP/1.1 200 OK\r\n").then_endless("x-odd: y\r\n")),
        ("one header", Reply::raw("HTTP/1.1 200 OK\r\nx-odd: ").then_endless("y")),
        ("a reason", Reply::raw("HTTP/1.1 200 ").then_endless("x")),
        ("100 Continue", Reply::raw("").then_endless("HTTP/1.1 100 Continue\r\n\r\n")),
        ("103 Early Hints", Reply::raw("").then_endless("HTTP/1.1 103 Early\r\nlink: </x>\r\n\r\n")),
        ("blank lines", Reply::raw("").then_endless("\r\n")),
        ("zeros", Reply::raw("").then_endless("\0")),
    ] {
        for doing in [Get, Blob, Begin] {
            refused(&impatient, name, doing, reply.clone(), "LF-HTTP-UNANSWERED").await;
        }
    }
}

#[tokio::test]
async fn heads_that_can_be_read_in_two_ways_are_refused() {
    let http = http();
    let body = String::from_utf8(manifest().bytes.to_vec()).expect("text");
    let whole =
        |lines: &str| Reply::raw(format!("HTTP/1.1 200 OK\r\ncontent-type: {OCI}\r\n{lines}\r\n{body}"));
    for lines in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5, 6\r\n",
        "content-length: -1\r\n",
        "content-length: +5\r\n",
        "content-length: 0x5\r\n",
        "content-length: 99999999999999999999\r\n",
        "content-length: \r\n",
        "transfer-encoding: chunked\r\n",
        "content-length\r\n",
        "content-length : 5\r\n",
        "x-folded: a\r\n b\r\n",
        "x-nul: a\0b\r\n",
        "x-bare: a\rb\r\n",
        "x odd: a\r\n",
        ": a\r\n",
        // More is promised than comes.
        "content-length: 100000\r\n",
    ] {
        refused(&http, &format!("{lines:?}"), Get, whole(lines), "LF-HTTP-UNANSWERED").await;
    }
    for first in [
        "",
        "<html>",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\n",
    ] {
        refused(&http, &format!("{first:?}"), Get, Reply::raw(first), "LF-HTTP-UNANSWERED").await;
    }
    // Less is promised than comes: what is cut is damaged.
    refused(&http, "a short length", Get, whole("content-length: 50\r\n"), "LF-REG-MANIFEST").await;
    let digest = format!("docker-content-digest: {}\r\ncontent-length: 50\r\n", manifest().digest);
    refused(&http, "a short length and a digest", Get, whole(&digest), "LF-REG-DIGEST").await;
}

#[tokio::test]
async fn what_is_not_what_was_asked_for_is_refused() {
    let http = http();
    let typed = format!("content-type: {OCI}");
    let page = "<html>\u{1b}[2J\u{202e}please log in</html>";
    let html = |status| Reply::with(status, &["content-type: text/html"], page);
    let gzip = |status| Reply::with(status, &["content-encoding: gzip"], [0x1f, 0x8b, 8, 0]);
    let deflate = |status| Reply::with(status, &["content-encoding: identity, deflate"], "x");
    let encodings = ["content-encoding: identity", "content-encoding: gzip"];
    let twice = Reply::with(200, &[&encodings[..], &[&typed]].concat(), &manifest().bytes);
    let redirect = |to: &str| Reply::with(307, &[&format!("location: {to}")], "");
    let other_digest = format!("docker-content-digest: {}", Digest::of(b"other"));
    let lie = Reply::with(200, &[&typed, &other_digest], &manifest().bytes);
    let damaged = Bytes::from(vec![b'x'; usize::try_from(config().size_bytes).expect("it fits")]);
    for (name, doing, reply, code) in [
        ("a login page", Get, html(200), "LF-REG-MANIFEST"),
        ("nothing", Get, Reply::with(200, &[&typed], ""), "LF-REG-MANIFEST"),
        ("gzip", Get, gzip(200), "LF-HTTP-ANSWER"),
        ("deflate", Get, deflate(200), "LF-HTTP-ANSWER"),
        ("two encodings", Get, twice, "LF-HTTP-ANSWER"),
        ("gzip of an error", Get, gzip(403), "LF-HTTP-ANSWER"),
        ("another digest in the header", Get, lie.clone(), "LF-REG-DIGEST"),
        ("a redirect", Get, redirect("/v2/a/manifests/2"), "LF-REG-ANSWER"),
        ("101", Get, Reply::head(101, &["upgrade: h2c", "connection: upgrade"]), "LF-REG-ANSWER"),
        ("204", Get, Reply::with(204, &[], ""), "LF-REG-ANSWER"),
        ("206", Get, Reply::with(206, &[&typed], &manifest().bytes), "LF-REG-ANSWER"),
        ("999", Get, Reply::with(999, &[], ""), "LF-REG-ANSWER"),
        ("a login page", Blob, html(200), "LF-REG-CUT"),
        ("other bytes", Blob, Reply::with(200, &[], damaged), "LF-REG-DIGEST"),
        ("gzip", Blob, gzip(200), "LF-HTTP-ANSWER"),
        ("no Location", Blob, Reply::with(307, &[], ""), "LF-REG-INCOMPLETE"),
        ("a circle", Blob, redirect("/v2/a/blobs/again"), "LF-REG-REDIRECTS"),
        ("a part", Blob, Reply::with(206, &["content-range: bytes 5-9/10"], "x"), "LF-REG-INCOMPLETE"),
        ("a login page", Begin, html(200), "LF-REG-ANSWER"),
        ("gzip", Begin, gzip(202), "LF-HTTP-ANSWER"),
        ("201 without a mount", Begin, Reply::with(201, &[], ""), "LF-REG-INCOMPLETE"),
        ("a redirect", Begin, redirect("/v2/a/blobs/uploads/2"), "LF-REG-ANSWER"),
        ("another digest in the header", Put, lie, "LF-REG-TAG-DIFFERS"),
        ("a redirect", Put, redirect("/v2/a/manifests/2"), "LF-REG-ANSWER"),
        ("gzip", Put, gzip(201), "LF-REG-UNCONFIRMED"),
    ] {
        refused(&http, name, doing, reply, code).await;
    }
}

#[tokio::test]
async fn a_part_that_is_not_the_one_asked_for_is_refused() {
    let http = http();
    let part = |range: &str| Reply::with(206, &[&format!("content-range: {range}")], "abc");
    for range in [
        "bytes 0-9/10",
        "bytes 6-9/10",
        "bytes 8-9/10",
        "bytes 7-6/10",
        "bytes 7-9/9",
        "bytes 7-18446744073709551616/*",
        "bytes -7-9/10",
        "bytes 7-9",
        "bytes */10",
        "items 7-9/10",
        "",
    ] {
        refused(&http, range, Resume, part(range), "LF-REG-INCOMPLETE").await;
    }
    refused(&http, "no range", Resume, Reply::with(206, &[], "abc"), "LF-REG-INCOMPLETE").await;
}
