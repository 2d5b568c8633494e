//! Settings of the whole workspace, of which only some content matters to a build.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::ProjectName;
use serde_json::{Map, Value};

use crate::workspace::object;
use crate::{Cause, ProjectGraph};

/// Keys of a target in `targetDefaults` that say how it runs, not what it makes.
const ABOUT_RUNNING: [&str; 3] = ["outputs", "cache", "parallelism"];

impl ProjectGraph {
    /// Every project that a change of a file's content concerns; `None` where the file was or is not there.
    ///
    /// As [`ProjectGraph::affected`], but exact where content tells more than the path: of `nx.json` only `targetDefaults`,
    /// `namedInputs` and `plugins` matter to a build (not whether results are kept, nor `release`, `tui`, `generators`), and of a `tsconfig` outside the projects an alias
    /// matters to those that import by it only, so that a new one concerns nobody. What cannot be read, or is there in one of the
    /// two only, is taken for a change of everything.
    pub fn affected_by_content(
        &self,
        path: &str,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
    ) -> BTreeMap<ProjectName, Cause> {
        if !self.is_judged_by_content(path) {
            return self.affected(path);
        }
        let read = |bytes: Option<&[u8]>| object(bytes?, path).ok();
        let (Some(mut before), Some(mut after)) = (read(before), read(after)) else {
            return self.affected(path);
        };
        if path == "nx.json" {
            let is_same = made_by(&before) == made_by(&after);
            return if is_same { self.named_by_inputs(path) } else { self.affected(path) };
        }
        let changed = changed_keys(&taken_paths(&mut before), &taken_paths(&mut after));
        if before != after {
            return self.affected(path);
        }
        let users: BTreeSet<&ProjectName> =
            changed.iter().filter_map(|alias| self.aliases.get(alias)).flatten().collect();
        let mut concerned = self.concerned_themselves(path, users);
        concerned.extend(self.named_by_inputs(path));
        concerned
    }

    /// Whether the content of a file says more than that it changed.
    pub(crate) fn is_judged_by_content(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_tsconfig = name.starts_with("tsconfig") && name.ends_with(".json");
        path == "nx.json" || (is_tsconfig && self.owner(path).is_none() && self.outside.contains_key(path))
    }
}

/// What `nx.json` says of the results of targets.
fn made_by(nx: &Map<String, Value>) -> (Option<Value>, Option<Value>, Value) {
    let mut targets = nx.get("targetDefaults").cloned().unwrap_or_default();
    for target in targets.as_object_mut().into_iter().flat_map(|targets| targets.values_mut()) {
        if let Some(target) = target.as_object_mut() {
            target.retain(|key, _| !ABOUT_RUNNING.contains(&key.as_str()));
        }
    }
    (nx.get("plugins").cloned(), nx.get("namedInputs").cloned(), targets)
}

/// The aliases, which are taken out.
fn taken_paths(config: &mut Map<String, Value>) -> Map<String, Value> {
    let options = config.get_mut("compilerOptions").and_then(Value::as_object_mut);
    match options.and_then(|options| options.remove("paths")) {
        Some(Value::Object(paths)) => paths,
        _ => Map::new(),
    }
}

fn changed_keys(before: &Map<String, Value>, after: &Map<String, Value>) -> BTreeSet<String> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter().filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}
