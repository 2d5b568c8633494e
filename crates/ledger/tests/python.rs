//! The verifier in Python, written from the documents alone, and ours name the same record.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use landfall_artifacts::{Actor, EventKind, LedgerEvent};
use landfall_ledger::{Context, Draft, Error, Head, Ledger};
use landfall_run::Clock;

const RECORDS: u64 = 12;

async fn ledger(folder: &Path) -> Head {
    let context = Context::new(Actor { name: "ada".into(), source: "test".into() }, "0.1.0");
    let ledger = Ledger::open(folder, context, Clock::system()).await.expect("a ledger");
    let mut head = None;
    for number in 0..RECORDS {
        let mut draft = Draft::new(if number % 3 == 0 { EventKind::Deployment } else { EventKind::Test });
        draft.environment = "stg_eu00".parse().ok();
        draft.reason = Some(format!("event {number}, with a ü and a \u{202e}"));
        head = ledger.append(draft).await.ok();
    }
    head.expect("records")
}

fn file(folder: &Path, sequence: u64) -> PathBuf {
    folder.join(LedgerEvent::file_name(sequence))
}

async fn by_us(folder: &Path, head: Option<Head>) -> Option<u64> {
    match Ledger::for_reading(folder).verify(head).await {
        Ok(_) => None,
        Err(Error::Damaged { sequence, .. }) => Some(sequence),
        Err(other) => panic!("{other}"),
    }
}

fn by_python(folder: &Path, head: Option<Head>) -> Option<u64> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verify_ledger.py");
    let mut command = Command::new("python3");
    command.arg(program).arg(folder);
    if let Some(head) = head {
        command.arg("--head").arg(format!("{}:{}", head.sequence, head.digest));
    }
    let output = command.output().expect("Python runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => None,
        Some(7) => told.strip_prefix("record ")?.split(' ').next()?.parse().ok(),
        other => panic!("{other:?}: {told}{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Both verifiers of a folder that was bent in one way, and whether it was seen.
async fn agreed(what: &str, folder: &Path, head: Option<Head>) -> Option<u64> {
    let (ours, theirs) = (by_us(folder, head).await, by_python(folder, head));
    assert_eq!(ours, theirs, "{what}");
    ours
}

#[tokio::test]
async fn both_name_the_same_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let head = ledger(folder).await;
    assert_eq!(agreed("whole", folder, None).await, None);
    assert_eq!(agreed("whole", folder, Some(head)).await, None);

    for sequence in 1..=RECORDS {
        let path = file(folder, sequence);
        let good = fs::read(&path).expect("bytes");
        for step in 0..6 {
            let at = (good.len() * step / 6 + sequence as usize) % good.len();
            let mut bent = good.clone();
            bent[at] ^= 1 << (step % 8);
            fs::write(&path, bent).expect("written");
            let what = format!("byte {at} of {sequence}");
            assert_eq!(agreed(&what, folder, Some(head)).await, Some(sequence), "{what}");
        }
        for (what, bytes) in [
            ("empty", Vec::new()),
            ("a beginning", good[..good.len() / 2].to_vec()),
            ("too large", vec![b' '; 70_000]),
            (
                "a key twice",
                String::from_utf8_lossy(&good).replacen('{', "{\n  \"kind\": \"test\",", 1).into_bytes(),
            ),
        ] {
            fs::write(&path, bytes).expect("written");
            assert_eq!(agreed(&format!("{what} at {sequence}"), folder, None).await, Some(sequence));
        }
        fs::remove_file(&path).expect("removed");
        assert_eq!(agreed(&format!("{sequence} removed"), folder, Some(head)).await, Some(sequence));
        std::os::unix::fs::symlink("elsewhere", &path).expect("a link");
        assert_eq!(agreed(&format!("{sequence} linked"), folder, None).await, Some(sequence));
        fs::remove_file(&path).expect("removed");
        fs::write(&path, good).expect("written");
    }

    // A chain that was written anew from the fourth record on.
    let mut previous = None;
    for sequence in 1..=RECORDS {
        let path = file(folder, sequence);
        let mut event = LedgerEvent::parse(&fs::read(&path).expect("bytes"), "e").expect("an event");
        if sequence >= 4 {
            event.previous = previous;
            event.actor.name = "eve".into();
        }
        previous = Some(event.digest());
        fs::write(&path, event.canonical_bytes()).expect("written");
    }
    assert_eq!(agreed("forged", folder, None).await, None, "by itself it is whole");
    assert_eq!(agreed("forged", folder, Some(head)).await, Some(RECORDS));
    fs::remove_file(file(folder, RECORDS)).expect("removed");
    assert_eq!(agreed("rolled back", folder, Some(head)).await, Some(RECORDS));
}
