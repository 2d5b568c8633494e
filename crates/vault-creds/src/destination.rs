//! Where keys may be put, so that later jobs, later steps or a program find them.

mod error;
mod file;
mod github;
mod gitlab;
mod named;
mod process;

use std::io::Write;
use std::path::PathBuf;

use landfall_artifacts::{Problem, WrittenFile};
use landfall_aws::AwsKeys;
use landfall_run::Run;
use landfall_secret::Secret;
use landfall_transport::Http;

pub use error::DestinationError;
pub use gitlab::{GitLabVariables, Owner};

/// Where keys go. Best first: [`Destination::Process`] stores them nowhere; a file is for one job and those that it is passed on to;
/// a variable of GitLab's is for every job of its scope until it is taken away, and pipelines that run at once overwrite each
/// other's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A file of `KEY=value` lines, mode 0600, as GitLab's dotenv report takes it.
    File(PathBuf),
    /// Variables of a project or group of GitLab.
    GitLab(GitLabVariables),
    /// The file that GitHub makes variables of the next steps of (`GITHUB_ENV`).
    GitHub(PathBuf),
    /// Whoever started the program: the form of `credential_process`, to be printed on standard output and nowhere else.
    Process,
}

/// What was put where.
#[derive(Clone, Debug, Default)]
pub struct Put {
    /// Variable by variable, where there are such.
    pub changes: Vec<Change>,
    /// The file, where one of our own was written.
    pub file: Option<WrittenFile>,
    /// What is to be handed to whoever started the program. It holds the keys.
    pub handed: Option<Secret>,
}

/// What became of one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: &'static str,
    /// `created`, `updated`, `removed`, `absent`, `failed`, `unknown` or `not-tried`.
    pub outcome: &'static str,
    /// What went wrong with it.
    pub problem: Option<Problem>,
}

impl Destination {
    /// Everything that is wrong with it, all at once; empty where it is fine. Nothing is sent and nothing written.
    pub fn problems(&self) -> Vec<DestinationError> {
        match self {
            Self::File(_) | Self::Process => Vec::new(),
            Self::GitLab(variables) => variables.problems(),
            Self::GitHub(path) => github::problem(path).into_iter().collect(),
        }
    }

    /// In a few words, for messages; not escaped.
    pub fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::GitLab(variables) => variables.shown(),
            Self::GitHub(_) => "GitHub's file of variables".to_owned(),
            Self::Process => "standard output".to_owned(),
        }
    }

    /// Puts the keys there. `say` is standard output, on which GitHub reads what it must mask: that is written, and flushed, before
    /// anything else is.
    ///
    /// # Errors
    /// [`DestinationError`] where nothing was put. What failed half-way is among the changes.
    pub async fn put(
        &self,
        keys: &AwsKeys,
        say: &mut (dyn Write + Send),
        http: &Http,
        run: &Run,
    ) -> Result<Put, DestinationError> {
        match self {
            Self::File(path) => Ok(Put { file: Some(file::write(path, keys)?), ..Put::default() }),
            Self::GitLab(variables) => {
                Ok(Put { changes: variables.set(&named::named(keys)?, http, run).await?, ..Put::default() })
            }
            Self::GitHub(path) => {
                Ok(Put { changes: github::append(path, &named::named(keys)?, say)?, ..Put::default() })
            }
            Self::Process => Ok(Put { handed: Some(process::text(keys)?), ..Put::default() }),
        }
    }
}
