//! Checkpoints in a second place: what they show, and what a hostile place can do.

use std::fs;
use std::path::{Path, PathBuf};

use landfall_artifacts::{Class, Digest, EventKind, Explain as _, LedgerCheckpoint, LedgerEvent};
use landfall_ledger::{Checkpoints, Draft, Error, Head, Ledger, ToKeep};
use landfall_run::Run;
use landfall_sandbox::{Fault, Service, What};
use time::macros::datetime;

use crate::{Place, noted};

const VAULT: &str = "acme-vault";

impl Place {
    /// A second place beside the ledger's own.
    fn checkpoints(&self) -> Checkpoints {
        match self {
            Self::Folder(folder) => Checkpoints::in_folder(&folder.path().join("vault")),
            Self::S3(sandbox, config) => {
                sandbox.s3.create_bucket(VAULT);
                let place = format!("s3://{VAULT}/app").parse().expect("a place");
                let owner = sandbox.options().account.parse().ok();
                Checkpoints::at(&place, config, owner, Run::builder().build()).expect("a client")
            }
        }
    }

    /// Puts whatever somebody else puts into the second place.
    fn plant(&self, name: &str, bytes: &[u8]) {
        match self {
            Self::Folder(folder) => {
                fs::create_dir_all(folder.path().join("vault")).expect("a folder");
                fs::write(folder.path().join("vault").join(name), bytes).expect("written");
            }
            Self::S3(sandbox, _) => sandbox.s3.put(VAULT, &format!("app/{name}"), bytes.to_vec()),
        }
    }

    fn planted(&self, name: &str) -> Option<Vec<u8>> {
        match self {
            Self::Folder(folder) => fs::read(folder.path().join("vault").join(name)).ok(),
            Self::S3(sandbox, _) => {
                sandbox.s3.object(VAULT, &format!("app/{name}")).map(|object| object.bytes.to_vec())
            }
        }
    }
}

fn of(head: Head) -> LedgerCheckpoint {
    LedgerCheckpoint {
        sequence: head.sequence,
        digest: head.digest,
        ledger: "s3://acme-ledger/app".to_owned(),
        time: datetime!(2026-02-04 09:00:00 UTC),
    }
}

async fn with_records(ledger: &Ledger, count: usize) -> Vec<Head> {
    let mut heads = Vec::new();
    for number in 0..count {
        heads.push(ledger.append(noted(&number.to_string())).await.expect("appended"));
    }
    heads
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_comes_back_and_is_never_written_over() {
    for place in Place::both().await {
        let (ledger, checkpoints) = (place.open("ada").await, place.checkpoints());
        assert_eq!(checkpoints.read().await.expect("nothing yet"), []);
        assert_eq!(ledger.to_keep(&[]).await.expect("read"), ToKeep::Empty);

        let heads = with_records(&ledger, 11).await;
        // The tenth after the ninth: names are compared as texts.
        for head in [heads[10], heads[8], heads[9]] {
            checkpoints.put(&of(head)).await.expect("kept");
        }
        let name = LedgerCheckpoint::file_name(9);
        let before = place.planted(&name).expect("a file");
        let later = LedgerCheckpoint { time: datetime!(2027-01-01 00:00:00 UTC), ..of(heads[8]) };
        checkpoints.put(&later).await.expect("it is kept already");
        let forged = LedgerCheckpoint { digest: Digest::of(b"other"), ..of(heads[8]) };
        let refused = checkpoints.put(&forged).await.expect_err("another chain");
        assert_eq!((refused.code(), refused.class()), ("LF-LEDGER-CHECKPOINT", Class::Integrity));
        assert_eq!(place.planted(&name).expect("a file"), before);

        place.plant("README", b"not a checkpoint");
        place.plant("checkpoint-of-monday.json", b"nor this");
        let kept = checkpoints.read().await.expect("read");
        assert_eq!(kept.iter().map(|kept| kept.head).collect::<Vec<_>>(), heads[8..]);
        assert!(kept.iter().all(|kept| kept.at.as_ref().is_some_and(|at| at.contains("checkpoint-000"))));
        assert_eq!(ledger.verify_against(&kept).await.expect("whole").records, 11);
        assert_eq!(ledger.to_keep(&kept).await.expect("read"), ToKeep::Nothing(heads[10]));
        ledger.append(Draft::new(EventKind::Checkpoint)).await.expect("appended");
        assert_eq!(ledger.to_keep(&kept).await.expect("read"), ToKeep::Nothing(heads[10]));
        let newest = ledger.append(noted("more")).await.expect("appended");
        assert_eq!(ledger.to_keep(&kept).await.expect("read"), ToKeep::Newest(newest));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_place_is_told_by_name() {
    let head = Head { sequence: 3, digest: Digest::of(b"record") };
    let name = LedgerCheckpoint::file_name(3);
    let good = of(head).to_bytes();
    let twice = String::from_utf8_lossy(&good).replacen('{', "{\"sequence\": 4,", 1);
    for place in Place::both().await {
        let checkpoints = place.checkpoints();
        for (what, bytes, told) in [
            ("empty", b"".as_slice(), ""),
            ("no JSON", b"\x1b[2J{", ""),
            ("too large", &[b' '; 5_000], "more than 4096 bytes"),
            ("of another record", &of(Head { sequence: 4, ..head }).to_bytes(), "of record 4"),
            ("a key twice", twice.as_bytes(), "sequence"),
            ("cut off", &good[..good.len() / 2], ""),
        ] {
            place.plant(&name, bytes);
            let refused = checkpoints.read().await.expect_err(what);
            assert_eq!(refused.code(), "LF-LEDGER-CHECKPOINT", "{what}: {refused}");
            let text = refused.to_string();
            assert!(text.contains(&name) && text.contains(told), "{what}: {text}");
            assert!(!text.contains('\u{1b}'), "{what}: {text}");
        }
        place.plant(&name, &good);
        assert_eq!(checkpoints.read().await.expect("read").len(), 1);
    }
}

#[tokio::test]
async fn links_and_folders_are_no_checkpoints() {
    let place = Place::folder();
    let Place::Folder(folder) = &place else { panic!("a folder") };
    let path = folder.path().join("vault").join(LedgerCheckpoint::file_name(3));
    fs::create_dir_all(&path).expect("a folder");
    let refused = place.checkpoints().read().await.expect_err("a folder");
    assert!(refused.to_string().ends_with("it is not a regular file"), "{refused}");
    fs::remove_dir(&path).expect("removed");
    std::os::unix::fs::symlink("/etc/passwd", &path).expect("a link");
    let refused = place.checkpoints().read().await.expect_err("a link");
    assert!(refused.to_string().ends_with("it is not a regular file"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_an_answer_a_checkpoint_is_there_once() {
    for what in [What::CutBefore, What::LoseAnswer, What::status(500), What::status(503)] {
        let place = Place::s3().await;
        let checkpoints = place.checkpoints();
        let head = Head { sequence: 1, digest: Digest::of(b"record") };
        let put = "PUT".parse().expect("a method");
        place.sandbox().faults().add(Fault::new(what.clone()).on(Service::S3).method(put));
        checkpoints.put(&of(head)).await.unwrap_or_else(|error| panic!("{what:?}: {error}"));
        let kept = checkpoints.read().await.expect("read");
        assert_eq!(kept.iter().map(|kept| kept.head).collect::<Vec<_>>(), [head], "{what:?}");
    }
}

fn record(folder: &Path, sequence: u64) -> PathBuf {
    folder.join("app").join(LedgerEvent::file_name(sequence))
}

/// Writes the chain anew from a record on, as somebody does who can change all of the ledger.
fn forge(folder: &Path, from: u64, to: u64) {
    let read = |sequence| fs::read(record(folder, sequence)).expect("bytes");
    let mut previous = (from > 1).then(|| Digest::of(&read(from - 1)));
    for sequence in from..=to {
        let mut event = LedgerEvent::parse(&read(sequence), "e").expect("an event");
        event.previous = previous;
        event.actor.name = "eve".into();
        previous = Some(event.digest());
        fs::write(record(folder, sequence), event.canonical_bytes()).expect("written");
    }
}

#[tokio::test]
async fn a_chain_that_was_rolled_back_or_written_anew_is_seen_at_its_first_checkpoint() {
    // What is done to a ledger of eight records with checkpoints of records 3, 5 and 8; which record is named, by which checkpoint.
    type Deed = fn(&Path);
    let deeds: [(&str, Deed, u64, &str); 5] = [
        ("the newest is removed", |at| fs::remove_file(record(at, 8)).expect("removed"), 8, "08.json"),
        (
            "all after the fourth are removed",
            |at| (5..=8).for_each(|sequence| fs::remove_file(record(at, sequence)).expect("removed")),
            5,
            "05.json",
        ),
        ("all is written anew", |at| forge(at, 1, 8), 3, "03.json"),
        ("it is written anew from the sixth on", |at| forge(at, 6, 8), 8, "08.json"),
        ("all is removed", |at| fs::remove_dir_all(at.join("app")).expect("removed"), 1, "03.json"),
    ];
    for (what, deed, sequence, by) in deeds {
        let place = Place::folder();
        let Place::Folder(folder) = &place else { panic!("a folder") };
        let heads = with_records(&place.open("ada").await, 8).await;
        let checkpoints = place.checkpoints();
        for at in [3, 5, 8] {
            checkpoints.put(&of(heads[at - 1])).await.expect("kept");
        }
        deed(folder.path());
        let kept = checkpoints.read().await.expect("read");
        let ledger = Ledger::for_reading(folder.path().join("app"));
        assert!(ledger.verify(None).await.is_ok(), "{what}: by itself it is whole");
        let refused = ledger.verify_against(&kept).await.expect_err(what);
        assert!(
            matches!(refused, Error::Damaged { sequence: named, .. } if named == sequence),
            "{what}: {refused}"
        );
        assert!(refused.to_string().ends_with(by), "{what}: {refused}");
        assert!(ledger.to_keep(&kept).await.is_err(), "{what}: nothing more is kept of it");
    }
}
