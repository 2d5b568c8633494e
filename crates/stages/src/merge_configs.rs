//! `merge-configs`: configuration files and their overlays, merged to a folder for one environment.

mod own_program;
#[cfg(test)]
mod tests;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use landfall_artifacts::{Class, Digest, FileErrors, Problem};
use landfall_config_merge::{
    Append, Assembled, Error, Folder, Layers, Limits, NewKeys, OutState, Pins, Plan, Tree, Unread,
    VersionFolders, assemble, plan, tree_digest,
};
use landfall_run::{Event, Run};

use crate::{Finished, Outcome, Output, Refusal};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of bases and overlays.
    pub source: PathBuf,
    /// The folder that is made.
    pub out: PathBuf,
    /// Whether it is replaced although it holds what no earlier merge wrote.
    pub replace: bool,
    /// The names of overlays and their order.
    pub layers: Layers,
    /// Versions of components that are not the newest.
    pub pins: Pins,
    /// What becomes of the folder of the version that is taken.
    pub version_folders: VersionFolders,
    /// Lists that overlays add to.
    pub append: Vec<Append>,
    /// What keys mean that the base has not.
    pub new_keys: NewKeys,
    /// Files that are copied without being looked into.
    pub unread: Unread,
    /// The file of the output of which is told where its values come from; nothing is written then.
    pub explain: Option<String>,
    /// What is read at most.
    pub limits: Limits,
    /// The repo's own program that merges instead.
    pub program: Option<OwnProgram>,
}

/// The repo's own program that merges.
#[derive(Clone, Debug)]
pub struct OwnProgram {
    /// The program and its first arguments; source and target follow.
    pub words: Vec<String>,
    /// Its environment, and nothing besides.
    pub variables: BTreeMap<String, String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// What was decided, and the bytes that came of it.
struct Made {
    plan: Plan,
    assembled: Assembled,
}

/// Lays overlays over their bases, takes one version of each component, copies what else there is, and puts all of it in
/// the place of the target as a whole. With `program` that one merges, into a new folder, which is then checked as strictly.
///
/// The same source always gives the same bytes. Where the target holds them already, nothing is written. A target that holds
/// what no earlier merge wrote, or what was changed since, is refused.
///
/// # Errors
/// Everything that stands in the way, at once; nothing was written then.
pub async fn run(config: &Config, output: &Output, run: &Run) -> Outcome {
    let folder = Folder::at(&config.out, &config.source)?;
    let state = folder.state(config.limits);
    if state == OutState::Foreign && !config.replace && config.explain.is_none() {
        return Err(Error::Foreign { out: config.out.clone() }.into());
    }
    if let Some(program) = &config.program {
        return own_program::run(config, program, &folder, state, output, run).await;
    }
    run.progress().event(Event::Phase { name: "merge".into(), items: None });
    let made = off_thread(config, |config| merged(&config)).await?;
    if let Some(path) = told::wanted(config) {
        return told::explained(&path, &made);
    }
    let mut finished = Finished::default();
    told::notes(&made, &config.layers, &mut finished);
    let digests = digests(&made.assembled);
    let tree = tree_digest(digests.iter().map(|(path, digest)| (path.as_str(), digest)));
    let is_there = state == OutState::Ours(tree);
    told::files(&made, &digests, config, is_there, output, &mut finished);
    if output.is_dry_run() {
        foretell(config, &made.assembled, output)?;
    } else if !is_there {
        let fresh = folder.begin()?;
        for (index, file) in made.assembled.files.iter().enumerate() {
            if run.stop().requested().is_some() {
                let mut stopped = Finished::new("stopped: nothing was changed");
                stopped.note_stop(run, made.assembled.files.len() - index);
                return Ok(stopped);
            }
            fresh.write(&file.output, &file.bytes)?;
        }
        fresh.finish(tree, config.limits, config.replace)?;
    } else {
        folder.tidy()?;
    }
    Ok(finished)
}

/// Reads, plans and merges.
fn merged(config: &Config) -> Result<Made, Refusal> {
    let tree = Tree::open(&config.source, config.limits)?;
    let (listed, mut errors) = tree.files();
    if listed.is_empty() && errors.is_empty() {
        let shown = landfall_secret::escape(&config.source.to_string_lossy(), 200);
        let what = format!("there is no file in {shown}");
        return Err(Refusal::one(Problem::new("LF-MERGE-NOTHING", Class::Input, what).with_remedy(
            "name the folder of the configuration files, or look whether they were checked out",
        )));
    }
    let paths: Vec<&str> = listed.iter().map(|file| file.path.as_str()).collect();
    let (plan, more) = plan(&paths, &config.layers, &config.pins, config.version_folders, &config.unread);
    errors.extend(more);
    let wanted = told::wanted(config);
    let assembled = assemble(&tree, &plan, &config.append, config.new_keys, config.limits, wanted.as_deref());
    finished_without(errors, assembled).map(|assembled| Made { plan, assembled })
}

/// What was made, unless there is an error before or in it: then all of them.
fn finished_without(
    mut errors: Vec<Error>,
    assembled: Result<Assembled, Vec<Error>>,
) -> Result<Assembled, Refusal> {
    match assembled {
        Ok(assembled) if errors.is_empty() => Ok(assembled),
        Ok(_) => Err(refused(errors)),
        Err(more) => {
            errors.extend(more);
            Err(refused(errors))
        }
    }
}

/// A path as the output has it, where it was given with the target before it.
fn as_output(path: &str, out: &Path) -> String {
    let plain = Path::new(path);
    let below = plain.strip_prefix(out).unwrap_or(plain);
    below.to_string_lossy().trim_start_matches("./").to_owned()
}

/// Does what takes long without holding up what else there is to do.
async fn off_thread<T: Send + 'static>(
    config: &Config,
    work: impl FnOnce(Config) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let config = config.clone();
    tokio::task::spawn_blocking(move || work(config)).await.unwrap_or_else(|_| {
        Err(Refusal::one(Problem::new("LF-DEFECT", Class::Defect, "the merge could not be done")))
    })
}

fn digests(assembled: &Assembled) -> Vec<(String, Digest)> {
    assembled.files.iter().map(|file| (file.output.clone(), Digest::of(&file.bytes))).collect()
}

/// Writes the tree to the folder of foretold files, where one is given.
fn foretell(config: &Config, assembled: &Assembled, output: &Output) -> Result<(), Refusal> {
    let Some(place) = output.place(&config.out)? else { return Ok(()) };
    let digests = digests(assembled);
    let tree = tree_digest(digests.iter().map(|(path, digest)| (path.as_str(), digest)));
    let folder = Folder::at(&place, &config.source)?;
    let fresh = folder.begin()?;
    for file in &assembled.files {
        fresh.write(&file.output, &file.bytes)?;
    }
    // The folder of foretold files is nobody's target.
    Ok(fresh.finish(tree, config.limits, true)?)
}

/// All problems, those of documents as one page.
fn refused(errors: Vec<Error>) -> Refusal {
    let mut documents: Option<FileErrors> = None;
    let mut problems = Vec::new();
    for error in errors {
        match error {
            Error::Document(more) => {
                documents = Some(match documents.take() {
                    Some(before) => before.join(more),
                    None => more,
                });
            }
            other => problems.push(Problem::of(&other)),
        }
    }
    problems.extend(documents.map(|all| Problem::of(&Error::Document(all))));
    Refusal(problems)
}
