//! What stands before the gates of environments, and how long functions must still run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use landfall_artifacts::{EnvironmentName, EventKind, LedgerEvent, ReleaseId};
use landfall_dashboard::{Site, Waiting};
use landfall_ledger::gate::{Index, Missing};
use landfall_ledger::{Deployed, happened};
use time::OffsetDateTime;

use super::Material;

/// Adds freezes, what waits, and how long functions must still run, to the environments and cells of a site.
pub(super) fn add(site: &mut Site, events: &[LedgerEvent], deployed: &[Deployed], material: &Material<'_>) {
    let settings = material.settings;
    let running = running(deployed);
    let (began, came, index) = (began(events), came(events), Index::new(events));
    for environment in &mut site.environments {
        let frozen = index.frozen(settings, &environment.name, material.now);
        environment.frozen = frozen.into_iter().next().map(|one| Missing::Frozen(one).to_string());
        for release in candidates(&environment.name, &environment.after, &running, &came, &began) {
            let subject = index.subject(release, &environment.name);
            let missing = index.check(settings, &subject, material.now);
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
    soak(site, &index, deployed, material);
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

/// Which releases ever came to which environment.
fn came(events: &[LedgerEvent]) -> BTreeSet<(&EnvironmentName, &ReleaseId)> {
    let comes = |event: &&LedgerEvent| {
        matches!(event.kind, EventKind::Deployment | EventKind::Rollback) && happened(event)
    };
    events
        .iter()
        .filter(comes)
        .filter_map(|event| Some((event.environment.as_ref()?, event.release.as_ref()?)))
        .collect()
}

/// Releases that run in an environment before and never came here, though a younger one may have; the newest first.
fn candidates<'a>(
    here: &EnvironmentName,
    after: &[EnvironmentName],
    running: &HashMap<&EnvironmentName, BTreeSet<&'a ReleaseId>>,
    came: &BTreeSet<(&EnvironmentName, &ReleaseId)>,
    began: &HashMap<&ReleaseId, u64>,
) -> Vec<&'a ReleaseId> {
    let before: BTreeSet<&ReleaseId> =
        after.iter().filter_map(|name| running.get(name)).flatten().copied().collect();
    let mut news: Vec<&ReleaseId> =
        before.into_iter().filter(|release| !came.contains(&(here, *release))).collect();
    news.sort_by_key(|release| std::cmp::Reverse(began.get(release).copied().unwrap_or(0)));
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

/// Until when functions must still run what they run, by the gates' own rule.
fn soak(site: &mut Site, index: &Index<'_>, deployed: &[Deployed], material: &Material<'_>) {
    let mut known: BTreeMap<(&EnvironmentName, &ReleaseId), Option<OffsetDateTime>> = BTreeMap::new();
    let mut soaking: BTreeMap<(&EnvironmentName, &str), OffsetDateTime> = BTreeMap::new();
    for one in deployed {
        let Some(release) = &one.release else { continue };
        let until = *known
            .entry((&one.environment, release))
            .or_insert_with(|| index.soaks_until(material.settings, release, &one.environment));
        if let Some(until) = until.filter(|until| *until > material.now) {
            soaking.insert((&one.environment, &one.function), until);
        }
    }
    for function in &mut site.functions {
        for (environment, cell) in &mut function.cells {
            cell.soak_until = soaking.get(&(environment, function.name.as_str())).copied();
        }
    }
}
