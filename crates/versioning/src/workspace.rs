//! Reading an Nx workspace without Node: what its projects are, what they depend on, and which files count.
//!
//! Source: Nx documentation ("nx.json", "Project Configuration", "Inputs and Named Inputs", "Ignoring Files") and what Nx 21 does;
//! TypeScript handbook, "paths"; npm documentation, "workspaces".

mod aliases;
mod edges;
pub(crate) mod glob;
mod imports;
pub(crate) mod inputs;
mod jsonc;
mod nx_graph;
mod nx_ignore;
mod projects;
mod resolve;
mod script;
mod setup;

use std::collections::BTreeMap;
use std::path::PathBuf;

use landfall_artifacts::{FileErrors, FileProblem, Limits, strict_value};
use serde_json::{Map, Value};

use crate::lockfile::{LOCKFILES, Lock};
use crate::packages::Packages;
use crate::{GraphError, Project, ProjectGraph, Tree};
use nx_ignore::NxIgnore;
use projects::FoundProject;

/// What a reader of a workspace has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceOptions {
    /// The folder of the functions: projects one level below it get versions, deeper ones do not. Empty or `.` for the root.
    /// Default `functions`.
    pub functions: PathBuf,
    /// Targets of Nx whose inputs say which files of a project count, as far as they are stated; where they are stated for none,
    /// `default` and `^default` count, as with Nx. Default `build` and `docker`.
    pub targets: Vec<String>,
}

impl Default for WorkspaceOptions {
    fn default() -> Self {
        Self { functions: "functions".into(), targets: vec!["build".into(), "docker".into()] }
    }
}

/// Largest JSON file of a workspace, in bytes.
const MOST_JSON_BYTES: usize = 8 * 1024 * 1024;

impl ProjectGraph {
    /// Reads an Nx workspace. Nothing is run: plugins that Nx would ask for projects or targets are not asked.
    ///
    /// Projects are folders with a `project.json` and those that `workspaces` of the root's `package.json` names. Dependencies are
    /// import statements (by relative path, by aliases of `tsconfig`, by package names of the workspace), dependencies of
    /// `package.json` on packages of the workspace whatever their range, and `implicitDependencies`. Where only files import that
    /// are no inputs of a build, such as tests, the dependency counts as a guess. Of packages count the `dependencies`,
    /// `optionalDependencies` and `peerDependencies` of a project, and what files import that are inputs of its build.
    /// What the reader is not certain of is in [`ProjectGraph::uncertainties`].
    ///
    /// # Errors
    /// Every problem at once: unreadable or broken files, two projects with one name, an unusable name, an implicit dependency on
    /// nothing.
    pub fn read(tree: &dyn Tree, options: &WorkspaceOptions) -> Result<Self, Vec<GraphError>> {
        let mut source = Source::new(tree);
        let found = projects::find(&mut source);
        Reading { source, options, found, given: None }.graph()
    }

    /// The same, with projects and dependencies taken from the file that `nx graph --file=graph.json` writes (Nx 21); `name`
    /// stands for it in messages. Everything else is read from the tree.
    ///
    /// # Errors
    /// As [`ProjectGraph::read`], and where the bytes are no such file.
    pub fn from_nx_graph(
        bytes: &[u8],
        name: &str,
        tree: &dyn Tree,
        options: &WorkspaceOptions,
    ) -> Result<Self, Vec<GraphError>> {
        let (mut found, edges) = nx_graph::read(bytes, name)?;
        let mut source = Source::new(tree);
        for project in &mut found {
            project.package = source.object(&join(&project.folder, "package.json"));
        }
        Reading { source, options, found, given: Some(edges) }.graph()
    }
}

/// A graph that is being read.
pub(crate) struct Reading<'t> {
    source: Source<'t>,
    options: &'t WorkspaceOptions,
    found: Vec<FoundProject>,
    /// Dependencies that another tool found.
    given: Option<Vec<crate::Edge>>,
}

impl Reading<'_> {
    fn graph(mut self) -> Result<ProjectGraph, Vec<GraphError>> {
        self.refuse_equal_names();
        let functions = self.options.functions.to_string_lossy().replace('\\', "/");
        let functions = functions.trim_start_matches("./").trim_end_matches('/').to_owned();
        // One level below: what lies deeper, such as tests in a folder of their own, belongs to a function and is none.
        let is_below = |folder: &str| {
            let name = match functions.as_str() {
                "" | "." => Some(folder),
                functions => folder.strip_prefix(functions).and_then(|rest| rest.strip_prefix('/')),
            };
            name.is_some_and(|name| !name.is_empty() && !name.contains('/'))
        };
        let projects = self.found.iter().map(|found| Project {
            name: found.name.clone(),
            folder: found.folder.clone(),
            is_versioned: is_below(&found.folder),
        });
        let is_given = self.given.is_some();
        let mut graph = ProjectGraph::new(projects, self.given.take().unwrap_or_default());
        graph.packages = Packages::new(self.lock());
        let more = setup::inputs(&mut self, &mut graph);
        edges::add(&mut self, &mut graph, more, is_given);
        self.source.doubts.into_iter().for_each(|doubt| graph.uncertainties.push(doubt));
        if self.source.problems.is_empty() { Ok(graph) } else { Err(self.source.problems) }
    }

    fn refuse_equal_names(&mut self) {
        let mut folders: BTreeMap<_, &str> = BTreeMap::new();
        for found in &self.found {
            if let Some(one) = folders.insert(&found.name, &found.folder) {
                self.source.problems.push(GraphError::Twice {
                    name: found.name.to_string(),
                    one: landfall_secret::escape(one, 200),
                    other: landfall_secret::escape(&found.folder, 200),
                });
            }
        }
    }

    /// The lockfile of the root, where there is one that can be read.
    fn lock(&mut self) -> Option<Lock> {
        let path = LOCKFILES.into_iter().find(|name| self.source.has(name))?;
        let bytes = self.source.read(path)?;
        match Lock::read(path, &bytes) {
            Ok(lock) => Some(lock),
            Err(cause) => {
                let why = cause.told(path);
                self.source
                    .doubts
                    .push(format!("{why}: whatever uses packages is taken to use those that change"));
                None
            }
        }
    }
}

/// The files of the workspace, and what was wrong with them so far.
pub(crate) struct Source<'t> {
    tree: &'t dyn Tree,
    problems: Vec<GraphError>,
    doubts: Vec<String>,
    /// What Nx does not look at.
    ignored: NxIgnore,
}

impl<'t> Source<'t> {
    fn new(tree: &'t dyn Tree) -> Self {
        let mut source =
            Self { tree, problems: Vec::new(), doubts: Vec::new(), ignored: NxIgnore::default() };
        if source.has(".nxignore") {
            let bytes = source.read(".nxignore").unwrap_or_default();
            source.ignored = NxIgnore::read(&String::from_utf8_lossy(&bytes), &mut source.doubts);
        }
        source
    }

    /// Paths of the workspace without those of installed packages and those that Nx is told to ignore.
    fn paths(&self) -> impl Iterator<Item = &'t String> + use<'_, 't> {
        let is_installed = |path: &str| path.starts_with("node_modules/") || path.contains("/node_modules/");
        self.tree.paths().iter().filter(move |path| !is_installed(path) && !self.ignored.has(path))
    }

    fn has(&self, path: &str) -> bool {
        self.tree.paths().binary_search_by(|known| known.as_str().cmp(path)).is_ok()
    }

    fn read(&mut self, path: &str) -> Option<Vec<u8>> {
        match self.tree.read(path) {
            Ok(bytes) => bytes,
            Err(source) => {
                self.problems.push(GraphError::Read { path: landfall_secret::escape(path, 200), source });
                None
            }
        }
    }

    /// A JSON object, with comments; empty where the file is not there or broken, which is then a problem.
    fn object(&mut self, path: &str) -> Map<String, Value> {
        if !self.has(path) {
            return Map::new();
        }
        let Some(bytes) = self.read(path) else { return Map::new() };
        match object(&bytes, path) {
            Ok(object) => object,
            Err(errors) => {
                self.problems.push(GraphError::File(errors));
                Map::new()
            }
        }
    }
}

/// Reads a JSON object with comments.
pub(crate) fn object(bytes: &[u8], name: &str) -> Result<Map<String, Value>, FileErrors> {
    match strict_value(&jsonc::blanked(bytes), name, Limits::bytes(MOST_JSON_BYTES))? {
        Value::Object(object) => Ok(object),
        _ => Err(FileErrors::one(FileProblem {
            file: landfall_secret::escape(name, 200),
            pointer: String::new(),
            place: Some((1, 1)),
            found: "another value".to_owned(),
            expected: "an object".to_owned(),
        })),
    }
}

/// `folder/name`, or `name` in the root.
fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A path with `.` and `..` worked out; `None` where it leads out of the workspace.
fn normalized(path: &str) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

#[cfg(test)]
mod tests;
