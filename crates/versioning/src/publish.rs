//! Making a release: one commit, its tags, one push, and reading back what came of it.

use landfall_artifacts::CommitId;
use landfall_run::{Effect, EffectItem, EffectOutcome, Run};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Error;
use crate::git::{FileChange, Git, NewTag, Person, Pushed, Remote};
use crate::situation::{Ground, Target};

/// A release that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Release<'a> {
    /// The files that change.
    pub files: &'a [FileChange],
    /// The commit's message.
    pub message: &'a str,
    /// The names of the tags; none for a commit alone.
    pub tags: &'a [String],
    /// Who makes it.
    pub person: &'a Person,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is made, and where it is pushed the remote shows it.
    Done {
        /// The commit that was made.
        commit: CommitId,
        /// What could not be done in this clone afterwards: the release itself is made.
        warning: Option<String>,
    },
    /// The remote's branch had moved on, or one of the tags was there: it is to be planned again. Nothing was changed.
    TooLate,
}

/// Makes a release on the ground's base.
///
/// Commit and tags are made in git's store, without touching the working tree, and pushed all or none, only where the branch still
/// stands where it was seen. An answer that was lost or bad is read back. Only then are the tags named in this clone, and `HEAD`
/// and the working tree brought to the commit. Hooks of the clone are not run. Repeating it finds what is there: a release that
/// was made makes the plan empty.
///
/// # Errors
/// [`Error::Rejected`] where the remote refuses, [`Error::Unconfirmed`] where it is not known what came of the push; else as git
/// says.
pub async fn publish(
    git: &Git,
    target: &Target,
    ground: &Ground,
    release: &Release<'_>,
    run: &Run,
) -> Result<Published, Error> {
    let commit = git.make_commit(&ground.base, release.files, release.message, release.person, run).await?;
    let tags = git.make_tags(&commit, release.tags, release.person, run).await?;
    if let (true, Some(remote), Some(branch)) = (target.pushes, &target.remote, &target.branch) {
        let time = git.commit_time(&ground.base, run).await?;
        let push = Push { git, remote, branch, ground, commit: &commit, time, tags: &tags };
        if !push.recorded(run).await? {
            return Ok(Published::TooLate);
        }
    }
    // The release is made: what is left is for this clone alone, and must not be cut short.
    let run = run.to_its_end();
    let mut warning = None;
    for done in [git.name_tags(&tags, &run).await, git.move_to(&commit, &run).await] {
        if let Err(error) = done {
            warning = Some(error.to_string());
        }
    }
    if let (Some(told), false) = (&warning, target.pushes) {
        return Err(Error::Git { what: "name the release", code: None, told: told.clone() });
    }
    Ok(Published::Done { commit, warning })
}

/// One push.
struct Push<'a> {
    git: &'a Git,
    remote: &'a Remote,
    branch: &'a str,
    ground: &'a Ground,
    commit: &'a CommitId,
    /// When the commit that the release goes on was made: the newest of what is released.
    time: OffsetDateTime,
    tags: &'a [NewTag],
}

impl Push<'_> {
    /// Pushes through the journal's door; `false` where the push came too late.
    async fn recorded(&self, run: &Run) -> Result<bool, Error> {
        let item =
            |tag: &NewTag| EffectItem { name: tag.name.clone(), version: None, digest: None, before: None };
        let effect = Effect {
            action: "git push".to_owned(),
            // The commit stands last: whoever follows a release begins there.
            target: format!("{} {} {}", self.remote.shown(), self.branch, self.commit),
            environment: None,
            release: None,
            details: self.time.format(&Rfc3339).map(|time| ("commitTime", time)).into_iter().collect(),
            items: self.tags.iter().map(item).collect(),
        };
        let refused = |cause| Error::Journal { branch: self.branch.to_owned(), cause };
        let intent = run.journal().intend(effect).await.map_err(refused)?;
        let ended = self.confirmed(run).await;
        let outcome = match &ended {
            Ok(true) => EffectOutcome::Done,
            Ok(false) => EffectOutcome::Failed("the branch had moved on".to_owned()),
            Err(error @ Error::Unconfirmed { .. }) => EffectOutcome::Unknown(error.to_string()),
            Err(error) => EffectOutcome::Failed(error.to_string()),
        };
        let noted = run.journal().outcome(intent, outcome).await;
        match (ended, noted) {
            (Ok(_), Err(cause)) => Err(refused(cause)),
            (ended, _) => ended,
        }
    }

    /// Pushes; what did not end well is read back, since the words of remotes differ and answers get lost.
    async fn confirmed(&self, run: &Run) -> Result<bool, Error> {
        let seen = self.ground.there.branch.as_ref();
        let pushed = self.git.push(self.remote, self.branch, seen, self.commit, self.tags, run).await;
        let told = match pushed {
            Ok(Pushed::Done) => return Ok(true),
            // Made in the same second by another run, which is the one that made it.
            Ok(Pushed::Already) => return Ok(false),
            Ok(Pushed::Not { told }) => told,
            Err(error) => error.to_string(),
        };
        let unknown = |cause| Error::Unconfirmed { branch: self.branch.to_owned(), cause: Box::new(cause) };
        let run = run.to_its_end();
        let there = self.git.remote_refs(self.remote, self.branch, &run).await.map_err(unknown)?;
        let has = |tag: &NewTag| there.tags.get(&tag.name).is_some_and(|there| there.object == tag.object);
        let has_tags = self.tags.iter().all(has);
        // Where it arrived, another commit may be on it by now. The tags came with it, all or none.
        if has_tags && (there.branch.as_ref() == Some(self.commit) || !self.tags.is_empty()) {
            return Ok(true);
        }
        let is_taken = self.tags.iter().any(|tag| there.tags.contains_key(&tag.name));
        if there.branch.as_ref() != seen || is_taken {
            return Ok(false);
        }
        Err(Error::Rejected { remote: self.remote.name().to_owned(), branch: self.branch.to_owned(), told })
    }
}
