//! Archives that functions are to get, held against what stands in their store before anything is changed.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{Digest, LambdaName, Problem, ReleaseArtifact};
use landfall_lambda_deploy::{Action, Archive, Code, Function, Plan, Step};
use landfall_run::{Event, Run};
use landfall_s3_sync::ReleaseStore;

/// Archives as manifests of a store name them. An object may have been written over or deleted since.
#[derive(Debug)]
pub(crate) struct StoredArchives<'a> {
    store: &'a ReleaseStore,
    by_key: BTreeMap<String, ReleaseArtifact>,
}

impl<'a> StoredArchives<'a> {
    pub(crate) fn new(store: &'a ReleaseStore, artifacts: impl IntoIterator<Item = ReleaseArtifact>) -> Self {
        let by_key = artifacts.into_iter().map(|artifact| (artifact.key.to_string(), artifact)).collect();
        Self { store, by_key }
    }

    /// Where they are, by their digests.
    pub(crate) fn by_digest(&self) -> BTreeMap<Digest, Archive> {
        let archive = |artifact: &ReleaseArtifact| (artifact.sha256.digest(), of(artifact, self.store));
        self.by_key.values().map(archive).collect()
    }

    /// Looks at the archives that a plan sends, several at a time, and gives what is wrong by function. Archives that run already
    /// are not asked for.
    pub(crate) async fn problems(&self, plan: &Plan, run: &Run) -> BTreeMap<LambdaName, Problem> {
        let sent = |step: &Step| self.by_key.get(sent(step)?.key.as_str());
        let keys: BTreeSet<&str> = plan.steps.iter().filter_map(sent).map(|one| one.key.as_str()).collect();
        if keys.is_empty() {
            return BTreeMap::new();
        }
        let phase = Event::Phase { name: "look at the archives".into(), items: Some(keys.len() as u64) };
        run.progress().event(phase);
        let archives: Vec<ReleaseArtifact> =
            keys.iter().filter_map(|key| self.by_key.get(*key)).cloned().collect();
        let looked = self.store.verify(&archives, run).await;
        let wrong: BTreeMap<&str, Problem> = archives
            .iter()
            .zip(looked)
            .filter_map(|(archive, seen)| Some((archive.key.as_str(), Problem::of(&seen.err()?))))
            .collect();
        let of_step = |step: &Step| {
            let problem = wrong.get(sent(step)?.key.as_str())?;
            Some((step.desired.function.clone(), problem.clone()))
        };
        plan.steps.iter().filter_map(of_step).collect()
    }

    /// The same, where these problems block their steps.
    pub(crate) async fn block(&self, plan: &mut Plan, run: &Run) {
        let mut problems = self.problems(plan, run).await;
        for step in &mut plan.steps {
            if let Some(problem) = problems.remove(&step.desired.function) {
                step.action = Action::Blocked(vec![problem]);
            }
        }
    }
}

/// An archive of a store.
pub(crate) fn of(artifact: &ReleaseArtifact, store: &ReleaseStore) -> Archive {
    Archive {
        bucket: store.bucket().to_string(),
        key: artifact.key.to_string(),
        digest: artifact.sha256.digest(),
    }
}

/// The archive that a step sends to its function.
fn sent(step: &Step) -> Option<&Archive> {
    let Code::Archive(archive) = &step.desired.code else { return None };
    let runs = |function: &Function| function.runs(archive.digest);
    match step.action {
        Action::Update | Action::Await => (!step.before.as_ref().is_some_and(runs)).then_some(archive),
        Action::Unchanged | Action::Blocked(_) => None,
    }
}
