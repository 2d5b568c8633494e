//! The folder store: what it keeps, what it notices, and what several writers make of it.

use std::fs;
use std::path::{Path, PathBuf};

use landfall_artifacts::{Actor, Class, Digest, EventKind, Explain as _, LedgerEvent};
use landfall_ledger::{Context, Draft, Error, Head, Ledger};
use landfall_run::{Clock, Effect, EffectItem, EffectOutcome, Journal as _, JournalError};
use landfall_secret::Secret;
use time::macros::datetime;

fn context() -> Context {
    let mut context = Context::new(Actor { name: "ada".into(), source: "GITLAB_USER_LOGIN".into() }, "0.1.0");
    context.run = Some("https://gitlab.example.com/-/jobs/1".into());
    context.release = "r-6b1f0c2d9e77".parse().ok();
    context
}

async fn open(folder: &Path) -> Ledger {
    try_open(folder).await.expect("a ledger")
}

async fn try_open(folder: &Path) -> Result<Ledger, Error> {
    Ledger::open(folder, context(), Clock::fixed(datetime!(2025-11-19 15:22:00 UTC))).await
}

fn noted(reason: &str) -> Draft {
    Draft { reason: Some(reason.to_owned()), ..Draft::new(EventKind::Test) }
}

async fn with_records(folder: &Path, count: usize) -> Head {
    let ledger = open(folder).await;
    let mut head = None;
    for number in 0..count {
        head = ledger.append(noted(&format!("event {number}"))).await.ok();
    }
    head.expect("records")
}

fn file(folder: &Path, sequence: u64) -> PathBuf {
    folder.join(LedgerEvent::file_name(sequence))
}

async fn first_bad(folder: &Path, known: Option<Head>) -> Option<u64> {
    match Ledger::unchecked(folder, context(), Clock::system()).verify(known).await {
        Ok(_) => None,
        Err(Error::Damaged { sequence, .. }) => Some(sequence),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn events_come_back_as_they_were_told_in_one_chain() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("not/there/yet");
    assert_eq!(open(&place).await.verify(None).await.expect("empty").records, 0);
    assert!(!place.exists(), "opening makes nothing");

    let head = with_records(&place, 3).await;
    let again = open(&place).await;
    let events = again.events().await.expect("events");
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(events[2].previous, Some(Digest::of(&fs::read(file(&place, 2)).expect("bytes"))));
    assert_eq!(events[0].release.as_ref().map(ToString::to_string).as_deref(), Some("r-6b1f0c2d9e77"));
    assert_eq!(events[0].actor.name, "ada");
    assert_eq!(again.append(noted("more")).await.expect("appended").sequence, 4);
    assert_eq!(again.verify(Some(head)).await.expect("whole").records, 4);
}

#[tokio::test]
async fn every_flipped_byte_is_found_in_its_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let head = with_records(folder.path(), 4).await;
    assert_eq!(first_bad(folder.path(), Some(head)).await, None);
    for sequence in 1..=4 {
        let path = file(folder.path(), sequence);
        let good = fs::read(&path).expect("bytes");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).expect("written");
            assert_eq!(first_bad(folder.path(), Some(head)).await, Some(sequence), "byte {at}");
        }
        fs::write(&path, &good).expect("written");
    }
    assert_eq!(first_bad(folder.path(), Some(head)).await, None);
}

#[tokio::test]
async fn removed_and_swapped_records_are_found() {
    for gone in 1..=4 {
        let folder = tempfile::tempdir().expect("a folder");
        let head = with_records(folder.path(), 4).await;
        fs::remove_file(file(folder.path(), gone)).expect("removed");
        assert_eq!(first_bad(folder.path(), Some(head)).await, Some(gone));
        // Only a head that was kept elsewhere tells that the newest is gone.
        assert_eq!(first_bad(folder.path(), None).await, (gone < 4).then_some(gone));
    }
    for (one, other) in [(1, 2), (2, 3), (1, 4), (3, 4)] {
        let folder = tempfile::tempdir().expect("a folder");
        with_records(folder.path(), 4).await;
        let (a, b) = (file(folder.path(), one), file(folder.path(), other));
        let held = folder.path().join("held");
        fs::rename(&a, &held)
            .and_then(|()| fs::rename(&b, &a))
            .and_then(|()| fs::rename(&held, &b))
            .expect("swapped");
        let named = first_bad(folder.path(), None).await.expect("seen");
        assert!(named == one || named == other, "{named}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let head = with_records(folder.path(), 2).await;
    fs::remove_dir_all(folder.path()).expect("removed");
    assert_eq!(first_bad(folder.path(), Some(head)).await, Some(1));
}

#[tokio::test]
async fn a_rewritten_record_is_told_from_a_rewritten_follower() {
    let folder = tempfile::tempdir().expect("a folder");
    let head = with_records(folder.path(), 4).await;
    let path = file(folder.path(), 2);
    let text = fs::read_to_string(&path).expect("text");
    fs::write(&path, text.replace("event 1", "event 9")).expect("written");
    assert_eq!(first_bad(folder.path(), None).await, Some(2), "record 4 vouches for record 3");
    fs::write(&path, &text).expect("written");

    // A forger who goes on to mend the chain is seen by the head that was kept.
    let mut previous = None;
    for sequence in 1..=4 {
        let path = file(folder.path(), sequence);
        let bytes = fs::read(&path).expect("bytes");
        let mut event = LedgerEvent::parse(&bytes, "e").expect("an event");
        event.previous = previous;
        event.actor.name = "eve".into();
        previous = Some(event.digest());
        fs::write(&path, event.canonical_bytes()).expect("written");
    }
    assert_eq!(first_bad(folder.path(), None).await, None);
    assert_eq!(first_bad(folder.path(), Some(head)).await, Some(4));
}

#[tokio::test]
async fn what_a_kill_leaves_behind_is_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    with_records(folder.path(), 2).await;
    let whole = fs::read(file(folder.path(), 2)).expect("bytes");
    for (name, bytes) in [
        (".record-abc123.tmp", &whole[..40]),
        (".record-def456.tmp", &[]),
        ("README", b"not a record".as_slice()),
    ] {
        fs::write(folder.path().join(name), bytes).expect("written");
    }
    let ledger = open(folder.path()).await;
    assert_eq!(ledger.append(noted("after the kill")).await.expect("appended").sequence, 3);
    assert_eq!(ledger.verify(None).await.expect("whole").records, 3);
}

#[tokio::test]
async fn a_torn_newest_record_is_put_aside_and_told() {
    for torn in [b"".as_slice(), b"{\n  \"formatVersion\": 1,\n  \"seq", &[0; 4096]] {
        let folder = tempfile::tempdir().expect("a folder");
        with_records(folder.path(), 2).await;
        fs::write(file(folder.path(), 3), torn).expect("written");
        assert_eq!(first_bad(folder.path(), None).await, Some(3), "a reader does not mend");

        let ledger = open(folder.path()).await;
        let told = ledger.torn().await.expect("it is told");
        assert_eq!((told.sequence, told.digest), (3, Digest::of(torn)));
        assert_eq!(fs::read(&told.kept_as).expect("it is kept"), torn);
        assert_eq!(ledger.append(noted("after")).await.expect("appended").sequence, 3);
        assert_eq!(ledger.append(noted("later")).await.expect("appended").sequence, 4);
        let events = ledger.events().await.expect("whole");
        assert_eq!(events[2].details["tornRecord"], Digest::of(torn).to_string());
        assert!(!events[3].details.contains_key("tornRecord"), "once");
        assert_eq!(open(folder.path()).await.torn().await, None);
    }
    // The last but one is no tail.
    let folder = tempfile::tempdir().expect("a folder");
    with_records(folder.path(), 3).await;
    fs::write(file(folder.path(), 2), b"").expect("written");
    assert!(matches!(try_open(folder.path()).await, Err(Error::Damaged { sequence: 2, .. })));
}

#[tokio::test]
async fn a_torn_record_is_told_by_whoever_writes_next() {
    let folder = tempfile::tempdir().expect("a folder");
    with_records(folder.path(), 2).await;
    fs::write(file(folder.path(), 3), b"{\n  \"form").expect("written");
    // The run that put it aside recorded nothing, nor did the next.
    let first = open(folder.path()).await.torn().await.expect("it is told");
    assert_eq!(open(folder.path()).await.torn().await, Some(first.clone()));
    // A name that lies about its content tells nothing.
    let lie = format!("{}.torn-0123456789ab", LedgerEvent::file_name(3));
    fs::write(folder.path().join(&lie), b"{").expect("written");
    let ledger = open(folder.path()).await;
    assert_eq!(ledger.torn().await, Some(first.clone()));
    ledger.append(noted("after")).await.expect("appended");
    let events = ledger.events().await.expect("whole");
    assert_eq!(events[2].details["tornRecord"], first.digest.to_string());
    assert_eq!(open(folder.path()).await.torn().await, None);
}

#[tokio::test]
async fn a_torn_record_is_told_by_a_lock_too() {
    let folder = tempfile::tempdir().expect("a folder");
    with_records(folder.path(), 2).await;
    fs::write(file(folder.path(), 3), b"{").expect("written");
    let ledger = open(folder.path()).await;
    let hold = ledger.hold(&"stg_eu00".parse().expect("a name")).await.expect("free");
    let events = ledger.events().await.expect("whole");
    assert_eq!((events[2].kind, hold.fence()), (EventKind::Lock, 3));
    assert_eq!(events[2].details["tornRecord"], Digest::of(b"{").to_string());
    hold.release().await.expect("released");
    assert_eq!(open(folder.path()).await.torn().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_recover_at_once_take_no_record_from_one_another() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().expect("a folder");
        with_records(folder.path(), 2).await;
        fs::write(file(folder.path(), 3), b"{").expect("written");
        let mut runs = tokio::task::JoinSet::new();
        for number in 0..6 {
            let path = folder.path().to_owned();
            runs.spawn(async move {
                open(&path).await.append(noted(&number.to_string())).await.expect("appended")
            });
        }
        let mut heads = runs.join_all().await;
        heads.sort_by_key(|head| head.sequence);
        assert_eq!(heads.iter().map(|head| head.sequence).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8]);
        let events = open(folder.path()).await.events().await.expect("whole");
        let tell = events.iter().filter(|event| event.details.contains_key("tornRecord"));
        assert_eq!(tell.map(|event| event.sequence).collect::<Vec<_>>(), [3]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_read_the_torn_record_looks_again_in_its_turn() {
    let folder = tempfile::tempdir().expect("a folder");
    with_records(folder.path(), 2).await;
    let other = tempfile::tempdir().expect("a folder");
    with_records(other.path(), 3).await;
    fs::write(file(folder.path(), 3), b"{").expect("written");
    // Another run is at it: it has its turn, moves the torn record away, and records something of its own.
    let turn = fs::File::create(folder.path().join(".recovery.lock")).expect("a lock");
    turn.lock().expect("locked");
    let path = folder.path().to_owned();
    let slow = tokio::spawn(async move { open(&path).await.verify(None).await.expect("whole").records });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    fs::rename(file(folder.path(), 3), folder.path().join("aside")).expect("moved");
    for sequence in 1..=3 {
        fs::copy(file(other.path(), sequence), file(folder.path(), sequence)).expect("copied");
    }
    drop(turn);
    assert_eq!(slow.await.expect("opened"), 3);
}

#[tokio::test]
async fn damage_stops_writers_and_is_never_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = open(folder.path()).await;
    ledger.append(noted("one")).await.expect("appended");
    fs::write(file(folder.path(), 2), b"{").expect("written");
    let refused = ledger.append(noted("two")).await.expect_err("damaged");
    assert!(matches!(refused, Error::Damaged { sequence: 2, .. }), "{refused}");
    assert_eq!((refused.code(), refused.class()), ("LF-LEDGER-DAMAGED", Class::Integrity));
    assert_eq!(fs::read(file(folder.path(), 2)).expect("bytes"), b"{");

    fs::write(file(folder.path(), 2), b"{}\n").expect("written");
    assert!(matches!(try_open(folder.path()).await, Err(Error::Damaged { sequence: 2, .. })));

    fs::remove_file(file(folder.path(), 2)).expect("removed");
    std::os::unix::fs::symlink(file(folder.path(), 1), file(folder.path(), 2)).expect("a link");
    let refused = try_open(folder.path()).await.expect_err("a link is no record");
    assert!(refused.to_string().ends_with("at record 2: it is not a regular file"), "{refused}");
}

#[tokio::test]
async fn intents_and_outcomes_belong_together_and_hold_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context();
    context.redactor.learn(&Secret::new("s3cr3t-token"));
    let ledger = Ledger::open(folder.path(), context, Clock::system()).await.expect("a ledger");
    let effect = Effect {
        action: "UpdateFunctionCode".into(),
        target: "OrderServiceFunction\u{1b}[2J".into(),
        environment: Some("stg_eu00".into()),
        release: Some("not a release id!".into()),
        details: Vec::new(),
        items: (0..130)
            .map(|number| EffectItem {
                name: format!("f{number}"),
                version: Some(if number == 0 { "v1".into() } else { "1.4.2".into() }),
                digest: Some(Digest::of(b"image")),
                before: None,
            })
            .collect(),
    };
    let intent = ledger.intend(effect).await.expect("recorded");
    ledger.outcome(intent, EffectOutcome::Failed("403 for s3cr3t-token".into())).await.expect("recorded");
    let events = ledger.events().await.expect("events");
    let [intent, outcome] = events.as_slice() else { panic!("two events") };
    assert_eq!((intent.kind, outcome.kind, outcome.intent), (EventKind::Intent, EventKind::Outcome, Some(1)));
    assert_eq!(intent.items.len(), 100);
    assert_eq!(intent.details["furtherItems"], 30);
    assert_eq!(intent.details["release"], "not a release id!");
    assert_eq!(intent.items[0].name, "f0@v1");
    assert_eq!(intent.environment.as_ref().map(ToString::to_string).as_deref(), Some("stg_eu00"));
    assert_eq!(intent.target.as_deref(), Some("OrderServiceFunction\\u{1b}[2J"));
    assert_eq!(outcome.reason.as_deref(), Some("403 for <redacted>"));
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = open(folder.path()).await;
    let mut large = Draft::new(EventKind::Deployment);
    large.details = (0..50).map(|key| (format!("k{key}"), "x".repeat(1_900).into())).collect();
    assert!(matches!(ledger.append(large).await, Err(Error::TooLarge { .. })));
    assert_eq!(ledger.verify(None).await.expect("empty").records, 0);

    let in_the_way = folder.path().join("file");
    fs::write(&in_the_way, b"").expect("written");
    assert!(matches!(try_open(&in_the_way).await, Err(Error::Place { .. })));
    let below = open(&folder.path().join("other")).await;
    fs::write(folder.path().join("other"), b"").expect("written");
    let effect = Effect {
        action: "PUT manifest".into(),
        target: "x".into(),
        environment: None,
        release: None,
        details: Vec::new(),
        items: Vec::new(),
    };
    let refused = below.intend(effect).await.expect_err("no folder");
    assert!(matches!(refused, JournalError::Write { .. }), "{refused}");
    assert_eq!(refused.code(), "LF-LEDGER-WRITE");
}
