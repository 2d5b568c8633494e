//! Back to the state before, byte by byte, unless somebody else changed it since.

use std::collections::BTreeMap;

use landfall_artifacts::{Class, Digest, Explain as _};
use landfall_s3_sync::tree::{Keep, Labels, RecordedChange, SyncRecord, Undo};
use landfall_sandbox::s3::Etags;
use landfall_sandbox::{Fault, Service};

use crate::{BUCKET, World, error};

const MANIFEST: &str = ".landfall-manifest.json";

fn without_manifest(world: &World) -> State {
    let mut state = state(world);
    state.remove(MANIFEST);
    state
}

fn texts(world: &World) -> BTreeMap<String, String> {
    without_manifest(world).into_iter().map(|(name, (text, _))| (name, text)).collect()
}

/// What the prefix holds, with headers.
type State = BTreeMap<String, (String, BTreeMap<String, String>)>;

fn state(world: &World) -> State {
    let of = |name: String, text: String| {
        let object = world.sandbox.s3.object(BUCKET, &format!("web/{name}")).expect("an object");
        let mut headers = object.headers;
        headers.remove("x-amz-server-side-encryption");
        (name, (text, headers))
    };
    world.holds().into_iter().map(|(name, text)| of(name, text)).collect()
}

/// A world with things that stay, change, come and go; and where old bytes are kept.
async fn world(keep: &str) -> (World, Keep) {
    let world = World::new().await;
    world.ten();
    world.write("f1.json", "CONTENT 1");
    world.sandbox.s3.put_with(
        BUCKET,
        "web/f2.json",
        "old",
        // Neither is as usual: no date, and a name that has the prefix of its own kind once more.
        &[
            ("content-type", "text/x"),
            ("cache-control", "no-store"),
            ("expires", "0"),
            ("x-amz-meta-a", "b"),
            ("x-amz-meta-x-amz-meta-team", "c"),
        ],
    );
    world.write("new.json", "new");
    world.there("old\n1.json", "old");
    world.there("x/old.json", "older");
    let kept = world.folder.path().with_extension("kept");
    world.sandbox.s3.create_bucket("acme-kept");
    let keep = match keep {
        "folder" => Keep::Folder(kept),
        "prefix" => Keep::Prefix("s3://acme-kept/web".parse().expect("an address")),
        "versions" => {
            // What was there before versions were kept has none.
            world.sandbox.s3.keep_versions(BUCKET);
            for (name, text) in world.holds() {
                let object = world.sandbox.s3.object(BUCKET, &format!("web/{name}")).expect("an object");
                let headers: Vec<(&str, &str)> =
                    object.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                world.sandbox.s3.put_with(BUCKET, &format!("web/{name}"), text, &headers);
            }
            Keep::Versions
        }
        _ => Keep::Nothing,
    };
    (world, keep)
}

/// Publishes, and gives the record as it is read from its file.
async fn publish(world: &World, keep: &Keep) -> SyncRecord {
    let (source, plan) = world.plan().await.expect("a plan");
    assert!(world.guards.check(&plan, &source, &world.rules, world.tree().address()).is_empty());
    let record = world
        .tree()
        .keep(&plan, &source, &world.rules, keep, &Labels::default(), &world.run())
        .await
        .expect("kept");
    let applied = world.apply(&source, &plan).await;
    assert!(applied.is_complete(), "{applied:?}");
    let mut bytes = Vec::new();
    record.write(&mut bytes).expect("written");
    SyncRecord::read(&bytes[..]).expect("bytes can be read").expect("a record")
}

async fn undo(world: &World, record: &SyncRecord) -> Undo {
    let undo = world.tree().undo_plan(record, &world.run()).await.expect("a way back");
    let applied = world.tree().undo(&undo, &Labels::default(), &world.run()).await;
    assert!(applied.is_complete(), "{applied:?}");
    undo
}

async fn refused(world: &World, record: &SyncRecord) -> Vec<&'static str> {
    let before = state(world);
    let errors = world.tree().undo_plan(record, &world.run()).await.expect_err("refused");
    assert_eq!(state(world), before);
    errors.iter().map(landfall_artifacts::Explain::code).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_keep_brings_the_same_state_back() {
    for keep in ["folder", "prefix", "versions"] {
        for etags in [Etags::Md5, Etags::Kms] {
            let (world, keep) = world(keep).await;
            world.sandbox.s3.set_etags(BUCKET, etags);
            let before = state(&world);
            let record = publish(&world, &keep).await;
            assert_eq!(texts(&world), world.files());
            let way = undo(&world, &record).await;
            assert_eq!((way.restores.len(), way.removes.len()), (4, 1), "{keep:?}");
            assert_eq!(state(&world), before, "{keep:?} {etags:?}");
            assert!(undo(&world, &record).await.is_empty(), "a second undo has nothing to do");
            world.published().await;
            assert_eq!(texts(&world), world.files(), "and forth again");
            world.beside_is_untouched();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_changed_since_stays() {
    let (world, keep) = world("folder").await;
    let record = publish(&world, &keep).await;
    for (name, text) in [("f1.json", "theirs"), ("new.json", "theirs"), ("x/old.json", "theirs")] {
        let kept = world.text(name);
        world.there(name, text);
        assert_eq!(refused(&world, &record).await, ["LF-SYNC-UNDO"], "{name}");
        match kept {
            Some(text) => world.there(name, &text),
            None => world.sandbox.s3.remove(BUCKET, &format!("web/{name}")),
        }
    }
    undo(&world, &record).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_somebody_else_set_since_stay() {
    let (world, keep) = world("folder").await;
    let record = publish(&world, &keep).await;
    let text = world.text("f1.json").expect("an object");
    let key = "web/f1.json";
    let headers = [("content-type", "application/json"), ("cache-control", "no-cache")];
    world.sandbox.s3.put_with(BUCKET, key, text.clone(), &headers);
    assert_eq!(refused(&world, &record).await, ["LF-SYNC-UNDO"]);
    world.sandbox.s3.put_with(BUCKET, key, text, &headers[..1]);
    undo(&world, &record).await;
}

/// The same bytes have the same ETag under other headers: what the manifest says of them must not outlive an undo.
#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_goes_back_too() {
    let (mut world, keep) = world("folder").await;
    world.options.manifest = true;
    let before = state(&world);
    let record = publish(&world, &keep).await;
    assert!(world.text(MANIFEST).is_some());
    undo(&world, &record).await;
    assert_eq!(state(&world), before, "one that the publication began is gone");
    assert!(undo(&world, &record).await.is_empty(), "and a second undo has nothing to do");

    publish(&world, &keep).await;
    let (before, files) = (without_manifest(&world), world.files());
    world.rules = crate::rules(&landfall_s3_sync::tree::RuleTexts {
        headers: crate::texts(&["f*=Cache-Control: no-cache"]),
        ..Default::default()
    });
    world.write("g.json", "a new one");
    for round in 0..3 {
        let record = publish(&world, &keep).await;
        assert_eq!(record.changes.len(), 11, "{round}: ten headers and a new one");
        let again = publish(&world, &keep).await;
        assert!(again.changes.is_empty(), "{round}: {again:?}");
        undo(&world, &record).await;
        assert_eq!(without_manifest(&world), before, "{round}");
        assert!(world.text(MANIFEST).is_some_and(|text| !text.contains("g.json")), "{round}");
    }
    world.rules = crate::rules(&landfall_s3_sync::tree::RuleTexts::default());
    std::fs::remove_file(world.folder.path().join("g.json")).expect("removed");
    assert!(publish(&world, &keep).await.changes.is_empty(), "all is as before, and known to be");
    assert_eq!(world.files(), files);
}

/// Killed after the last change of an undo and before its manifest: the entries of then are about objects that are older.
#[tokio::test(flavor = "multi_thread")]
async fn headers_of_a_manifest_that_is_older_than_its_object_count_for_nothing() {
    let (mut world, keep) = world("folder").await;
    world.options.manifest = true;
    world.rules = crate::rules(&landfall_s3_sync::tree::RuleTexts {
        headers: crate::texts(&["f*=Cache-Control: no-cache"]),
        ..Default::default()
    });
    let record = publish(&world, &keep).await;
    let fault = Fault::new(error(403, "AccessDenied")).on(Service::S3).method(http::Method::DELETE).every();
    let no_batch = Fault::new(error(403, "AccessDenied")).on(Service::S3).method(http::Method::POST).every();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    world.sandbox.faults().add(fault);
    world.sandbox.faults().add(no_batch);
    let way = world.tree().undo_plan(&record, &world.run()).await.expect("a way back");
    assert!(!world.tree().undo(&way, &Labels::default(), &world.run()).await.is_complete());
    world.sandbox.faults().clear();
    let again = publish(&world, &keep).await;
    let names: Vec<&str> = again.changes.iter().map(|change| &*change.name).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with('f')).count(), 10, "{names:?}");
    assert!(publish(&world, &keep).await.changes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_between_plan_and_undo_is_noticed() {
    let (world, keep) = world("folder").await;
    let record = publish(&world, &keep).await;
    let way = world.tree().undo_plan(&record, &world.run()).await.expect("a way back");
    world.there("f1.json", "theirs");
    let applied = world.tree().undo(&way, &Labels::default(), &world.run()).await;
    assert_eq!(crate::codes(&applied), ["LF-SYNC-CHANGED", "LF-SYNC-WITHHELD"]);
    assert_eq!((world.text("f1.json").as_deref(), world.text("new.json").is_some()), (Some("theirs"), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_kept_or_damaged_is_not_put_back() {
    let (world, nothing) = world("nothing").await;
    let record = publish(&world, &nothing).await;
    let codes = refused(&world, &record).await;
    assert!(!codes.is_empty() && codes.iter().all(|code| *code == "LF-SYNC-UNDO"), "{codes:?}");

    let (world, keep) = self::world("folder").await;
    let record = publish(&world, &keep).await;
    let Keep::Folder(folder) = &keep else { panic!("a folder") };
    let before = state(&world);
    let way = world.tree().undo_plan(&record, &world.run()).await.expect("a way back");
    for file in std::fs::read_dir(folder).expect("kept") {
        std::fs::write(file.expect("a file").path(), "damaged").expect("written");
    }
    let applied = world.tree().undo(&way, &Labels::default(), &world.run()).await;
    assert_eq!(crate::codes(&applied), ["LF-SYNC-UNDO", "LF-SYNC-WITHHELD"]);
    assert_eq!(state(&world), before, "also where it is damaged after it was looked at");
    assert_eq!(refused(&world, &record).await, ["LF-SYNC-UNDO"; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_of_the_old_objects_is_gone_or_damaged_none_is_put_back() {
    for keep in ["folder", "prefix", "versions"] {
        for is_gone in [true, false] {
            let (world, keep) = world(keep).await;
            let mut record = publish(&world, &keep).await;
            let of_one = |change: &&mut RecordedChange| &*change.name == "x/old.json";
            let change = record.changes.iter_mut().find(of_one).expect("it was deleted");
            let before = change.before.as_mut().expect("it was there");
            let kept = before.kept.clone().expect("it was kept");
            let key = format!("web/{kept}");
            match (&keep, is_gone) {
                (Keep::Folder(folder), true) => std::fs::remove_file(folder.join(kept)).expect("removed"),
                (Keep::Folder(folder), false) => {
                    std::fs::write(folder.join(kept), "OLDER").expect("written");
                }
                (Keep::Prefix(_), true) => world.sandbox.s3.remove("acme-kept", &key),
                (Keep::Prefix(_), false) => world.sandbox.s3.put("acme-kept", &key, "OLDER"),
                (Keep::Versions, true) => before.kept = Some("0".repeat(32)),
                (Keep::Versions, false) => before.sha256 = Some(Digest::of(b"OLDER")),
                (Keep::Nothing, _) => panic!("it was kept"),
            }
            assert_eq!(refused(&world, &record).await, ["LF-SYNC-UNDO"], "{keep:?}, gone: {is_gone}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_too_large_for_memory_is_put_back() {
    let (world, _) = world("versions").await;
    let large = 64 * 1024 * 1024 + 1;
    world.write("large.bin", vec![b'x'; large]);
    world.published().await;
    world.write("large.bin", "small");
    let record = publish(&world, &Keep::Versions).await;
    undo(&world, &record).await;
    let back = world.sandbox.s3.object(BUCKET, "web/large.bin").expect("an object");
    assert!(back.bytes.len() == large && back.bytes.iter().all(|byte| *byte == b'x'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_cannot_lead_out_of_its_folder() {
    let (world, keep) = world("folder").await;
    let mut record = publish(&world, &keep).await;
    for change in &mut record.changes {
        if let Some(before) = &mut change.before {
            before.kept = Some("../../../etc/hostname".to_owned());
        }
    }
    assert_eq!(refused(&world, &record).await, ["LF-SYNC-UNDO"; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_published_where_something_cannot_be_kept() {
    let (world, _) = world("nothing").await;
    let (source, plan) = world.plan().await.expect("a plan");
    let keep = async |keep: &Keep| {
        let kept =
            world.tree().keep(&plan, &source, &world.rules, keep, &Labels::default(), &world.run()).await;
        let errors = kept.expect_err("refused");
        errors.iter().map(landfall_artifacts::Explain::code).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(keep(&Keep::Versions).await.into_iter().collect::<Vec<_>>(), ["LF-SYNC-KEEP"]);
    let denied = Fault::new(error(403, "AccessDenied")).on(Service::S3).matching("/acme-kept/").every();
    world.sandbox.faults().add(denied);
    let prefix = Keep::Prefix("s3://acme-kept/web".parse().expect("an address"));
    assert_eq!(keep(&prefix).await.into_iter().collect::<Vec<_>>(), ["LF-AWS-DENIED"]);
    let file = world.folder.path().join("f0.json");
    assert_eq!(keep(&Keep::Folder(file)).await.into_iter().collect::<Vec<_>>(), ["LF-SYNC-KEEP"]);
    world.there("f1.json", "theirs");
    let folder = Keep::Folder(world.folder.path().with_extension("kept"));
    assert_eq!(keep(&folder).await.into_iter().collect::<Vec<_>>(), ["LF-SYNC-CHANGED"]);
}

/// Half a publication, carried on by the next: the undo goes back to before the first.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_takes_back_both_tries() {
    let (world, keep) = world("folder").await;
    let before = state(&world);
    let (source, plan) = world.plan().await.expect("a plan");
    let tree = world.tree();
    let first =
        tree.keep(&plan, &source, &world.rules, &keep, &Labels::default(), &world.run()).await.expect("kept");
    let denied =
        Fault::new(error(403, "AccessDenied")).on(Service::S3).method(http::Method::PUT).matching("f2.json");
    world.sandbox.faults().add(denied);
    assert!(!world.apply(&source, &plan).await.is_complete());
    let second = publish(&world, &keep).await.carrying_on(Some(first));
    assert_eq!(world.holds(), world.files());
    undo(&world, &second).await;
    assert_eq!(state(&world), before);
}

/// One upload fails since somebody else wrote there, and what they put is taken over: it is theirs, and all else goes back.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_made_does_not_stand_in_the_way_of_an_undo() {
    for is_all_made_otherwise in [false, true] {
        let (mut world, keep) = world("folder").await;
        world.options.delete = !is_all_made_otherwise;
        let mut before = state(&world);
        let (source, plan) = world.plan().await.expect("a plan");
        let (tree, run, labels) = (world.tree(), world.run(), Labels::default());
        let first = tree.keep(&plan, &source, &world.rules, &keep, &labels, &run).await.expect("kept");
        let denied = Fault::new(error(403, "AccessDenied")).on(Service::S3).method(http::Method::PUT);
        world.sandbox.faults().add(denied.matching("f1.json"));
        assert!(!world.apply(&source, &plan).await.is_complete());
        world.there("f1.json", "theirs");
        world.write("f1.json", "theirs");
        before.insert("f1.json".to_owned(), state(&world).remove("f1.json").expect("an object"));

        let (_, next) = world.plan().await.expect("a plan");
        assert_eq!(next.is_empty(), is_all_made_otherwise);
        let standing = tree.standing(first.clone(), &next, &run).await.expect("looked at");
        assert_eq!(standing.changes.len(), first.changes.len() - 1);
        // Where nothing is left to be made the record of the first run is the one that is closed.
        let record = if is_all_made_otherwise {
            standing
        } else {
            publish(&world, &keep).await.carrying_on(Some(standing))
        };
        undo(&world, &record).await;
        assert_eq!(state(&world), before);
    }
}

/// What neither its SHA-256 nor its ETag tell is not taken for somebody else's: the record keeps it, and an undo refuses by its name.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_stays_in_the_record() {
    let (world, keep) = world("folder").await;
    world.sandbox.s3.set_etags(BUCKET, Etags::Parts);
    let record = publish(&world, &keep).await;
    let blind = landfall_sandbox::What::remove_header("x-amz-checksum-sha256");
    world.sandbox.faults().add(Fault::new(blind).on(Service::S3).method(http::Method::HEAD).every());
    let nothing = landfall_s3_sync::tree::Plan::default();
    let standing = world.tree().standing(record.clone(), &nothing, &world.run()).await.expect("looked at");
    assert_eq!(standing, record);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_found_beside_the_old_bytes() {
    let (world, keep) = world("prefix").await;
    let Keep::Prefix(below) = &keep else { panic!("a prefix") };
    let (tree, run, labels) = (world.tree(), world.run(), Labels::default());
    let (mut first, none) = tree.record_copy(below, &run).await.expect("looked for");
    assert_eq!(none, None);
    let record = publish(&world, &keep).await;
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("record.json");
    let write = |record: &SyncRecord| {
        record.write(&mut std::fs::File::create(&file).expect("made")).expect("written");
    };
    write(&record);
    first.put(&file, &labels, &run).await.expect("put");
    let (mut second, found) = tree.record_copy(below, &run).await.expect("looked for");
    assert_eq!(found.as_ref(), Some(&record));
    let closed = SyncRecord { is_complete: true, ..record };
    write(&closed);
    second.put(&file, &labels, &run).await.expect("put");
    assert_eq!(tree.record_copy(below, &run).await.expect("looked for").1, Some(closed.clone()));

    // Of two runs that do not know of each other the later one changes nothing.
    write(&SyncRecord { time: "2026-11-22T10:00:00Z".to_owned(), ..closed });
    let error = first.put(&file, &labels, &run).await.expect_err("refused");
    assert_eq!(error.code(), "LF-SYNC-CHANGED");
    assert_eq!(error.class(), Class::Refused, "CI does not begin the job again by itself");
    let denied = Fault::new(crate::error(403, "AccessDenied")).on(Service::S3).method(http::Method::GET);
    world.sandbox.faults().add(denied.matching("records/"));
    let (mut blind, none) = tree.record_copy(below, &run).await.expect("looked for");
    assert_eq!(none, None, "who may not look hears what is said of a key that is not there");
    assert_eq!(blind.put(&file, &labels, &run).await.expect_err("refused").code(), "LF-SYNC-CHANGED");
    let key = format!("web/records/{BUCKET}/web/s3-sync-record.json");
    assert!(world.sandbox.s3.object("acme-kept", &key).is_some());
    world.sandbox.s3.put("acme-kept", &key, "{");
    assert_eq!(tree.record_copy(below, &run).await.expect_err("refused").code(), "LF-SYNC-KEEP");
}
