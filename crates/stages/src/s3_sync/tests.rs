//! What the ledger says of publications, also where it could not be told at first.

use std::path::PathBuf;

use landfall_artifacts::{EffectResult, EventKind, LedgerEvent};
use landfall_aws::{AwsConfig, AwsKeys, Endpoints};
use landfall_ledger::Ledger;
use landfall_run::{Clock, Run, Share};
use landfall_s3_sync::tree::{
    Applied, Change, ChangeResult, Etag, Extra, Guards, Keep, Listed, Plan, PlanOptions, Put, RuleTexts,
    Rules, SyncRecord, Tree, Why,
};
use landfall_sandbox::{Fault, Sandbox, SandboxOptions, Service, What};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use tempfile::TempDir;

use super::{Config, read_record, run, run_undo};
use crate::{Finished, Output, Target};

const BUCKET: &str = "acme-native-config";
const LEDGER: &str = "acme-ledger";

struct World {
    sandbox: Sandbox,
    folder: TempDir,
    config: Config,
    tree: Tree,
    ledger: Ledger,
}

impl World {
    async fn new() -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.expect("the sandbox starts");
        sandbox.s3.create_bucket(BUCKET);
        sandbox.s3.create_bucket(LEDGER);
        sandbox.s3.put_with(BUCKET, "web/a.json", "1", &[("content-type", "application/json")]);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("files")).expect("made");
        std::fs::write(folder.path().join("files/a.json"), "2").expect("written");
        let keys = sandbox.static_keys();
        let keys = AwsKeys::new(&keys.access_key_id, Secret::new(&keys.secret_access_key), None);
        let endpoints = Endpoints { s3: Some(sandbox.url(Service::S3)), ..Endpoints::default() };
        let http = Http::new(HttpConfig::default()).expect("a client");
        let aws = AwsConfig::new(&sandbox.options().region, keys, endpoints, http).expect("usable");
        let address = format!("s3://{BUCKET}/web").parse().expect("an address");
        let owner = sandbox.options().account.parse().ok();
        let tree = Tree::new(&aws, address, owner, Share::default()).expect("a tree");
        let place = format!("s3://{LEDGER}/app").parse().expect("a place");
        let requests = Run::builder().clock(Clock::system()).build();
        let ledger = Ledger::unchecked_s3(&aws, &place, None, requests, Ledger::reader()).expect("a ledger");
        let config = Config {
            target: Target::default(),
            folder: folder.path().join("files"),
            rules: Rules::new(&RuleTexts::default()).expect("rules"),
            options: PlanOptions::default(),
            guards: Guards::default(),
            keep: Keep::Folder(folder.path().join("kept")),
            record: folder.path().join(SyncRecord::FILE_NAME),
            diff: false,
        };
        Self { sandbox, folder, config, tree, ledger }
    }

    async fn publish(&self) -> Finished {
        let run_ = Run::builder().build();
        run(&self.config, &self.tree, &self.ledger, &Output::Real, &run_).await.expect("not refused")
    }

    async fn undo(&self) -> Finished {
        let record: SyncRecord = read_record(&self.config.record).expect("a record");
        let (run, of) = (Run::builder().build(), (&record, self.config.record.as_path()));
        let undone = run_undo(&self.config.target, of, &self.tree, &self.ledger, &Output::Real, &run).await;
        undone.expect("not refused")
    }

    /// Nothing can be written to the ledger.
    fn holds_the_ledger(&self) {
        let fault = Fault::new(What::status(403)).on(Service::S3).method(http::Method::PUT);
        self.sandbox.faults().add(fault.matching(LEDGER).every());
    }

    /// The record as a run leaves it that was killed before it closed it.
    fn opens_the_record(&self) {
        let text = std::fs::read_to_string(&self.config.record).expect("read");
        let open = text.replace("\"isComplete\": true", "\"isComplete\": false");
        assert_ne!(open, text);
        std::fs::write(&self.config.record, open).expect("written");
    }

    fn is_complete(&self) -> bool {
        read_record::<serde::de::IgnoredAny>(&self.config.record).expect("a record").is_complete
    }

    /// How each `sync` ended, oldest first, and whether it was an undo.
    async fn told(&self) -> Vec<(Option<EffectResult>, bool)> {
        let events = self.ledger.events().await.expect("the chain holds");
        let told = |event: &LedgerEvent| (event.outcome, event.details.contains_key("undoes"));
        events.iter().filter(|event| event.kind == EventKind::Sync).map(told).collect()
    }
}

/// Old bytes are kept below a prefix, with a copy of the record; the next run is on another machine and finds that as a run leaves it
/// that was killed before it closed it.
impl World {
    async fn kept_below_a_prefix() -> Self {
        let mut world = Self::new().await;
        world.sandbox.s3.create_bucket(KEPT);
        world.config.keep = Keep::Prefix(format!("s3://{KEPT}/old").parse().expect("an address"));
        world
    }

    fn goes_elsewhere(&self) {
        std::fs::remove_file(&self.config.record).expect("removed");
        let copy = format!("old/records/{BUCKET}/web/{}", SyncRecord::FILE_NAME);
        let bytes = self.sandbox.s3.object(KEPT, &copy).expect("a copy").bytes;
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        let open = text.replace("\"isComplete\": true", "\"isComplete\": false");
        assert_ne!(open, text);
        self.sandbox.s3.put_with(KEPT, &copy, open, &[("content-type", "application/json")]);
    }

    fn writes(&self, text: &str) {
        std::fs::write(self.folder.path().join("files/a.json"), text).expect("written");
    }

    fn holds(&self) -> String {
        let bytes = self.sandbox.s3.object(BUCKET, "web/a.json").expect("there").bytes;
        String::from_utf8(bytes.to_vec()).expect("text")
    }
}

const KEPT: &str = "acme-kept";

const PUBLISHED: (Option<EffectResult>, bool) = (Some(EffectResult::Done), false);
const TAKEN_BACK: (Option<EffectResult>, bool) = (Some(EffectResult::Done), true);

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_that_could_not_be_recorded_is_recorded_by_the_next_run() {
    let world = World::new().await;
    world.holds_the_ledger();
    let finished = world.publish().await;
    assert_eq!(finished.problems.len(), 1, "{finished:?}");
    assert_eq!(world.sandbox.s3.object(BUCKET, "web/a.json").expect("there").bytes, "2");
    assert!(!world.is_complete(), "what is not on record is not over");
    world.sandbox.faults().clear();

    let finished = world.publish().await;
    assert!(finished.problems.is_empty(), "{finished:?}");
    assert_eq!(world.told().await, [PUBLISHED]);
    assert!(world.is_complete());
    world.publish().await;
    // Killed between the ledger's record and the end of its own: it is not told twice.
    world.opens_the_record();
    world.publish().await;
    assert!(world.is_complete());
    assert_eq!(world.told().await, [PUBLISHED]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_could_not_be_recorded_is_recorded_by_the_next_run() {
    let world = World::new().await;
    world.publish().await;
    world.holds_the_ledger();
    let finished = world.undo().await;
    assert_eq!(finished.problems.len(), 1, "{finished:?}");
    assert_eq!(world.sandbox.s3.object(BUCKET, "web/a.json").expect("there").bytes, "1");
    world.sandbox.faults().clear();
    assert_eq!(world.told().await, [PUBLISHED], "it says that the publication stands");

    for _ in 0..2 {
        let finished = world.undo().await;
        assert!(finished.problems.is_empty(), "{finished:?}");
        assert_eq!(world.told().await, [PUBLISHED, TAKEN_BACK]);
    }
    // What another publication replaced is not taken back once more.
    let before: PathBuf = world.folder.path().join("before.json");
    std::fs::copy(&world.config.record, &before).expect("kept");
    world.publish().await;
    world.undo().await;
    std::fs::copy(&before, &world.config.record).expect("brought back");
    world.undo().await;
    assert_eq!(world.told().await, [PUBLISHED, TAKEN_BACK, PUBLISHED, TAKEN_BACK]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_knows_to_be_made_is_not_carried_on() {
    let world = World::kept_below_a_prefix().await;
    world.publish().await;
    world.goes_elsewhere();
    world.writes("3");
    world.publish().await;
    world.undo().await;
    assert_eq!(world.holds(), "2", "one publication is taken back, not two");
    assert_eq!(world.told().await, [PUBLISHED, PUBLISHED, TAKEN_BACK]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_is_not_told_as_made() {
    let world = World::kept_below_a_prefix().await;
    world.publish().await;
    world.undo().await;
    world.goes_elsewhere();
    world.writes("1");
    world.publish().await;
    assert_eq!(world.told().await, [PUBLISHED, TAKEN_BACK]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_that_others_carry_on_is_named_by_theirs() {
    let world = World::new().await;
    world.holds_the_ledger();
    world.publish().await;
    world.sandbox.faults().clear();
    let first: SyncRecord = read_record(&world.config.record).expect("a record");
    world.writes("3");
    world.publish().await;
    assert_eq!(world.told().await, [PUBLISHED]);
    let events = world.ledger.events().await.expect("the chain holds");
    let event = events.iter().find(|event| event.kind == EventKind::Sync).expect("told");
    assert_eq!(event.details.get("carriesOn").and_then(|told| told.as_str()), Some(&*first.time));
    world.undo().await;
    assert_eq!(world.holds(), "1", "what was before both");
}

#[tokio::test]
async fn a_report_that_is_too_long_has_all_deletions() {
    let world = World::new().await;
    let mut plan = Plan::default();
    let put =
        |number| Put { name: format!("{number:05}").into(), size_bytes: 1, why: Why::New, before: None };
    plan.puts = (0..10_050).map(put).collect();
    let listed = Listed { size_bytes: 1, etag: Etag::Missing, modified: 0 };
    plan.deletes = ["old-1", "old-2"].map(|name| Extra { name: name.into(), listed: listed.clone() }).into();
    let made = || ChangeResult {
        change: Change::Made,
        etag: None,
        sha256: None,
        is_etag_opaque: false,
        error: None,
    };
    let applied = Applied {
        puts: plan.puts.iter().map(|_| made()).collect(),
        deletes: plan.deletes.iter().map(|_| made()).collect(),
        ..Applied::default()
    };
    let (run, mut finished) = (Run::builder().build(), Finished::default());
    super::shown::report(plan, applied, &world.tree, &run, &mut finished);
    let told = |name: &str| finished.items.iter().any(|item| item.name == name);
    assert!(told("old-1") && told("old-2") && told("00000") && !told("10049"));
    assert_eq!(finished.items.len(), 10_000 + 1, "and the one of the plan");
}
