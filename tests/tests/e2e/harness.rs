//! Running a stage as a child process, with every place that it can write to watched.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use landfall_sandbox::registry::digest_of;
use landfall_sandbox::{Entry, Service};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::scan::Witness;
use crate::world::{World, files_below};

/// A run that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(180);

/// How a run ended and what it printed.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) words: String,
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) report: Option<Value>,
}

/// A run under way.
pub(crate) struct Running<'a> {
    world: &'a World,
    child: Child,
    words: Vec<String>,
    report: PathBuf,
    witness: Witness,
    temporary_before: BTreeSet<String>,
    /// What was read of its standard error so far.
    heard: Vec<u8>,
    _counted: Counted<'a>,
}

/// Counts a run as under way until it is dropped.
struct Counted<'a>(&'a AtomicU32);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl World {
    /// Runs a stage to its end; the first word is its name. Panics where a secret stands anywhere it should not.
    pub(crate) async fn run(&self, words: &[&str]) -> Ran {
        self.start(words, None).await.end().await
    }

    /// Runs a stage with a text on its standard input.
    pub(crate) async fn run_with_input(&self, words: &[&str], input: &str) -> Ran {
        self.start(words, Some(input)).await.end().await
    }

    /// What a stage's `--help` shows.
    pub(crate) async fn help(&self, stage: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_under-test"));
        let output = command
            .args([stage, "--help"])
            .env_clear()
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await;
        let output = output.expect("it starts");
        assert!(output.status.success() && output.stderr.is_empty(), "{stage} --help: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs stages one after the other, each of which must end with 0.
    pub(crate) async fn run_all(&self, stages: &[&[&str]]) {
        for words in stages {
            self.run(words).await.expect(0);
        }
    }

    /// Starts a stage.
    pub(crate) async fn start(&self, words: &[&str], input: Option<&str>) -> Running<'_> {
        self.start_in(words, input, false).await
    }

    /// Starts a stage in a process group of its own, as nobody's who sits at a terminal.
    pub(crate) async fn start_apart(&self, words: &[&str]) -> Running<'_> {
        self.start_in(words, None, true).await
    }

    async fn start_in(&self, words: &[&str], input: Option<&str>, apart: bool) -> Running<'_> {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let report = self.home.path().join(format!("reports/{number}.json"));
        let path = self.variables.get("PATH").map_or("/usr/bin:/bin", String::as_str);
        let witness = Witness::new(self.witness.path().join(number.to_string()), path);
        let mut command = Command::new(env!("CARGO_BIN_EXE_under-test"));
        // What is done with the ledger, the dashboard, notifications or one pipeline has its name in two words.
        let is_two = words.first().is_some_and(|first| ["ledger", "dashboard", "notify"].contains(first))
            || words.starts_with(&["pipelines", "show"]);
        let is_three = words.starts_with(&["ledger", "record"]);
        let (stage, rest) = words.split_at(1 + usize::from(is_two) + usize::from(is_three));
        if apart {
            command.process_group(0);
        }
        command
            .args(stage)
            .arg("--report")
            .arg(&report)
            // All words after `--` are a command's.
            .args(rest)
            .current_dir(self.repo.path())
            .env_clear()
            .env("HOME", self.home.path().join("home"))
            .env("TMPDIR", self.home.path().join("tmp"))
            // What libraries log of requests, and traces of where a panic was, are looked through too.
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .envs(&self.variables)
            .env("PATH", witness.path())
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let temporary_before = self.temporary();
        let mut child = command.spawn().expect("the stage starts");
        self.sandbox.set_child(child.id().expect("it has not been waited for"));
        if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
            // A stage that does not read its input closes it.
            let _ = stdin.write_all(text.as_bytes()).await;
        }
        let words = words.iter().map(|&word| word.to_owned()).collect();
        let counted = Counted::new(&self.under_way);
        let heard = Vec::new();
        Running { world: self, child, words, report, witness, temporary_before, heard, _counted: counted }
    }

    /// Temporary files in the repo and in their own folder: a killed run may leave some, no other may.
    fn temporary(&self) -> BTreeSet<String> {
        let of_repo = self.files().into_keys().filter(|name| name.ends_with(".tmp"));
        let others = files_below(&self.home.path().join("tmp")).into_keys();
        of_repo.chain(others.map(|name| format!("$TMPDIR/{name}"))).collect()
    }

    fn check(&self, ran: &Ran, leaks: &[String], before: &BTreeSet<String>) {
        assert!(leaks.is_empty(), "`{}` left secrets: {leaks:#?}", ran.words);
        assert!(self.sandbox.journal().of(Service::Foreign).is_empty(), "a foreign host was asked");
        // What another run of this world works on is not left behind yet.
        if ran.signal.is_none() && self.under_way.load(Ordering::Relaxed) == 0 {
            let left: Vec<String> = self.temporary().difference(before).cloned().collect();
            assert!(left.is_empty(), "`{}` left {left:?}", ran.words);
        }
        if let Some(report) = &ran.report {
            assert_eq!(
                report["exitCode"].as_i64(),
                ran.code.map(i64::from),
                "the report tells another exit code"
            );
            self.check_files(report);
        } else {
            assert_ne!(ran.code, Some(0), "`{}` left no report", ran.words);
        }
    }
}

impl World {
    /// The files that a report lists are there, with those bytes; on a dry run they need not be.
    fn check_files(&self, report: &Value) {
        if report["dryRun"] == Value::Bool(true) {
            return;
        }
        for file in report["files"].as_array().into_iter().flatten() {
            let path = file["path"].as_str().expect("a path");
            let bytes =
                std::fs::read(self.path(path)).unwrap_or_else(|error| panic!("{path} is listed: {error}"));
            assert_eq!(file["sha256"].as_str(), Some(digest_of(&bytes).as_str()), "{path}");
            assert_eq!(file["sizeBytes"].as_u64(), Some(bytes.len() as u64), "{path}");
        }
    }
}

impl Running<'_> {
    /// The child's process id.
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id().expect("it has not been waited for")).expect("a process id")
    }

    /// Waits until the sandbox was asked for what is meant. Panics where the child ends before.
    pub(crate) async fn until(&mut self, is_meant: impl Fn(&Entry) -> bool) {
        let asked = async {
            while !self.world.sandbox.journal().entries().iter().any(&is_meant) {
                assert!(matches!(self.child.try_wait(), Ok(None)), "`{}` ended before", self.words.join(" "));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = tokio::time::timeout(LONGEST, asked).await.is_ok();
        assert!(in_time, "`{}` does not come to that request", self.words.join(" "));
    }

    /// Waits until its standard error has a line with this text; the line.
    pub(crate) async fn line_with(&mut self, text: &str) -> String {
        let stderr = self.child.stderr.as_mut().expect("piped");
        let said = async {
            loop {
                let told = String::from_utf8_lossy(&self.heard).into_owned();
                let whole = told.rsplit_once('\n').map_or("", |(whole, _)| whole);
                if let Some(line) = whole.lines().find(|line| line.contains(text)) {
                    return line.to_owned();
                }
                let mut piece = [0; 4096];
                let read = stderr.read(&mut piece).await.expect("it can be read");
                assert!(read > 0, "`{}` ended before: {told}", self.words.join(" "));
                self.heard.extend_from_slice(&piece[..read]);
            }
        };
        let said = tokio::time::timeout(LONGEST, said).await;
        said.unwrap_or_else(|_| panic!("`{}` does not say `{text}`", self.words.join(" ")))
    }

    /// Waits for the end, and looks at everything that was left behind.
    pub(crate) async fn end(self) -> Ran {
        let (world, before) = (self.world, self.temporary_before.clone());
        let (ran, leaks) = self.end_with_leaks().await;
        world.check(&ran, &leaks, &before);
        ran
    }

    /// Waits for the end, and tells where secrets were left: for the one test that plants some.
    pub(crate) async fn end_with_leaks(mut self) -> (Ran, Vec<String>) {
        let (mut out, mut err) = (Vec::new(), std::mem::take(&mut self.heard));
        let (mut stdout, mut stderr) =
            (self.child.stdout.take().expect("piped"), self.child.stderr.take().expect("piped"));
        let ended = async {
            let (_, _, status) =
                tokio::join!(stdout.read_to_end(&mut out), stderr.read_to_end(&mut err), self.child.wait());
            status
        };
        let status = tokio::time::timeout(LONGEST, ended).await;
        self.world.sandbox.clear_child();
        let (out, err) =
            (String::from_utf8_lossy(&out).into_owned(), String::from_utf8_lossy(&err).into_owned());
        let Ok(status) = status else { panic!("`{}` hangs:\n{out}\n{err}", self.words.join(" ")) };
        let status: ExitStatus = status.expect("its end can be seen");
        let ran = Ran {
            words: self.words.join(" "),
            code: status.code(),
            signal: status.signal(),
            stdout: out,
            stderr: err,
            report: std::fs::read(&self.report).ok().map(|bytes| {
                serde_json::from_slice(&bytes)
                    .unwrap_or_else(|error| panic!("the report is not JSON: {error}"))
            }),
        };
        let leaks = self.world.leaks(&ran, &self.witness);
        (ran, leaks)
    }
}

impl Ran {
    /// Panics, showing what was printed, where it did not end with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            (self.code, self.signal),
            (Some(code), None),
            "`{}`\n--- standard output\n{}\n--- standard error\n{}",
            self.words,
            self.stdout,
            self.stderr
        );
        self
    }

    /// The report's kind of outcome, such as `nothing-to-do`.
    pub(crate) fn outcome(&self) -> &str {
        self.report().get("outcome").and_then(Value::as_str).unwrap_or_default()
    }

    /// The report.
    pub(crate) fn report(&self) -> &Value {
        self.report.as_ref().unwrap_or_else(|| panic!("`{}` left no report:\n{}", self.words, self.stderr))
    }

    /// Codes of the report's problems.
    pub(crate) fn codes(&self) -> Vec<&str> {
        let problems = self.report()["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
        problems.iter().filter_map(|problem| problem["code"].as_str()).collect()
    }

    /// Names and outcomes of the report's items.
    pub(crate) fn items(&self) -> Vec<(String, String)> {
        let items = self.report()["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
        items.iter().map(|item| (text(item, "name"), text(item, "outcome"))).collect()
    }

    /// How often a request was repeated.
    pub(crate) fn retries(&self) -> u64 {
        self.report()["retries"].as_u64().unwrap_or_default()
    }

    /// The error page as people see it, without what differs from run to run.
    pub(crate) fn page(&self, world: &World) -> String {
        format!("{}exit {}", world.tidy(&self.stderr), self.code.unwrap_or(-1))
    }
}
