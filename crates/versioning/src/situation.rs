//! What a release stands on: the checks before it, and what clone and remote have.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use landfall_artifacts::CommitId;
use landfall_run::Run;

use crate::Error;
use crate::git::{Git, History, Remote, RemoteRefs, Tag};
use crate::tag::{TagFormat, is_ref_name};

/// Where a release goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// The remote; `None` where there is none, and none is needed.
    pub remote: Option<Remote>,
    /// The branch; `None` where `HEAD` is on none, and none is needed.
    pub branch: Option<String>,
    /// Whether that is the branch that is checked out. Only this one may be new at the remote: another was mistyped.
    pub is_checked_out: bool,
    /// Whether it is pushed.
    pub pushes: bool,
}

/// What is wished of a [`Target`].
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Name of the remote.
    pub remote: String,
    /// The branch; else that of `HEAD`.
    pub branch: Option<String>,
    /// Whether it is pushed.
    pub pushes: bool,
    /// Whether all commits are needed, so that a shallow clone will not do.
    pub whole_history: bool,
    /// Files and folders that jobs of a pipeline write themselves, such as `versions.json`: where a repo has them in its commits, a
    /// change of them refuses nothing. Relative to the current folder.
    pub written: Vec<PathBuf>,
}

/// The commits that a run stands on.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The commit that the run is for.
    pub head: CommitId,
    /// The commit that a new one goes on: the remote's branch where it has moved on, else `head`.
    pub base: CommitId,
    /// Whether the remote's branch has moved on and was not fetched, as on a dry run.
    pub is_behind: bool,
    /// What the remote has; nothing where there is none.
    pub there: RemoteRefs,
}

/// The ground, and what history and tags say.
#[derive(Clone, Debug)]
pub struct Situation {
    /// The commits.
    pub ground: Ground,
    /// Tags that count.
    pub tags: Vec<Tag>,
    /// `base`, and all before it, without texts.
    pub history: History,
}

impl Git {
    /// Checks what must hold before anything is planned: no shallow clone, no changes that are in no commit, and where it pushes
    /// a remote and a branch.
    ///
    /// # Errors
    /// All that does not hold, at once.
    pub async fn target(&self, wishes: &Wishes, run: &Run) -> Result<Target, Vec<Error>> {
        let mut refusals = Vec::new();
        match self.is_shallow(run).await {
            Ok(true) if wishes.whole_history => refusals.push(Error::Shallow),
            Ok(_) => {}
            Err(error) => return Err(vec![error]),
        }
        match self.changed_files(run).await {
            Ok(mut paths) => {
                let written: Vec<PathBuf> =
                    wishes.written.iter().filter_map(|path| below(self.root(), path)).collect();
                paths.retain(|path| !written.iter().any(|written| Path::new(path).starts_with(written)));
                if !paths.is_empty() {
                    refusals.push(Error::Dirty { paths });
                }
            }
            Err(error) => return Err(vec![error]),
        }
        let remote = match self.remote(&wishes.remote, run).await {
            Ok(None) if wishes.pushes => {
                refusals.push(Error::NoRemote { remote: wishes.remote.clone() });
                None
            }
            Ok(remote) => remote,
            Err(error) => {
                refusals.push(error);
                None
            }
        };
        let current = self.current_branch(run).await.map_err(|error| vec![error])?;
        let branch = wishes.branch.clone().or_else(|| current.clone());
        let is_checked_out = branch == current;
        match &branch {
            None if wishes.pushes => refusals.push(Error::NoBranch),
            Some(name) if !is_ref_name(name) => {
                refusals.push(Error::BadName { what: "branch", shown: landfall_secret::escape(name, 100) });
            }
            Some(_) | None => {}
        }
        if refusals.is_empty() {
            Ok(Target { remote, branch, is_checked_out, pushes: wishes.pushes })
        } else {
            Err(refusals)
        }
    }

    /// Looks at clone and remote. Where the remote's branch has moved on it is fetched, if that is allowed.
    ///
    /// # Errors
    /// [`Error::NoCommit`], [`Error::UnknownBranch`], [`Error::Diverged`]; else as git says.
    pub async fn ground(&self, target: &Target, may_fetch: bool, run: &Run) -> Result<Ground, Error> {
        let head = self.commit("HEAD", run).await?.ok_or(Error::NoCommit)?;
        let Some(remote) = &target.remote else {
            return Ok(Ground { base: head.clone(), head, is_behind: false, there: RemoteRefs::default() });
        };
        // Without a branch no head has this name: only tags are asked for.
        let branch = target.branch.as_deref().unwrap_or("-");
        let there = self.remote_refs(remote, branch, run).await?;
        if target.pushes && !target.is_checked_out && there.branch.is_none() {
            return Err(Error::UnknownBranch { remote: remote.name().to_owned(), branch: branch.to_owned() });
        }
        let (base, is_behind) = match &there.branch {
            Some(tip) if target.pushes => self.base(&head, tip, remote, branch, may_fetch, run).await?,
            Some(_) | None => (head.clone(), false),
        };
        Ok(Ground { head, base, is_behind, there })
    }

    /// The ground, with history and tags.
    ///
    /// # Errors
    /// As [`Git::ground`]; [`Error::MissingTags`], [`Error::MovedTags`].
    pub async fn situation(
        &self,
        target: &Target,
        format: &TagFormat,
        may_fetch: bool,
        run: &Run,
    ) -> Result<Situation, Error> {
        let ground = self.ground(target, may_fetch, run).await?;
        let here = self.tags(run).await?;
        let history = self.history(&ground.base, run).await?;
        let tags = match &target.remote {
            Some(remote) => {
                let mut tags = agreed_tags(&here, &ground, &history, remote, format, target.pushes)?;
                if ground.is_behind {
                    // Those of commits that were not fetched come after this one as likely as not: nothing is released now, and
                    // a real run looks at them.
                    let known = self.known_commits(&tags, &history, run).await?;
                    tags.retain(|tag| known.contains(&tag.commit));
                }
                tags
            }
            None => here,
        };
        Ok(Situation { ground, tags, history })
    }

    /// The commits of tags that are in this clone.
    async fn known_commits(
        &self,
        tags: &[Tag],
        history: &History,
        run: &Run,
    ) -> Result<BTreeSet<CommitId>, Error> {
        let (mut known, mut asked) = (BTreeSet::new(), BTreeSet::new());
        for tag in tags {
            let is_here = history.place(&tag.commit).is_some();
            if is_here { &mut known } else { &mut asked }.insert(tag.commit.clone());
        }
        known.extend(self.there(&asked, run).await?);
        Ok(known)
    }

    /// The commit that a release goes on, and whether the branch is further and was not fetched.
    async fn base(
        &self,
        head: &CommitId,
        tip: &CommitId,
        remote: &Remote,
        branch: &str,
        may_fetch: bool,
        run: &Run,
    ) -> Result<(CommitId, bool), Error> {
        if tip == head {
            return Ok((head.clone(), false));
        }
        if self.commit(tip.as_str(), run).await?.is_none() {
            if !may_fetch {
                return Ok((head.clone(), true));
            }
            self.fetch(remote, Some(branch), &[], run).await?;
        }
        if self.is_ancestor(head, tip, run).await? {
            Ok((tip.clone(), false))
        } else if self.is_ancestor(tip, head, run).await? {
            Ok((head.clone(), false))
        } else {
            Err(Error::Diverged {
                head: head.clone(),
                remote: remote.name().to_owned(),
                branch: branch.to_owned(),
                tip: tip.clone(),
            })
        }
    }
}

/// A path from a repo's root; `None` where it is not in the repo, or is the root itself.
fn below(root: &Path, path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    // The file itself may be a link, and need not be there; its folder may be reached by one.
    let folder = path.parent()?.canonicalize().ok()?;
    let below = folder.join(path.file_name()?).strip_prefix(root.canonicalize().ok()?).ok()?.to_owned();
    (!below.as_os_str().is_empty()).then_some(below)
}

/// The tags that count: those of the remote where it is pushed to, since a tag that is only here was never released; else those
/// of both.
///
/// A clone that lacks tags of its own commits was made without them, and is refused rather than mended: whatever else the job does
/// by tags would be wrong too. Tags of later commits came since, and count.
fn agreed_tags(
    here: &[Tag],
    Ground { head, there, .. }: &Ground,
    history: &History,
    remote: &Remote,
    format: &TagFormat,
    pushes: bool,
) -> Result<Vec<Tag>, Error> {
    let of_head = history.reached_from(&[head]);
    let is_before =
        |tag: &Tag| history.place(&tag.commit).is_some_and(|place| of_head.get(place) == Some(&true));
    let known: BTreeSet<&str> = here.iter().map(|tag| tag.name.as_str()).collect();
    let remotes = there.tags.values().filter(|tag| format.may_be(&tag.name));
    let missing: Vec<String> = remotes
        .clone()
        .filter(|tag| !known.contains(tag.name.as_str()) && is_before(tag))
        .map(|tag| tag.name.clone())
        .collect();
    if !missing.is_empty() {
        return Err(Error::MissingTags { remote: remote.name().to_owned(), tags: missing });
    }
    let is_moved = |tag: &&Tag| {
        format.may_be(&tag.name) && there.tags.get(&tag.name).is_some_and(|other| other.commit != tag.commit)
    };
    let moved: Vec<String> = here.iter().filter(is_moved).map(|tag| tag.name.clone()).collect();
    if !moved.is_empty() {
        return Err(Error::MovedTags { remote: remote.name().to_owned(), tags: moved });
    }
    let mut tags: Vec<Tag> = remotes.cloned().collect();
    if !pushes {
        tags.extend(here.iter().filter(|tag| !there.tags.contains_key(&tag.name)).cloned());
    }
    Ok(tags)
}
