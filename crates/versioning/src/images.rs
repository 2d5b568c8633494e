//! Which images a change concerns, decided without building anything.

mod dockerfile;
mod excluded;
mod ignored;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use landfall_artifacts::ProjectName;

use crate::workspace::glob::Pattern;
use crate::{Cause, ProjectGraph, Tree};
use dockerfile::{Taken, name_of_image, taken};
use excluded::is_hidden;
pub use excluded::{Excluded, ExcludedError};
use ignored::{Ignored, go_pattern};

/// The folder from which `COPY` and `ADD` take their sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuildContext {
    /// Whichever of the two the sources are found in; the image's folder where that says nothing. The default.
    #[default]
    Found,
    /// The image's folder, as `docker build <folder>` has it.
    Folder,
    /// The repo's root, as `docker build -f <folder>/Dockerfile .` has it.
    Root,
}

/// An image: a folder with a `Dockerfile`, or a project that is versioned.
#[derive(Clone, Debug)]
pub struct Image {
    /// The project's name, else that of the folder.
    pub name: String,
    /// Its folder, relative to the repo's root; empty for the root itself.
    pub folder: String,
    /// The project that has this folder.
    pub project: Option<ProjectName>,
    /// What is not certain about it, a sentence each; it is then taken for changed rather too often.
    pub doubts: Vec<String>,
    recipe: Option<Recipe>,
}

/// What a Dockerfile takes from where.
#[derive(Clone, Debug)]
struct Recipe {
    path: String,
    /// The context, relative to the repo's root.
    context: String,
    /// Whether that is certain; where it is not, the root may be it as well.
    is_certain: bool,
    sources: Vec<(String, Option<Pattern>)>,
    perhaps: Vec<String>,
    /// Last names of the images that it is built on or copies from.
    images: BTreeSet<String>,
    /// What is certain to be kept out.
    ignored: Ignored,
    ignore_file: Option<String>,
}

/// An image that a change concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedImage {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: String,
    /// Why: one cause for each thing that changed, at least one; certain ones first.
    pub causes: Vec<ImageCause>,
}

/// Why an image is concerned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageCause {
    /// Whether it is not certain.
    pub is_guess: bool,
    /// How what changed gets into the image.
    pub how: ImageWay,
    /// What changed: a path, or a package of the lockfile.
    pub what: String,
}

/// How a change gets into an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageWay {
    /// It is in the image's folder, or says how the image is built.
    Folder,
    /// This source of its Dockerfile names it.
    Source(String),
    /// The image's project is concerned: by itself, or through these, the project first.
    Project(Vec<ProjectName>),
    /// Its Dockerfile is built on this image of the repo, or copies from it. By the name alone that is never certain.
    Image(String),
}

/// Finds the images of a tree: folders with a `Dockerfile`, and projects that are versioned; sorted by folder. Dockerfiles in hidden
/// folders, such as that of `.devcontainer`, and in `node_modules` are none of the repo's images, and neither is what `excluded` has.
///
/// # Errors
/// A Dockerfile or `.dockerignore` that cannot be read.
pub fn find_images(
    tree: &dyn Tree,
    graph: &ProjectGraph,
    context: BuildContext,
    excluded: &Excluded,
) -> io::Result<Vec<Image>> {
    let mut folders: BTreeMap<String, (Option<ProjectName>, Option<String>)> = BTreeMap::new();
    for project in graph.projects().filter(|project| project.is_versioned) {
        folders.insert(project.folder.clone(), (Some(project.name.clone()), None));
    }
    let is_installed = |path: &str| path.starts_with("node_modules/") || path.contains("/node_modules/");
    for path in tree.paths().iter().filter(|path| !is_installed(path)) {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        if file == "Dockerfile" && !is_hidden(folder) {
            let project = graph.projects().find(|project| project.folder == folder);
            let name = project.map(|project| project.name.clone());
            folders.insert(folder.to_owned(), (name, Some(path.clone())));
        }
    }
    let wanted = folders.into_iter().filter(|(folder, _)| !excluded.has(folder));
    wanted.map(|(folder, (project, file))| image(tree, folder, project, file, context)).collect()
}

fn image(
    tree: &dyn Tree,
    folder: String,
    project: Option<ProjectName>,
    file: Option<String>,
    context: BuildContext,
) -> io::Result<Image> {
    let name = project.as_ref().map_or_else(
        || folder.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("root").to_owned(),
        ToString::to_string,
    );
    let mut image = Image { name, folder, project, doubts: Vec::new(), recipe: None };
    if let Some(path) = file {
        let found = taken(&tree.read(&path)?.unwrap_or_default());
        image.doubts.extend(found.doubts.iter().map(|doubt| format!("{path}: {doubt}")));
        let (context, is_certain) = context_of(tree, &image.folder, &found, context);
        if !is_certain && found.sources.iter().any(|source| source == ".") {
            image.doubts.push(format!(
                "{path}: its folder is taken for the build context; --context says which it is"
            ));
        }
        let ignore_file = ignore_file(tree, &path, &context);
        let mut ignored = Ignored::default();
        if let Some(file) = ignore_file.as_ref().filter(|_| is_certain) {
            match Ignored::read(&tree.read(file)?.unwrap_or_default()) {
                Some(read) => ignored = read,
                None => {
                    image.doubts.push(format!("{file} is not understood: nothing is taken to be kept out"));
                }
            }
        }
        let sources = found.sources.into_iter().map(|source| {
            let pattern = if source == "." { Pattern::new("**").ok() } else { go_pattern(&source) };
            (source, pattern)
        });
        let sources = sources.collect();
        let perhaps = found.perhaps;
        let images = found.images.iter().map(|image| name_of_image(image).to_owned()).collect();
        image.recipe =
            Some(Recipe { path, context, is_certain, sources, perhaps, images, ignored, ignore_file });
    }
    Ok(image)
}

/// The build context, and whether it is certain.
fn context_of(tree: &dyn Tree, folder: &str, found: &Taken, context: BuildContext) -> (String, bool) {
    match context {
        BuildContext::Root => return (String::new(), true),
        BuildContext::Folder => return (folder.to_owned(), true),
        BuildContext::Found if folder.is_empty() => return (String::new(), true),
        BuildContext::Found => {}
    }
    let has = |base: &str, source: &str| {
        let Some(pattern) = go_pattern(source) else { return false };
        tree.paths().iter().any(|path| below(base, path).is_some_and(|inside| pattern.matches(inside)))
    };
    let named = || found.sources.iter().filter(|source| *source != ".");
    let in_folder = named().filter(|source| has(folder, source)).count();
    let in_root = named().filter(|source| has("", source)).count();
    match in_folder.cmp(&in_root) {
        std::cmp::Ordering::Less => (String::new(), true),
        std::cmp::Ordering::Greater => (folder.to_owned(), true),
        // A name that both have, or sources that no commit has, such as what a build leaves in `dist`.
        std::cmp::Ordering::Equal => (folder.to_owned(), false),
    }
}

/// `<Dockerfile>.dockerignore` goes before the context's `.dockerignore`.
fn ignore_file(tree: &dyn Tree, dockerfile: &str, context: &str) -> Option<String> {
    let of_context =
        if context.is_empty() { ".dockerignore".to_owned() } else { format!("{context}/.dockerignore") };
    let candidates = [format!("{dockerfile}.dockerignore"), of_context];
    candidates.into_iter().find(|path| tree.paths().binary_search(path).is_ok())
}

/// A path as it is below a folder; `None` where it is not.
fn below<'p>(folder: &str, path: &'p str) -> Option<&'p str> {
    if folder.is_empty() { Some(path) } else { path.strip_prefix(folder)?.strip_prefix('/') }
}

/// The images that changed paths and concerned projects concern, in the order of `images`. Pure.
pub fn changed_images(
    images: &[Image],
    paths: &[String],
    concerned: &BTreeMap<ProjectName, Vec<Cause>>,
) -> Vec<ChangedImage> {
    let mut found: Vec<Vec<ImageCause>> = images.iter().map(|image| image.causes(paths, concerned)).collect();
    add_built_on(images, &mut found);
    let changed = images.iter().zip(found).filter(|(_, causes)| !causes.is_empty());
    changed
        .map(|(image, causes)| ChangedImage {
            name: image.name.clone(),
            folder: image.folder.clone(),
            causes,
        })
        .collect()
}

/// Adds that an image is built on one that changed, or copies from it, also through others.
fn add_built_on(images: &[Image], found: &mut [Vec<ImageCause>]) {
    let mut next: Vec<usize> = (0..images.len()).filter(|at| !found[*at].is_empty()).collect();
    while let Some(base) = next.pop() {
        for (at, image) in images.iter().enumerate().filter(|(at, _)| *at != base) {
            if image.is_built_on(&images[base]) {
                if found[at].is_empty() {
                    next.push(at);
                }
                let how = ImageWay::Image(images[base].name.clone());
                found[at].push(ImageCause { is_guess: true, how, what: images[base].folder.clone() });
                found[at].sort();
            }
        }
    }
}

impl Image {
    /// Why these paths and projects concern it by itself.
    fn causes(&self, paths: &[String], concerned: &BTreeMap<ProjectName, Vec<Cause>>) -> Vec<ImageCause> {
        let mut causes: Vec<ImageCause> = paths.iter().filter_map(|path| self.cause_of(path)).collect();
        let of_project = self.project.as_ref().and_then(|project| concerned.get(project));
        for cause in of_project.into_iter().flatten() {
            let how = ImageWay::Project(cause.through.clone());
            causes.push(ImageCause { is_guess: cause.is_guess, how, what: cause.what.clone() });
        }
        causes.sort();
        // A path in the folder says it all: that the project has it too, adds nothing.
        let mut seen = BTreeSet::new();
        causes.retain(|cause| seen.insert(cause.what.clone()));
        causes
    }

    /// Whether its Dockerfile names an image that is called as the other, or as the other's folder.
    fn is_built_on(&self, other: &Self) -> bool {
        let folder = other.folder.rsplit('/').next().unwrap_or_default();
        let names = self.recipe.iter().flat_map(|recipe| &recipe.images);
        names.into_iter().any(|name| !name.is_empty() && (*name == other.name || name == folder))
    }

    /// Whether its folder has a `Dockerfile`; where not, the project's own build makes the image, if there is one.
    pub fn has_dockerfile(&self) -> bool {
        self.recipe.is_some()
    }

    /// Whether a changed path gets into the image by its Dockerfile. Of a project without one, its inputs decide alone.
    fn cause_of(&self, path: &str) -> Option<ImageCause> {
        let cause = |is_guess: bool, how: ImageWay| Some(ImageCause { is_guess, how, what: path.to_owned() });
        let recipe = self.recipe.as_ref()?;
        if path == recipe.path || recipe.ignore_file.as_deref() == Some(path) {
            return cause(false, ImageWay::Folder);
        }
        let inside = below(&recipe.context, path);
        if inside.is_some_and(|inside| recipe.ignored.has(inside)) {
            return None;
        }
        // The root's folder is the whole repo: there, what the Dockerfile names decides.
        if !self.folder.is_empty() && below(&self.folder, path).is_some() {
            return cause(false, ImageWay::Folder);
        }
        if let Some((source, is_guess)) = inside.and_then(|inside| recipe.source_of(inside, false)) {
            return cause(is_guess, ImageWay::Source(source));
        }
        let (source, _) = recipe.source_of(path, true).filter(|_| !recipe.is_certain)?;
        cause(true, ImageWay::Source(source))
    }
}

impl Recipe {
    /// The source that a path of the context is taken by, and whether that is a guess. That all of the context is taken counts
    /// for nothing where `is_elsewhere`, for a context that only may be it: that would be every file of the repo.
    fn source_of(&self, inside: &str, is_elsewhere: bool) -> Option<(String, bool)> {
        let named = self.sources.iter().find(|(source, pattern)| {
            !(is_elsewhere && source == ".") && pattern.as_ref().is_none_or(|pattern| pattern.matches(inside))
        });
        if let Some((source, pattern)) = named {
            return Some((source.clone(), pattern.is_none()));
        }
        let may_be = |folder: &&String| *folder == "." || below(folder, inside).is_some();
        self.perhaps.iter().find(may_be).map(|folder| (folder.clone(), true))
    }
}

#[cfg(test)]
mod tests;
