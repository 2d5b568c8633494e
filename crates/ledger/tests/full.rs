//! A disk that is full at any byte of any record, and a process that the system kills there: nothing half is left, and it goes on.
//!
//! The system's own limits do it: `RLIMIT_FSIZE` lets a write end at a byte (with `SIGXFSZ` ignored by an error, else by a kill), and a
//! small tmpfs has no more blocks or no more files. Both are asked for in children, since they are the process's own.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use landfall_artifacts::{Actor, Class, EnvironmentName, EventKind, Explain as _};
use landfall_ledger::{Context, Draft, Error, Hold, Ledger, locks};
use landfall_run::Clock;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The folder that a child is to work in, and what it is to do there.
const FOLDER: &str = "LANDFALL_TEST_FOLDER";
const DEED: &str = "LANDFALL_TEST_DEED";

/// What is written while an environment is held: each is a record of its own.
const STEPS: [Step; 4] = [Step::Lock, Step::Intent, Step::Deployment, Step::Unlock];

/// Bytes of a record that get through: none, some, nearly all.
const BYTES: [u64; 5] = [0, 1, 100, 300, 420];

/// The signal of a file that grows too large (signal(7)).
const SIGXFSZ: i32 = 25;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Lock,
    Intent,
    Deployment,
    Unlock,
}

/// A ledger and the environment, where it is held.
struct Writer {
    ledger: Ledger,
    hold: Option<Hold>,
}

impl Writer {
    async fn open(folder: &Path) -> Self {
        let mut context = Context::new(Actor { name: "ada".into(), source: "test".into() }, "0.1.0");
        context.stage = Some("deploy-lambda".into());
        Self { ledger: Ledger::open(folder, context, Clock::system()).await.expect("a ledger"), hold: None }
    }

    async fn step(&mut self, step: Step) -> Result<(), Error> {
        let noted = |kind| Draft { environment: Some(environment()), ..Draft::new(kind) };
        match step {
            Step::Lock => self.hold = Some(self.ledger.hold(&environment()).await?),
            Step::Intent => drop(self.ledger.append(noted(EventKind::Intent)).await?),
            Step::Deployment => drop(self.ledger.append(noted(EventKind::Deployment)).await?),
            Step::Unlock => match self.hold.take() {
                Some(hold) => hold.release().await?,
                None => self.ledger.hold(&environment()).await?.release().await?,
            },
        }
        Ok(())
    }

    async fn records(&self) -> u64 {
        self.ledger.verify(None).await.expect("whole").records
    }
}

fn environment() -> EnvironmentName {
    "stg_eu00".parse().expect("a name")
}

/// Lets files of this process grow to so many bytes, or without a limit.
fn grow_to(bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, ..getrlimit(Resource::Fsize) };
    setrlimit(Resource::Fsize, limit).expect("a soft limit below the hard one");
}

/// Files that are neither records nor locks.
fn left_over(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let is_known = |name: &String| {
        (name.ends_with(".json") || name.ends_with(".lock")) && !name.starts_with('.') || name == "ballast"
    };
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| !is_known(name)).collect()
}

/// Runs this program as a child that does one deed.
fn child(folder: &Path, deed: &str, around: &[&str]) -> ExitStatus {
    let this = std::env::current_exe().expect("this program");
    let mut words = around.iter().map(std::ffi::OsStr::new).collect::<Vec<_>>();
    words.push(this.as_os_str());
    Command::new(words[0])
        .args(&words[1..])
        .args(["--exact", "deed", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(DEED, deed)
        .status()
        .expect("a child")
}

#[tokio::test]
#[ignore = "what children of the other tests do"]
async fn deed() {
    // Where somebody runs all tests that are marked so, this one is nobody's child.
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let deed = std::env::var(DEED).expect("a deed");
    match deed.split_once(' ') {
        Some(("die", at)) => {
            let (step, bytes) = at.split_once(' ').expect("a step and bytes");
            let (step, bytes): (usize, u64) = (step.parse().expect("a step"), bytes.parse().expect("bytes"));
            let mut writer = Writer::open(&folder).await;
            for (number, deed) in STEPS.into_iter().enumerate() {
                if number == step {
                    grow_to(Some(bytes));
                }
                writer.step(deed).await.expect("nothing but the limit stands in the way");
            }
            panic!("it lives");
        }
        _ if deed == "grow" => each_step_in_full_files(&folder).await,
        _ => each_step_on_a_full_disk(&folder).await,
    }
}

async fn each_step_in_full_files(folder: &Path) {
    let mut writer = Writer::open(folder).await;
    for step in STEPS {
        for bytes in BYTES {
            let before = writer.records().await;
            grow_to(Some(bytes));
            let failed = writer.step(step).await.expect_err("too large a file");
            grow_to(None);
            is_left_clean(&writer, folder, before, &failed, &format!("{step:?} at byte {bytes}")).await;
        }
        writer.step(step).await.unwrap_or_else(|error| panic!("{step:?} without the limit: {error}"));
    }
}

async fn each_step_on_a_full_disk(folder: &Path) {
    let (ledger, ballast) = (folder.join("ledger"), folder.join("ballast"));
    let mut writer = Writer::open(&ledger).await;
    let begin = Draft::new(EventKind::Test);
    writer.ledger.append(begin).await.expect("there is space");
    for step in STEPS {
        for (what, fill) in [("blocks", fill_blocks as fn(&Path)), ("files", fill_files)] {
            let before = writer.records().await;
            fs::create_dir(&ballast).expect("a folder");
            fill(&ballast);
            let failed = writer.step(step).await.expect_err("no space");
            let is_full = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::StorageFull;
            assert!(
                matches!(&failed, Error::Write { cause, .. } | Error::Place { cause, .. } if is_full(cause)),
                "{step:?} without {what}: {failed:?}"
            );
            fs::remove_dir_all(&ballast).expect("removed");
            is_left_clean(&writer, &ledger, before, &failed, &format!("{step:?} without {what}")).await;
        }
        writer.step(step).await.unwrap_or_else(|error| panic!("{step:?} with space again: {error}"));
    }
}

/// Leaves no byte, but room for names.
fn fill_blocks(folder: &Path) {
    use std::io::Write as _;
    let mut file = fs::File::create(folder.join("0")).expect("a file");
    while file.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
}

/// Leaves no file, but room for bytes.
fn fill_files(folder: &Path) {
    let mut number = 0;
    while fs::write(folder.join(number.to_string()), "").is_ok() {
        number += 1;
    }
}

async fn is_left_clean(writer: &Writer, folder: &Path, before: u64, failed: &Error, at: &str) {
    assert!(matches!(failed.class(), Class::Transient | Class::Input), "{at}: {failed}");
    assert!(failed.remedy().is_some(), "{at}");
    assert_eq!(writer.records().await, before, "{at}: a record that is not whole");
    assert_eq!(left_over(folder), Vec::<String>::new(), "{at}");
    let other = Writer::open(folder).await;
    assert_eq!(other.ledger.torn().await, None, "{at}: another process finds nothing torn");
}

#[test]
fn a_write_that_ends_at_any_byte_leaves_nothing_and_the_next_one_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    // The shell ignores the signal for its child.
    let ended = child(folder.path(), "grow", &["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    assert!(ended.success(), "{ended}");
}

#[test]
fn a_full_disk_leaves_nothing_and_with_space_it_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let apart = ["unshare", "--user", "--map-root-user", "--mount"];
    let may = Command::new(apart[0]).args(&apart[1..]).arg("true").output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("this machine lets nobody mount a file system of his own: only full files were tried");
        return;
    }
    let mount = format!(
        "mount -t tmpfs -o size=256k,nr_inodes=64 landfall '{}' && exec \"$0\" \"$@\"",
        folder.path().display()
    );
    let around = [&apart[..], &["sh", "-c", &mount]].concat();
    let ended = child(folder.path(), "fill", &around);
    assert!(ended.success(), "{ended}");
}

#[tokio::test]
async fn a_process_that_is_killed_at_any_byte_leaves_whole_records_and_the_next_one_goes_on() {
    for (number, step) in STEPS.into_iter().enumerate() {
        for bytes in BYTES {
            let at = format!("killed at byte {bytes} of {step:?}");
            let folder = tempfile::tempdir().expect("a folder");
            let ended = child(folder.path(), &format!("die {number} {bytes}"), &["env"]);
            assert_eq!(ended.signal(), Some(SIGXFSZ), "{at}: {ended}");
            let temporary = left_over(folder.path());
            assert!(
                temporary.iter().all(|name| name.starts_with(".record-") && name.ends_with(".tmp")),
                "{at}: {temporary:?}"
            );

            let mut next = Writer::open(folder.path()).await;
            assert_eq!(next.ledger.torn().await, None, "{at}");
            assert_eq!(next.records().await, number as u64, "{at}: the records before it, and no half one");
            for step in STEPS {
                next.step(step).await.unwrap_or_else(|error| panic!("{at}, then {step:?}: {error}"));
            }
            let events = next.ledger.events().await.expect("whole");
            assert_eq!(events.len(), number + STEPS.len(), "{at}");
            assert_eq!(locks(&events), [], "{at}: nothing stays held");
            // Who comes after a kill says whose lock was not given back.
            assert_eq!(events[number].details.contains_key("takesOver"), number > 0, "{at}");
        }
    }
}
