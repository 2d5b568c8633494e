//! Which folders are projects.

use landfall_artifacts::ProjectName;
use serde_json::{Map, Value};

use super::glob::Pattern;
use super::{Source, join};
use crate::GraphError;

/// A project and its files of settings.
#[derive(Clone, Debug)]
pub(crate) struct FoundProject {
    pub(crate) name: ProjectName,
    /// Relative to the root; empty for the root itself.
    pub(crate) folder: String,
    /// `project.json`; empty where there is none.
    pub(crate) project: Map<String, Value>,
    /// `package.json`; empty where there is none.
    pub(crate) package: Map<String, Value>,
}

impl FoundProject {
    /// What Nx is told in either file; `project.json` goes before.
    pub(crate) fn settings(&self) -> impl Iterator<Item = &Map<String, Value>> {
        let of_package = self.package.get("nx").and_then(Value::as_object);
        std::iter::once(&self.project).chain(of_package)
    }

    /// The first file's value of a key.
    pub(crate) fn setting(&self, key: &str) -> Option<&Value> {
        self.settings().find_map(|settings| settings.get(key))
    }

    /// Its name as a package.
    pub(crate) fn package_name(&self) -> Option<&str> {
        self.package.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())
    }
}

/// Finds all projects: folders with a `project.json`, and those that `workspaces` names.
pub(crate) fn find(source: &mut Source<'_>) -> Vec<FoundProject> {
    let root = source.object("package.json");
    let workspaces = Workspaces::new(&root, source);
    let mut folders: Vec<(String, bool)> = Vec::new();
    for path in source.paths() {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let is_project = file == "project.json";
        // Paths are sorted, but files of other folders may stand between the two.
        if (is_project || (file == "package.json" && workspaces.has(folder)))
            && !folders.iter().rev().take(64).any(|(known, _)| known == folder)
        {
            folders.push((folder.to_owned(), is_project));
        }
    }
    folders.sort();
    folders.dedup_by(|one, other| one.0 == other.0);
    folders.into_iter().filter_map(|(folder, _)| project(source, folder)).collect()
}

fn project(source: &mut Source<'_>, folder: String) -> Option<FoundProject> {
    let before = source.problems.len();
    let project = source.object(&join(&folder, "project.json"));
    let package = source.object(&join(&folder, "package.json"));
    if source.problems.len() > before {
        return None;
    }
    let text = |object: &Map<String, Value>, key: &str| {
        object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let of_nx = package.get("nx").and_then(Value::as_object).and_then(|nx| text(nx, "name"));
    let name = text(&project, "name")
        .or(of_nx)
        .or_else(|| text(&package, "name"))
        // What Nx takes where nothing is named.
        .unwrap_or_else(|| folder.rsplit('/').next().unwrap_or_default().to_lowercase());
    match name.parse() {
        Ok(name) => Some(FoundProject { name, folder, project, package }),
        Err(cause) => {
            let folder =
                if folder.is_empty() { "the root".to_owned() } else { landfall_secret::escape(&folder, 200) };
            source.problems.push(GraphError::Name { folder, cause });
            None
        }
    }
}

/// The folders that are packages of the workspace.
struct Workspaces {
    including: Vec<Pattern>,
    excluding: Vec<Pattern>,
}

impl Workspaces {
    fn new(root: &Map<String, Value>, source: &mut Source<'_>) -> Self {
        let list = match root.get("workspaces") {
            Some(Value::Object(object)) => object.get("packages"),
            other => other,
        };
        let mut workspaces = Self { including: Vec::new(), excluding: Vec::new() };
        for text in list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            workspaces.add(text, source);
        }
        if source.has("pnpm-workspace.yaml") {
            workspaces.add_pnpm(source);
        }
        // As Nx has it: where patterns only exclude, they exclude from all.
        if workspaces.including.is_empty() && !workspaces.excluding.is_empty() {
            workspaces.including.extend(Pattern::new("**"));
        }
        workspaces
    }

    fn add(&mut self, text: &str, source: &mut Source<'_>) {
        let (list, bare) = match text.strip_prefix('!') {
            Some(bare) => (&mut self.excluding, bare),
            None => (&mut self.including, text),
        };
        match Pattern::new(bare) {
            Ok(pattern) => list.push(pattern),
            Err(_) => source.doubts.push(format!(
                "the pattern {} of `workspaces` is not understood: packages may be missing",
                landfall_secret::escape(text, 100)
            )),
        }
    }

    /// The list `packages` of `pnpm-workspace.yaml`, where it is written as a plain list, one line each.
    fn add_pnpm(&mut self, source: &mut Source<'_>) {
        let bytes = source.read("pnpm-workspace.yaml").unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut is_list = false;
        let mut count = 0;
        for line in text.lines() {
            let item = line.trim().strip_prefix("- ");
            match item {
                Some(item) if is_list => {
                    count += 1;
                    self.add(item.trim().trim_matches(['"', '\'']), source);
                }
                _ if line.starts_with([' ', '#']) || line.trim().is_empty() => {}
                _ => is_list = line.trim_end() == "packages:",
            }
        }
        if count == 0 {
            source.doubts.push(
                "no packages were found in pnpm-workspace.yaml: it may be written in another way".into(),
            );
        }
    }

    fn has(&self, folder: &str) -> bool {
        self.including.iter().any(|pattern| pattern.matches(folder))
            && !self.excluding.iter().any(|pattern| pattern.matches(folder))
    }
}
