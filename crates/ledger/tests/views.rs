//! What the events say.

use landfall_artifacts::{Actor, Digest, EffectResult, EventKind, LedgerEvent, LedgerItem};
use landfall_ledger::{Context, Draft, Ledger, deployments, resolve};
use landfall_run::Clock;

fn item(version: &str, content: &[u8]) -> LedgerItem {
    LedgerItem {
        project: "orderService".parse().ok(),
        version: version.parse().ok(),
        lambda: "OrderServiceFunction".parse().ok(),
        digest: Some(Digest::of(content)),
        ..LedgerItem::new("orderService")
    }
}

fn at(kind: EventKind, environment: &str, release: &str, item: LedgerItem) -> Draft {
    Draft {
        environment: environment.parse().ok(),
        release: release.parse().ok(),
        items: vec![item],
        ..Draft::new(kind)
    }
}

async fn recorded(drafts: Vec<Draft>) -> Vec<LedgerEvent> {
    let folder = tempfile::tempdir().expect("a folder");
    let actor = Actor { name: "ada".into(), source: "test".into() };
    let ledger =
        Ledger::open(folder.path(), Context::new(actor, "0.1.0"), Clock::system()).await.expect("a ledger");
    for draft in drafts {
        ledger.append(draft).await.expect("appended");
    }
    ledger.events().await.expect("events")
}

#[tokio::test]
async fn the_newest_confirmed_deployment_is_what_runs() {
    let failed = Draft {
        outcome: Some(EffectResult::Failed),
        ..at(EventKind::Deployment, "stg_eu00", "r3", item("3.0.0", b"3"))
    };
    let events = recorded(vec![
        at(EventKind::Deployment, "stg_eu00", "r1", item("1.0.0", b"1")),
        at(EventKind::Deployment, "prod_eu00", "r1", item("1.0.0", b"1")),
        at(EventKind::Deployment, "stg_eu00", "r2", item("2.0.0", b"2")),
        failed,
        at(EventKind::Intent, "stg_eu00", "r4", item("4.0.0", b"4")),
    ])
    .await;
    let seen: Vec<String> = deployments(&events)
        .iter()
        .map(|d| {
            format!(
                "{} {} {} {}",
                d.environment,
                d.function,
                d.version.as_ref().expect("a version"),
                d.sequence
            )
        })
        .collect();
    assert_eq!(seen, ["prod_eu00 OrderServiceFunction 1.0.0 2", "stg_eu00 OrderServiceFunction 2.0.0 3"]);
}

#[tokio::test]
async fn a_version_is_one_content_or_nobody_knows() {
    let project = "orderService".parse().expect("a name");
    let version = |text: &str| text.parse().expect("a version");
    let events = recorded(vec![
        at(EventKind::Promotion, "stg_eu00", "r1", item("1.0.0", b"1")),
        at(EventKind::Deployment, "prod_eu00", "r1", item("1.0.0", b"1")),
        at(EventKind::Deployment, "stg_eu00", "r2", item("2.0.0", b"2")),
        at(EventKind::Deployment, "prod_eu00", "r2", item("2.0.0", b"another")),
    ])
    .await;
    let found = resolve(&events, &project, &version("1.0.0")).expect("agreed").expect("known");
    assert_eq!((found.digest, found.sequence), (Digest::of(b"1"), 2));
    assert_eq!(resolve(&events, &project, &version("9.0.0")), Ok(None));
    let conflict = resolve(&events, &project, &version("2.0.0")).expect_err("they differ");
    assert_eq!((conflict.one.sequence, conflict.other.sequence), (3, 4));
    assert!(conflict.to_string().starts_with("orderService@2.0.0 is sha256:"), "{conflict}");
}
