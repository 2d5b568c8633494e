//! Which files of each project count, by the inputs of its build.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::ProjectName;
use serde_json::{Map, Value};

use super::inputs::{DEFAULT, Expanded, Named, Patterns, Rules, expand};
use super::{FoundProject, Reading};
use crate::ProjectGraph;
use crate::ways::InputSet;

/// What inputs say besides which files count.
pub(crate) struct FromInputs {
    pub(crate) project: ProjectName,
    /// Other projects whose files are inputs, as they are named.
    pub(crate) projects: Vec<String>,
    /// Packages that are inputs.
    pub(crate) packages: BTreeSet<String>,
}

/// Sets the inputs of all projects.
pub(crate) fn inputs(reading: &mut Reading<'_>, graph: &mut ProjectGraph) -> Vec<FromInputs> {
    let nx = reading.source.object("nx.json");
    let of_affected = nx.get("affected").and_then(|affected| affected.get("defaultBase"));
    let base = nx.get("defaultBase").or(of_affected).and_then(Value::as_str);
    graph.default_base = base.filter(|base| !base.is_empty()).map(str::to_owned);
    let mut setup = Setup { patterns: Patterns::default(), places: BTreeMap::new(), doubts: BTreeMap::new() };
    let mut more = Vec::new();
    let mut looks: BTreeMap<&ProjectName, BTreeSet<String>> = BTreeMap::new();
    for found in &reading.found {
        let named = named(&nx, found);
        let lists = lists(&nx, found, &reading.options.targets);
        let mut own = Vec::new();
        let mut of_dependencies = BTreeSet::new();
        let mut others =
            FromInputs { project: found.name.clone(), projects: Vec::new(), packages: BTreeSet::new() };
        for list in lists {
            let expanded = expand(&list, &named, &mut setup.patterns);
            of_dependencies.extend(expanded.of_dependencies.clone());
            others.projects.extend(expanded.projects.clone());
            others.packages.extend(expanded.packages.clone());
            own.push(setup.set(graph, found, expanded));
        }
        // Inputs that say nothing of dependencies do not mean that the build does not use them.
        if of_dependencies.is_empty() {
            of_dependencies.insert(DEFAULT.to_owned());
        }
        if let Some(node) = graph.nodes.get_mut(&found.name) {
            node.own = own;
        }
        looks.insert(&found.name, of_dependencies);
        more.push(others);
    }
    let keys: Vec<&BTreeSet<String>> = looks.values().collect::<BTreeSet<_>>().into_iter().collect();
    for found in &reading.found {
        let named = named(&nx, found);
        let mut for_dependents = Vec::new();
        for key in &keys {
            let list: Vec<Value> = key.iter().map(|name| Value::String(name.clone())).collect();
            let expanded = expand(&list, &named, &mut setup.patterns);
            for_dependents.push(setup.set(graph, found, expanded));
        }
        if let Some(node) = graph.nodes.get_mut(&found.name) {
            node.for_dependents = for_dependents;
            node.key = keys.iter().position(|key| looks.get(&found.name) == Some(*key)).unwrap_or(0);
        }
    }
    reading.source.doubts.extend(setup.told());
    more
}

struct Setup {
    patterns: Patterns,
    /// Places of sets of rules in the graph's list.
    places: BTreeMap<BTreeSet<String>, usize>,
    /// What is not understood, and in which projects.
    doubts: BTreeMap<String, BTreeSet<ProjectName>>,
}

impl Setup {
    fn set(&mut self, graph: &mut ProjectGraph, found: &FoundProject, expanded: Expanded) -> InputSet {
        for doubt in expanded.unsure {
            self.doubts.entry(doubt).or_default().insert(found.name.clone());
        }
        InputSet { own: expanded.own, workspace: self.place(graph, expanded.workspace) }
    }

    fn place(&mut self, graph: &mut ProjectGraph, rules: Rules) -> Option<usize> {
        if rules.is_empty() {
            return None;
        }
        // Sets with a rule that is not understood are kept apart by their texts all the same: they are unsure alike.
        let place = *self.places.entry(rules.texts().clone()).or_insert(graph.workspace_rules.len());
        if place == graph.workspace_rules.len() {
            graph.workspace_rules.push(rules);
        }
        Some(place)
    }

    /// One sentence a doubt, with the projects that it is about.
    fn told(self) -> Vec<String> {
        let told = |(doubt, projects): (String, BTreeSet<ProjectName>)| {
            let first = projects.first().map(ToString::to_string).unwrap_or_default();
            match projects.len() {
                1 => format!("{first}: {doubt}"),
                count => format!("{first} and {} more: {doubt}", count - 1),
            }
        };
        self.doubts.into_iter().map(told).collect()
    }
}

/// Named inputs of the workspace, with the project's own over them.
fn named(nx: &Map<String, Value>, found: &FoundProject) -> Named {
    let mut named = Named::new();
    let settings: Vec<&Map<String, Value>> = found.settings().collect();
    for settings in std::iter::once(nx).chain(settings.into_iter().rev()) {
        for (name, list) in settings.get("namedInputs").and_then(Value::as_object).into_iter().flatten() {
            named.insert(name.clone(), list.clone());
        }
    }
    named
}

/// The inputs that are stated for the targets; those that Nx takes where none are.
fn lists(nx: &Map<String, Value>, found: &FoundProject, targets: &[String]) -> Vec<Vec<Value>> {
    let mut lists: Vec<Vec<Value>> = targets.iter().filter_map(|target| stated(nx, found, target)).collect();
    lists.dedup();
    if lists.is_empty() {
        lists.push(vec![Value::String(DEFAULT.to_owned()), Value::String(format!("^{DEFAULT}"))]);
    }
    lists
}

/// The inputs of a target: the project's own, else those of `targetDefaults`, for its executor or its name.
fn stated(nx: &Map<String, Value>, found: &FoundProject, target: &str) -> Option<Vec<Value>> {
    let of_target = |settings: &Map<String, Value>, key: &str| -> Option<Value> {
        settings.get("targets")?.get(target)?.get(key).cloned()
    };
    let own = found.settings().find_map(|settings| of_target(settings, "inputs"));
    let defaults = nx.get("targetDefaults");
    let executor = found.settings().find_map(|settings| of_target(settings, "executor"));
    let default_of = |key: &str| defaults?.get(key)?.get("inputs").cloned();
    let stated = own.or_else(|| default_of(executor.as_ref()?.as_str()?)).or_else(|| default_of(target))?;
    stated.as_array().cloned()
}
