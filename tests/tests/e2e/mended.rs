//! Stages that stop half-way say what they did, record what is so, and ask for nothing that they do not need.

use http::Method;
use landfall_artifacts::EventKind;
use landfall_sandbox::images::ImageIndex;
use landfall_sandbox::{BUILD_KEY, Fault, RC_KEY, Service, What};

use crate::harness::Ran;
use crate::recorded;
use crate::world::World;

const PROMOTE: [&str; 5] = ["promote-artifacts", "--preset", "to-rc", "--jobs", "1"];

fn words<'a>(first: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [first, rest].concat()
}

/// Items of the promotion events on record, event by event.
fn promotions(world: &World) -> Vec<usize> {
    let events = recorded::events(world.path(".landfall/ledger"));
    events.iter().filter(|event| event.kind == EventKind::Promotion).map(|event| event.items.len()).collect()
}

fn texts(ran: &Ran, key: &str) -> String {
    ran.report()[key].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_written_hides_no_record() {
    let world = World::deployable().await;
    world.run(&["deploy-lambda"]).await.expect(0);
    std::fs::create_dir(world.path("page.html")).expect("a folder in the page's place");
    let ran = world.run(&["update-version-dashboard", "--page", "page.html"]).await.expect(6);
    assert_eq!(ran.codes(), ["LF-FILE-WRITE"]);
    assert!(ran.items().iter().any(|(_, outcome)| outcome == "recorded"), "{:?}", ran.items());
    assert!(ran.stderr.contains(": recorded"), "{}", ran.stderr);
    let ran = world.run(&["update-version-dashboard"]).await.expect(0);
    assert!(ran.stdout.contains("nothing new to record"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_that_cannot_be_noted() {
    let world = World::with_versions().await;
    world.write("jira-tickets.json", "{");
    world.run(&["create-jira-tickets"]).await.expect(2);
    assert!(world.sandbox.journal().of(Service::Jira).is_empty(), "the file is read before Jira is asked");
    world.remove("jira-tickets.json");

    std::os::unix::fs::symlink("/proc/nowhere", world.path("link")).expect("a link to nowhere");
    let ran = world.run(&["create-jira-tickets", "--tickets", "link/jira-tickets.json"]).await.expect(6);
    assert_eq!(ran.items()[0].1, "created");
    assert!(ran.stderr.contains(": created"), "{}", ran.stderr);
    let ran = world.run(&["create-jira-tickets"]).await.expect(0);
    assert_eq!((ran.items()[0].1.as_str(), world.sandbox.jira.issues().len()), ("unchanged", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_fails_after_its_first_step() {
    let world = World::with_versions().await;
    world.run(&["create-jira-tickets"]).await.expect(0);
    let second =
        Fault::new(What::status(403)).on(Service::Jira).method(Method::POST).matching("/transitions");
    world.sandbox.faults().add(second.nth(2));
    let before = world.sandbox.jira.issues()[0].status.clone();
    let ran = world.run(&["transition-jira-tickets", "closed"]).await.expect(6);
    let now = world.sandbox.jira.issues()[0].status.clone();
    assert_ne!(now, before);
    assert_eq!(ran.items()[0].1, "moved");
    assert!(texts(&ran, "items").contains(&now) && ran.stderr.contains(": moved"), "{}", ran.stderr);
    world.run(&["transition-jira-tickets", "closed"]).await.expect(0);

    // What comes after the step is not planned to be pulled back.
    let ran = world.run(&["transition-jira-tickets", "deploy-pp", "--dry-run"]).await.expect(0);
    assert_eq!(ran.items()[0].1, "unchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_step_that_is_refused_changed_nothing() {
    let world = World::with_versions().await;
    world.run(&["create-jira-tickets"]).await.expect(0);
    let first = Fault::new(What::status(403)).on(Service::Jira).method(Method::POST).matching("/transitions");
    world.sandbox.faults().add(first);
    let ran = world.run(&["transition-jira-tickets", "closed"]).await.expect(3);
    assert!(ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_is_recorded_once_also_after_a_kill() {
    let clean = World::with_versions().await;
    clean.run(&PROMOTE).await.expect(0);
    let requests = clean.sandbox.journal().count();
    assert_eq!(promotions(&clean), [2]);

    let world = World::with_versions().await;
    world.sandbox.faults().add(Fault::new(What::KillAfter).nth(requests));
    assert_eq!(world.run(&PROMOTE).await.signal, Some(9));
    assert_eq!((world.artifactory(RC_KEY).len(), promotions(&world)), (2, Vec::new()));
    for _ in 0..2 {
        let ran = world.run(&PROMOTE).await.expect(0);
        assert_eq!(ran.outcome(), "nothing-to-do");
        assert_eq!(promotions(&world), [2], "the first run again records what is there, the second nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leniency_needs_a_promotion_that_succeeded() {
    let mut world = World::with_versions().await;
    world.sandbox.artifactory.refuse_promotion("paymentGateway");
    for summary in ["1 promoted, 0 already there, 1 failed", "0 promoted, 1 already there, 1 failed"] {
        let ran = world.run(&PROMOTE).await.expect(0);
        assert!(texts(&ran, "summary").contains(summary), "{}", texts(&ran, "summary"));
        assert_eq!(ran.codes(), ["LF-ART-PROMOTE"]);
        let warnings = texts(&ran, "warnings");
        assert!(
            warnings.contains("LF-ART-PROMOTE paymentGateway: ") && warnings.contains("; next: "),
            "{warnings}"
        );
    }
    let only = world.json("versions.json")["paymentGateway"].clone();
    world.write("versions.json", &serde_json::json!({"paymentGateway": only}).to_string());
    world.run(&PROMOTE).await.expect(3);
    world.set("ARTIFACTORY_PASS", "stale");
    let ran = world.run(&PROMOTE).await.expect(3);
    assert!(texts(&ran, "problems").contains("ARTIFACTORY_PASS"), "{}", texts(&ran, "problems"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foretold_promotion_is_refused_for_what_would_refuse_it() {
    let world = World::missing(&["orderService"]).await;
    world.has_versions();
    let taken = world.projects().into_iter().find(|one| one.project == "paymentGateway").expect("a project");
    let repository = world.sandbox.source_repository(RC_KEY, taken.project);
    world.sandbox.artifactory.put_image(&repository, taken.version, &taken.running_image());
    let ran = world.run(&words(&PROMOTE, &["--dry-run"])).await.expect(3);
    assert_eq!(ran.codes(), ["LF-ART-SOURCE", "LF-REG-TAG-TAKEN"]);

    let world = World::with_versions().await;
    world.has_images_and_plan();
    let project = world.projects()[0];
    let source = world.sandbox.source_repository(BUILD_KEY, project.project);
    world.sandbox.artifactory.put_image(&source, project.version, &project.running_image());
    let ran = world.run(&words(&PROMOTE, &["--dry-run"])).await.expect(3);
    assert_eq!(ran.codes(), ["LF-ART-CONTENT"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_deployment_share_a_report() {
    let world = World::deployable().await;
    let part = |shard| ["deploy-lambda", "--deploy-report", "deploy-report.json", "--shard", shard];
    world.run(&part("1/2")).await.expect(0);
    world.run(&part("2/2")).await.expect(0);
    let report = world.json("deploy-report.json");
    let functions = report["functions"].as_array().expect("functions");
    assert_eq!(functions.len(), 2, "{report:#}");
    assert!(functions.iter().all(|function| function["outcome"] == "updated"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn real_files_are_never_foretold_over() {
    let world = World::with_versions().await;
    let (files, folder) = (world.files(), world.repo.path().to_string_lossy().into_owned());
    let ran = world.run(&["generate-versions", "--dry-run", "--foretell", &folder]).await.expect(2);
    assert!(world.changed_since(&files).is_empty() && ran.stderr.contains("foretold.txt"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_deploy_needs_nobody() {
    let mut world = World::small().await;
    world.write("versions.json", "{}\n");
    for name in ["AWS_REGION", "ECR_REGISTRY_URI", "BUILD_ARTIFACTORY_URL", "JIRA_URL", "JIRA_TOKEN"] {
        world.unset(name);
    }
    world
        .run_all(&[
            &["retag-push-ecr"],
            &["deploy-lambda"],
            &["rollback-lambda"],
            &["create-jira-tickets"],
            &["transition-jira-tickets", "closed"],
            &["comment-jira-tickets", "staging"],
            &["update-jira-instructions"],
        ])
        .await;
    assert!(world.sandbox.journal().entries().is_empty());
    assert_eq!(world.json("deploy-report.json")["functions"], serde_json::json!([]));
    assert_eq!(world.json("jira-tickets.json")["tickets"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_says_what_a_failure_leads_to() {
    let mut world = World::deployable().await;
    let before = world.sandbox.lambda.running_digest("OrderServiceFunction");
    let broken = || {
        world.sandbox.lambda.fail_next(
            "PaymentGatewayFunction",
            "InternalError",
            "An internal error occurred.",
        );
    };
    broken();
    world.write("landfall.toml", "[environment.stg_eu00]\nkind = \"staging\"\n");
    world.run(&["deploy-lambda", "--jobs", "1"]).await.expect(3);
    assert_eq!(world.sandbox.lambda.running_digest("OrderServiceFunction"), before, "staging goes back");
    broken();
    world.write("landfall.toml", "[environment.stg_eu00]\nkind = \"staging\"\non_failure = \"stop\"\n");
    world.run(&["deploy-lambda", "--jobs", "1"]).await.expect(6);
    assert_ne!(world.sandbox.lambda.running_digest("OrderServiceFunction"), before, "it is told to stay");
    world.set("CI_ENVIRONMENT_NAME", "stg_eu00");
    world.write("landfall.toml", "[jira.status]\ntesting = \"Testing\"\n");
    let ran = world.run(&["transition-jira-tickets", "closed"]).await.expect(2);
    assert!(ran.stderr.contains("`testing`"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_held_against_what_the_ledger_knows() {
    let world = World::deployable().await;
    world.remove("lambda-ecr-mappings.json");
    let lock = world.read("image-lock.json");
    world.remove("image-lock.json");
    let ran = world.run(&["generate-mappings", "--verify"]).await.expect(0);
    assert!(texts(&ran, "warnings").contains("only that the tag is there was checked"));

    world.write("image-lock.json", &lock);
    world.run_all(&[&["deploy-lambda"], &["update-version-dashboard"]]).await;
    let ran = world.run(&["generate-mappings", "--verify"]).await.expect(0);
    assert_eq!(texts(&ran, "warnings"), "[]");
    let project = world.projects()[0];
    let repository = &world.sandbox.options().ecr_repository;
    world.sandbox.ecr_registry.put_image(repository, &project.tag(), &project.running_image());
    let ran = world.run(&["generate-mappings", "--verify"]).await;
    assert_eq!((ran.code, ran.codes()), (Some(7), vec!["LF-ECR-TAG-DIFFERS"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_do_not_fit() {
    let mut world = World::with_versions().await;
    world.run(&["create-jira-tickets"]).await.expect(0);
    world.run(&["comment-jira-tickets", "production"]).await.expect(2);
    let ran = world.run(&words(&PROMOTE, &["--docker-access", "bogus"])).await.expect(2);
    assert!(ran.stderr.contains("`bogus`"), "{}", ran.stderr);
    world.set("NX_TARGET", "transition-jira-tickets-staging-eu");
    let ran = world.run(&["transition-jira-tickets"]).await.expect(2);
    assert!(ran.stderr.contains("`transition-jira-tickets-staging-eu`"), "{}", ran.stderr);
    // The step is given, so the odd name is passed over, and no region is taken from it.
    world.run(&["transition-jira-tickets", "deploy-pp"]).await.expect(0);
    world.set("NX_TARGET", "transition-jira-tickets-bogus-eu");
    world.run(&["comment-jira-tickets", "staging"]).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_function_in_two_folders_is_not_left_out() {
    let world = World::copyable().await;
    let folders: Vec<&str> = world.projects().iter().map(|project| project.folder).collect();
    world.write(&format!("functions/{}/.deployment", folders[1]), "OrderServiceFunction\n");
    let ran = world.run(&["retag-push-ecr"]).await.expect(2);
    assert!(!ran.stderr.contains("--skip-missing"), "{}", ran.stderr);
    assert!(ran.stderr.contains("no function in two folders"), "{}", ran.stderr);
}

/// A deployment records the image that was chosen, a promotion copies the index that it was chosen from: both are one content.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_promoted_does_not_contradict_its_deployment() {
    let world = World::copyable().await;
    for project in world.projects() {
        let source = world.sandbox.source_repository(BUILD_KEY, project.project);
        let index = ImageIndex::new(vec![project.image()], true);
        world.sandbox.artifactory.put_index(&source, project.version, &index);
    }
    world
        .run_all(&[
            &["retag-push-ecr"],
            &["deploy-lambda"],
            &["update-version-dashboard"],
            &PROMOTE,
            &PROMOTE,
        ])
        .await;
    assert_eq!(promotions(&world), [2]);
    world.remove("image-lock.json");
    let ran = world.run(&["generate-mappings", "--verify"]).await.expect(0);
    assert_eq!(texts(&ran, "warnings"), "[]");
}
