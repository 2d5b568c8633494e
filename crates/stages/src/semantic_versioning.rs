//! `semantic-versioning`: from the commits since each project's last tag to versions, changelogs, tags, and one push.

mod tell;
#[cfg(test)]
mod tests;
mod workspace;

use std::collections::BTreeMap;
use std::path::PathBuf;

use landfall_artifacts::{CommitId, Mode, Problem, Versions};
use landfall_run::{Event, Run};
use landfall_secret::Secret;
use landfall_versioning::{
    Access, Error, Git, Person, Published, Release, Request, Settled, Situation, Target, Wishes, publish,
    release_files, release_message,
};

use crate::{Finished, Outcome, Output, Refusal};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// A folder of the repo.
    pub folder: PathBuf,
    /// The folder of the Lambda projects, from the repo's root.
    pub functions: String,
    /// The file that `nx graph --file` writes, which then says what projects there are and what they depend on.
    pub nx_graph: Option<PathBuf>,
    /// Where `versions.json` goes.
    pub versions: PathBuf,
    /// Remote, branch, and whether it is pushed.
    pub wishes: Wishes,
    /// How versions are counted.
    pub request: Request,
    /// Who makes the commit; what is missing is taken from git's settings.
    pub committer: Committer,
    /// Whether `versions.json` holds only what got a new version.
    pub changed_only: bool,
    /// The project that is explained; nothing is changed or written then.
    pub explain: Option<String>,
    /// How often it is planned anew where the branch moved on before the push. At least 1.
    pub attempts: u32,
}

/// Who makes the commit, as far as it is given.
#[derive(Clone, Debug, Default)]
pub struct Committer {
    /// The name.
    pub name: Option<String>,
    /// The address.
    pub email: Option<String>,
}

/// What the stage works with.
#[derive(Clone, Debug, Default)]
pub struct Deps {
    /// Variables of the environment for git.
    pub variables: BTreeMap<String, String>,
    /// The user that goes with the token, such as `oauth2`.
    pub user: String,
    /// A token for the remote.
    pub token: Option<Secret>,
}

/// Gives every project with changes its next version, and writes `versions.json`.
///
/// Checks the clone, plans on the commit or on the branch where it has moved on, makes one commit and its tags, pushes them all or
/// none, and plans again where another was faster. Repeating it on the same commit, also at the same time, gives the same
/// versions: the release that has the commit is the answer.
///
/// # Errors
/// A shallow clone, changes that are in no commit, no branch, no remote, tags that are missing here or higher elsewhere, files
/// that break their format, a remote that refuses: nothing is changed then.
pub async fn run(config: &Config, deps: &Deps, output: &Output, run: &Run) -> Outcome {
    let reads_only = output.is_dry_run() || config.explain.is_some();
    let (git, target) = clone_of(&config.folder, &config.wishes, deps, run).await?;
    for attempt in 1..=config.attempts.max(1) {
        run.progress().event(Event::Phase { name: "plan".into(), items: None });
        let mut situation = git.situation(&target, &config.request.format, !reads_only, run).await?;
        if config.explain.is_some() {
            // The release before may be explained, which stands on commits that count no more.
            let all: Vec<CommitId> =
                situation.history.commits().iter().map(|commit| commit.id.clone()).collect();
            git.read_texts(&mut situation.history, &all, run).await?;
        }
        let (workspace, settled) = workspace::settled(config, &git, &mut situation, run).await?;
        if let Some(asked) = &config.explain {
            let last = workspace.last_release(config, &situation, asked, &settled);
            return tell::explained(asked, last.as_ref().unwrap_or(&settled.plan), last.is_some());
        }
        let mut finished = tell::plan(&settled, &situation);
        tell::doubts(&mut finished, config, &settled, &workspace, &situation);
        if reads_only || settled.plan.is_empty() {
            tell::nothing_done(&mut finished, &settled, reads_only);
            return with_versions(config, &settled, &situation, finished, output);
        }
        let date = run.clock().now().date();
        let files = release_files(workspace.tree(), &settled.plan, date)?;
        let person = person(&git, &config.committer, run).await?;
        let mut tags: Vec<String> =
            settled.plan.released().filter_map(|(_, planned)| planned.tag.clone()).collect();
        // One version for the whole repo is one tag.
        tags.sort_unstable();
        tags.dedup();
        let message = release_message(&settled.plan);
        let release = Release { files: &files, message: &message, tags: &tags, person: &person };
        run.progress().event(Event::Phase { name: "release".into(), items: None });
        match publish(&git, &target, &situation.ground, &release, run).await? {
            Published::Done { commit, warning } => {
                tell::done(&mut finished, &settled, &situation, &target, &commit);
                finished.warnings.extend(warning);
                return with_versions(config, &settled, &situation, finished, output);
            }
            Published::TooLate => {
                let note =
                    format!("the branch moved on before push {attempt}: planning again on what is there");
                run.progress().event(Event::Note(note));
            }
        }
    }
    Err(Refusal::of(&outrun(&target, config.attempts.max(1))))
}

/// The clone, checked, and where its commits go.
pub(crate) async fn clone_of(
    folder: &std::path::Path,
    wishes: &Wishes,
    deps: &Deps,
    run: &Run,
) -> Result<(Git, Target), Refusal> {
    run.progress().event(Event::Phase { name: "check".into(), items: None });
    let git = Git::open(folder, deps.variables.clone(), run).await?;
    let target = match git.target(wishes, run).await {
        Ok(target) => target,
        Err(errors) => {
            return Err(Refusal(errors.iter().map(|error| Problem::of(error)).collect()));
        }
    };
    let access: Option<Access> = target
        .remote
        .as_ref()
        .zip(deps.token.as_ref())
        .and_then(|(remote, token)| remote.access(&deps.user, token));
    if let (Some(remote), Some(_), None) = (&target.remote, &deps.token, &access) {
        let note = format!("the token is not used: {} is not spoken to by https", remote.shown());
        run.progress().event(Event::Note(note));
    }
    Ok((git.with_access(access), target))
}

/// The person who makes a commit: as given, else as git has it.
pub(crate) async fn person(git: &Git, given: &Committer, run: &Run) -> Result<Person, Error> {
    let name = match &given.name {
        Some(name) => Some(name.clone()),
        None => git.setting("user.name", run).await?,
    };
    let email = match &given.email {
        Some(email) => Some(email.clone()),
        None => git.setting("user.email", run).await?,
    };
    let person = name.zip(email).map(|(name, email)| Person { name, email });
    person.filter(Person::is_good).ok_or(Error::NoCommitter)
}

/// That the branch moved each time.
pub(crate) fn outrun(target: &Target, attempts: u32) -> Error {
    Error::Outrun {
        remote: target.remote.as_ref().map(|remote| remote.name().to_owned()).unwrap_or_default(),
        branch: target.branch.clone().unwrap_or_default(),
        attempts,
    }
}

/// That a project is not known.
pub(crate) fn unknown(name: &str, known: Vec<String>) -> Error {
    Error::UnknownProject { shown: landfall_secret::escape(name, 100), known }
}

/// Writes `versions.json`.
fn with_versions(
    config: &Config,
    settled: &Settled,
    situation: &Situation,
    mut finished: Finished,
    output: &Output,
) -> Outcome {
    let changed = settled.changed(situation);
    let mut versions = Versions::default();
    for (name, planned) in &settled.plan.projects {
        if config.changed_only && !changed.contains(name) {
            continue;
        }
        match tell::entry(planned, &config.functions) {
            Ok(entry) => {
                versions.projects.insert(name.clone(), entry);
            }
            Err(why) => finished.warnings.push(format!("{name} is left out of versions.json: {why}")),
        }
    }
    finished.release = Some(versions.release_id());
    finished.files.push(output.write(&config.versions, &versions.to_bytes(), Mode::Shared)?);
    Ok(finished)
}
