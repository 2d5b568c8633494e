//! The `git` program as a child: no shell, known variables alone, bounded output.

mod access;
mod commit_tree;
mod history;
mod merges;
mod notes;
mod objects;
mod refs;
mod remote;
mod state;

pub use access::Access;
pub use commit_tree::CommitTree;
pub use history::{Commit, CommitText, History};
pub use notes::{NOTES, Note};
pub use objects::{FileChange, NewTag, Person};
pub use refs::Tag;
pub use remote::{Pushed, Remote, RemoteRefs};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use landfall_run::Run;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::Error;

/// The most that git may answer, in bytes, where nothing else is said.
const MOST: usize = 64 * 1024 * 1024;
/// The last bytes of git's messages that are kept.
const KEPT: usize = 64 * 1024;
/// How long one call may take. A transfer that hangs ends then.
const LONGEST: Duration = Duration::from_secs(600);

/// Settings that every call has, whatever the user's files say: the output that is read here depends on them, and nothing that
/// a repo brings along may be run (hooks, monitors) or may start work in the background.
const SETTINGS: [(&str, &str); 14] = [
    ("core.quotePath", "false"),
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("log.showSignature", "false"),
    ("log.showRoot", "true"),
    ("diff.external", ""),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("fetch.prune", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("push.followTags", "false"),
    // What is pushed is always named in full. Older programs do not know GIT_ADVICE.
    ("push.default", "nothing"),
    ("advice.pushUpdateRejected", "false"),
];

/// How git is to behave: it asks nobody, speaks English, takes no lock for what only reads, and gives no advice, which is for people
/// who typed the command.
const WAYS: [(&str, &str); 4] =
    [("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C"), ("GIT_OPTIONAL_LOCKS", "0"), ("GIT_ADVICE", "0")];

/// A repo of git on this machine.
#[derive(Clone, Debug)]
pub struct Git {
    root: PathBuf,
    variables: BTreeMap<String, String>,
    access: Option<Access>,
}

/// What a call is to do and how much it may answer.
pub(crate) struct Call<'a> {
    /// What is tried, for messages, such as `read the tags`.
    pub(crate) what: &'static str,
    /// The arguments, the program's name not among them.
    pub(crate) arguments: &'a [&'a str],
    /// For its standard input.
    pub(crate) input: &'a [u8],
    /// The most that it may answer, in bytes.
    pub(crate) most: usize,
    /// Further variables.
    pub(crate) variables: &'a [(&'a str, &'a str)],
    /// Whether it speaks with the remote, and so is given the token.
    pub(crate) is_remote: bool,
}

impl<'a> Call<'a> {
    /// A call of this repo alone, without input.
    pub(crate) fn new(what: &'static str, arguments: &'a [&'a str]) -> Self {
        Self { what, arguments, input: b"", most: MOST, variables: &[], is_remote: false }
    }
}

/// How a call ended.
pub(crate) struct Answer {
    /// The exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it wrote.
    pub(crate) stdout: Vec<u8>,
    /// Its messages, the last of them, without secrets and safe to print.
    pub(crate) told: String,
}

impl Answer {
    /// What it wrote, as text without the line break at its end.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches('\n').to_owned()
    }
}

impl Git {
    /// Variables that git is given where they are set, and no others. Names that end in `*` are prefixes.
    pub const PASSED: [&'static str; 27] = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "TMPDIR",
        "XDG_CONFIG_HOME",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_KEY_*",
        "GIT_CONFIG_VALUE_*",
        "GIT_CEILING_DIRECTORIES",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "SSH_AUTH_SOCK",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTPS_PROXY",
        "https_proxy",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ];

    /// The repo that a folder lies in, with these variables of the environment; those that are not [`Git::PASSED`] are dropped.
    ///
    /// # Errors
    /// [`Error::NoRepository`] where the folder is in no working tree; [`Error::Program`] where git cannot be started.
    pub async fn open(folder: &Path, variables: BTreeMap<String, String>, run: &Run) -> Result<Self, Error> {
        let passed = |name: &str| {
            Self::PASSED.iter().any(|known| match known.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => *known == name,
            })
        };
        let variables = variables.into_iter().filter(|(name, _)| passed(name)).collect();
        let here = Self { root: folder.to_owned(), variables, access: None };
        let answer =
            here.attempt(&Call::new("find the repo", &["rev-parse", "--show-toplevel"]), run).await?;
        if answer.code != Some(0) {
            return Err(Error::NoRepository { folder: folder.to_owned(), told: answer.told });
        }
        Ok(Self { root: PathBuf::from(answer.text()), ..here })
    }

    /// The folder of the working tree.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The same repo, with a token for its remote.
    pub fn with_access(mut self, access: Option<Access>) -> Self {
        self.access = access;
        self
    }

    /// A call that must end well.
    pub(crate) async fn call(&self, call: &Call<'_>, run: &Run) -> Result<Answer, Error> {
        let answer = self.attempt(call, run).await?;
        match answer.code {
            Some(0) => Ok(answer),
            code => Err(Error::Git { what: call.what, code, told: answer.told }),
        }
    }

    /// A call that may end with another code than 0.
    pub(crate) async fn attempt(&self, call: &Call<'_>, run: &Run) -> Result<Answer, Error> {
        let mut child = Command::new("git")
            .arg("--no-pager")
            .args(call.arguments)
            .current_dir(&self.root)
            .env_clear()
            .envs(&self.variables)
            .envs(self.settings(call.is_remote))
            .envs(WAYS)
            .envs(call.variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|cause| Error::Program { cause })?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut written = Vec::new();
        let mut messages = Vec::new();
        let give = async {
            if let Some(mut stdin) = stdin {
                // A child that does not read to the end says why by itself.
                let _ = stdin.write_all(call.input).await;
            }
        };
        let ended = async {
            let ((), whole, ()) = tokio::join!(
                give,
                read_whole(stdout, &mut written, call.most),
                read_last(stderr, &mut messages)
            );
            if whole { child.wait().await.map(Some) } else { Ok(None) }
        };
        let status = tokio::select! {
            ended = tokio::time::timeout(LONGEST, ended) => match ended {
                Ok(Ok(Some(status))) => status,
                Ok(Ok(None)) => return Err(Error::TooMuch { what: call.what, most: call.most }),
                Ok(Err(cause)) => return Err(Error::Program { cause }),
                Err(_) => return Err(Error::Hangs { what: call.what, seconds: LONGEST.as_secs() }),
            },
            () = run.stop().wait() => return Err(Error::Stopped { what: call.what }),
        };
        let told = run.redactor().redact(&String::from_utf8_lossy(&messages));
        // Lines that came from the remote are filled up with spaces.
        let lines: Vec<&str> = told.trim().lines().map(str::trim_end).collect();
        let told = landfall_secret::escape_lines(&lines.join("\n"), 30, 400);
        Ok(Answer { code: status.code(), stdout: written, told })
    }

    /// Settings by variables, so that they stand in no argument; those that the caller gave in this way come first.
    fn settings(&self, is_remote: bool) -> Vec<(String, String)> {
        let given: usize =
            self.variables.get("GIT_CONFIG_COUNT").and_then(|count| count.parse().ok()).unwrap_or_default();
        let ours = SETTINGS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let token = self.access.iter().filter(|_| is_remote).flat_map(Access::settings);
        let mut variables = Vec::new();
        let mut count = given;
        for (key, value) in ours.chain(token) {
            variables.push((format!("GIT_CONFIG_KEY_{count}"), key));
            variables.push((format!("GIT_CONFIG_VALUE_{count}"), value));
            count += 1;
        }
        variables.push(("GIT_CONFIG_COUNT".to_owned(), count.to_string()));
        variables
    }
}

/// Reads to the end; `false` where there is more than may be.
async fn read_whole(source: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>, most: usize) -> bool {
    let Some(source) = source else { return true };
    // What cannot be read is missing at the end, and the exit code of the child says the rest.
    let _ = source.take(most as u64 + 1).read_to_end(into).await;
    into.len() <= most
}

/// Reads to the end and keeps the last of it.
async fn read_last(source: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    let Some(mut source) = source else { return };
    let mut piece = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = source.read(&mut piece).await {
        into.extend_from_slice(piece.get(..read).unwrap_or_default());
        if into.len() > 2 * KEPT {
            into.drain(..into.len() - KEPT);
        }
    }
    into.drain(..into.len().saturating_sub(KEPT));
}
