//! A repo in git with a pipeline of its own, and its runs as child processes.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use landfall_artifacts::{RunJobState, RunReport};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

const UNDER_TEST: &str = env!("CARGO_BIN_EXE_under-test");

/// Whatever takes longer hangs.
const LONGEST: Duration = Duration::from_secs(120);

/// A repo and a folder beside it, which jobs of its pipeline note things in.
pub(crate) struct Repo {
    pub(crate) folder: TempDir,
    pub(crate) notes: TempDir,
}

/// How a run ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Repo {
    /// With this `landfall.toml`, in which `@` stands for the folder of notes.
    pub(crate) fn of(settings: &str) -> Self {
        let (folder, notes) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
        let repo = Self { folder, notes };
        let settings = settings.replace('@', &repo.notes.path().display().to_string());
        repo.write("landfall.toml", &settings);
        repo.write("tracked.txt", "as committed\n");
        repo.write("functions/a/project.json", "{ \"name\": \"a\", \"version\": \"1.0.0\" }\n");
        repo.git(&["init", "-q", "-b", "main"]);
        repo.commit();
        repo
    }

    pub(crate) fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "feat: it"]);
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    fn git(&self, words: &[&str]) {
        let status = Command::new("git")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(words)
            .current_dir(self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .status();
        assert!(status.expect("git runs").success(), "{words:?}");
    }

    /// What jobs noted in a file; empty where there is none.
    pub(crate) fn noted(&self, name: &str) -> String {
        std::fs::read_to_string(self.notes.path().join(name)).unwrap_or_default()
    }

    pub(crate) fn note(&self, name: &str) {
        std::fs::write(self.notes.path().join(name), "").expect("written");
    }

    /// Waits until jobs noted something in a file; it.
    pub(crate) fn until_noted(&self, name: &str) -> String {
        let begun = Instant::now();
        loop {
            let noted = self.noted(name);
            if noted.ends_with('\n') {
                return noted.trim().to_owned();
            }
            assert!(begun.elapsed() < LONGEST, "nothing is noted in {name}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn start(&self, words: &str, variables: &[(&str, &str)]) -> Running {
        let words: Vec<&str> = words.split(' ').collect();
        self.spawn(UNDER_TEST, &words, variables)
    }

    /// Runs it on a terminal, where texts are typed: each after the one before it was seen. What is on the terminal is its standard output.
    pub(crate) fn on_terminal(&self, words: &str, steps: &[(&str, &str)]) -> Ran {
        let typed = steps.iter().flat_map(|(seen, typed)| [*seen, *typed]);
        let helper = ["-c", include_str!("terminal.py")].into_iter().chain(typed);
        let words: Vec<&str> = helper.chain(["--", UNDER_TEST]).chain(words.split(' ')).collect();
        self.spawn("python3", &words, &[("TERM", "xterm")]).end()
    }

    fn spawn(&self, program: &str, words: &[&str], variables: &[(&str, &str)]) -> Running {
        let child = Command::new(program)
            .args(words)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var("PATH").expect("a path"))
            .env("HOME", self.notes.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("it starts");
        Running { child }
    }

    pub(crate) fn run(&self, words: &str) -> Ran {
        self.start(words, &[]).end()
    }

    /// A path in the folder of the newest run.
    pub(crate) fn latest(&self, name: &str) -> PathBuf {
        self.folder.path().join(RunReport::RUNS).join(RunReport::LATEST).join(name)
    }

    pub(crate) fn report(&self) -> RunReport {
        RunReport::read(&self.latest(RunReport::FILE)).expect("a report")
    }

    /// Name and state of each job.
    pub(crate) fn states(&self) -> String {
        let states = self.report().jobs.into_iter().map(|job| {
            let code = match (job.state, job.exit_code) {
                (RunJobState::Failed, Some(code)) => format!(" {code}"),
                _ => String::new(),
            };
            format!("{} {}{code}", job.name, job.state.as_str())
        });
        states.collect::<Vec<_>>().join(", ")
    }

    /// The log of a job.
    pub(crate) fn log(&self, job: &str) -> String {
        let part = &self.report().job(job).expect("the job").parts[0].log.clone();
        std::fs::read_to_string(self.latest(part)).expect("a log")
    }

    /// A text without what differs from run to run.
    pub(crate) fn tidy(&self, text: &str) -> String {
        let report = self.report();
        let mut tidy = text
            .replace(&self.folder.path().display().to_string(), "@repo")
            .replace(&self.notes.path().display().to_string(), "@notes")
            .replace(report.id.as_str(), "<run>");
        for seconds in 0..60 {
            tidy = tidy.replace(&format!(" {seconds} s"), " <time>");
        }
        tidy
    }
}

/// A run under way.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    pub(crate) fn tell(&self, signal: Signal) {
        kill_process(pid(&self.child.id().to_string()), signal).expect("sent");
    }

    /// Waits for a line on its standard error that has this text.
    pub(crate) fn line_with(&mut self, text: &str) {
        let stderr = self.child.stderr.take().expect("piped");
        let mut lines = BufReader::new(stderr);
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(lines.read_line(&mut line).expect("read") > 0, "it does not say {text}");
        }
        self.child.stderr = Some(lines.into_inner());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let mut errors = self.child.stderr.take().expect("piped");
        let reading = std::thread::spawn(move || {
            let _ = errors.read_to_string(&mut stderr);
            stderr
        });
        let _ = self.child.stdout.take().expect("piped").read_to_string(&mut stdout);
        let status = self.child.wait().expect("waited for");
        Ran { code: status.code(), stdout, stderr: reading.join().expect("read") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Of a test that failed; one that has ended is waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn pid(text: &str) -> Pid {
    Pid::from_raw(text.trim().parse().expect("a number")).expect("a process id")
}

/// Waits until a process is gone.
pub(crate) fn until_gone(process: Pid) {
    let begun = Instant::now();
    // One that nobody has waited for yet is dead all the same.
    let is_there = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
        test_kill_process(process).is_ok() && !stat.is_ok_and(|stat| stat.contains(") Z "))
    };
    while is_there() {
        assert!(begun.elapsed() < LONGEST, "{process:?} is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}
