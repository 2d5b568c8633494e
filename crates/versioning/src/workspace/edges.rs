//! What depends on what: imports, `package.json`, `implicitDependencies`.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::ProjectName;
use serde_json::{Map, Value};

use super::aliases::{Aliases, TsConfig};
use super::glob::{Pattern, is_pattern};
use super::imports::{imports, is_script};
use super::inputs::Fit;
use super::resolve::{Resolver, Target, package_name};
use super::setup::FromInputs;
use super::{FoundProject, Reading, Source, join};
use crate::packages::Wanted;
use crate::{Edge, EdgeKind, GraphError, ProjectGraph};

/// Largest file in which imports are looked for, in bytes.
const MOST_SCRIPT_BYTES: usize = 4 * 1024 * 1024;
/// The files of TypeScript's settings that a project may have.
const TSCONFIGS: [&str; 3] = ["tsconfig.json", "tsconfig.app.json", "tsconfig.lib.json"];

/// Adds all dependencies on projects and packages. Where `is_given`, those on projects are known already.
pub(crate) fn add(
    reading: &mut Reading<'_>,
    graph: &mut ProjectGraph,
    more: Vec<FromInputs>,
    is_given: bool,
) {
    let of_code = of_code(reading, graph);
    for (edge, is_weak) in of_code.edges {
        if !is_given {
            graph.add_edge(edge, is_weak);
        }
    }
    for (path, projects) in of_code.outside {
        let known = graph.outside.entry(path).or_default();
        for (project, is_guess) in projects {
            *known.entry(project).or_insert(true) &= is_guess;
        }
    }
    graph.aliases =
        of_code.aliases.into_iter().map(|(alias, users)| (alias, users.into_iter().collect())).collect();
    let packages = package_names(&reading.found);
    let root = reading.source.object("package.json");
    for found in &reading.found {
        let mut wanted = BTreeSet::new();
        for (name, range) in declared(&found.package, &DEPENDENCIES) {
            match packages.get(name) {
                Some(project) if !is_given => {
                    let edge =
                        Edge { from: found.name.clone(), to: project.clone(), kind: EdgeKind::Package };
                    graph.add_edge(edge, false);
                }
                Some(_) => {}
                None if SHIPPED.iter().any(|list| has(&found.package, list, name)) => {
                    wanted.insert(Wanted { name: name.to_owned(), range });
                }
                None => {}
            }
        }
        // Whether anything imports by such a name is not looked at: each may stand for a package.
        for name in subpath_imports(&found.package).filter_map(package_name) {
            match packages.get(name) {
                Some(project) if !is_given => {
                    let edge =
                        Edge { from: found.name.clone(), to: project.clone(), kind: EdgeKind::Package };
                    graph.add_edge(edge, false);
                }
                Some(_) => {}
                None => {
                    let range = range_of(name, &found.package, &root);
                    wanted.insert(Wanted { name: name.to_owned(), range });
                }
            }
        }
        for name in of_code.packages.get(&found.name).into_iter().flatten() {
            wanted.insert(Wanted { name: name.clone(), range: range_of(name, &found.package, &root) });
        }
        let own = more.iter().filter(|more| more.project == found.name);
        for name in own.flat_map(|more| &more.packages) {
            wanted.insert(Wanted { name: name.clone(), range: range_of(name, &found.package, &root) });
        }
        graph.packages.add(&found.name, &found.folder, wanted);
    }
    if !is_given {
        implicit(reading, graph);
    }
    for more in more {
        for named in &more.projects {
            for to in matching(named, &reading.found) {
                graph.add_edge(Edge { from: more.project.clone(), to, kind: EdgeKind::Implicit }, false);
            }
        }
    }
    // Nothing else says what a change of it means.
    if !graph.packages.has_lock() {
        let users = graph.packages.users().map(|project| (project.clone(), true)).collect();
        graph.outside.insert("package.json".to_owned(), users);
    }
    // Catalogs, overrides and patches stand there, and what they mean for a package is not read.
    if reading.source.has("pnpm-workspace.yaml") {
        let users = graph.packages.users().map(|project| (project.clone(), true)).collect();
        graph.outside.insert("pnpm-workspace.yaml".to_owned(), users);
    }
    let all = graph.nodes.keys().map(|name| (name.clone(), true)).collect();
    graph.outside.entry("nx.json".to_owned()).or_insert(all);
}

/// Lists of `package.json` that may name packages of the workspace.
const DEPENDENCIES: [&str; 4] =
    ["dependencies", "optionalDependencies", "peerDependencies", "devDependencies"];
/// Those that name what a function needs when it runs.
const SHIPPED: [&str; 3] = ["dependencies", "optionalDependencies", "peerDependencies"];

/// What the names that begin with `#` stand for under any condition (Node, "Subpath imports"): paths of the package itself and names of
/// others.
fn subpath_imports(package: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let mut next: Vec<&Value> = package.get("imports").into_iter().collect();
    let mut targets = Vec::new();
    while let Some(value) = next.pop() {
        match value {
            Value::String(target) => targets.push(target.as_str()),
            Value::Array(many) => next.extend(many),
            Value::Object(conditions) => next.extend(conditions.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    targets.into_iter()
}

/// Names and ranges of the lists, the first list's where a name stands in several.
fn declared<'p>(package: &'p Map<String, Value>, lists: &[&str]) -> BTreeMap<&'p str, Option<String>> {
    let mut declared = BTreeMap::new();
    for list in lists {
        for (name, range) in package.get(*list).and_then(Value::as_object).into_iter().flatten() {
            declared.entry(name.as_str()).or_insert_with(|| range.as_str().map(str::to_owned));
        }
    }
    declared
}

fn has(package: &Map<String, Value>, list: &str, name: &str) -> bool {
    package.get(list).and_then(Value::as_object).is_some_and(|list| list.contains_key(name))
}

/// The range of a package, by the project's `package.json` or the root's.
fn range_of(name: &str, own: &Map<String, Value>, root: &Map<String, Value>) -> Option<String> {
    [own, root].into_iter().find_map(|package| declared(package, &DEPENDENCIES).remove(name).flatten())
}

/// Projects by their names as packages.
fn package_names(found: &[FoundProject]) -> BTreeMap<String, ProjectName> {
    found.iter().filter_map(|one| Some((one.package_name()?.to_owned(), one.name.clone()))).collect()
}

/// What the code of all projects says.
#[derive(Default)]
struct OfCode {
    edges: Vec<(Edge, bool)>,
    /// Files outside every project by those whose code leads there, and whether that is a guess.
    outside: BTreeMap<String, BTreeMap<ProjectName, bool>>,
    /// Installed packages that each project imports.
    packages: BTreeMap<ProjectName, BTreeSet<String>>,
    /// Who imports by which alias of the workspace.
    aliases: BTreeMap<String, BTreeSet<ProjectName>>,
}

fn of_code(reading: &mut Reading<'_>, graph: &ProjectGraph) -> OfCode {
    let mut found = OfCode::default();
    let mut configs = BTreeMap::new();
    let root = ["tsconfig.base.json", "tsconfig.json"].into_iter().find(|name| reading.source.has(name));
    let whole = root.map(|path| TsConfig::read(&mut reading.source, path, &mut configs)).unwrap_or_default();
    let of_root = Aliases::of_imports(&reading.source.object("package.json"));
    let mut resolver =
        Resolver { graph, packages: package_names(&reading.found), aliases: whole.aliases.clone(), of_root };
    let mut scripts: BTreeMap<&ProjectName, Vec<&String>> = BTreeMap::new();
    for path in reading.source.paths().filter(|path| is_script(path)) {
        if let Some(owner) = graph.owner(path) {
            scripts.entry(owner).or_default().push(path);
        }
    }
    let mut read = Read::default();
    for (project, files) in scripts {
        let Some(node) = graph.nodes.get(project) else { continue };
        let own = own_configs(&mut reading.source, &node.project.folder, &mut configs);
        // Where a project has none of its own, that of the root holds.
        let governing = if own.is_empty() { vec![whole.clone()] } else { own };
        for file in governing
            .iter()
            .flat_map(|config| &config.files)
            .filter(|file| graph.owner(file) != Some(project))
        {
            found.outside.entry(file.clone()).or_default().insert(project.clone(), true);
        }
        let aliases: Vec<Aliases> = governing.into_iter().map(|config| config.aliases).collect();
        let mut walk = Walk { project, found: &mut found, resolver: &mut resolver, aliases: &aliases };
        for path in files {
            let counts = node.own_fit(node.relative(path)) != Fit::No;
            walk.file(&mut reading.source, &mut read, path, counts);
        }
    }
    found
}

/// The project's own settings of TypeScript.
fn own_configs(
    source: &mut Source<'_>,
    folder: &str,
    cache: &mut BTreeMap<String, Map<String, Value>>,
) -> Vec<TsConfig> {
    let paths = TSCONFIGS.map(|name| join(folder, name));
    paths
        .iter()
        .filter(|_| !folder.is_empty())
        .map(|path| TsConfig::read(source, path, cache))
        .filter(|config| !config.files.is_empty())
        .collect()
}

/// Imports of files that were read, since files outside projects may be asked for often.
#[derive(Default)]
struct Read(BTreeMap<String, super::imports::Imports>);

impl Read {
    fn imports(&mut self, source: &mut Source<'_>, path: &str) -> super::imports::Imports {
        if let Some(known) = self.0.get(path) {
            return known.clone();
        }
        let bytes = source.read(path).unwrap_or_default();
        let shown = || landfall_secret::escape(path, 200);
        let found = if bytes.len() > MOST_SCRIPT_BYTES {
            source.doubts.push(format!("{} is larger than 4 MiB: imports of it are not looked for", shown()));
            super::imports::Imports::default()
        } else {
            imports(&bytes)
        };
        if let Some(line) = found.computed {
            source.doubts.push(format!("{}:{line} imports what is known only when it runs", shown()));
        }
        self.0.insert(path.to_owned(), found.clone());
        found
    }
}

/// Follows the imports of one project's files, also through files outside every project.
struct Walk<'a, 'g> {
    project: &'a ProjectName,
    found: &'a mut OfCode,
    resolver: &'a mut Resolver<'g>,
    aliases: &'a [Aliases],
}

impl Walk<'_, '_> {
    /// `counts` says whether the file is an input of the project's build.
    fn file(&mut self, source: &mut Source<'_>, read: &mut Read, path: &str, counts: bool) {
        let mut next = vec![path.to_owned()];
        let mut seen = BTreeSet::new();
        while let Some(path) = next.pop() {
            let found = read.imports(source, &path);
            for specifier in found.specifiers.iter().chain(&found.beginnings) {
                let (target, alias) = self.resolver.resolve(source, &path, specifier, self.aliases);
                if let Some(alias) = alias {
                    self.found.aliases.entry(alias).or_default().insert(self.project.clone());
                }
                match target {
                    Target::Project(to) if to != *self.project => {
                        let kind = EdgeKind::Import(path.clone());
                        self.found.edges.push((Edge { from: self.project.clone(), to, kind }, !counts));
                    }
                    // What only tests take from outside, such as a preset, changes no build.
                    Target::File(file) if counts => {
                        let known = self.found.outside.entry(file.clone()).or_default();
                        known.insert(self.project.clone(), false);
                        if seen.insert(file.clone()) && is_script(&file) {
                            next.push(file);
                        }
                    }
                    Target::Package(name) if counts => {
                        self.found.packages.entry(self.project.clone()).or_default().insert(name);
                    }
                    Target::Project(_) | Target::File(_) | Target::Package(_) | Target::Nothing => {}
                }
            }
        }
    }
}

/// Dependencies that `implicitDependencies` adds, and those that it takes away by `!`.
fn implicit(reading: &mut Reading<'_>, graph: &mut ProjectGraph) {
    for found in &reading.found {
        let list = found.setting("implicitDependencies").and_then(Value::as_array);
        let named: Vec<&str> = list.into_iter().flatten().filter_map(Value::as_str).collect();
        for one in &named {
            let bare = one.strip_prefix('!').unwrap_or(one);
            let matched = matching(bare, &reading.found);
            if matched.is_empty() && !is_pattern(bare) && !bare.starts_with("tag:") {
                reading.source.problems.push(GraphError::NoSuchProject {
                    project: found.name.to_string(),
                    named: landfall_secret::escape(bare, 100),
                });
            }
            if !one.starts_with('!') {
                for to in matched {
                    graph.add_edge(Edge { from: found.name.clone(), to, kind: EdgeKind::Implicit }, false);
                }
            }
        }
        // What is taken away is taken away whatever else says that it is there.
        for one in named.iter().filter_map(|one| one.strip_prefix('!')) {
            for to in matching(one, &reading.found) {
                graph.remove_edges(&found.name, &to);
            }
        }
    }
}

/// Projects that a name, a pattern of names or `tag:` stands for.
fn matching(named: &str, found: &[FoundProject]) -> Vec<ProjectName> {
    let names = |is: &dyn Fn(&FoundProject) -> bool| -> Vec<ProjectName> {
        found.iter().filter(|one| is(one)).map(|one| one.name.clone()).collect()
    };
    if let Some(tag) = named.strip_prefix("tag:") {
        let pattern = Pattern::new(tag).ok();
        return names(&|one| {
            let tags = one.settings().filter_map(|settings| settings.get("tags")?.as_array()).flatten();
            let mut tags = tags.filter_map(Value::as_str);
            tags.any(|has| has == tag || pattern.as_ref().is_some_and(|pattern| pattern.matches(has)))
        });
    }
    let exact = names(&|one| one.name.as_str() == named);
    if !exact.is_empty() || !is_pattern(named) {
        return exact;
    }
    let Ok(pattern) = Pattern::new(if named == "*" { "**" } else { named }) else { return Vec::new() };
    names(&|one| pattern.matches(one.name.as_str()) || pattern.matches(&one.folder))
}
