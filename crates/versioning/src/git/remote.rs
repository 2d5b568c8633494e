//! The remote: its address, its refs, fetching and pushing.

use std::collections::BTreeMap;

use landfall_artifacts::CommitId;
use landfall_run::Run;
use landfall_secret::Secret;

use super::{Access, Call, Git, NewTag, Tag};
use crate::Error;
use crate::tag::is_ref_name;

/// A remote of the repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    name: String,
    address: String,
}

impl Remote {
    /// Its name, such as `origin`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A token for it; `None` where its address is one that a token may not be sent to, as [`Access::new`] has it.
    pub fn access(&self, user: &str, token: &Secret) -> Option<Access> {
        Access::new(&self.address, user, token)
    }

    /// Where it is pushed to, for messages.
    pub fn shown(&self) -> String {
        landfall_secret::shown_address(&self.address)
    }
}

/// What a remote has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteRefs {
    /// The commit of the branch; `None` where there is no such branch.
    pub branch: Option<CommitId>,
    /// The tags by name.
    pub tags: BTreeMap<String, Tag>,
}

/// How a push ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Git says that it put it there.
    Done,
    /// Git says that all of it was there already: another run made the very same.
    Already,
    /// Git says otherwise, in these words. What the remote has now is to be read back.
    Not {
        /// What it said.
        told: String,
    },
}

impl Git {
    /// The remote of a name; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::BadName`] for what is no name; else as git says.
    pub async fn remote(&self, name: &str, run: &Run) -> Result<Option<Remote>, Error> {
        if !is_ref_name(name) {
            return Err(Error::BadName { what: "remote", shown: landfall_secret::escape(name, 100) });
        }
        let arguments = ["remote", "get-url", "--push", "--end-of-options", name];
        let answer = self.attempt(&Call::new("find the remote", &arguments), run).await?;
        if answer.code != Some(0) {
            return Ok(None);
        }
        let address = answer.text();
        // Where the address holds a password, no message of git may show it.
        if let Some(user_info) = landfall_secret::user_info(&address) {
            run.redactor().learn(&Secret::new(user_info));
            if let Some((_, password)) = user_info.split_once(':') {
                run.redactor().learn(&Secret::new(password));
            }
        }
        Ok(Some(Remote { name: name.to_owned(), address }))
    }

    /// What the remote has: one branch, and all tags.
    ///
    /// # Errors
    /// [`Error::Remote`] where it does not answer.
    pub async fn remote_refs(&self, remote: &Remote, branch: &str, run: &Run) -> Result<RemoteRefs, Error> {
        let head = format!("refs/heads/{branch}");
        let arguments = ["ls-remote", "--end-of-options", remote.name(), head.as_str(), "refs/tags/*"];
        let answer = self.speak("read the refs of", &arguments, b"", remote, run).await?;
        Ok(parse(&String::from_utf8_lossy(&answer), &head))
    }

    /// Fetches the branch to `refs/remotes/<remote>/<branch>`, and these tags.
    ///
    /// # Errors
    /// [`Error::Remote`] where it does not answer.
    pub async fn fetch(
        &self,
        remote: &Remote,
        branch: Option<&str>,
        tags: &[&str],
        run: &Run,
    ) -> Result<(), Error> {
        let mut wanted = String::new();
        if let Some(branch) = branch {
            wanted.push_str(&format!("+refs/heads/{branch}:refs/remotes/{}/{branch}\n", remote.name()));
        }
        for tag in tags {
            wanted.push_str(&format!("refs/tags/{tag}:refs/tags/{tag}\n"));
        }
        let arguments = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--stdin",
            "--end-of-options",
            remote.name(),
        ];
        self.speak("fetch from", &arguments, wanted.as_bytes(), remote, run).await?;
        Ok(())
    }

    /// Pushes a commit to the branch, and tags: all or nothing, and only where the branch still stands at `seen` and no tag is
    /// there.
    ///
    /// # Errors
    /// Where git cannot be run. What the remote says is [`Pushed`].
    pub(crate) async fn push(
        &self,
        remote: &Remote,
        branch: &str,
        seen: Option<&CommitId>,
        commit: &CommitId,
        tags: &[NewTag],
        run: &Run,
    ) -> Result<Pushed, Error> {
        let seen = seen.map(CommitId::as_str).unwrap_or_default();
        let mut arguments = vec![
            "push".to_owned(),
            "--atomic".to_owned(),
            "--porcelain".to_owned(),
            "--no-verify".to_owned(),
        ];
        arguments.push(format!("--force-with-lease=refs/heads/{branch}:{seen}"));
        // Tags need no lease: what names no `+` replaces no tag that is there.
        arguments.extend(["--end-of-options".to_owned(), remote.name().to_owned()]);
        arguments.push(format!("{commit}:refs/heads/{branch}"));
        arguments.extend(tags.iter().map(|tag| format!("{}:refs/tags/{}", tag.object, tag.name)));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let call = Call { is_remote: true, ..Call::new("push", &arguments) };
        // The push is out once it is begun: a stop between it and its answer would leave unknown what the answer tells.
        let answer = self.attempt(&call, &run.to_its_end()).await?;
        let stdout = String::from_utf8_lossy(&answer.stdout);
        if answer.code == Some(0) {
            // A line a ref: a flag, a tab, the names (git-push, "OUTPUT").
            let mut refs = stdout.lines().filter(|line| line.get(1..2) == Some("\t"));
            return Ok(if refs.all(|line| line.starts_with('=')) { Pushed::Already } else { Pushed::Done });
        }
        let refused: Vec<String> = stdout
            .lines()
            .filter(|line| line.starts_with('!'))
            .take(3)
            .map(|line| landfall_secret::escape(&line.replace('\t', " "), 300))
            .collect();
        Ok(Pushed::Not { told: format!("{}\n{}", answer.told, refused.join("\n")).trim().to_owned() })
    }

    /// A call that speaks with a remote and must end well.
    pub(super) async fn speak(
        &self,
        what: &'static str,
        arguments: &[&str],
        input: &[u8],
        remote: &Remote,
        run: &Run,
    ) -> Result<Vec<u8>, Error> {
        let call = Call { is_remote: true, input, ..Call::new(what, arguments) };
        let answer = self.attempt(&call, run).await?;
        if answer.code == Some(0) {
            return Ok(answer.stdout);
        }
        Err(Error::Remote {
            what,
            remote: remote.name().to_owned(),
            address: remote.shown(),
            told: answer.told,
        })
    }
}

/// Reads lines of id, tab, name; `^{}` after a name marks the commit of an annotated tag.
fn parse(text: &str, head: &str) -> RemoteRefs {
    let mut refs = RemoteRefs::default();
    for (id, name) in text.lines().filter_map(|line| line.split_once('\t')) {
        let Ok(id) = id.parse::<CommitId>() else { continue };
        if name == head {
            refs.branch = Some(id);
        } else if let Some(tag) = name.strip_prefix("refs/tags/") {
            match tag.strip_suffix("^{}") {
                Some(tag) => {
                    if let Some(known) = refs.tags.get_mut(tag) {
                        known.commit = id;
                    }
                }
                None => {
                    refs.tags
                        .insert(tag.to_owned(), Tag { name: tag.to_owned(), object: id.clone(), commit: id });
                }
            }
        }
    }
    refs
}
