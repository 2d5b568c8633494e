//! Listings that cannot be relied on: nothing is planned by half of one.

use landfall_artifacts::Explain as _;
use landfall_sandbox::{Fault, Service, What};

use crate::{World, document, error};

const OBJECT: &str = "<Contents><Key>KEY</Key><LastModified>2025-01-01T00:00:00Z</LastModified><ETag>&quot;0cc175b9c0f1b6a831c399e269772661&quot;</ETag><Size>1</Size></Contents>";

fn page(keys: &[&str], next: Option<&str>) -> What {
    let objects: String = keys.iter().map(|key| OBJECT.replace("KEY", key)).collect();
    let next_token = next
        .map_or_else(String::new, |token| format!("<NextContinuationToken>{token}</NextContinuationToken>"));
    let members = format!(
        "<Prefix>web/</Prefix><KeyCount>{}</KeyCount><IsTruncated>{}</IsTruncated>{next_token}{objects}",
        keys.len(),
        next.is_some()
    );
    document("ListBucketResult", &members)
}

/// A world with things to delete, where pages of a listing are these.
async fn refused_by(pages: Vec<What>) -> Vec<&'static str> {
    let world = World::new().await;
    world.sandbox.s3.set_page_keys(5);
    world.ten();
    world.there("old", "old");
    world.write("new", "new");
    for (number, what) in pages.into_iter().enumerate() {
        let nth = number as u64 + 1;
        world.sandbox.faults().add(Fault::new(what).on(Service::S3).matching("list-type=2").nth(nth));
    }
    let codes = world.refused().await;
    assert_eq!((world.calls("PutObject"), world.calls("DeleteObjects")), (0, 0));
    codes
}

/// The same, where the second page is this, each time it is asked for.
async fn refused_by_page_two(what: What) -> Vec<&'static str> {
    let world = World::new().await;
    world.sandbox.s3.set_page_keys(5);
    world.ten();
    world.there("old", "old");
    world.write("new", "new");
    world.sandbox.faults().add(Fault::new(what).on(Service::S3).matching("continuation-token").every());
    let codes = world.refused().await;
    assert_eq!((world.calls("PutObject"), world.calls("DeleteObjects")), (0, 0));
    codes
}

#[tokio::test(flavor = "multi_thread")]
async fn page_two_is_denied() {
    assert_eq!(refused_by_page_two(error(403, "AccessDenied")).await, ["LF-AWS-DENIED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_two_fails_each_time() {
    assert_eq!(refused_by_page_two(error(500, "InternalError")).await, ["LF-AWS-SERVER"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_two_is_cut_each_time() {
    assert_eq!(refused_by_page_two(What::CutAfterBytes(300)).await, ["LF-AWS-UNANSWERED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_two_is_no_xml() {
    let html = What::status(200).header("content-type", "text/html").body("<html>please log in</html>");
    let codes = refused_by_page_two(html).await;
    assert!(
        codes == ["LF-AWS-ANSWER"] || codes == ["LF-AWS-REFUSED"] || codes == ["LF-SYNC-LISTING"],
        "{codes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn page_two_says_that_there_is_nothing_more_and_that_there_is() {
    let what = document(
        "ListBucketResult",
        "<KeyCount>0</KeyCount><IsTruncated>false</IsTruncated><NextContinuationToken>x</NextContinuationToken>",
    );
    assert_eq!(refused_by_page_two(what).await, ["LF-SYNC-LISTING"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_two_leads_back_to_itself() {
    assert_eq!(refused_by_page_two(page(&[], Some("t-web/f4.json"))).await, ["LF-SYNC-LISTING"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_two_is_page_one_again() {
    let what = page(&["web/f0.json", "web/f1.json"], None);
    assert_eq!(refused_by_page_two(what).await, ["LF-SYNC-LISTING"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_two_is_out_of_order() {
    assert_eq!(refused_by_page_two(page(&["web/z", "web/g"], None)).await, ["LF-SYNC-LISTING"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_two_is_of_another_prefix() {
    assert_eq!(refused_by_page_two(page(&["other/z"], None)).await, ["LF-SYNC-LISTING"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_two_lost_keys_on_its_way() {
    let what = document(
        "ListBucketResult",
        &format!("<KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>{}", OBJECT.replace("KEY", "web/z")),
    );
    assert_eq!(refused_by_page_two(what).await, ["LF-SYNC-LISTING"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_two_promises_more_and_does_not_say_which() {
    let what = document("ListBucketResult", "<KeyCount>0</KeyCount><IsTruncated>true</IsTruncated>");
    assert_eq!(refused_by_page_two(what).await, ["LF-SYNC-LISTING"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_without_an_end() {
    let pages = (0..150).map(|number| page(&[], Some(&format!("p{number}")))).collect();
    assert_eq!(refused_by(pages).await, ["LF-SYNC-LISTING"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_object_without_a_size() {
    let what = document(
        "ListBucketResult",
        "<KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>web/z</Key></Contents>",
    );
    assert_eq!(refused_by(vec![what]).await, ["LF-SYNC-LISTING"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_more_bytes_than_any_page_has() {
    let what = page(&[&format!("web/{}", "x".repeat(9 << 20))], None);
    let codes = refused_by(vec![what]).await;
    assert_eq!(codes, ["LF-AWS-ANSWER"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_fails_twice_and_then_works_is_one_listing() {
    let world = World::new().await;
    world.sandbox.s3.set_page_keys(3);
    world.ten();
    world.there("old", "old");
    world
        .sandbox
        .faults()
        .add(Fault::new(error(503, "SlowDown")).on(Service::S3).matching("list-type=2").nth(2));
    world.sandbox.faults().add(Fault::new(What::LoseAnswer).on(Service::S3).matching("list-type=2").nth(4));
    let (plan, _) = world.published().await;
    assert_eq!((plan.deletes.len(), plan.unchanged), (1, 10));
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_too_large_to_be_read_are_told_as_such() {
    let long = "x".repeat(9 * 1024 * 1024);
    let too_long = || What::status(200).header("content-type", "application/xml").body(long.clone());
    for (size, code, part) in [
        ("1000", "LF-AWS-ANSWER", "cannot list"),
        ("8000", "LF-SYNC-SIZE", "no page of 8000 objects could be read"),
    ] {
        let mut world = World::new().await;
        world.options.page_size = size.parse().expect("a size");
        world.ten();
        let fault = Fault::new(too_long()).on(Service::S3).matching("list-type=2").every();
        world.sandbox.faults().add(fault);
        let errors = world.plan().await.expect_err("refused");
        let told: Vec<_> = errors.iter().map(|error| (error.code(), error.to_string())).collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].0 == code && told[0].1.contains(part), "{told:?}");
    }
}
