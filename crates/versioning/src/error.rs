//! What can stand in the way of versions, or go wrong with them.

use std::borrow::Cow;
use std::path::PathBuf;

use landfall_artifacts::{Class, CommitId, Explain, FileError, FileErrors, ProjectName};
use landfall_run::JournalError;
use semver::Version;

/// What stands in the way or went wrong. Names and texts of others are escaped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program cannot be started, or its end cannot be seen.
    #[error("cannot run git")]
    Program {
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The program ended badly.
    #[error("git did not {what}: {}", ended(*code, told))]
    Git {
        /// What was tried.
        what: &'static str,
        /// Its exit code.
        code: Option<i32>,
        /// What it said.
        told: String,
    },
    /// The program did not end.
    #[error("git did not {what} in {seconds} s, and was ended")]
    Hangs {
        /// What was tried.
        what: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The program answered more than is read.
    #[error("git was to {what}, and answered more than {most} bytes")]
    TooMuch {
        /// What was tried.
        what: &'static str,
        /// The bound.
        most: usize,
    },
    /// The program answered what cannot be read.
    #[error("git's answer cannot be read: {what}")]
    Malformed {
        /// What was asked for.
        what: &'static str,
    },
    /// A commit that counts was not read: it came by a way that the plan does not know of.
    #[error("the commit {commit} counts, and was not read")]
    Unread {
        /// The commit.
        commit: CommitId,
    },
    /// The remote did not do what was asked, or could not be reached.
    #[error("git could not {what} {remote} ({address}): {told}")]
    Remote {
        /// What was tried.
        what: &'static str,
        /// Its name.
        remote: String,
        /// Its address, without a password.
        address: String,
        /// What git said.
        told: String,
    },
    /// The run was asked to stop.
    #[error("stopped while git was to {what}")]
    Stopped {
        /// What was under way.
        what: &'static str,
    },
    /// The folder is in no working tree.
    #[error("{} is in no working tree of git: {told}", landfall_secret::escape(&folder.to_string_lossy(), 200))]
    NoRepository {
        /// The folder.
        folder: PathBuf,
        /// What git said.
        told: String,
    },
    /// The repo has no commit.
    #[error("the repo has no commit yet")]
    NoCommit,
    /// A folder for passing files cannot be used.
    #[error("cannot use a folder for temporary files")]
    Folder {
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// A name that git would not take, or that we do not.
    #[error("`{shown}` is no good name of a {what}")]
    BadName {
        /// `branch`, `remote`.
        what: &'static str,
        /// The name.
        shown: String,
    },
    /// Commits are missing.
    #[error("the clone is shallow: commits and tags are missing, and a version would be a guess")]
    Shallow,
    /// Files have changes that are in no commit.
    #[error("the working tree has changes that are in no commit: {}", listed(paths))]
    Dirty {
        /// The files.
        paths: Vec<String>,
    },
    /// Nobody says where to push to.
    #[error("HEAD is on no branch, and none was named to push to")]
    NoBranch,
    /// The remote has no branch of the name that was given, and it is not the one that is checked out.
    #[error("{remote} has no branch `{branch}`, and it is not the one that is checked out")]
    UnknownBranch {
        /// The remote.
        remote: String,
        /// The branch.
        branch: String,
    },
    /// There is no such remote.
    #[error("there is no remote named {remote}")]
    NoRemote {
        /// Its name.
        remote: String,
    },
    /// The commit and the remote's branch have each what the other has not.
    #[error("{head} is not part of {remote}/{branch}, which is at {tip}")]
    Diverged {
        /// The commit here.
        head: CommitId,
        /// The remote.
        remote: String,
        /// The branch.
        branch: String,
        /// Its commit.
        tip: CommitId,
    },
    /// The remote has tags of commits here that this clone has not.
    #[error("{remote} has tags that this clone lacks: {}", listed(tags))]
    MissingTags {
        /// The remote.
        remote: String,
        /// The tags.
        tags: Vec<String>,
    },
    /// Tags are elsewhere on the remote than here.
    #[error("tags stand elsewhere on {remote} than in this clone: {}", listed(tags))]
    MovedTags {
        /// The remote.
        remote: String,
        /// The tags.
        tags: Vec<String>,
    },
    /// A higher version was tagged on another line of history.
    #[error("the tag {tag} of {project} is not part of this history, and is higher than {}", reached.as_ref().map_or("no tag at all".to_owned(), Version::to_string))]
    HigherTag {
        /// The project.
        project: ProjectName,
        /// The tag.
        tag: String,
        /// The highest version of this history.
        reached: Option<Version>,
    },
    /// The next version's tag is there already, on another line of history.
    #[error("{project} would get the tag {tag}, which is there already and not part of this history")]
    TagTaken {
        /// The project.
        project: ProjectName,
        /// The tag.
        tag: String,
    },
    /// A project is not known.
    #[error("there is no project `{shown}`")]
    UnknownProject {
        /// What was asked for.
        shown: String,
        /// Names that are known.
        known: Vec<String>,
    },
    /// A file of a project breaks its format.
    #[error(transparent)]
    Files(#[from] FileErrors),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Files that a release changes are symbolic links.
    #[error("a release cannot change what is a symbolic link: {}", listed(paths))]
    Links {
        /// The links.
        paths: Vec<String>,
    },
    /// Nobody is named to make the commit.
    #[error("nobody is named as the committer of the release")]
    NoCommitter,
    /// The remote refused the push, and nothing had moved.
    #[error("{remote} refused the push to {branch}: {told}")]
    Rejected {
        /// The remote.
        remote: String,
        /// The branch.
        branch: String,
        /// What it said.
        told: String,
    },
    /// The branch moved each time.
    #[error("{branch} moved on {remote} each time: {attempts} pushes came too late")]
    Outrun {
        /// The remote.
        remote: String,
        /// The branch.
        branch: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// Whether the push arrived is not known.
    #[error("whether the push to {branch} arrived is not known")]
    Unconfirmed {
        /// The branch.
        branch: String,
        /// Why it is not known.
        #[source]
        cause: Box<Error>,
    },
    /// The journal refused the push.
    #[error("nothing was pushed to {branch}")]
    Journal {
        /// The branch.
        branch: String,
        /// Why.
        #[source]
        cause: JournalError,
    },
}

/// How a program ended, in a few words.
fn ended(code: Option<i32>, told: &str) -> String {
    match (code, told.is_empty()) {
        (_, false) => told.to_owned(),
        (Some(code), true) => format!("it ended with {code}"),
        (None, true) => "a signal ended it".to_owned(),
    }
}

/// The first few of a list, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(5).map(|name| landfall_secret::escape(name, 120)).collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What git says where a remote wants a login, or refuses it.
fn is_denied(told: &str) -> bool {
    let told = told.to_ascii_lowercase();
    [
        "authentication failed",
        "could not read username",
        "could not read password",
        "permission denied",
        "access denied",
        "error: 401",
        "error: 403",
        "not found",
        "not allowed",
        "does not appear to be a git repository",
    ]
    .iter()
    .any(|sign| told.contains(sign))
}

impl Error {
    /// Whether running again can help without anything else being changed.
    pub fn is_retryable(&self) -> bool {
        match self.class() {
            Class::Transient | Class::Unknown | Class::Interrupted | Class::Partial => true,
            Class::Defect | Class::Input | Class::Refused | Class::Locked | Class::Integrity => false,
        }
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Program { .. } => "LF-GIT-PROGRAM",
            Self::Git { .. } => "LF-GIT-FAILED",
            Self::Hangs { .. } => "LF-GIT-HANGS",
            Self::TooMuch { .. } => "LF-GIT-SIZE",
            Self::Malformed { .. } => "LF-GIT-ANSWER",
            Self::Unread { .. } => "LF-VERSIONS-UNREAD",
            Self::Remote { told, .. } if is_denied(told) => "LF-GIT-DENIED",
            Self::Remote { .. } => "LF-GIT-REMOTE",
            Self::Stopped { .. } => "LF-STOPPED",
            Self::NoRepository { .. } => "LF-GIT-REPO",
            Self::NoCommit => "LF-GIT-EMPTY",
            Self::Folder { .. } => "LF-GIT-FOLDER",
            Self::BadName { .. } => "LF-GIT-NAME",
            Self::Shallow => "LF-GIT-SHALLOW",
            Self::Dirty { .. } => "LF-GIT-DIRTY",
            Self::NoBranch => "LF-GIT-BRANCH",
            Self::UnknownBranch { .. } => "LF-GIT-BRANCH-UNKNOWN",
            Self::NoRemote { .. } => "LF-GIT-NO-REMOTE",
            Self::Diverged { .. } => "LF-GIT-DIVERGED",
            Self::MissingTags { .. } => "LF-TAGS-MISSING",
            Self::MovedTags { .. } => "LF-TAGS-MOVED",
            Self::HigherTag { .. } => "LF-TAGS-HIGHER",
            Self::TagTaken { .. } => "LF-TAGS-TAKEN",
            Self::UnknownProject { .. } => "LF-VERSIONS-PROJECT",
            Self::Files(errors) => errors.code(),
            Self::File(error) => error.code(),
            Self::Links { .. } => "LF-GIT-LINK",
            Self::NoCommitter => "LF-GIT-COMMITTER",
            Self::Rejected { .. } => "LF-GIT-REJECTED",
            Self::Outrun { .. } => "LF-GIT-OUTRUN",
            Self::Unconfirmed { .. } => "LF-GIT-UNCONFIRMED",
            Self::Journal { cause, .. } => cause.code(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Malformed { .. } | Self::Unread { .. } => Class::Defect,
            Self::Program { .. }
            | Self::Git { .. }
            | Self::NoRepository { .. }
            | Self::NoCommit
            | Self::Folder { .. }
            | Self::BadName { .. }
            | Self::NoBranch
            | Self::UnknownBranch { .. }
            | Self::NoRemote { .. }
            | Self::UnknownProject { .. }
            | Self::Links { .. }
            | Self::NoCommitter => Class::Input,
            Self::Remote { told, .. } if is_denied(told) => Class::Refused,
            Self::Remote { .. } | Self::Hangs { .. } | Self::Outrun { .. } => Class::Transient,
            Self::Stopped { .. } => Class::Interrupted,
            Self::TooMuch { .. }
            | Self::Shallow
            | Self::Dirty { .. }
            | Self::Diverged { .. }
            | Self::MissingTags { .. }
            | Self::MovedTags { .. }
            | Self::HigherTag { .. }
            | Self::TagTaken { .. }
            | Self::Rejected { .. } => Class::Refused,
            Self::Files(errors) => errors.class(),
            Self::File(error) => error.class(),
            Self::Unconfirmed { .. } => Class::Unknown,
            Self::Journal { cause, .. } => cause.class(),
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Program { .. } => Some("install git where this job runs, 2.36 or later".into()),
            Self::Git { .. } | Self::Malformed { .. } | Self::Unread { .. } => None,
            Self::Hangs { .. } => Some("run again; look whether git waits for a login, or the remote is slow".into()),
            Self::TooMuch { .. } => Some("this history is larger than is read at once; tell us of it".into()),
            Self::Remote { told, .. } if is_denied(told) => Some(
                "give GIT_PUSH_TOKEN or GITLAB_TOKEN, a token that may write the repo; see docs/access.md".into(),
            ),
            Self::Remote { .. } => Some("run again; check the remote's address by `git remote -v`".into()),
            Self::Stopped { .. } => Some("run again: nothing was pushed, or it is found there".into()),
            Self::NoRepository { .. } => Some("run in a clone of the service repo, with its .git folder; `git status` says more".into()),
            Self::NoCommit => Some("make a first commit: `git commit`".into()),
            Self::Folder { .. } => Some("look whether this user may write to TMPDIR".into()),
            Self::BadName { .. } => Some("name it with letters, digits, / _ . and - alone".into()),
            Self::Shallow => Some(
                "run `git fetch --unshallow --tags`; in GitLab CI set `GIT_DEPTH: 0` for the job, in GitHub Actions `fetch-depth: 0`".into(),
            ),
            Self::Dirty { .. } => Some("commit them, or put them aside by `git stash`; `git status` lists them".into()),
            Self::NoBranch => Some(
                "name the branch by --branch or CI_COMMIT_BRANCH, or check it out: `git checkout main`".into(),
            ),
            Self::UnknownBranch { remote, branch } => Some(
                format!("correct --branch or CI_COMMIT_BRANCH; where it is to be new, make it first: `git push {remote} HEAD:refs/heads/{branch}`").into(),
            ),
            Self::NoRemote { remote } => {
                Some(format!("add it by `git remote add {remote} <address>`, name another by --remote, or give --no-push").into())
            }
            Self::Diverged { remote, branch, .. } => {
                Some(format!("bring them together by `git pull --rebase {remote} {branch}`, or run on a commit of the branch").into())
            }
            Self::MissingTags { remote, .. } => Some(format!("run `git fetch --tags {remote}`").into()),
            Self::MovedTags { remote, .. } => {
                Some(format!("find out who moved them; `git fetch --tags --force {remote}` takes what the remote has").into())
            }
            Self::HigherTag { tag, .. } => Some(
                format!("run `git fetch --tags`, and then on the branch that has it (`git branch --all --contains {tag}`), or merge it: `git merge {tag}`").into(),
            ),
            Self::TagTaken { tag, .. } => {
                Some(format!("look at it by `git show {tag}`; merge its branch, or force a higher version by --bump").into())
            }
            Self::UnknownProject { known, .. } => Some(format!("name one of {}", listed(known)).into()),
            Self::Files(errors) => errors.remedy(),
            Self::File(error) => error.remedy(),
            Self::Links { .. } => Some("replace each by a file of its own, and commit that".into()),
            Self::NoCommitter => Some(
                "give --committer-name and --committer-email, or run `git config user.name <name>` and `git config user.email <address>`".into(),
            ),
            Self::Rejected { .. } => Some(
                "allow the token's user to push to the branch and to make these tags (protected branches, protected tags, push rules), then run again".into(),
            ),
            Self::Outrun { .. } => Some("run again, when fewer jobs push to the branch".into()),
            Self::Unconfirmed { .. } => Some("run again: it looks at what the remote has first".into()),
            Self::Journal { cause, .. } => cause.remedy(),
        }
    }
}
