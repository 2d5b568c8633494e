//! Releases and their steps.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{EventKind, LedgerEvent, ReleaseId};
use landfall_dashboard::{Death, Release, ReleaseItem, ReleaseState, Step, StepKind, Went};
use landfall_ledger::life::{Life, State};
use landfall_ledger::view::{self, function_name};

use super::history::{note, went};

/// What was done with each release. How they stand in the end is not said yet.
pub(super) struct Built<'a> {
    known: BTreeMap<&'a ReleaseId, Building<'a>>,
    /// The numbers of the records of rollbacks.
    rollbacks: BTreeSet<u64>,
}

/// Reads what was done with each release.
pub(super) fn built(events: &[LedgerEvent]) -> Built<'_> {
    let mut known: BTreeMap<&ReleaseId, Building<'_>> = BTreeMap::new();
    let mut rollbacks: BTreeSet<u64> = BTreeSet::new();
    for event in events {
        if event.kind == EventKind::Rollback {
            rollbacks.insert(event.sequence);
            // The release of a rollback is the one that was gone back to; what it was from tells of it too.
            let undone = view::from(event).and_then(|from| from.parse::<ReleaseId>().ok());
            if let Some(building) = undone.and_then(|from| known.get_mut(&from)) {
                building.step(StepKind::RolledBack, event);
            }
        }
        let Some(release) = &event.release else { continue };
        let building = known.entry(release).or_insert_with(|| Building::begun(event));
        building.add(event);
    }
    Built { known, rollbacks }
}

/// All releases, the one that began last first. How they stand is the ledger's own rule.
pub(super) fn releases(built: Built<'_>, lives: &[Life]) -> Vec<Release> {
    let Built { known, rollbacks } = built;
    let lives: BTreeMap<&ReleaseId, &Life> = lives.iter().map(|life| (&life.release, life)).collect();
    let mut releases: Vec<(u64, Release)> = known
        .into_iter()
        .map(|(name, mut building)| {
            if let Some(life) = lives.get(name) {
                building.release.state = state(life, &building.release, &rollbacks);
                building.release.by = life.author.clone().unwrap_or(building.release.by);
            }
            (building.first, building.release)
        })
        .collect();
    releases.sort_by_key(|(first, _)| std::cmp::Reverse(*first));
    releases.into_iter().map(|(_, release)| release).collect()
}

/// `rollbacks` are the numbers of the records of rollbacks.
fn state(life: &Life, release: &Release, rollbacks: &BTreeSet<u64>) -> ReleaseState {
    if let Some(death) = &life.death {
        return ReleaseState::Dead(Death {
            at: death.time,
            environment: death.environment.clone(),
            by: death.by.name.clone(),
            reason: death
                .reason
                .clone()
                .or_else(|| death.suite.clone())
                .unwrap_or_else(|| "no reason was given".to_owned()),
        });
    }
    let is_promoted = |step: &Step| step.kind == StepKind::Promoted && step.went == Went::Well;
    match life.state {
        State::Live => ReleaseState::Live,
        State::Superseded => {
            let newest = life.steps.iter().rfind(|step| step.state == State::Superseded);
            if newest.is_some_and(|step| rollbacks.contains(&step.sequence)) {
                ReleaseState::RolledBack
            } else {
                ReleaseState::Superseded
            }
        }
        State::Built | State::Deployed | State::Verified | State::Approved | State::Dead => {
            if release.steps.iter().any(is_promoted) { ReleaseState::Promoted } else { ReleaseState::Going }
        }
    }
}

struct Building<'a> {
    first: u64,
    release: Release,
    /// What the items are made from.
    items: BTreeSet<&'a str>,
}

impl<'a> Building<'a> {
    fn begun(event: &LedgerEvent) -> Self {
        let built = Step {
            at: event.time,
            kind: StepKind::Built,
            environment: None,
            went: Went::Well,
            by: event.actor.name.clone(),
            run: event.run.clone(),
            note: String::new(),
        };
        let release = Release {
            name: event.release.as_ref().map(ToString::to_string).unwrap_or_default(),
            began: event.time,
            by: event.actor.name.clone(),
            state: ReleaseState::Going,
            steps: vec![built],
            items: Vec::new(),
        };
        Self { first: event.sequence, release, items: BTreeSet::new() }
    }

    fn add(&mut self, event: &'a LedgerEvent) {
        let kind = match event.kind {
            EventKind::Deployment => StepKind::Deployed,
            EventKind::Test => StepKind::Tested,
            EventKind::Approval => StepKind::Approved,
            EventKind::Rejection => StepKind::Rejected,
            EventKind::Promotion => StepKind::Promoted,
            EventKind::Rollback => StepKind::WentBackTo,
            _ => return,
        };
        self.step(kind, event);
        if matches!(kind, StepKind::Deployed | StepKind::Promoted) && went(event) == Went::Well {
            self.take_items(event);
        }
    }

    fn step(&mut self, kind: StepKind, event: &LedgerEvent) {
        let went = went(event);
        let note = note(event).unwrap_or_default();
        // The parts of one deployment are one step.
        let same = self.release.steps.last().is_some_and(|last| {
            last.kind == kind
                && last.environment == event.environment
                && last.went == went
                && last.run == event.run
                && matches!(
                    kind,
                    StepKind::Deployed | StepKind::Promoted | StepKind::RolledBack | StepKind::WentBackTo
                )
        });
        if !same {
            self.release.steps.push(Step {
                at: event.time,
                kind,
                environment: event.environment.clone(),
                went,
                by: event.actor.name.clone(),
                run: event.run.clone(),
                note,
            });
        }
    }

    fn take_items(&mut self, event: &'a LedgerEvent) {
        for item in &event.items {
            // A promotion names projects, a deployment the functions that are made from them.
            let known = item.project.as_ref().map_or_else(|| function_name(item), |project| project.as_str());
            if self.items.insert(known) {
                self.release.items.push(ReleaseItem {
                    name: function_name(item).to_owned(),
                    version: item.version.as_ref().map(ToString::to_string),
                    digest: item.digest,
                });
            }
        }
    }
}
