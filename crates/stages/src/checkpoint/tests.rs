//! Checkpoints as git notes, and what a run of the command does.

use std::path::Path;

use landfall_artifacts::{Actor, Class, EventKind, LedgerEvent};
use landfall_ledger::{Checkpoints, Context, Draft, Ledger, Place};
use landfall_run::Clock;

use super::{Notes, Second, To, apart, run};
use crate::git_world::{Repo, World, run_handle, told};
use crate::semantic_versioning::{Committer, Deps};
use crate::{Outcome, Output, Refusal};

async fn ledger(folder: &Path, records: usize) -> Ledger {
    let context = Context::new(Actor { name: "ada".into(), source: "GITLAB_USER_LOGIN".into() }, "0.1.0");
    let ledger = Ledger::open(folder, context, Clock::system()).await.expect("a ledger");
    for number in 0..records {
        let draft = Draft { reason: Some(number.to_string()), ..Draft::new(EventKind::Test) };
        ledger.append(draft).await.expect("appended");
    }
    ledger
}

async fn notes(repo: &Repo, commit: &str, remote: Option<&str>) -> Result<Second, Refusal> {
    let deps = Deps { variables: repo.variables(), ..Deps::default() };
    let committer = Committer { name: Some("CI".to_owned()), email: Some("ci@example.com".to_owned()) };
    let notes = Notes::for_writing(&repo.path, commit, remote, &committer, &deps, &run_handle()).await?;
    Ok(Second::Notes(Box::new(notes)))
}

async fn kept(repo: &Repo, ledger: &Ledger) -> Outcome {
    let second = notes(repo, "", Some("origin")).await?;
    run(&second, ledger, &Output::Real, &run_handle()).await
}

async fn numbers(repo: &Repo) -> Result<Vec<u64>, Refusal> {
    let notes = Notes::for_reading(&repo.path, repo.variables(), &run_handle()).await?;
    let mut numbers: Vec<u64> =
        notes.read(&run_handle()).await?.iter().map(|kept| kept.head.sequence).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

#[tokio::test]
async fn what_one_clone_keeps_as_notes_the_next_one_has() {
    let world = World::new();
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = ledger(folder.path(), 3).await;
    let (one, other) = (world.clone_as("one"), world.clone_as("other"));

    let done = kept(&one, &ledger).await;
    assert_eq!(told(&done), "record 3 is kept in refs/notes/landfall at <id>");
    // A clone that has none fetches them first, and finds that all is kept.
    assert!(told(&kept(&other, &ledger).await).ends_with("keeps all of it already, up to record 3"));
    assert_eq!(numbers(&other).await.expect("read"), [3]);
    let record = ledger.events().await.expect("whole").pop().expect("a record");
    assert_eq!((record.kind, &record.details["sequence"]), (EventKind::Checkpoint, &3.into()));

    ledger.append(Draft::new(EventKind::Test)).await.expect("appended");
    kept(&other, &ledger).await.expect("kept");
    ledger.append(Draft::new(EventKind::Test)).await.expect("appended");
    let late = notes(&one, "", Some("origin")).await.expect("notes");
    kept(&other, &ledger).await.expect("kept");
    // Another was faster: its notes are made one with these before the push.
    ledger.append(Draft::new(EventKind::Test)).await.expect("appended");
    run(&late, &ledger, &Output::Real, &run_handle()).await.expect("kept");
    world.bare().git(&["cat-file", "-e", "refs/notes/landfall"]);
    let fresh = world.clone_as("fresh");
    assert_eq!(numbers(&fresh).await.expect("a clone has none"), Vec::<u64>::new());
    fresh.git(&["fetch", "--quiet", "origin", "refs/notes/landfall:refs/notes/landfall"]);
    assert_eq!(numbers(&fresh).await.expect("read"), [3, 5, 7, 9]);
}

#[tokio::test]
async fn a_dry_run_and_an_odd_repo_leave_nothing() {
    let world = World::new();
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = ledger(folder.path(), 1).await;
    let repo = world.clone_as("one");
    let before = repo.state();
    let second = notes(&repo, "", None).await.expect("notes");
    let planned = run(&second, &ledger, &Output::DryRun { foretell: None }, &run_handle()).await;
    assert_eq!(told(&planned), "record 1 would be kept in refs/notes/landfall of this clone");
    let missing = notes(&repo, "no-such-branch\u{1b}", None).await.map(drop).expect_err("no commit");
    assert_eq!(missing.0[0].code, "LF-GIT-COMMIT");
    assert!(!missing.0[0].told().contains('\u{1b}'));
    let missing = notes(&repo, "", Some("elsewhere")).await.map(drop).expect_err("no remote");
    assert_eq!(missing.0[0].code, "LF-GIT-NO-REMOTE");
    assert_eq!(repo.state(), before);
}

#[tokio::test]
async fn a_note_that_somebody_wrote_is_told_by_its_commit() {
    let world = World::new();
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = ledger(folder.path(), 2).await;
    let repo = world.clone_as("one");
    let id = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["notes", "--ref", "refs/notes/landfall", "add", "-m", "hello\u{1b}[2J", "HEAD"]);
    let refused = numbers(&repo).await.expect_err("no checkpoint");
    assert_eq!((refused.0[0].code.as_str(), refused.0[0].class), ("LF-LEDGER-CHECKPOINT", Class::Integrity));
    let text = refused.0[0].told();
    assert!(text.contains(&id) && !text.contains('\u{1b}'), "{text}");
    assert!(kept(&repo, &ledger).await.is_err(), "nothing is added to it");
}

#[tokio::test]
async fn a_remote_that_refuses_is_told() {
    let world = World::new();
    world.hook("pre-receive", "echo 'notes are not welcome' >&2; exit 1");
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = ledger(folder.path(), 2).await;
    let outcome = kept(&world.clone_as("one"), &ledger).await;
    assert!(told(&outcome).contains("notes are not welcome"), "{}", told(&outcome));
    assert_eq!(ledger.verify(None).await.expect("whole").records, 2, "nothing is recorded that was not kept");
    // The note is in the clone, and must not be taken for one that the remote has.
    let clone = world.clone_as("other");
    for _ in 0..2 {
        assert!(kept(&clone, &ledger).await.is_err());
    }
    world.hook("pre-receive", "exit 0");
    assert!(told(&kept(&clone, &ledger).await).contains("keeps all of it already"));
    world.bare().git(&["cat-file", "-e", "refs/notes/landfall"]);
}

#[tokio::test]
async fn a_ledger_that_was_rolled_back_gets_no_new_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let (own, vault) = (folder.path().join("ledger"), folder.path().join("vault"));
    let place = |at: &Path| Place::Folder(at.to_owned());
    let second = Second::Stored(Checkpoints::in_folder(&vault), place(&vault));
    let first = ledger(&own, 4).await;
    run(&second, &first, &Output::Real, &run_handle()).await.expect("kept");
    for sequence in 4..=5 {
        std::fs::remove_file(own.join(LedgerEvent::file_name(sequence))).expect("removed");
    }
    let rolled_back = ledger(&own, 1).await;
    let outcome = run(&second, &rolled_back, &Output::Real, &run_handle()).await;
    let Err(Refusal(problems)) = outcome else { panic!("it is kept") };
    assert_eq!((problems[0].code.as_str(), problems[0].class), ("LF-LEDGER-DAMAGED", Class::Integrity));
    assert!(problems[0].told().contains("at record 4"), "{}", problems[0].told());

    let to = |text: &str| text.parse::<To>().expect("a place");
    let inside = own.join("checkpoints").to_string_lossy().into_owned();
    let refused = apart(&to(&inside), &place(&own)).expect_err("inside of the ledger");
    assert_eq!(refused.0[0].code, "LF-LEDGER-SAME-PLACE");
    apart(&to(&vault.to_string_lossy()), &place(&own)).expect("beside");
    apart(&to("git-notes:"), &place(&own)).expect("elsewhere");
    assert_eq!(to("git-notes:v1.0.0"), To::Notes { commit: "v1.0.0".to_owned() });
    assert!("https://x".parse::<To>().is_err());
}
