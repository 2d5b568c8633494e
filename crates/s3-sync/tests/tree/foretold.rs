//! Listings of which a manifest foretells the keys: as complete as without, whatever it says, and as few requests where it is right.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use landfall_artifacts::Digest;
use landfall_sandbox::s3::Etags;
use landfall_sandbox::{Fault, Service, What};
use md5::{Digest as _, Md5};
use serde_json::Value;

use crate::{BUCKET, PREFIX, World, document, error, told};

const MANIFEST: &str = ".landfall-manifest.json";

fn name(number: usize) -> String {
    format!("component-{:03}/settings-{number:05}.json", number / 100)
}

fn text(number: usize) -> String {
    format!("content {number:05}")
}

fn entry(number: usize) -> (String, String) {
    (name(number), text(number))
}

/// Puts a manifest there as a publication of these objects leaves it.
fn remember(world: &World, objects: impl IntoIterator<Item = (String, String)>) {
    let mut manifest = String::from("{\"formatVersion\": 1, \"headers\": [");
    let headers = serde_json::to_string(&world.rules.headers("a.json")).expect("JSON");
    write!(manifest, "{headers}], \"objects\": {{").expect("written");
    for (number, (name, text)) in objects.into_iter().enumerate() {
        let comma = if number == 0 { "" } else { ",\n" };
        let md5 = Md5::digest(&text).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let (name, sha256) = (Value::from(name), Digest::of(text.as_bytes()).hex());
        let size = text.len();
        write!(
            manifest,
            "{comma}{name}: {{\"etag\": \"{md5}\", \"sha256\": \"{sha256}\", \"sizeBytes\": {size}, \"headers\": 0}}"
        )
        .expect("written");
    }
    manifest.push_str("}}\n");
    world.there(MANIFEST, &manifest);
}

/// A folder and a bucket of so many files, of which the manifest tells.
async fn world(files: usize) -> World {
    let mut world = World::new().await;
    world.options.manifest = true;
    for (name, text) in (0..files).map(entry) {
        world.write(&name, &text);
        world.there(&name, &text);
    }
    remember(&world, (0..files).map(entry));
    world
}

/// What the prefix holds besides the manifest.
fn holds(world: &World) -> BTreeMap<String, String> {
    let mut holds = world.holds();
    holds.remove(MANIFEST);
    holds
}

/// Lists, heads, gets, puts, batches of deletes.
fn requests(world: &World) -> [u64; 5] {
    let [lists, heads, gets, puts, deletes, _] = world.all_calls();
    [lists, heads, gets, puts, deletes]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_prefix_takes_exactly_the_requests_that_are_needed() {
    // So many that the manifest passes through a file, in both directions.
    let world = world(10_999).await;
    // Nothing is listed the long way.
    let tokens = world
        .sandbox
        .faults()
        .add(Fault::new(error(403, "AccessDenied")).on(Service::S3).matching("continuation-token").every());
    let (plan, _) = world.published().await;
    assert_eq!((plan.unchanged, plan.objects, plan.is_empty()), (10_999, 10_999, true));
    let first = requests(&world);
    assert_eq!(first[..3], [11, 0, 1]);
    let (plan, applied) = world.published().await;
    assert!(plan.is_empty() && applied.manifest.is_none());
    let [lists, heads, gets, ..] = requests(&world);
    assert_eq!([lists - first[0], heads, gets - first[2]], [11, 0, 1]);

    world.write(&name(7), "CONTENT 00007");
    world.write(&name(5000), "longer than it was");
    world.unlink(&name(10_998));
    // Its body is read from its beginning at each try.
    let again = Fault::new(error(503, "SlowDown")).on(Service::S3).method(http::Method::PUT);
    world.sandbox.faults().add(again.matching(MANIFEST));
    let before = requests(&world);
    let (plan, applied) = world.published().await;
    assert_eq!(
        told(&plan),
        [format!("~ {}", name(7)), format!("~ {}", name(5000)), format!("- {}", name(10_998))]
    );
    assert!(applied.manifest.is_some());
    let after = requests(&world);
    let made: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    assert_eq!((&made[..3], made[4]), (&[11, 0, 1][..], 1));
    assert_eq!(holds(&world), world.files());
    assert_eq!(tokens.count(), 0);
    let manifest: Value = serde_json::from_str(&world.text(MANIFEST).expect("a manifest")).expect("JSON");
    let objects = manifest["objects"].as_object().expect("objects");
    assert!(world.text(MANIFEST).is_some_and(|text| text.len() > 2 * 1024 * 1024));
    assert_eq!(objects.len(), 10_998);
    assert_eq!(objects[&name(5000)]["sha256"], Digest::of(b"longer than it was").hex());
    let (plan, applied) = world.published().await;
    assert!(plan.is_empty() && applied.manifest.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_as_large_as_is_asked_for_where_the_store_gives_so_many() {
    for (given, wanted, lists) in [
        (10_000, "1000", 3),
        (10_000, "2501", 1),
        (10_000, "8000", 1),
        (10_000, "2500", 2),
        (10_000, "500", 6),
        // S3 gives a thousand, whatever is asked for.
        (1_000, "2000", 3),
        (1_000, "8000", 3),
    ] {
        let mut world = world(2_500).await;
        world.sandbox.s3.set_page_keys(given);
        world.options.page_size = wanted.parse().expect("a size");
        let (plan, _) = world.published().await;
        assert_eq!((plan.unchanged, plan.is_empty()), (2_500, true), "{wanted} of {given}");
        assert_eq!(requests(&world)[..3], [lists, 0, 1], "{wanted} of {given}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_was_not_asked_for_foretells_too() {
    let mut world = world(2_500).await;
    world.options.manifest = false;
    // It is seen on the first page, and the others are asked for by what it says.
    world
        .sandbox
        .faults()
        .add(Fault::new(error(403, "AccessDenied")).on(Service::S3).matching("continuation-token").every());
    let (plan, _) = world.published().await;
    assert_eq!((plan.unchanged, requests(&world)[..3].to_vec()), (2_500, vec![3, 0, 1]));
    // On another page it comes too late for that.
    world.sandbox.faults().clear();
    for number in 0..1200 {
        world.there(&format!("!{number:04}"), "x");
        world.write(&format!("!{number:04}"), "x");
    }
    let (plan, _) = world.published().await;
    assert_eq!((plan.unchanged, plan.objects), (3_700, 3_700));
    assert_eq!(requests(&world)[0] - 3, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_fails_in_one_stretch_keeps_everything_as_it_is() {
    let world = world(3_500).await;
    world.there("old.json", "old");
    world.write(&name(1), "another");
    let html = || What::status(200).header("content-type", "text/html").body("<html>please log in</html>");
    for (nth, what) in
        [(1, error(403, "AccessDenied")), (2, error(403, "AccessDenied")), (3, html()), (4, error(400, "X"))]
    {
        let faults = world.sandbox.faults();
        let strikes = faults.add(Fault::new(what).on(Service::S3).matching("list-type=2").nth(nth));
        let codes = world.refused().await;
        assert_eq!((codes.len(), strikes.count()), (1, 1), "{nth}: {codes:?}");
        faults.clear();
    }
    for every in [error(500, "InternalError"), What::CutAfterBytes(300)] {
        let faults = world.sandbox.faults();
        let strikes = faults.add(Fault::new(every).on(Service::S3).matching("start-after").every());
        world.refused().await;
        assert!(strikes.count() > 0);
        world.sandbox.faults().clear();
    }
    assert_eq!((world.calls("PutObject"), world.calls("DeleteObjects")), (0, 0));
    let (plan, _) = world.published().await;
    assert_eq!(told(&plan), [format!("~ {}", name(1)), "- old.json".to_owned()]);
    assert_eq!(holds(&world), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_begins_where_it_likes_is_refused() {
    let world = world(2_500).await;
    world.there("old.json", "old");
    let object = |key: &str| {
        format!(
            "<Contents><Key>{PREFIX}{key}</Key><LastModified>2025-01-01T00:00:00Z</LastModified><ETag>&quot;x-1&quot;</ETag><Size>1</Size></Contents>"
        )
    };
    let page = |keys: &[&str]| {
        let objects: String = keys.iter().map(|key| object(key)).collect();
        let members = format!("<KeyCount>{}</KeyCount><IsTruncated>false</IsTruncated>{objects}", keys.len());
        document("ListBucketResult", &members)
    };
    for keys in [&[&*name(0)][..], &["z", "a"], &["z", "z"]] {
        world.sandbox.faults().add(Fault::new(page(keys)).on(Service::S3).matching("start-after").every());
        assert_eq!(world.refused().await, ["LF-SYNC-LISTING"], "{keys:?}");
        world.sandbox.faults().clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_foretold_wrongly_changes_nothing_but_the_requests() {
    let mut world = World::new().await;
    world.options.manifest = true;
    world.guards.max_deletes = landfall_s3_sync::tree::MaxDeletes::Number(1);
    let files = 1_100;
    for (name, text) in (0..files).map(entry) {
        world.write(&name, &text);
        world.there(&name, &text);
    }
    let other = |number: usize| (format!("{number:06}"), text(number));
    let manifests: [(Vec<(String, String)>, u64); 5] = [
        // None of these keys is there, before or behind all that are.
        ((0..9_000).map(other).collect(), 2 + 8),
        ((0..9_000).map(|number| (format!("x{number:06}"), text(number))).collect(), 2 + 7),
        // Some of them are not named: a page does not reach the next one's beginning, and the one after it is followed.
        ((0..files).filter(|number| number % 20 != 0).map(entry).collect(), 2 + 1),
        // Out of order, it counts for nothing.
        ((0..files).rev().map(entry).collect(), 2),
        // Names that can be no keys.
        ((0..3_000).map(|number| (format!("{number:06}{}", "\n".repeat(1100)), text(number))).collect(), 2),
    ];
    for (round, (manifest, most_lists)) in manifests.into_iter().enumerate() {
        remember(&world, manifest);
        world.there("old.json", "old");
        let lists = world.calls("ListObjectsV2");
        let (plan, _) = world.published().await;
        assert_eq!(told(&plan), ["- old.json"], "{round}");
        assert_eq!(plan.unchanged, files as u64, "{round}");
        assert_eq!(holds(&world), world.files(), "{round}");
        let lists = world.calls("ListObjectsV2") - lists;
        assert!(lists <= most_lists, "{round}: {lists}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_publication_asks_for_the_manifest_once() {
    let mut world = World::new().await;
    world.options.manifest = true;
    for (name, text) in (0..20).map(entry) {
        world.write(&name, text);
    }
    world.published().await;
    // One list, one question for the manifest, and it is written with the files.
    assert_eq!(requests(&world), [1, 0, 1, 21, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_a_manifest_that_may_not_be_read_is_there_the_listing_says() {
    let mut world = World::new().await;
    world.options.manifest = true;
    world.write("a.json", "a");
    let denied = Fault::new(error(403, "AccessDenied")).on(Service::S3).method(http::Method::GET);
    world.sandbox.faults().add(denied.matching(MANIFEST).every());
    let (_, applied) = world.published().await;
    assert!(applied.manifest.is_some(), "it was not there");
    let errors = world.plan().await.expect_err("it is there, and cannot be read");
    let codes: Vec<&str> = errors.iter().map(landfall_artifacts::Explain::code).collect();
    assert_eq!(codes, ["LF-AWS-DENIED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_comes_or_goes_while_objects_are_listed() {
    let all = [Etags::Md5, Etags::Kms, Etags::Unlisted];
    // By one page, and by several that wait for the manifest.
    for (etags, size) in all.into_iter().flat_map(|etags| [(etags, "1000"), (etags, "5")]) {
        let mut world = World::new().await;
        world.options.manifest = true;
        world.options.page_size = size.parse().expect("a size");
        world.sandbox.s3.set_etags(BUCKET, etags);
        for (name, text) in (0..10).map(entry) {
            world.write(&name, text);
        }
        world.published().await;
        let manifest = world.text(MANIFEST).expect("a manifest");
        // It goes when the listing arrives, and another time it comes: read already, or not yet.
        let key = format!("{PREFIX}{MANIFEST}");
        let gone = key.clone();
        world.sandbox.s3.before_call("ListObjectsV2", 1, move |s3| s3.remove(BUCKET, &gone));
        let (plan, applied) = world.published().await;
        assert!(plan.is_empty() && applied.manifest.is_some(), "{etags:?} {:?}", told(&plan));
        world.sandbox.s3.remove(BUCKET, &key);
        world.sandbox.s3.before_call("ListObjectsV2", 1, move |s3| s3.put(BUCKET, &key, manifest.clone()));
        let (plan, _) = world.published().await;
        assert!(plan.is_empty(), "{etags:?} {:?}", told(&plan));
        // Somebody else's objects, while the manifest tells of the ones before.
        let other = format!("{PREFIX}{}", name(3));
        world.sandbox.s3.before_call("ListObjectsV2", 1, move |s3| s3.put(BUCKET, &other, "CONTENT 00003"));
        world.published().await;
        assert_eq!(holds(&world), world.files(), "{etags:?}");
    }
}
