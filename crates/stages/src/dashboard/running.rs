//! Environments, and what functions run in them.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{EnvironmentName, RegionKey};
use landfall_dashboard::{Cell, Environment, FunctionRow};
use landfall_ledger::Deployed;

use super::{Drift, Material};

/// Rows of the settings, those that come before first; then what the ledger knows besides.
pub(super) fn environments(material: &Material<'_>, deployed: &[Deployed]) -> Vec<Environment> {
    let settings = material.settings;
    let others: BTreeSet<&EnvironmentName> = deployed
        .iter()
        .map(|deployed| &deployed.environment)
        .chain(material.environment)
        .filter(|name| !settings.environments.contains_key(*name))
        .collect();
    let depths = depths(material);
    let mut names: Vec<&EnvironmentName> = settings.environments.keys().collect();
    names.sort_by_key(|name| depths.get(name).copied().unwrap_or(0));
    names.extend(others);
    names
        .into_iter()
        .map(|name| {
            let row = settings.environments.get(name);
            Environment {
                name: name.clone(),
                kind: row.map(|row| row.kind.as_str().to_owned()).unwrap_or_default(),
                region: settings.region_key(name).map(|key: RegionKey| key.to_string()).unwrap_or_default(),
                after: row.map(|row| row.after.clone()).unwrap_or_default(),
                frozen: None,
                waiting: Vec::new(),
            }
        })
        .collect()
}

/// How many environments come before each, one after the other. A circle ends after as many steps as there are environments.
fn depths<'a>(material: &Material<'a>) -> BTreeMap<&'a EnvironmentName, usize> {
    let rows = &material.settings.environments;
    let mut depths: BTreeMap<&EnvironmentName, usize> = rows.keys().map(|name| (name, 0)).collect();
    for _ in 0..rows.len() {
        for (name, row) in rows {
            let before = row.after.iter().filter_map(|before| depths.get(before)).max();
            let depth = before.map_or(0, |depth| depth + 1).min(rows.len());
            depths.insert(name, depth);
        }
    }
    depths
}

/// A row a function, by name.
pub(super) fn functions(deployed: &[Deployed], drift: Option<&Drift>) -> Vec<FunctionRow> {
    let mut rows: BTreeMap<&str, FunctionRow> = BTreeMap::new();
    for one in deployed {
        let row = rows.entry(&one.function).or_insert_with(|| FunctionRow {
            name: one.function.clone(),
            project: None,
            cells: BTreeMap::new(),
        });
        row.project = row.project.take().or_else(|| one.project.as_ref().map(ToString::to_string));
        let cell = Cell {
            version: one.version.as_ref().map(ToString::to_string),
            digest: one.digest,
            release: one.release.as_ref().map(ToString::to_string),
            since: one.time,
            by: one.actor.name.clone(),
            run: one.run.clone(),
            rolled_back: one.rolled_back,
            seen: drift.and_then(|drift| drift.of(&one.environment, &one.function, one.digest)),
            soak_until: None,
        };
        row.cells.insert(one.environment.clone(), cell);
    }
    rows.into_values().collect()
}
