use landfall_artifacts::{Actor, Digest};
use landfall_ledger::Context;
use landfall_run::Clock;

use super::*;

/// A ledger of `qa` that others write to as well.
struct World {
    folder: tempfile::TempDir,
    qa: EnvironmentName,
    r1: ReleaseId,
}

impl World {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            qa: "qa".parse().expect("a name"),
            r1: "r1".parse().expect("a release"),
        }
    }

    /// The ledger as a process of its own opens it.
    async fn open(&self, stage: &str) -> Ledger {
        let actor = Actor { name: "ada".to_owned(), source: "test".to_owned() };
        let context = Context { stage: Some(stage.to_owned()), ..Context::new(actor, "0.1.0") };
        Ledger::open(self.folder.path(), context, Clock::system()).await.expect("a ledger")
    }

    /// What a stage records of functions that go to a content.
    async fn adds(&self, stage: &str, kind: EventKind, names: &[String], content: &str) {
        let ledger = self.open(stage).await;
        for name in names {
            let draft = Draft {
                environment: Some(self.qa.clone()),
                release: Some(self.r1.clone()),
                action: Some("UpdateFunctionCode".to_owned()),
                target: Some(name.clone()),
                items: items(std::slice::from_ref(name), content),
                ..Draft::new(kind)
            };
            ledger.append(draft).await.expect("appended");
        }
    }

    async fn kinds(&self) -> Vec<(EventKind, usize)> {
        let events = Ledger::for_reading(self.folder.path()).events().await.expect("whole");
        events.iter().map(|event| (event.kind, event.items.len())).collect()
    }
}

fn items(names: &[String], content: &str) -> Vec<LedgerItem> {
    let digest = Some(Digest::of(content.as_bytes()));
    names.iter().map(|name| LedgerItem { digest, ..LedgerItem::new(name) }).collect()
}

fn names(of: &[&str]) -> Vec<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_deployment_that_was_rolled_back_while_it_was_read_is_not_recorded_after_that() {
    let world = World::new();
    let orders = names(&["Orders"]);
    world.adds("deploy-lambda", EventKind::Intent, &orders, "new").await;
    let ledger = world.open("update-version-dashboard").await;
    let events = ledger.events().await.expect("whole");
    let mut unrecorded = Unrecorded::of(&world.qa, &world.r1, items(&orders, "new"), &events);
    assert!(unrecorded.is_any(), "the report is news");

    world.adds("rollback-lambda", EventKind::Intent, &orders, "old").await;
    world.adds("rollback-lambda", EventKind::Rollback, &orders, "old").await;
    let mut finished = Finished::default();
    unrecorded.record(&ledger, &mut finished).await;
    assert_eq!((finished.items.len(), finished.problems.len(), unrecorded.is_any()), (0, 0, false));
    let told = unrecorded.left_out(Path::new("deploy-report.json"));
    insta::assert_snapshot!(
        told.join("\n"),
        @"the deployment of deploy-report.json was rolled back since: nothing is recorded of it"
    );
    let recorded = world.kinds().await;
    assert_eq!(recorded.last(), Some(&(EventKind::Rollback, 1)), "{recorded:?}");
}

#[tokio::test]
async fn what_others_did_to_a_part_of_it_meanwhile_is_left_out() {
    let world = World::new();
    let both = names(&["Orders", "Prices"]);
    world.adds("deploy-lambda", EventKind::Intent, &both, "new").await;
    let ledger = world.open("update-version-dashboard").await;
    let events = ledger.events().await.expect("whole");
    let mut unrecorded = Unrecorded::of(&world.qa, &world.r1, items(&both, "new"), &events);

    // Of a rollback that is under way, and what another environment's jobs record does not matter.
    world.adds("rollback-lambda", EventKind::Intent, &names(&["Prices"]), "old").await;
    let other = world.open("smoke-test").await;
    other.append(Draft::new(EventKind::Test)).await.expect("appended");
    let mut finished = Finished::default();
    unrecorded.record(&ledger, &mut finished).await;
    assert_eq!(finished.items.len(), 1);
    assert_eq!(world.kinds().await.last(), Some(&(EventKind::Deployment, 1)));
    let told = unrecorded.left_out(Path::new("deploy-report.json"));
    insta::assert_snapshot!(
        told.join("\n"),
        @"of deploy-report.json these were rolled back or changed again since, and nothing is recorded of them: Prices"
    );
    unrecorded.record(&ledger, &mut finished).await;
    assert_eq!(finished.items.len(), 1, "once");
}

#[tokio::test]
async fn a_large_deployment_is_recorded_whole_in_several_records() {
    let world = World::new();
    let many: Vec<String> = (0..230).map(|number| format!("f{number}")).collect();
    let ledger = world.open("update-version-dashboard").await;
    let mut unrecorded = Unrecorded::of(&world.qa, &world.r1, items(&many, "new"), &[]);
    let mut finished = Finished::default();
    unrecorded.record(&ledger, &mut finished).await;
    let parts = [100, 100, 30].map(|items| (EventKind::Deployment, items));
    assert_eq!(world.kinds().await, parts);
    assert!(unrecorded.is_any());
    assert_eq!(finished.items.len(), parts.len());

    let events = ledger.events().await.expect("whole");
    let again = Unrecorded::of(&world.qa, &world.r1, items(&many, "new"), &events);
    assert!(!again.is_any(), "the ledger says so already");
    assert!(again.left_out(Path::new("deploy-report.json")).is_empty());
}
