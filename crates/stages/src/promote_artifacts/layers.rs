//! Layers that an overwritten tag shares with other tags: Artifactory before 7.117.1 may delete them.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use landfall_artifacts::Problem;
use landfall_registry::{Artifactory, keeps_shared_layers};
use landfall_run::{Event, Run};
use tokio::sync::OnceCell;

/// Tags that are named in a warning; of the others only the number is.
const MOST_NAMED: usize = 10;

/// Whether the layers of tags that are overwritten are safe. It is asked once, and only where a tag is going to be overwritten.
pub(super) struct Layers<'a> {
    artifactory: &'a Artifactory,
    run: &'a Run,
    server: OnceCell<Server>,
    overwritten: Mutex<BTreeSet<String>>,
}

/// What is known of the server.
enum Server {
    /// It keeps shared layers.
    Keeps,
    /// It may delete them.
    MayDelete(String),
    /// Its version could not be read, or not be understood.
    Unknown,
}

impl<'a> Layers<'a> {
    pub(super) fn new(artifactory: &'a Artifactory, run: &'a Run) -> Self {
        Self { artifactory, run, server: OnceCell::new(), overwritten: Mutex::default() }
    }

    /// Notes that a tag is going to be overwritten, and says before the first what that may do.
    pub(super) async fn overwriting(&self, target: &str) {
        let server = self.server.get_or_init(|| self.ask()).await;
        if !matches!(server, Server::Keeps) {
            let mut overwritten = self.overwritten.lock().unwrap_or_else(PoisonError::into_inner);
            overwritten.insert(target.to_owned());
        }
    }

    async fn ask(&self) -> Server {
        let note = |text: String| self.run.progress().event(Event::Note(text));
        match self.artifactory.version(self.run).await {
            Ok(version) => match keeps_shared_layers(&version) {
                Some(true) => Server::Keeps,
                Some(false) => {
                    note(format!(
                        "Artifactory {version} may delete shared layers where a tag is overwritten"
                    ));
                    Server::MayDelete(version)
                }
                None => {
                    note(format!("`{version}` is no version of Artifactory that is understood"));
                    Server::Unknown
                }
            },
            Err(error) => {
                note(format!("the version of Artifactory is not known: {}", Problem::of(&error).told()));
                Server::Unknown
            }
        }
    }

    /// What is to be said at the end; `None` where no tag was overwritten, or the server keeps what they share.
    pub(super) fn warning(&self, foretold: bool) -> Option<String> {
        let overwritten = self.overwritten.lock().unwrap_or_else(PoisonError::into_inner);
        if overwritten.is_empty() {
            return None;
        }
        let who = match self.server.get() {
            Some(Server::MayDelete(version)) => format!("Artifactory {version}, as all before 7.117.1,"),
            Some(Server::Unknown) | None => {
                "Artifactory before 7.117.1 (this one's version is not known)".to_owned()
            }
            Some(Server::Keeps) => return None,
        };
        let named: Vec<&str> = overwritten.iter().take(MOST_NAMED).map(String::as_str).collect();
        let further = match overwritten.len() - named.len() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        let what = if foretold { "would be overwritten" } else { "were to be overwritten" };
        Some(format!(
            "{who} may delete layers that an overwritten tag shares with other tags of its image; {what}: {}{further}. Look whether the other tags of these images can still be pulled",
            named.join(", ")
        ))
    }
}
