//! `package-lock.json`, lockfile versions 1 to 3.
//!
//! Source: npm documentation, "package-lock.json". Where a dependency resolves to is found as Node finds it: in `node_modules` of
//! the folder that asks, then of each folder above.

use std::collections::BTreeMap;

use landfall_artifacts::{Limits, strict_value};
use serde_json::{Map, Value};

use super::{Lock, Locked, Unread};

/// Deepest nesting of packages in a lockfile of version 1; the file nests two objects for each.
const DEEPEST: usize = 60;
/// Longest place of a package in bytes: that of a path on Linux.
const LONGEST: usize = 4096;

pub(super) fn read(bytes: &[u8], path: &str) -> Result<Lock, Unread> {
    let limits = Limits { max_bytes: super::MOST_BYTES, max_depth: 128, max_values: 8_000_000 };
    let mut value = strict_value(bytes, path, limits)?;
    let mut packages: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let of_paths = value.get_mut("packages").map(Value::take);
    match (of_paths, value.get("dependencies")) {
        (Some(Value::Object(of_paths)), _) => {
            let objects = of_paths.into_iter().filter_map(|(place, package)| match package {
                Value::Object(package) => Some((place, package)),
                _ => None,
            });
            packages.extend(objects);
        }
        (None, Some(Value::Object(tree))) => flatten("", tree, 0, &mut packages)?,
        (None, None) => {}
        _ => return Err(Unread::Broken("`packages` or `dependencies` is no object".to_owned())),
    }
    Lock::bound(packages.len())?;
    // Each folder of a place is looked in for each dependency.
    if packages.keys().any(|place| place.len() > LONGEST) {
        return Err(Unread::Broken(format!("a place in it is longer than {LONGEST} bytes")));
    }
    Ok(lock_of(&packages))
}

/// The keys under which a dependency of a folder may stand, the nearest first.
pub(super) fn keys(folder: &str, name: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut above = folder;
    loop {
        // Node does not look for `node_modules` in `node_modules`.
        if !above.ends_with("node_modules") {
            let slash = if above.is_empty() { "" } else { "/" };
            keys.push(format!("{above}{slash}node_modules/{name}"));
        }
        if above.is_empty() {
            return keys;
        }
        above = above.rsplit_once('/').map_or("", |(above, _)| above);
    }
}

/// Version 1 as if it were written in version 2: packages by their places.
fn flatten(
    folder: &str,
    tree: &Map<String, Value>,
    depth: usize,
    packages: &mut BTreeMap<String, Map<String, Value>>,
) -> Result<(), Unread> {
    if depth > DEEPEST {
        return Err(Unread::Broken("its packages are nested too deeply".to_owned()));
    }
    for (name, package) in tree {
        let Value::Object(package) = package else { continue };
        let slash = if folder.is_empty() { "" } else { "/" };
        let place = format!("{folder}{slash}node_modules/{name}");
        let mut flat = package.clone();
        let below = flat.remove("dependencies");
        // What a package asks for is called `requires` there.
        if let Some(requires) = flat.remove("requires") {
            flat.insert("dependencies".to_owned(), requires);
        }
        packages.insert(place.clone(), flat);
        if let Some(Value::Object(below)) = below {
            flatten(&place, &below, depth + 1, packages)?;
        }
    }
    Ok(())
}

fn lock_of(packages: &BTreeMap<String, Map<String, Value>>) -> Lock {
    let mut lock = Lock { is_npm: true, ..Lock::default() };
    let text = |package: &Map<String, Value>, key: &str| {
        package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    for (place, package) in packages {
        let Some((_, below)) = place.rsplit_once("node_modules/") else { continue };
        // A link leads to a project of the workspace, whose own files say what it needs.
        if package.get("link") == Some(&Value::Bool(true)) {
            continue;
        }
        let name = Some(text(package, "name")).filter(|name| !name.is_empty()).unwrap_or(below.to_owned());
        let content = format!("{} {}", text(package, "resolved"), text(package, "integrity"));
        let at = lock.add(Locked { name, version: text(package, "version"), content, needs: Vec::new() });
        lock.keys.insert(place.clone(), at);
    }
    let places: Vec<(String, usize)> = lock.keys.iter().map(|(place, at)| (place.clone(), *at)).collect();
    for (place, at) in places {
        let Some(package) = packages.get(&place) else { continue };
        let mut needs = Vec::new();
        for list in ["dependencies", "optionalDependencies", "peerDependencies"] {
            let Some(Value::Object(wanted)) = package.get(list) else { continue };
            let found = wanted
                .keys()
                .filter_map(|name| keys(&place, name).into_iter().find_map(|key| lock.keys.get(&key)));
            needs.extend(found.copied());
        }
        needs.sort_unstable();
        needs.dedup();
        if let Some(package) = lock.packages.get_mut(at) {
            package.needs = needs;
        }
    }
    lock
}
