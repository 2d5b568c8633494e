//! `changed-images`: which images are to be built again, since the branch left `main`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landfall_artifacts::{
    CauseWay, ChangedImages, Class, ListedCause, ListedImage, Mode, Problem, read_bounded,
};
use landfall_run::{Event, Run};
use landfall_versioning::{
    BuildContext, ChangedImage, Excluded, FolderTree, GitDiff, GraphError, Image, ImageCause, ImageWay,
    ProjectGraph, Tree, WorkspaceOptions, changed_images, find_images,
};

use crate::{Finished, Item, Outcome, Output, Refusal};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which images are asked for.
    pub question: Question,
    /// Where `changed-images.json` goes.
    pub json: PathBuf,
    /// Where the folders of the images go, one a line.
    pub list: Option<PathBuf>,
}

/// Which images of which repo are asked for.
#[derive(Clone, Debug)]
pub struct Question {
    /// A folder of the repo.
    pub root: PathBuf,
    /// The folder of the functions, relative to the repo's root.
    pub functions: PathBuf,
    /// Which images are wanted.
    pub wanted: Wanted,
    /// Where `COPY` and `ADD` take their sources from.
    pub context: BuildContext,
    /// Folders whose images are left out.
    pub excluded: Excluded,
    /// The file that `nx graph --file` writes, which then says what projects there are and what they depend on.
    pub nx_graph: Option<PathBuf>,
    /// The variables that git may see.
    pub variables: BTreeMap<String, String>,
}

/// Which images are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those that changed since HEAD left this branch or commit.
    Since(String),
    /// Those that changed since HEAD left the default branch: the one of this name, else the one that `nx.json` names, else `main`;
    /// as it is at `origin`, else as it is here.
    SinceDefault(Option<String>),
    /// All.
    All,
}

/// Largest file of Nx, in bytes.
const MOST_GRAPH_BYTES: usize = 64 * 1024 * 1024;
/// How many doubts are told one by one.
const MOST_DOUBTS: usize = 20;
/// How many causes of an image a person is shown.
const MOST_CAUSES: usize = 3;

/// Lists the images that changed between the merge base and HEAD, with why, and writes `changed-images.json`.
///
/// An image changes with its folder, with what its Dockerfile takes from the build context, and with every project and package
/// that its project depends on. Changes nothing but the files it writes; the same commits give the same bytes. What is not
/// committed is not looked at, with a warning.
///
/// # Errors
/// No repository, no merge base, an unreadable workspace, two images with one name: all that was found, and no file is written.
pub fn run(config: &Config, output: &Output, run: &Run) -> Outcome {
    let Listed { images, chosen, since, warnings, .. } = config.question.answer(run)?;
    let mut finished = Finished { warnings, ..Finished::default() };
    for image in &chosen {
        finished.lines.push(line(image));
        let item = Item::new(&image.name, "listed").changed().with("folder", image.folder.clone());
        let causes = serde_json::to_value(listed(image).causes).unwrap_or_default();
        finished.items.push(item.with("causes", causes));
    }
    let base = since.as_ref().and_then(|(base, _)| base.parse().ok());
    let file = ChangedImages { base, images: chosen.iter().map(listed).collect() };
    finished.files.push(output.write(&config.json, &file.to_bytes(), Mode::Shared)?);
    if let Some(list) = &config.list {
        let folders: String = chosen.iter().flat_map(|image| [folder(image), "\n"]).collect();
        finished.files.push(output.write(list, folders.as_bytes(), Mode::Shared)?);
    }
    finished.summary = told(since.as_ref(), chosen.len(), images.len());
    Ok(finished)
}

/// How many of how many images are listed, and since when.
pub(crate) fn told(since: Option<&(String, String)>, listed: usize, all: usize) -> String {
    match since {
        None => format!("all {all} images"),
        Some((base, name)) => {
            let short = base.get(..12).unwrap_or(base);
            format!("{listed} of {all} images changed since {name} was left at {short}")
        }
    }
}

/// The answer to a [`Question`].
#[derive(Debug)]
pub(crate) struct Listed {
    /// The repo, at its top.
    pub(crate) git: GitDiff,
    /// All images.
    pub(crate) images: Vec<Image>,
    /// Those that were asked for, in the same order.
    pub(crate) chosen: Vec<ChangedImage>,
    /// The commit and the name that they were compared with; `None` where all were asked for.
    pub(crate) since: Option<(String, String)>,
    /// What a reader should look at although all is well.
    pub(crate) warnings: Vec<String>,
}

impl Question {
    /// Looks at the repo.
    ///
    /// # Errors
    /// As for [`run`].
    pub(crate) fn answer(&self, run: &Run) -> Result<Listed, Refusal> {
        let git = GitDiff::new(&self.root, &self.variables).at_top()?;
        let tree = FolderTree::new(git.root(), git.files()?);
        run.progress().event(Event::Phase { name: "read".into(), items: Some(tree.paths().len() as u64) });
        let graph = read_graph(self.nx_graph.as_deref(), self.functions.clone(), &tree)?;
        let since = match &self.wanted {
            Wanted::Since(base) => Some(git.merge_base(std::slice::from_ref(base))?),
            Wanted::SinceDefault(branch) => {
                Some(git.merge_base(&usual_bases(branch.as_deref().or(graph.default_base())))?)
            }
            Wanted::All => None,
        };
        let images = find_images(&tree, &graph, self.context, &self.excluded).map_err(unreadable)?;
        refuse_equal_names(&images)?;
        let chosen = match &since {
            None => images.iter().map(unasked).collect(),
            Some((base, _)) => {
                let paths = git.changed_since(base)?;
                let read = &mut |path: &str, is_after: bool| {
                    let commit = if is_after { "HEAD" } else { base };
                    git.file_at(commit, path).map_err(std::io::Error::other)
                };
                let concerned = graph.affected_by_changes(&paths, read).map_err(unreadable)?;
                changed_images(&images, &paths, &concerned)
            }
        };
        let warnings = warnings(&git, &graph, &images)?;
        Ok(Listed { git, images, chosen, since, warnings })
    }
}

/// The projects of a workspace and what they depend on, by its files or by the file that `nx graph --file` wrote.
pub(crate) fn read_graph(
    nx_graph: Option<&Path>,
    functions: PathBuf,
    tree: &dyn Tree,
) -> Result<ProjectGraph, Refusal> {
    let options = WorkspaceOptions { functions, ..WorkspaceOptions::default() };
    let graph = match nx_graph {
        None => ProjectGraph::read(tree, &options),
        Some(path) => {
            let bytes = read_bounded(path, MOST_GRAPH_BYTES)?;
            ProjectGraph::from_nx_graph(&bytes, &path.to_string_lossy(), tree, &options)
        }
    };
    let explained =
        |errors: Vec<GraphError>| Refusal(errors.iter().map(|error| Problem::of(error)).collect());
    graph.map_err(explained)
}

/// The first of what is not certain, and how much more there is.
pub(crate) fn bounded<'a>(doubts: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut doubts = doubts.into_iter();
    let mut told: Vec<String> = doubts.by_ref().take(MOST_DOUBTS).cloned().collect();
    let more = doubts.count();
    if more > 0 {
        told.push(format!("and {more} more doubts of this kind"));
    }
    told
}

fn unreadable(cause: std::io::Error) -> Refusal {
    let mut problem = Problem::new("LF-IMAGES-READ", Class::Input, "a file of the repo cannot be read");
    problem.cause.push(landfall_secret::escape(&cause.to_string(), 300));
    Refusal::one(problem.with_remedy("look whether this user may read it"))
}

fn refuse_equal_names(images: &[Image]) -> Result<(), Refusal> {
    let mut folders: BTreeMap<&str, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for image in images {
        if let Some(other) = folders.insert(&image.name, &image.folder) {
            let name = landfall_secret::escape(&image.name, 100);
            let (one, other) = (shown(other), shown(&image.folder));
            let what = format!("two images are named {name}: in {one} and in {other}");
            let problem = Problem::new("LF-IMAGES-TWICE", Class::Input, what);
            problems.push(
                problem.with_remedy("rename one of the folders, or give it a project.json with another name"),
            );
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Refusal(problems)) }
}

/// What a reader should look at although all is well.
fn warnings(git: &GitDiff, graph: &ProjectGraph, images: &[Image]) -> Result<Vec<String>, Refusal> {
    let mut warnings = Vec::new();
    let uncommitted = git.uncommitted()?;
    if uncommitted > 0 {
        warnings
            .push(format!("{uncommitted} files differ from HEAD: what is not committed is not looked at"));
    }
    warnings
        .extend(bounded(graph.uncertainties().iter().chain(images.iter().flat_map(|image| &image.doubts))));
    Ok(warnings)
}

/// An image that is listed whether it changed or not.
fn unasked(image: &Image) -> ChangedImage {
    ChangedImage { name: image.name.clone(), folder: image.folder.clone(), causes: Vec::new() }
}

/// One line for people: the image and the first causes.
fn line(image: &ChangedImage) -> String {
    let mut told: Vec<String> = image.causes.iter().take(MOST_CAUSES).map(cause).collect();
    if image.causes.len() > MOST_CAUSES {
        told.push(format!("{} more", image.causes.len() - MOST_CAUSES));
    }
    let why = if told.is_empty() { String::new() } else { format!(": {}", told.join("; ")) };
    format!("{} ({}){why}", landfall_secret::escape(&image.name, 100), shown(folder(image)))
}

fn cause(cause: &ImageCause) -> String {
    let what = shown(&cause.what);
    let how = match &cause.how {
        ImageWay::Folder => String::new(),
        ImageWay::Source(source) => format!(", which its Dockerfile takes by {}", shown(source)),
        ImageWay::Image(name) => format!(", on which it is built by the name {}", shown(name)),
        ImageWay::Project(way) if way.len() < 2 => String::new(),
        ImageWay::Project(way) => {
            let names: Vec<&str> = way.iter().skip(1).map(AsRef::as_ref).collect();
            format!(", by {}", names.join(" and "))
        }
    };
    format!("{what}{how}{}", if cause.is_guess { " (a guess)" } else { "" })
}

fn shown(path: &str) -> String {
    landfall_secret::escape(path, 200)
}

/// The folder as a path that commands take.
fn folder(image: &ChangedImage) -> &str {
    if image.folder.is_empty() { "." } else { &image.folder }
}

/// An image as `changed-images.json` has it.
fn listed(image: &ChangedImage) -> ListedImage {
    let cause = |cause: &ImageCause| {
        let mut listed = ListedCause {
            what: cause.what.clone(),
            how: CauseWay::Folder,
            source: None,
            through: Vec::new(),
            image: None,
            is_guess: cause.is_guess,
        };
        match &cause.how {
            ImageWay::Folder => {}
            ImageWay::Source(source) => {
                listed.how = CauseWay::Source;
                listed.source = Some(source.clone());
            }
            ImageWay::Project(way) => {
                listed.how = CauseWay::Project;
                listed.through.clone_from(way);
            }
            ImageWay::Image(name) => {
                listed.how = CauseWay::Image;
                listed.image = Some(name.clone());
            }
        }
        listed
    };
    ListedImage {
        name: image.name.clone(),
        folder: folder(image).to_owned(),
        causes: image.causes.iter().map(cause).collect(),
    }
}

/// What the default branch may be called here.
fn usual_bases(default_branch: Option<&str>) -> Vec<String> {
    let branch = default_branch.filter(|branch| !branch.is_empty()).unwrap_or("main");
    // In CI the branch itself is mostly not here, or is as it was long ago.
    vec![format!("origin/{branch}"), branch.to_owned()]
}
