//! How many records a ledger may have. Where it stands is set by hand: nobody is to write a million records for it.

use landfall_artifacts::{Class, Digest, EventKind, Explain as _};
use landfall_run::{Effect, Journal as _};

use super::*;

#[tokio::test]
async fn nothing_is_written_after_the_last_record_that_a_reader_takes() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::unchecked(folder.path(), Ledger::reader(), Clock::system());
    let stands = Head { sequence: 999_999, digest: Digest::of(b"") };
    ledger.state().await.newest = Some(stands);
    assert_eq!(ledger.room().await, Some(1));
    let last = ledger.append(Draft::new(EventKind::Test)).await.expect("there is room for it");
    assert_eq!((last.sequence, ledger.room().await), (1_000_000, Some(0)));

    let full = ledger.append(Draft::new(EventKind::Test)).await.expect_err("it is full");
    assert_eq!((full.code(), full.class(), full.is_retryable()), ("LF-LEDGER-FULL", Class::Input, false));
    let told = format!("{full}\n{}", full.remedy().unwrap_or_default());
    insta::assert_snapshot!(told.replace(&ledger.place().to_string(), "PLACE"), @"
    the ledger in PLACE is full: it has the 1000000 records that it may have
    begin another ledger by --ledger, and keep this one; docs/ledger.md says how
    ");
    let effect = Effect {
        action: "UpdateFunctionCode".into(),
        target: "Orders".into(),
        environment: None,
        release: None,
        details: Vec::new(),
        items: Vec::new(),
    };
    let refused = ledger.intend(effect).await.expect_err("what cannot be noted is not done");
    assert_eq!((refused.code(), refused.class()), ("LF-LEDGER-FULL", Class::Input));
    assert_eq!(refused.remedy(), full.remedy());
    let names = std::fs::read_dir(folder.path()).expect("a folder");
    assert_eq!(names.count(), 1, "the last record alone");
}

#[test]
fn little_room_is_told_in_time() {
    let told = [0, 899_999, 900_000, 999_999, 1_000_000, 1_000_001];
    let told = told.map(|records| room(records, 1_000_000));
    assert_eq!(told, [None, None, Some(100_000), Some(1), Some(0), Some(0)]);
}
