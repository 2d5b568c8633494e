//! What publishing a tree needs of the service: ETags, odd keys, conditional deletes, versions, buckets by name.

use super::super::Etags;
use super::{World, md5_of};

#[tokio::test]
async fn an_etag_says_what_its_bucket_has_it_say() {
    let world = World::new();
    let put = |key: &'static str| {
        let world = &world;
        async move { world.ask("PUT", key, &[], "abc").await.header("etag").to_owned() }
    };
    assert_eq!(put("/vault/a").await, "\"900150983cd24fb0d6963f7d28e17f72\"", "the MD5 of abc");
    world.s3.set_etags("vault", Etags::Kms);
    let kms = put("/vault/b").await;
    assert!(kms.len() == 34 && kms != put("/vault/a").await, "{kms}");
    let head = world.ask("HEAD", "/vault/b", &[], "").await;
    assert_eq!((head.header("etag"), head.header("x-amz-server-side-encryption")), (kms.as_str(), "aws:kms"));
    world.s3.set_etags("vault", Etags::Parts);
    assert!(put("/vault/c").await.ends_with("-2\""));
    let listed = world.ask("GET", "/vault?list-type=2", &[], "").await;
    assert!(listed.text.contains(&kms.replace('"', "&quot;")), "{listed:?}");
    world.s3.set_etags("vault", Etags::Unlisted);
    assert!(!world.ask("GET", "/vault?list-type=2", &[], "").await.text.contains("ETag"));
}

#[tokio::test]
async fn a_body_must_have_the_md5_that_it_came_with() {
    let world = World::new();
    let right = md5_of("abc");
    assert_eq!(world.ask("PUT", "/vault/a", &[("content-md5", &right)], "abc").await.status, 200);
    let wrong = world.ask("PUT", "/vault/a", &[("content-md5", &right)], "abd").await;
    assert!(wrong.status == 400 && wrong.text.contains("BadDigest"), "{wrong:?}");
    assert!(
        world.ask("PUT", "/vault/a", &[("content-md5", "abc")], "abc").await.text.contains("InvalidDigest")
    );
}

#[tokio::test]
async fn odd_keys_are_written_in_url_encoding_where_that_is_asked_for() {
    let world = World::new();
    for key in ["a b+c/%\u{e9}", "line\nbreak", "\u{1}"] {
        world.s3.put("vault", key, "x");
    }
    let listed = world.ask("GET", "/vault?list-type=2&encoding-type=url&prefix=a%20b", &[], "").await;
    assert!(listed.text.contains("<EncodingType>url</EncodingType>"), "{listed:?}");
    assert!(
        listed.text.contains("<Prefix>a+b</Prefix>") && listed.text.contains("<Key>a+b%2Bc/%25%C3%A9</Key>")
    );
    let all = world.ask("GET", "/vault?list-type=2&encoding-type=url", &[], "").await;
    assert!(all.text.contains("<Key>%01</Key>") && all.text.contains("<Key>line%0Abreak</Key>"), "{all:?}");
    assert_eq!(world.ask("GET", "/vault?list-type=2&encoding-type=x", &[], "").await.status, 400);
    // A page has as many keys as was settled.
    world.s3.set_page_keys(2);
    let first = world.ask("GET", "/vault?list-type=2&encoding-type=url", &[], "").await;
    assert!(first.text.contains("<IsTruncated>true</IsTruncated>") && first.text.contains("<KeyCount>2<"));
}

#[tokio::test]
async fn deletes_are_answered_key_by_key() {
    let world = World::new();
    for key in ["a", "b", "c\nd", "e"] {
        world.s3.put("vault", key, "x");
    }
    world.s3.refuse_deletes("vault", "b", "InternalError", 1);
    let ask = async |xml: &str| {
        let sum = md5_of(xml);
        world.ask("POST", "/vault?delete", &[("content-md5", &sum)], xml).await
    };
    let of = |key: &str, etag: &str| format!("<Object><Key>{key}</Key>{etag}</Object>");
    let etag = "<ETag>&quot;9dd4e461268c8034f5c8564e155c67a6&quot;</ETag>";
    let body = [of("a", etag), of("b", etag), of("c&#10;d", ""), of("gone", etag), of("never", "")].concat();
    let answer = ask(&format!("<Delete>{body}</Delete>")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("<Key>b</Key><Code>InternalError</Code>"), "{answer:?}");
    assert!(answer.text.contains("<Key>gone</Key><Code>NoSuchKey</Code>"), "{answer:?}");
    assert!(
        answer.text.contains("<Deleted><Key>never</Key>"),
        "without a condition nothing is fine: {answer:?}"
    );
    assert_eq!(world.s3.keys("vault"), ["b", "e"]);
    let other = of("e", "<ETag>900150983cd24fb0d6963f7d28e17f72</ETag>");
    assert!(ask(&format!("<Delete>{other}</Delete>")).await.text.contains("PreconditionFailed"));
    assert_eq!(ask("<Delete><Object><Key>\u{1}</Key></Object></Delete>").await.status, 400);
    assert_eq!(ask("<Delete><Object><Key>&#1;</Key></Object></Delete>").await.status, 400);
    assert_eq!(ask("<Delete><Object><Key>&nbsp;</Key></Object></Delete>").await.status, 400);
    let many: String = (0..1001).map(|number| of(&number.to_string(), "")).collect();
    assert_eq!(ask(&format!("<Delete>{many}</Delete>")).await.status, 400);
    ask(&format!("<Delete><Quiet>true</Quiet>{}</Delete>", of("b", etag))).await;
    assert_eq!(world.s3.keys("vault"), ["e"]);
}

#[tokio::test]
async fn a_versioned_bucket_keeps_what_was_written_over_and_deleted() {
    let world = World::new();
    world.s3.keep_versions("vault");
    let first = world.ask("PUT", "/vault/a", &[], "one").await.header("x-amz-version-id").to_owned();
    let second = world.ask("PUT", "/vault/a", &[], "two").await.header("x-amz-version-id").to_owned();
    assert!(!first.is_empty() && first != second);
    assert_eq!(world.ask("HEAD", "/vault/a", &[], "").await.header("x-amz-version-id"), second);
    world.ask("DELETE", "/vault/a", &[], "").await;
    assert_eq!(world.ask("GET", "/vault/a", &[], "").await.status, 404);
    assert_eq!(world.ask("GET", &format!("/vault/a?versionId={first}"), &[], "").await.text, "one");
    let source = format!("/vault/a?versionId={second}");
    let copy = [("x-amz-copy-source", source.as_str()), ("x-amz-copy-source-if-match", "\"x\"")];
    assert_eq!(world.ask("PUT", "/vault/a", &copy, "").await.status, 412);
    assert_eq!(world.ask("PUT", "/vault/a", &copy[..1], "").await.status, 200);
    assert_eq!(world.ask("GET", "/vault/a", &[], "").await.text, "two");
}

#[tokio::test]
async fn an_account_sees_its_own_buckets_alone() {
    let world = World::new();
    world.s3.create_bucket("a-native-config");
    world.s3.create_bucket_of("999999999999", "foreign");
    let plain = world.ask("GET", "/", &[], "").await;
    assert!(plain.text.contains("<Name>a-native-config</Name>") && plain.text.contains("<Name>vault</Name>"));
    assert!(!plain.text.contains("foreign") && !plain.text.contains("BucketRegion"), "{plain:?}");
    let first = world.ask("GET", "/?max-buckets=1", &[], "").await;
    assert!(first.text.contains("<BucketRegion>eu-west-1</BucketRegion>"), "{first:?}");
    assert!(first.text.contains("<ContinuationToken>a-native-config<"), "{first:?}");
    let rest = world.ask("GET", "/?max-buckets=1&continuation-token=a-native-config", &[], "").await;
    assert!(rest.text.contains("<Name>vault</Name>") && !rest.text.contains("ContinuationToken"), "{rest:?}");
    let owner = |account: &'static str| [("x-amz-expected-bucket-owner", account)];
    assert_eq!(world.ask("GET", "/foreign?list-type=2", &owner("999999999999"), "").await.status, 403);
    assert_eq!(world.ask("GET", "/vault?list-type=2", &owner("111122223333"), "").await.status, 200);
    assert_eq!(world.ask("GET", "/vault?list-type=2", &owner("999999999999"), "").await.status, 403);
    world.issued.deny_all("s3:ListAllMyBuckets");
    assert_eq!(world.ask("GET", "/", &[], "").await.status, 403);
}

#[tokio::test]
async fn another_writer_comes_in_between_where_the_test_says_so() {
    let world = World::new();
    world.s3.before_call("PutObject", 2, |s3| s3.put("vault", "b", "theirs"));
    let none = [("if-none-match", "*")];
    assert_eq!(world.ask("PUT", "/vault/a", &none, "x").await.status, 200);
    assert_eq!(world.ask("PUT", "/vault/b", &none, "x").await.status, 412);
    assert_eq!(world.ask("PUT", "/vault/c", &none, "x").await.status, 200);
}
