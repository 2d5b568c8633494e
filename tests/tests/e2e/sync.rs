//! Configuration that is published to a bucket, and taken back.

use std::collections::BTreeMap;

use landfall_artifacts::EventKind;
use landfall_cli::exit;
use landfall_sandbox::{Fault, Service, What};

use crate::bad_input::refused;
use crate::recorded;
use crate::snapshot::page;
use crate::world::World;

const BUCKET: &str = "app-native-config-stg";

impl World {
    /// A bucket of configuration that a folder is to be published to: something new, changed, and without a file.
    pub(crate) fn has_configuration(&mut self) {
        self.has_aws_keys();
        self.set("PLATFORM", "web");
        self.sandbox.s3.create_bucket(BUCKET);
        for (name, text) in [("same.json", "{}"), ("changed.json", "{\n  \"a\": 1\n}\n")] {
            self.sandbox.s3.put_with(
                BUCKET,
                &format!("web/{name}"),
                text,
                &[("content-type", "application/json")],
            );
        }
        for name in ["old-1.json", "old-2.json"] {
            self.sandbox.s3.put_with(
                BUCKET,
                &format!("web/{name}"),
                "old\n",
                &[("content-type", "application/json")],
            );
        }
        self.sandbox.s3.put(BUCKET, "web-old/a", "theirs");
        self.sandbox.s3.put(BUCKET, "web/prod/a.json", "theirs");
        self.write("merged-files/same.json", "{}");
        self.write("merged-files/changed.json", "{\n  \"a\": 2\n}\n");
        self.write("merged-files/x/new.toml", "b = 1\n");
        self.write("merged-files/.hidden", "x");
        self.write("merged-files/prod/b.json", "{}");
    }

    /// What the prefix holds, by name; and that what stands beside it is as it was.
    pub(crate) fn configured(&self) -> BTreeMap<String, String> {
        let text = |key: &str| {
            let object = self.sandbox.s3.object(BUCKET, key).expect("an object");
            String::from_utf8_lossy(&object.bytes).into_owned()
        };
        assert_eq!((text("web-old/a"), text("web/prod/a.json")), ("theirs".to_owned(), "theirs".to_owned()));
        let keys = self.sandbox.s3.keys(BUCKET);
        let below = keys.iter().filter_map(|key| Some((key.strip_prefix("web/")?, key)));
        below.map(|(name, key)| (name.to_owned(), text(key))).collect()
    }
}

async fn world() -> World {
    let mut world = World::small().await;
    world.has_configuration();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_shown_published_left_alone_and_taken_back() {
    let world = world().await;
    let before = world.configured();
    let words = ["s3-sync", "--delete", "--keep-old", "kept"];
    let ran = refused(&world, &[&words[..], &["--dry-run", "--diff"]].concat(), 0).await;
    insta::assert_snapshot!(ran.stdout.trim_end(), @r#"
    --- a/changed.json
    +++ b/changed.json
    @@ -1,3 +1,3 @@
     {
    -  "a": 1
    +  "a": 2
     }
    --- /dev/null
    +++ b/x/new.toml
    @@ -0,0 +1 @@
    +b = 1
    --- a/old-1.json
    +++ /dev/null
    @@ -1 +0,0 @@
    -old
    --- a/old-2.json
    +++ /dev/null
    @@ -1 +0,0 @@
    -old
    - old-1.json  4 B
    - old-2.json  4 B
    ~ changed.json  13 B, other bytes
    + x/new.toml  6 B
    2 would be uploaded (19 B), 2 deleted, 1 unchanged, 1 left out by rules; s3://app-native-config-stg/web/
    "#);
    assert_eq!(world.configured(), before);

    let ran = world.run(&words).await.expect(0);
    assert!(
        ran.stdout.contains(
            "2 uploaded, 2 deleted, 1 unchanged, 1 left out by rules; s3://app-native-config-stg/web/"
        ),
        "{}",
        ran.stdout
    );
    let after = world.configured();
    let names: Vec<&str> = after.keys().map(String::as_str).collect();
    assert_eq!(names, ["changed.json", "prod/a.json", "same.json", "x/new.toml"]);
    let requests = &ran.report()["requests"];
    assert_eq!((&requests["s3.ListObjectsV2"], &requests["s3.DeleteObjects"]), (&1.into(), &1.into()));
    let ran = world.run(&[&words[..], &["--dry-run", "--page-size", "3"]].concat()).await.expect(0);
    assert_eq!(ran.report()["requests"]["s3.ListObjectsV2"], 2, "four objects");
    let events = recorded::events(world.path(".landfall/ledger"));
    let kinds: Vec<EventKind> = events.iter().map(|event| event.kind).collect();
    assert!(kinds.contains(&EventKind::Sync) && kinds.contains(&EventKind::Intent), "{kinds:?}");
    assert_eq!(world.run(&words).await.expect(0).outcome(), "nothing-to-do");

    let undo = ["s3-sync", "--undo", "s3-sync-record.json"];
    let ran = world.run(&[&undo[..], &["--dry-run"]].concat()).await.expect(0);
    assert!(ran.stdout.contains("3 would be put back, 1 deleted, 0 are as before"), "{}", ran.stdout);
    world.run(&undo).await.expect(0);
    assert_eq!(world.configured(), before, "exactly the state before");
    assert_eq!(world.run(&undo).await.expect(0).outcome(), "nothing-to-do");
    world.run(&words).await.expect(0);
    assert_eq!(world.configured(), after);
    world.sandbox.s3.put(BUCKET, "web/changed.json", "theirs");
    let ran = world.run(&[&undo[..], &["--quiet"]].concat()).await.expect(i32::from(exit::REFUSED));
    page!(ran.page(&world), @r"
    error[LF-SYNC-UNDO] exit 3
      s3://app-native-config-stg/web/changed.json was changed by somebody else since that publication
      next: find out who wrote there: what they put would be lost; publish what is meant from git instead, or put the rest back by hand

    nothing was changed
    exit 3
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn production_has_its_own_folders() {
    let mut world = world().await;
    world.write(
        "landfall.toml",
        "[environment.prod_eu00]\nkind = \"production\"\n[environment.stg_eu00]\nkind = \"staging\"\n",
    );
    world.set("CI_ENVIRONMENT_NAME", "prod_eu00");
    let ran = world.run(&["s3-sync", "--dry-run"]).await.expect(0);
    assert!(ran.items().contains(&("prod/b.json".to_owned(), "planned".to_owned())), "{:?}", ran.items());
    world.set("CI_ENVIRONMENT_NAME", "stg_eu00");
    let ran = world.run(&["s3-sync", "--dry-run"]).await.expect(0);
    assert!(!ran.items().iter().any(|(name, _)| name.starts_with("prod")), "{:?}", ran.items());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_is_found_or_its_candidates_are_told() {
    let mut world = world().await;
    let ran = world.run(&["list-buckets"]).await.expect(0);
    insta::assert_snapshot!(ran.stdout.lines().take(2).collect::<Vec<_>>().join("\n"), @r"
    acme-releases          eu-west-1
    app-native-config-stg  eu-west-1
    ");
    assert!(
        ran.stdout.contains("2 buckets in account 111122223333, asked in eu-west-1 as arn:aws:"),
        "{}",
        ran.stdout
    );
    world.sandbox.s3.create_bucket("other-native-config");
    let ran = refused(&world, &["s3-sync", "--delete"], i32::from(exit::REFUSED)).await;
    page!(ran.page(&world), @r"
    error[LF-SYNC-BUCKET] exit 3
      2 buckets in account 111122223333 (asked in eu-west-1) have `native-config` in their names: app-native-config-stg, other-native-config
      next: name the one that is meant: NATIVE_BUCKET, or s3://bucket/prefix

    nothing was changed
    exit 3
    ");
    let ran = refused(&world, &["s3-sync", "--bucket-contains", "nowhere"], i32::from(exit::REFUSED)).await;
    assert_eq!(ran.codes(), ["LF-SYNC-BUCKET"]);
    world.set("NATIVE_BUCKET", BUCKET);
    world.run(&["s3-sync", "--delete"]).await.expect(0);
    world.sandbox.s3.create_bucket_of("999999999999", "their-native-config");
    let ran = refused(&world, &["s3-sync", "merged-files", "s3://their-native-config/web"], 3).await;
    assert_eq!(ran.codes(), ["LF-AWS-DENIED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_deletes_nothing() {
    let mut world = world().await;
    for number in 0..60 {
        world.sandbox.s3.put(BUCKET, &format!("web/many/{number}"), "x");
    }
    let before = world.configured();
    let ran = refused(&world, &["s3-sync", "--delete"], i32::from(exit::REFUSED)).await;
    page!(ran.page(&world), @r"
    error[LF-SYNC-DELETES] exit 3
      62 of the 64 objects below s3://app-native-config-stg/web/ would be deleted, and 6 may be; merged-files holds 3 files
      next: check the folder; if all of it is meant, look at --dry-run and go on with --expect-deletes 62

    nothing was changed
    exit 3
    ");
    std::fs::create_dir(world.path("empty")).expect("made");
    let ran = refused(&world, &["s3-sync", "empty", "--delete", "--expect-deletes", "64"], 3).await;
    page!(ran.page(&world), @r"
    error[LF-SYNC-EMPTY] exit 3
      empty holds no file to be published, and --delete would delete all 64 objects below s3://app-native-config-stg/web/
      next: check the folder and the rules; this stage never empties a prefix

    nothing was changed
    exit 3
    ");
    for (words, code, wanted) in [
        (&["missing", "--delete"][..], 2, "LF-SYNC-SOURCE"),
        (&["--delete", "--expect-deletes", "61"], 3, "LF-SYNC-DELETES"),
        (&["--delete", "--expect-deletes", "62", "--protect", "old-*"], 3, "LF-SYNC-PROTECTED"),
        (&["--expect-deletes", "62"], 2, "LF-CONFIG"),
        (&["--delete", "--max-delete", "many"], 2, "LF-CONFIG"),
        (&["--exclude", "["], 2, "LF-CONFIG"),
        (&["--page-size", "0"], 2, "LF-CONFIG"),
        (&["--page-size", "8001"], 2, "LF-CONFIG"),
        (&["--undo", "none.json"], 2, "LF-FILE-MISSING"),
        (&["--record", "merged-files/record.json"], 2, "LF-SYNC-PLACE"),
        (&["--keep-old", "merged-files/kept"], 2, "LF-SYNC-PLACE"),
        (&["--keep-old", "s3://app-native-config-stg/web/kept"], 2, "LF-SYNC-PLACE"),
        (&["--keep-old", "versions"], 3, "LF-SYNC-KEEP"),
    ] {
        let ran = refused(&world, &[&["s3-sync"], words].concat(), code).await;
        assert_eq!(ran.codes(), [wanted], "{words:?}");
    }
    assert_eq!(world.configured(), before);
    world.unset("PLATFORM");
    let ran = refused(&world, &["s3-sync", "--delete", "--expect-deletes", "66"], 3).await;
    assert!(ran.codes().contains(&"LF-SYNC-PREFIX"), "{:?}", ran.codes());
    world.set("PLATFORM", "web");
    world.run(&["s3-sync", "--delete", "--expect-deletes", "62"]).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_changes_meanwhile_is_no_reason_to_begin_again() {
    let world = world().await;
    world
        .sandbox
        .s3
        .before_call("PutObject", 1, |s3| s3.put("app-native-config-stg", "web/changed.json", "theirs"));
    let ran = world.run(&["s3-sync", "--exclude", "x/", "--quiet"]).await.expect(i32::from(exit::REFUSED));
    page!(ran.page(&world), @r"
    error[LF-SYNC-CHANGED] exit 3
      s3://app-native-config-stg/web/changed.json was changed by somebody else meanwhile: it is another one than was listed
      next: find out who else writes there, then run again: it plans anew by what is there now

    nothing was changed
    exit 3
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_upload_that_fails_keeps_everything_from_being_deleted() {
    let world = world().await;
    let denied = || {
        What::status(403)
            .header("content-type", "application/xml")
            .body("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
    };
    world.sandbox.faults().add(Fault::new(denied()).on(Service::S3).matching("x/new.toml").every());
    let ran = world.run(&["s3-sync", "--delete", "--quiet"]).await.expect(i32::from(exit::PARTIAL));
    page!(ran.page(&world), @r"
    error[LF-AWS-DENIED] exit 6
      cannot write s3://app-native-config-stg/web/x/new.toml
      caused by: s3 PutObject was denied (403 AccessDenied): Access Denied
      next: allow s3:PutObject in the role's policy, and check the bucket's owner and policy; see docs/access.md

    error[LF-SYNC-WITHHELD] exit 6
      nothing was deleted, since 1 changes before that were not made
      next: mend what the other messages name, then run again: it does what is left

    what was changed (1):
      changed.json: uploaded
    exit 6
    ");
    assert!(world.configured().contains_key("old-1.json"));
    world.sandbox.faults().clear();
    // What was kept of it is known by its record alone.
    let kept = ["s3-sync", "--delete", "--keep-old", "kept"];
    world.sandbox.faults().add(Fault::new(denied()).on(Service::S3).matching("x/new.toml").every());
    world.write("merged-files/changed.json", "another");
    world.run(&kept).await.expect(i32::from(exit::PARTIAL));
    world.sandbox.faults().clear();
    let ran = refused(&world, &["s3-sync", "--delete"], 3).await;
    page!(ran.page(&world), @r"
    error[LF-SYNC-UNFINISHED] exit 3
      s3-sync-record.json is the record of a publication to s3://app-native-config-stg/web/ that was not completed
      next: publish there again with the same --keep-old, which completes it; or take it back by --undo; or give another file by --record

    nothing was changed
    exit 3
    ");
    world.run(&kept).await.expect(0);
    assert!(!world.configured().contains_key("old-1.json"));
}

/// The machine of a half-made publication is gone, and the record with it: the next run finds it beside the old bytes.
#[tokio::test(flavor = "multi_thread")]
async fn a_publication_is_carried_on_from_another_machine() {
    let world = world().await;
    world.sandbox.s3.create_bucket("acme-kept");
    let before = world.configured();
    let words = ["s3-sync", "--delete", "--keep-old", "s3://acme-kept/stg"];
    let denied = What::status(403)
        .header("content-type", "application/xml")
        .body("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>");
    world.sandbox.faults().add(Fault::new(denied).on(Service::S3).matching("x/new.toml").every());
    world.run(&words).await.expect(i32::from(exit::PARTIAL));
    world.sandbox.faults().clear();
    std::fs::remove_file(world.path("s3-sync-record.json")).expect("removed");
    let ran = world.run(&words).await.expect(0);
    assert!(ran.stderr.contains("carrying on the publication of "), "{}", ran.stderr);
    assert_eq!(world.json("s3-sync-record.json")["isComplete"], true);
    world.run(&["s3-sync", "--undo", "s3-sync-record.json"]).await.expect(0);
    assert_eq!(world.configured(), before, "what was before both tries");
}

/// Everything is made but the manifest, twice: the report tells of no file that is not as it says, and the third run closes the record.
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_cannot_be_written_leaves_the_record_open() {
    let world = world().await;
    let words = ["s3-sync", "--delete", "--keep-old", "kept", "--manifest"];
    let denied = What::status(403)
        .header("content-type", "application/xml")
        .body("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>");
    let fault = Fault::new(denied).on(Service::S3).method(http::Method::PUT).matching("manifest").every();
    world.sandbox.faults().add(fault);
    for round in 0..2 {
        let ran = world.run(&words).await;
        assert_ne!(ran.code, Some(0), "{round}: {}", ran.stdout);
        assert_eq!(world.json("s3-sync-record.json")["isComplete"], false, "{round}");
    }
    world.sandbox.faults().clear();
    world.run(&words).await.expect(0);
    assert_eq!(world.json("s3-sync-record.json")["isComplete"], true);
}

/// Peak memory of a run, in KiB, as the system counts it.
async fn peak_kib(world: &World, words: &[&str]) -> u64 {
    let running = world.start(words, None).await;
    let status = format!("/proc/{}/status", running.pid());
    let watch = tokio::spawn(async move {
        let mut peak = 0;
        while let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let now = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
            let Some(now) = now else { break };
            peak = now;
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        peak
    });
    running.end().await.expect(0);
    watch.await.expect("watched")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_objects_need_little_memory() {
    // What the program itself takes, which is not optimised here, is the same for one object.
    let one = world().await;
    one.write("merged-files/one/a.json", "{}");
    let alone = peak_kib(&one, &["s3-sync", "merged-files/one", "--delete"]).await;

    let mut world = world().await;
    world.set("PLATFORM", "many");
    let text = |number: u32| format!("{{\"number\": {number}}}");
    for number in 0..100_000_u32 {
        let name = format!("jurisdiction-{:03}/feature-{number:06}.json", number % 400);
        let path = world.path("merged-files/many").join(&name);
        if number < 400 {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        }
        std::fs::write(path, text(number)).expect("written");
        world.sandbox.s3.put(BUCKET, &format!("many/{name}"), text(number));
    }
    world.write("merged-files/many/jurisdiction-000/feature-000000.json", "{\"number\": X}");
    world.sandbox.s3.put(BUCKET, "many/old.json", "old");
    let peak = peak_kib(&world, &["s3-sync", "merged-files/many", "--delete"]).await;
    // The goal is 64 MiB for all of it, of which the program takes 20 at most where it is optimised.
    assert!(alone > 0 && peak <= alone + 44 * 1024, "{peak} KiB, and {alone} KiB for one object");
    println!("{peak} KiB at most for 100,000 objects, {alone} KiB for one");
    assert_eq!(world.sandbox.s3.calls("ListObjectsV2"), 101);
    assert_eq!((world.sandbox.s3.calls("PutObject"), world.sandbox.s3.calls("DeleteObjects")), (1, 1));
}
