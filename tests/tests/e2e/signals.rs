//! SIGINT and SIGTERM: a clean stop, a report, the documented code, and a next run that does what is left.

use std::time::Duration;

use http::Method;
use landfall_sandbox::{Entry, Fault, RC_KEY, Service, What};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::Ran;
use crate::world::World;

/// Starts a stage, waits until the services were asked for what is meant, sends the signal and waits for the end.
async fn interrupted(
    world: &World,
    words: &[&str],
    is_there: impl Fn(&Entry) -> bool,
    signal: Signal,
) -> Ran {
    world.sandbox.journal().clear();
    let mut running = world.start(words, None).await;
    running.until(&is_there).await;
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
        let ran = interrupted(&world, &["deploy-lambda"], |entry| entry.service == Service::Lambda, signal)
            .await
            .expect(code);
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
    let update = Fault::new(What::DelayAnswer(Duration::from_millis(300))).method(Method::PUT);
    world.sandbox.faults().add(update.on(Service::Lambda));
    let words = ["deploy-lambda", "--jobs", "1"];
    let ran = interrupted(&world, &words, |entry| entry.method == Method::PUT, Signal::INT).await.expect(130);
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
    interrupted(&world, &["create-jira-tickets"], |entry| entry.service == Service::Jira, Signal::TERM)
        .await
        .expect(143);
    assert!(world.sandbox.jira.issues().is_empty());
    world.sandbox.faults().clear();
    world.run(&["create-jira-tickets"]).await.expect(0);
    assert_eq!(world.sandbox.jira.issues().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn retag_push_ecr() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let world = World::copyable().await;
        world.sandbox.faults().add(
            Fault::new(What::Delay(Duration::from_secs(20)))
                .on(Service::Artifactory)
                .matching("/blobs/")
                .every(),
        );
        let is_download =
            |entry: &Entry| entry.service == Service::Artifactory && entry.path().contains("/blobs/");
        let ran = interrupted(&world, &["retag-push-ecr"], is_download, signal).await.expect(code);
        assert!(ran.report.is_some());
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
    let promotions = || world.sandbox.journal().matching(&Method::POST, "/promote").len();
    let words = ["promote-artifacts", "--preset", "to-rc", "--jobs", "1"];
    let is_promotion = |entry: &Entry| entry.path().ends_with("/promote");
    let ran = interrupted(&world, &words, is_promotion, Signal::TERM).await.expect(143);
    assert_eq!(promotions(), 1, "no new work is taken up");
    assert!(ran.items().iter().any(|(_, outcome)| outcome == "not-tried"), "{:?}", ran.items());
    assert_eq!(world.json("promotion-log-to-rc.json")["summary"]["total"], 1);
    world.run(&["promote-artifacts", "--preset", "to-rc"]).await.expect(0);
    assert_eq!(world.artifactory(RC_KEY).len(), 2);
    assert_eq!(promotions(), 2);
}

/// A stop is no word on what is checked: not for the ledger, and not for a deployment that asks.
#[tokio::test(flavor = "multi_thread")]
async fn smoke_test() {
    let world = World::deployable().await;
    let address = format!("{}/v2/", world.sandbox.url(Service::PlainRegistry));
    let settings = world.read("landfall.toml");
    world
        .write("landfall.toml", &format!("{settings}\n[[smoke]]\nname = \"health\"\nhttp = \"{address}\"\n"));
    let delay = Fault::new(What::DelayAnswer(Duration::from_secs(20)));
    world.sandbox.faults().add(delay.on(Service::PlainRegistry).every());
    let is_check = |entry: &Entry| entry.service == Service::PlainRegistry;
    let ran = interrupted(&world, &["smoke-test"], is_check, Signal::TERM).await.expect(143);
    assert_eq!(ran.codes(), ["LF-STOPPED"]);
    assert_eq!(ran.items()[0], ("health".to_owned(), "stopped".to_owned()));
    let record = world.read(".landfall/ledger/00000000000000000001.json");
    assert!(record.contains("\"unknown\"") && !record.contains("\"failed\""), "{record}");

    let words = ["deploy-lambda", "--smoke", "--on-failure", "rollback"];
    let ran = interrupted(&world, &words, is_check, Signal::TERM).await.expect(143);
    assert!(!ran.stderr.contains("LF-SMOKE-FAILED"), "{}", ran.stderr);
    for project in world.projects() {
        assert_eq!(world.running()[project.lambda], project.image().digest());
    }
}
