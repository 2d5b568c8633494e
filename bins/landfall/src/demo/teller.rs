//! Runs the stages of the story as child processes, and shows them.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::screen::Screen;
use super::shop::Site;

/// Nothing in the demo takes longer; a step that does is ended.
const LONGEST_STEP: Duration = Duration::from_secs(60);

/// Runs and shows.
#[derive(Clone, Copy)]
pub(crate) struct Teller {
    pub(crate) screen: Screen,
}

/// How a step ended that was not shown while it ran.
pub(crate) struct Ran {
    words: String,
    code: i32,
    took: Duration,
    said: Vec<String>,
    logged: Vec<String>,
}

impl Teller {
    /// Runs a command as a child process, shows what it prints as it comes, and says whether it ended with this code.
    pub(crate) async fn expect(
        &self,
        site: &Site,
        code: i32,
        words: &[&str],
        why: &str,
    ) -> anyhow::Result<bool> {
        self.expect_as(site, &[], code, words, why).await
    }

    /// The same with further variables.
    pub(crate) async fn expect_as(
        &self,
        site: &Site,
        further: &[(&str, &str)],
        code: i32,
        words: &[&str],
        why: &str,
    ) -> anyhow::Result<bool> {
        self.screen.step(&words.join(" "), why);
        let begun = Instant::now();
        let mut child = start(site, further, words)?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let shown = async {
            tokio::join!(
                lines(err, |line| self.screen.logged(&line)),
                lines(out, |line| self.screen.said(&line)),
                child.wait()
            )
            .2
        };
        let status = tokio::time::timeout(LONGEST_STEP, shown).await.context("a stage does not end")??;
        let ended = status.code().unwrap_or(-1);
        self.screen.ended(ended, begun.elapsed());
        self.is_as_told(ended, code);
        Ok(ended == code)
    }

    /// Shows steps that ran elsewhere, a line each; of one that failed also what it said. Whether each ended with its code.
    pub(crate) fn show(self, name: &str, steps: &[(Ran, i32)]) -> bool {
        self.screen.place(name);
        let mut well = true;
        for (ran, code) in steps {
            let said = ran.said.last().map(String::as_str).unwrap_or_default();
            self.screen.done(&ran.words, if ran.code == 0 { said } else { "" }, ran.code, ran.took);
            if ran.code != 0 {
                ran.logged.iter().for_each(|line| self.screen.logged(line));
            }
            self.is_as_told(ran.code, *code);
            well &= ran.code == *code;
        }
        well
    }

    fn is_as_told(self, ended: i32, code: i32) {
        if ended != code {
            self.screen.said(&format!("this step should have ended with exit code {code}"));
        }
    }
}

/// Runs steps one after the other, to be shown when all have ended; the first that ends otherwise than told is the last.
pub(crate) async fn run(site: &Site, steps: &[(&[&str], i32)]) -> anyhow::Result<Vec<(Ran, i32)>> {
    let mut all = Vec::new();
    for (words, code) in steps {
        let begun = Instant::now();
        let mut child = start(site, &[], words)?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (mut said, mut logged) = (Vec::new(), Vec::new());
        let read = async {
            tokio::join!(
                lines(err, |line| logged.push(line)),
                lines(out, |line| said.push(line)),
                child.wait()
            )
            .2
        };
        let status = tokio::time::timeout(LONGEST_STEP, read).await.context("a stage does not end")??;
        let ended = status.code().unwrap_or(-1);
        all.push((Ran { words: words.join(" "), code: ended, took: begun.elapsed(), said, logged }, *code));
        if ended != *code {
            break;
        }
    }
    Ok(all)
}

/// A stage, or what is done with the ledger and the dashboard, in the folder of an environment and with its variables alone.
fn start(site: &Site, further: &[(&str, &str)], words: &[&str]) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("this program cannot find itself")?;
    let mut command = Command::new(program);
    if !words.first().is_some_and(|first| ["ledger", "dashboard"].contains(first)) {
        command.arg("stage");
    }
    command
        .args(words)
        .current_dir(&site.folder)
        .env_clear()
        .envs(&site.variables)
        .envs(further.iter().copied())
        .env("TERM", "dumb")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command.spawn().context("a stage does not start")
}

async fn lines(source: Option<impl AsyncRead + Unpin>, mut take: impl FnMut(String)) {
    let Some(source) = source else { return };
    let mut lines = BufReader::new(source).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        take(line);
    }
}
