//! What people read when something is wrong.

use landfall_artifacts::{Explain as _, Problem};
use landfall_registry::{CopyOptions, CopyPlan, Registries, apply, plan_copies};
use landfall_run::Run;

use crate::server::{Server, registries, request, run};

fn is_send<T: Send>(_: &T) {}

#[tokio::test]
async fn a_chain_says_each_thing_once_and_ends_with_what_to_do() {
    let (source, target) = (Server::start().await, Server::start().await);
    let all = registries(&[&source, &target]);
    let stored =
        ("application/vnd.oci.image.manifest.v1+json".to_owned(), axum::body::Bytes::from_static(b"{"));
    source.contents().manifests.insert(("build/a".to_owned(), "1".to_owned()), stored);
    let requests = vec![
        request(&source, "build/a:1", &target, "app:a-1"),
        request(&source, "build/missing:1.4.2", &target, "app:b-1"),
    ];
    let run = run();
    let plan = plan_copies(requests, &all, CopyOptions::default(), &run).await;
    let problems: Vec<Problem> = plan.problems.iter().map(|one| Problem::of(&one.error)).collect();
    let host = source.host();
    assert_eq!(problems[0].what, format!("the manifest of {host}/build/a:1 is not usable"));
    assert_eq!(problems[0].cause[0], "it is not strict JSON");
    assert!(problems[0].cause[1].starts_with("the manifest"), "{problems:?}");
    assert_eq!(problems[1].what, format!("{host}/build/missing:1.4.2 is not there"));
    assert_eq!(
        problems[1].remedy.as_deref(),
        Some("run the build job, or build-docker-images, for missing:1.4.2; then run again")
    );
    assert!(plan.problems.iter().all(|one| !one.error.is_retryable()));
    assert_eq!(plan.problems[0].error.code(), "LF-REG-MANIFEST");
}

#[tokio::test]
async fn work_may_be_spawned() {
    let (all, run): (Registries, Run) = (Registries::new(), run());
    let planning = plan_copies(Vec::new(), &all, CopyOptions::default(), &run);
    is_send(&planning);
    let plan: CopyPlan = planning.await;
    let applying = apply(&plan, &all, &run);
    is_send(&applying);
    assert!(applying.await.images.is_empty());
}
