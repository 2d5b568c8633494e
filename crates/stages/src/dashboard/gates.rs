//! What stands before the gates of environments, and how long functions must still run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use landfall_artifacts::{EnvironmentName, LedgerEvent, ReleaseId};
use landfall_dashboard::{Site, Waiting};
use landfall_ledger::Deployed;
use landfall_ledger::gate::{self, Missing, Subject};

use super::Material;

/// Releases that are asked about for one environment at most; older ones were overtaken.
const MOST_ASKED: usize = 5;

/// Adds freezes, what waits, and how long functions must still run, to the environments and cells of a site.
pub(super) fn add(site: &mut Site, events: &[LedgerEvent], deployed: &[Deployed], material: &Material<'_>) {
    let settings = material.settings;
    let running = running(deployed);
    let began = began(events);
    for environment in &mut site.environments {
        let frozen = gate::frozen(events, settings, &environment.name, material.now);
        environment.frozen = frozen.into_iter().next().map(|one| Missing::Frozen(one).to_string());
        for release in candidates(&environment.name, &environment.after, &running, &began) {
            let subject = Subject::of_ledger(events, release, &environment.name);
            let missing = gate::check(events, settings, &subject, material.now);
            // A dead release waits for nothing.
            if missing.iter().any(|one| matches!(one, Missing::Dead(_))) {
                continue;
            }
            environment.waiting.push(Waiting {
                release: release.to_string(),
                functions: functions(release, &environment.after, deployed),
                missing: missing.iter().map(ToString::to_string).collect(),
            });
        }
    }
    soak(site, material);
}

/// The releases that run in each environment.
fn running(deployed: &[Deployed]) -> HashMap<&EnvironmentName, BTreeSet<&ReleaseId>> {
    let mut running: HashMap<&EnvironmentName, BTreeSet<&ReleaseId>> = HashMap::new();
    for one in deployed {
        running.entry(&one.environment).or_default().extend(&one.release);
    }
    running
}

/// The number of the first record of each release.
fn began(events: &[LedgerEvent]) -> HashMap<&ReleaseId, u64> {
    let mut began = HashMap::new();
    for event in events {
        if let Some(release) = &event.release {
            began.entry(release).or_insert(event.sequence);
        }
    }
    began
}

/// Releases that run in an environment before and not here, and began after all that run here; the newest first.
fn candidates<'a>(
    here: &EnvironmentName,
    after: &[EnvironmentName],
    running: &HashMap<&EnvironmentName, BTreeSet<&'a ReleaseId>>,
    began: &HashMap<&ReleaseId, u64>,
) -> Vec<&'a ReleaseId> {
    let first = |release: &ReleaseId| began.get(release).copied().unwrap_or(0);
    let newest = running.get(here).into_iter().flatten().map(|release| first(release)).max().unwrap_or(0);
    let before: BTreeSet<&ReleaseId> =
        after.iter().filter_map(|name| running.get(name)).flatten().copied().collect();
    let mut news: Vec<&ReleaseId> = before.into_iter().filter(|release| first(release) > newest).collect();
    news.sort_by_key(|release| std::cmp::Reverse(first(release)));
    news.truncate(MOST_ASKED);
    news
}

/// The functions that run a release in an environment before.
fn functions(release: &ReleaseId, after: &[EnvironmentName], deployed: &[Deployed]) -> Vec<String> {
    let names: BTreeSet<&str> = deployed
        .iter()
        .filter(|one| one.release.as_ref() == Some(release) && after.contains(&one.environment))
        .map(|one| one.function.as_str())
        .collect();
    names.into_iter().map(str::to_owned).collect()
}

/// The longest time that an environment that comes after one asks for.
fn soak(site: &mut Site, material: &Material<'_>) {
    let mut asked: BTreeMap<&EnvironmentName, std::time::Duration> = BTreeMap::new();
    for row in material.settings.environments.values() {
        for (before, soak) in row.after.iter().zip(std::iter::repeat(row.soak)) {
            if let Some(soak) = soak {
                let known = asked.entry(before).or_default();
                *known = soak.max(*known);
            }
        }
    }
    for function in &mut site.functions {
        for (environment, cell) in &mut function.cells {
            let until =
                asked.get(environment).and_then(|soak| cell.since.checked_add((*soak).try_into().ok()?));
            cell.soak_until = until.filter(|until| *until > material.now);
        }
    }
}
