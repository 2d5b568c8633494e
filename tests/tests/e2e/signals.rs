//! SIGINT and SIGTERM: a clean stop, a report, the documented code, and a next run that does what is left.

use std::time::Duration;

use http::Method;
use landfall_sandbox::{Fault, RC_KEY, Service, What};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::Ran;
use crate::world::World;

/// Starts a stage, waits until `service` was asked `request` times, sends the signal and waits for the end.
async fn interrupted(
    world: &World,
    words: &[&str],
    (service, request): (Service, u64),
    signal: Signal,
) -> Ran {
    let arrived = || world.sandbox.journal().of(service).len() as u64;
    let (before, mut running) = (arrived(), world.start(words, None).await);
    while arrived() < before + request {
        assert!(running.is_alive(), "`{words:?}` ended before request {request} of {}", service.name());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let pid = Pid::from_raw(running.pid()).expect("a process id");
    kill_process(pid, signal).expect("the signal is sent");
    running.end().await
}

/// An answer that takes longer than a person waits.
fn slow(service: Service, request: u64) -> Fault {
    Fault::new(What::DelayAnswer(Duration::from_secs(20))).on(service).nth(request)
}

#[tokio::test(flavor = "multi_thread")]
async fn deploy_lambda() {
    let mut world = World::small().await;
    world.has_aws_keys();
    world.has_images_and_plan();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        world.sandbox.faults().add(slow(Service::Lambda, 1));
        let ran = interrupted(&world, &["deploy-lambda"], (Service::Lambda, 1), signal).await.expect(code);
        assert!(ran.report.is_some());
        assert_eq!(world.sandbox.lambda.calls("UpdateFunctionCode"), 0);
        world.sandbox.faults().clear();
    }
    world.run(&["deploy-lambda"]).await.expect(0);
    for project in world.projects() {
        assert_eq!(world.running()[project.lambda], project.image().digest());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deploy_lambda_between_two_functions() {
    let mut world = World::small().await;
    world.has_aws_keys();
    world.has_images_and_plan();
    // Requests: whose keys, then two looks, then the first update.
    world
        .sandbox
        .faults()
        .add(Fault::new(What::DelayAnswer(Duration::from_millis(300))).on(Service::Lambda).nth(3));
    let words = ["deploy-lambda", "--jobs", "1"];
    let ran = interrupted(&world, &words, (Service::Lambda, 3), Signal::INT).await.expect(130);
    assert_eq!(world.sandbox.lambda.calls("UpdateFunctionCode"), 1, "no new work is taken up");
    assert!(ran.items().iter().any(|(_, outcome)| outcome == "not-tried"), "{:?}", ran.items());
    let again = world.run(&words).await.expect(0);
    assert!(again.items().iter().any(|(_, outcome)| outcome == "unchanged"), "{:?}", again.items());
    assert_eq!(world.sandbox.lambda.calls("UpdateFunctionCode"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn create_jira_tickets() {
    let world = World::small().await;
    world.has_versions();
    world.sandbox.faults().add(slow(Service::Jira, 1));
    interrupted(&world, &["create-jira-tickets"], (Service::Jira, 1), Signal::TERM).await.expect(143);
    assert!(world.sandbox.jira.issues().is_empty());
    world.sandbox.faults().clear();
    world.run(&["create-jira-tickets"]).await.expect(0);
    assert_eq!(world.sandbox.jira.issues().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn retag_push_ecr() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut world = World::small().await;
        world.has_versions();
        world.has_logins();
        world.has_aws_keys();
        world.sandbox.faults().add(
            Fault::new(What::Delay(Duration::from_secs(20)))
                .on(Service::Artifactory)
                .matching("/blobs/")
                .every(),
        );
        let blobs = || world.sandbox.journal().of(Service::EcrRegistry).len() as u64;
        // Before the first blob the target was looked at; the transfer begins with an upload session there.
        let ran =
            interrupted(&world, &["retag-push-ecr"], (Service::EcrRegistry, 8), signal).await.expect(code);
        assert!(blobs() >= 8 && ran.report.is_some());
        let tags = world.ecr_tags();
        assert!(world.projects().iter().all(|project| !tags.contains_key(&project.tag())), "{tags:?}");
        world.sandbox.faults().clear();
        world.run(&["retag-push-ecr"]).await.expect(0);
        let tags = world.ecr_tags();
        assert!(
            world
                .projects()
                .iter()
                .all(|project| tags.get(&project.tag()) == Some(&project.image().digest()))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn promote_artifacts() {
    let world = World::small().await;
    world.has_versions();
    world.sandbox.faults().add(
        Fault::new(What::DelayAnswer(Duration::from_millis(500)))
            .on(Service::Artifactory)
            .matching("/promote"),
    );
    let promoted = || world.sandbox.journal().matching(&Method::POST, "/promote").len();
    let mut running = world.start(&["promote-artifacts", "--preset", "to-rc", "--jobs", "1"], None).await;
    while promoted() == 0 {
        assert!(running.is_alive());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    kill_process(Pid::from_raw(running.pid()).expect("a process id"), Signal::TERM)
        .expect("the signal is sent");
    let ran = running.end().await.expect(143);
    assert_eq!(promoted(), 1, "no new work is taken up");
    assert!(ran.items().iter().any(|(_, outcome)| outcome == "not-tried"), "{:?}", ran.items());
    assert_eq!(world.json("promotion-log-to-rc.json")["summary"]["total"], 1);
    world.run(&["promote-artifacts", "--preset", "to-rc"]).await.expect(0);
    assert_eq!(world.artifactory(RC_KEY).len(), 2);
    assert_eq!(promoted(), 2);
}
