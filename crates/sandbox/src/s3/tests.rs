//! The service without a socket.

mod trees;

use std::sync::Arc;
use std::time::Duration;

use super::{BucketPolicy, S3};
use crate::issued::{Issued, IssuedKeys};
use crate::test_call::{Answer, call, signed};

struct World {
    s3: Arc<S3>,
    issued: Arc<Issued>,
    keys: IssuedKeys,
}

impl World {
    fn new() -> Self {
        let issued = Arc::new(Issued::new());
        let keys =
            issued.temporary("111122223333", "arn:aws:iam::111122223333:role/D", Duration::from_secs(60));
        let s3 = S3::new("eu-west-1", "111122223333", Arc::clone(&issued));
        s3.create_bucket("vault");
        Self { s3, issued, keys }
    }

    async fn ask(&self, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> Answer {
        let mut headers = signed(&self.keys, "eu-west-1", "s3");
        let own = [("x-amz-content-sha256", "UNSIGNED-PAYLOAD")];
        let given = more.iter().any(|(name, _)| *name == "x-amz-content-sha256");
        headers.extend(own.iter().filter(|_| !given).map(|(name, value)| (*name, (*value).to_owned())));
        let mut all: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.extend(more);
        call(&self.s3.router(), method, path, &all, body).await
    }
}

fn md5_of(text: &str) -> String {
    use base64::Engine as _;
    use md5::Digest as _;
    base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(text))
}

/// SHA-256 of `abc` in base64.
const ABC: &str = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";

#[tokio::test]
async fn what_is_put_can_be_read_with_its_checksum() {
    let world = World::new();
    let sum = ("x-amz-checksum-sha256", ABC);
    assert_eq!(
        world.ask("PUT", "/vault/v1/a%20b.zip", &[sum, ("x-amz-meta-a", "1")], "abc").await.status,
        200
    );
    let got = world.ask("GET", "/vault/v1/a%20b.zip", &[], "").await;
    assert_eq!((got.text.as_str(), got.header("x-amz-checksum-sha256")), ("abc", ""));
    let head = world.ask("HEAD", "/vault/v1/a%20b.zip", &[("x-amz-checksum-mode", "ENABLED")], "").await;
    assert_eq!(head.header("x-amz-checksum-sha256"), ABC);
    assert_eq!(
        (head.header("content-length"), head.header("x-amz-meta-a"), head.text.as_str()),
        ("3", "1", "")
    );
    let part = world.ask("GET", "/vault/v1/a%20b.zip", &[("range", "bytes=1-1")], "").await;
    assert_eq!(
        (part.status.as_u16(), part.text.as_str(), part.header("content-range")),
        (206, "b", "bytes 1-1/3")
    );
    let beyond = world.ask("GET", "/vault/v1/a%20b.zip", &[("range", "bytes=3-")], "").await;
    assert_eq!(beyond.status, 416);
    let none = world.ask("GET", "/vault/none", &[], "").await;
    assert!(none.status == 404 && none.text.contains("<Code>NoSuchKey</Code>"), "{none:?}");
    assert_eq!(world.ask("HEAD", "/other/none", &[], "").await.text, "");
}

#[tokio::test]
async fn other_bytes_than_were_said_are_not_kept() {
    let world = World::new();
    let bad = world.ask("PUT", "/vault/a", &[("x-amz-checksum-sha256", ABC)], "abd").await;
    assert!(bad.status == 400 && bad.text.contains("BadDigest"), "{bad:?}");
    let hash = [("x-amz-content-sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")];
    assert_eq!(world.ask("PUT", "/vault/a", &hash, "abd").await.status, 400);
    assert_eq!(world.ask("PUT", "/vault/a", &hash, "abc").await.status, 200);
    let two = [("x-amz-checksum-sha256", ABC), ("x-amz-checksum-crc32", "NSRBwg==")];
    assert_eq!(world.ask("PUT", "/vault/a", &two, "abc").await.status, 400);
    let chunks = [
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "3"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ];
    let right = "3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n";
    assert_eq!(world.ask("PUT", "/vault/b", &chunks, right).await.status, 200);
    assert_eq!(world.s3.object("vault", "b").map(|object| object.bytes), Some("abc".into()));
    let wrong = "3\r\nabd\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n";
    assert_eq!(world.ask("PUT", "/vault/b", &chunks, wrong).await.status, 400);
    let untold = "3\r\nabc\r\n0\r\n\r\n";
    assert!(world.ask("PUT", "/vault/b", &chunks, untold).await.text.contains("MalformedTrailerError"));
}

#[tokio::test]
async fn conditions_decide_over_writes() {
    let world = World::new();
    let none = [("if-none-match", "*")];
    assert_eq!(world.ask("PUT", "/vault/a", &none, "abc").await.status, 200);
    assert_eq!(world.ask("PUT", "/vault/a", &none, "abc").await.status, 412);
    assert_eq!(world.ask("PUT", "/vault/a", &[("if-none-match", "\"x\"")], "abc").await.status, 501);
    let etag = world.s3.object("vault", "a").expect("the object").etag;
    assert_eq!(world.ask("PUT", "/vault/a", &[("if-match", "\"x\"")], "abd").await.status, 412);
    assert_eq!(world.ask("PUT", "/vault/a", &[("if-match", &etag)], "abd").await.status, 200);
    assert_eq!(world.ask("PUT", "/vault/b", &[("if-match", &etag)], "abd").await.status, 404);
    assert_eq!(
        world.ask("PUT", "/vault/c", &[("x-amz-copy-source", "/vault/a"), none[0]], "").await.status,
        200
    );
    assert_eq!(
        world.ask("PUT", "/vault/c", &[("x-amz-copy-source", "/vault/a"), none[0]], "").await.status,
        412
    );
    world.s3.answer_conflicts(1);
    assert_eq!(world.ask("PUT", "/vault/d", &none, "x").await.status, 409);
    assert_eq!(world.ask("PUT", "/vault/d", &none, "x").await.status, 200);
    world.s3.set_policy("vault", BucketPolicy::CreateOnly);
    assert_eq!(world.ask("PUT", "/vault/e", &[], "x").await.status, 403);
    assert_eq!(world.ask("DELETE", "/vault/d", &[], "").await.status, 403);
    assert_eq!(world.ask("PUT", "/vault/e", &none, "x").await.status, 200);
    assert_eq!((world.s3.writes("vault", "a"), world.s3.writes("vault", "e")), (2, 1));
}

#[tokio::test]
async fn keys_are_listed_in_pages_and_deleted_together() {
    let world = World::new();
    for key in ["b/2", "a&1", "b/1", "b/3"] {
        world.s3.put("vault", key, "x");
    }
    let first = world.ask("GET", "/vault?list-type=2&prefix=b/&max-keys=2", &[], "").await;
    assert!(first.text.contains("<Key>b/1</Key>") && first.text.contains("<IsTruncated>true</IsTruncated>"));
    let next =
        world.ask("GET", "/vault?list-type=2&prefix=b/&max-keys=2&continuation-token=t-b/2", &[], "").await;
    assert!(next.text.contains("<Key>b/3</Key>") && next.text.contains("<KeyCount>1</KeyCount>"), "{next:?}");
    let all = world.ask("GET", "/vault?list-type=2", &[], "").await;
    assert!(all.text.contains("<Key>a&amp;1</Key>"));
    let folders = world.ask("GET", "/vault?list-type=2&delimiter=/", &[], "").await;
    assert!(folders.text.contains("<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>"), "{folders:?}");
    assert!(folders.text.contains("<KeyCount>2</KeyCount>") && !folders.text.contains("b/1"), "{folders:?}");
    assert_eq!(world.ask("GET", "/vault?list-type=2&fetch-owner=true", &[], "").await.status, 501);
    let xml =
        "<Delete><Object><Key>a&amp;1</Key></Object><Object><Key>b/1</Key><ETag>x</ETag></Object></Delete>";
    assert_eq!(world.ask("POST", "/vault?delete", &[], xml).await.status, 400, "without a checksum");
    assert_eq!(world.ask("POST", "/vault?delete", &[("content-md5", "x")], xml).await.status, 400, "no MD5");
    let other = [("content-md5", "kAFQmDzST7DWlj99KOF/cg==")];
    assert!(world.ask("POST", "/vault?delete", &other, xml).await.text.contains("BadDigest"), "of abc");
    let sum = md5_of(xml);
    let done = world.ask("POST", "/vault?delete", &[("content-md5", &sum)], xml).await;
    assert!(
        done.text.contains("<Deleted><Key>a&amp;1</Key></Deleted>")
            && done.text.contains("PreconditionFailed")
    );
    assert_eq!(world.s3.keys("vault"), ["b/1", "b/2", "b/3"]);
    assert_eq!(world.ask("DELETE", "/vault/b/1", &[("if-match", "*")], "").await.status, 204);
}

#[tokio::test]
async fn a_caller_must_be_known_and_allowed() {
    let world = World::new();
    let bare = call(&world.s3.router(), "GET", "/vault/a", &[], "").await;
    assert!(bare.status == 403 && bare.text.contains("<Code>AccessDenied</Code>"), "{bare:?}");
    assert_eq!(
        world.ask("PUT", "/vault/a", &[("x-amz-expected-bucket-owner", "999999999999")], "x").await.status,
        403
    );
    world.issued.deny_all("s3:ListBucket");
    assert_eq!(
        world.ask("HEAD", "/vault/none", &[], "").await.status,
        403,
        "nothing is told of what is not there"
    );
    world.issued.deny_all("s3:PutObject");
    assert_eq!(world.ask("PUT", "/vault/a", &[], "x").await.status, 403);
    world.issued.expire_all();
    let expired = world.ask("GET", "/vault/a", &[], "").await;
    assert!(expired.status == 400 && expired.text.contains("ExpiredToken"), "{expired:?}");
}
