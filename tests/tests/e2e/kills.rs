//! A stage that is killed at any request, before or after the effect, and run again, ends as if it had not been killed.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use landfall_artifacts::EventKind;
use landfall_sandbox::{Fault, RC_KEY, Service, What};

use crate::like::{HERE, LIKE, has_second_region, here};
use crate::recorded;
use crate::world::{SMALL, World};

/// Worlds side by side: a run waits for the disk and for Lambda more than for a processor.
const AT_ONCE: usize = 4;

/// A stage, what it needs, and what it is to achieve.
#[derive(Clone, Copy)]
struct Subject {
    words: &'static [&'static str],
    projects: &'static [&'static str],
    prepare: fn(&mut World),
    /// Stages that come before it.
    before: &'static [&'static [&'static str]],
    /// What a killed run may not have left, seen against what is to be achieved.
    wrong: fn(&World, &State) -> bool,
    state: fn(&World) -> State,
}

/// What the services and the contract files hold in the end, without what differs from run to run.
type State = BTreeMap<String, String>;

async fn survives(subject: Subject) {
    let clean = prepared(subject).await;
    clean.run(subject.words).await.expect(0);
    let (requests, wanted) = (clean.sandbox.journal().count(), (subject.state)(&clean));
    assert!(requests > 1 && !wanted.is_empty(), "{requests} requests");
    clean.sandbox.stop().await;

    let moments = (1..=requests).flat_map(|number| [(number, What::KillBefore), (number, What::KillAfter)]);
    let killed: Vec<bool> = futures_util::stream::iter(moments)
        .map(|(number, what)| killed_at(subject, number, what, &wanted))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    // Two transfers side by side may share a token or not, so the last request or two need not come in each run.
    let alive = killed.iter().filter(|killed| !**killed).count();
    println!("`{}`: {requests} requests, {} kills", subject.words.join(" "), killed.len() - alive);
    assert!(alive <= 4 && alive * 4 <= killed.len(), "{alive} of {} runs were not killed", killed.len());
}

/// Kills the stage at a request, runs it again and compares; false where the request never came.
async fn killed_at(subject: Subject, number: u64, what: What, wanted: &State) -> bool {
    let at = format!("`{}`, {what:?} at request {number}", subject.words.join(" "));
    let world = prepared(subject).await;
    let ledger = world.path(".landfall/ledger");
    let intents = || {
        let events = recorded::events(&ledger);
        events.iter().filter(|event| event.kind == EventKind::Intent).count()
    };
    let intents_before = intents();
    world.sandbox.faults().add(Fault::new(what).nth(number));
    let first = world.run(subject.words).await;
    let killed = first.signal == Some(9);
    assert!(killed || first.code == Some(0), "{at}: {:?}\n{}", first.code, first.stderr);
    for name in world.made().iter().filter(|name| name.ends_with(".json")) {
        // Each file is whole, or not there.
        world.json(name);
    }
    assert!(!(subject.wrong)(&world, wanted), "{at}: what it left is wrong");
    world.sandbox.faults().clear();
    let intended = intents() > intents_before;
    assert!(intended || world.writes().is_empty(), "{at}: an effect without an intent before it");

    let second = world.run(subject.words).await;
    assert_eq!(second.code, Some(0), "{at}, then again:\n{}", second.stderr);
    assert_eq!((subject.state)(&world), *wanted, "{at}, then again");
    recorded::verified(&ledger);
    let writes = world.writes().len();
    let third = world.run(subject.words).await;
    assert_eq!((third.code, third.outcome()), (Some(0), "nothing-to-do"), "{at}: a third run");
    assert_eq!(world.writes().len(), writes, "{at}: a third run");
    world.sandbox.stop().await;
    killed
}

async fn prepared(subject: Subject) -> World {
    let mut world = World::of(subject.projects).await;
    (subject.prepare)(&mut world);
    world.run_all(subject.before).await;
    world.sandbox.journal().clear();
    world
}

/// Whether nothing is there that is not to be there in the end.
fn is_part_of(now: &State, wanted: &State) -> bool {
    now.iter().all(|(name, digest)| wanted.get(name) == Some(digest))
}

/// A contract file with this world's hosts replaced.
fn file(world: &World, name: &str) -> (String, String) {
    (name.to_owned(), world.tidy(&world.read(name)))
}

#[tokio::test(flavor = "multi_thread")]
async fn deploy_lambda() {
    survives(Subject {
        words: &["deploy-lambda"],
        projects: &SMALL,
        prepare: |world| {
            world.has_aws_keys();
            world.has_images_and_plan();
        },
        before: &[],
        wrong: |_, _| false,
        state: World::running,
    })
    .await;
}

/// What runs, where the aliases point, and what the ledger says of it.
fn run_and_recorded(world: &World) -> State {
    let mut state = world.running();
    let events = recorded::events(world.path(".landfall/ledger"));
    for deployed in landfall_ledger::deployments(&events) {
        let digest = deployed.digest.map(|digest| digest.to_string()).unwrap_or_default();
        state
            .insert(format!("record of {}", deployed.function), format!("{digest} {}", deployed.rolled_back));
    }
    for project in world.projects() {
        let target = world.sandbox.lambda.alias_target(project.lambda, "live");
        state.insert(format!("alias of {}", project.lambda), target.unwrap_or_default());
    }
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_lambda() {
    survives(Subject {
        words: &["rollback-lambda"],
        projects: &SMALL,
        prepare: |world| {
            world.has_versions();
            world.has_aws_keys();
            world.has_images_and_plan();
        },
        before: &[&["deploy-lambda", "--alias", "live"], &["update-version-dashboard"]],
        wrong: |_, _| false,
        state: run_and_recorded,
    })
    .await;
}

/// A deployment that is killed anywhere can be rolled back by the record that it had written before.
#[tokio::test(flavor = "multi_thread")]
async fn rollback_lambda_after_a_killed_deployment() {
    let deploy = ["deploy-lambda", "--alias", "live"];
    let clean = World::deployable().await;
    clean.run(&deploy).await.expect(0);
    let requests = clean.sandbox.journal().count();
    let moments = (1..=requests).flat_map(|number| [(number, What::KillBefore), (number, What::KillAfter)]);
    let killed = async |(number, what)| {
        let at = format!("{what:?} at request {number}");
        let world = World::deployable().await;
        let before = world.running();
        world.sandbox.faults().add(Fault::new(what).nth(number));
        world.run(&deploy).await;
        world.sandbox.faults().clear();
        if world.path("deploy-report.json").exists() {
            let ran = world.run(&["rollback-lambda", "--alias", "live"]).await;
            assert_eq!(ran.code, Some(0), "{at}:\n{}", ran.stderr);
        }
        assert_eq!(world.running(), before, "{at}");
        for project in world.projects() {
            assert_eq!(world.sandbox.lambda.alias_target(project.lambda, "live"), None, "{at}");
        }
        world.sandbox.stop().await;
    };
    futures_util::stream::iter(moments).map(killed).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deploy_lambda_with_an_alias() {
    survives(Subject {
        words: &["deploy-lambda", "--alias", "live", "--traffic", "50%,100%"],
        projects: &SMALL,
        prepare: |world| {
            world.has_aws_keys();
            world.has_images_and_plan();
            world.sandbox.lambda.publish_as("OrderServiceFunction", "live");
        },
        before: &[],
        wrong: |_, _| false,
        state: |world| {
            let lambda = &world.sandbox.lambda;
            let reached = |name: &String| {
                let version = lambda.alias_target(name, "live")?;
                let shares = lambda.alias_weights(name, "live");
                Some(format!("{:?} {shares:?}", lambda.version_digest(name, &version)))
            };
            let running = world.running();
            let aliases =
                running.keys().map(|name| (format!("{name}:live"), reached(name).unwrap_or_default()));
            aliases.chain(running.clone()).collect()
        },
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deploy_lambda_like_another_environment() {
    survives(Subject {
        words: &LIKE,
        projects: &SMALL,
        prepare: |world| {
            world.has_versions();
            world.has_aws_keys();
            world.has_images_and_plan();
            has_second_region(world);
        },
        before: &[&["deploy-lambda"], &["update-version-dashboard"]],
        wrong: |_, _| false,
        state: |world| {
            let running = world.projects().into_iter().map(|one| {
                let name = here(one.lambda);
                (name.clone(), world.sandbox.lambda.running_digest(&name).unwrap_or_default())
            });
            running.chain(world.sandbox.ecr_registry.tags(HERE)).collect()
        },
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retag_push_ecr() {
    survives(Subject {
        words: &["retag-push-ecr"],
        projects: &["orderService", "paymentGateway", "stockLevels"],
        prepare: |world| {
            world.has_index("stockLevels");
            world.has_versions();
            world.has_logins();
            world.has_aws_keys();
        },
        before: &[],
        wrong: |world, wanted| !is_part_of(&world.ecr_tags(), wanted),
        state: |world| {
            let files = ["lambda-ecr-mappings.json", "image-lock.json"].map(|name| file(world, name));
            // However often it was killed, no blob is uploaded twice.
            let uploads = ("uploads".to_owned(), world.sandbox.ecr_registry.uploaded().len().to_string());
            world.ecr_tags().into_iter().chain(files).chain([uploads]).collect()
        },
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn promote_artifacts() {
    survives(Subject {
        words: &["promote-artifacts", "--preset", "to-rc"],
        projects: &SMALL,
        prepare: |world| world.has_versions(),
        before: &[],
        wrong: |world, wanted| !is_part_of(&world.artifactory(RC_KEY), wanted),
        state: promoted,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn promote_artifacts_by_copying() {
    survives(Subject {
        words: &["promote-artifacts", "--preset", "to-rc", "--via", "copy"],
        projects: &SMALL,
        prepare: |world| {
            world.has_versions();
            world.has_logins();
            let host = world.sandbox.host(Service::Artifactory);
            let settings = world.read("landfall.toml");
            world.write("landfall.toml", &format!("{settings}\n[registries]\ndocker_host = \"{host}\"\n"));
        },
        before: &[],
        wrong: |world, wanted| !is_part_of(&world.artifactory(RC_KEY), wanted),
        state: promoted,
    })
    .await;
}

/// What is at the target, and what the log says.
fn promoted(world: &World) -> State {
    let mut state = world.artifactory(RC_KEY);
    let log = world.json("promotion-log-to-rc.json");
    for entry in log["promotions"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        state.insert(
            format!("promoted {}", text("package")),
            format!("{} {}", text("version"), entry["success"]),
        );
    }
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_artifacts() {
    survives(Subject {
        words: &["publish-artifacts", "--bucket", landfall_sandbox::RELEASE_BUCKET],
        projects: &SMALL,
        prepare: |world| {
            world.has_aws_keys();
            world.has_built();
        },
        before: &[&["package-artifacts", "--release", "v1.0.0"]],
        // Where the manifest is, every archive is.
        wrong: |world, wanted| {
            let now = world.released();
            !is_part_of(&now, wanted) || (now.contains_key("v1.0.0/manifest.json") && now != *wanted)
        },
        state: World::released,
    })
    .await;
}

/// What the prefix holds, and as `.told` what the ledger says of it last.
fn configured_and_told(world: &World) -> State {
    let mut state = world.configured();
    let events = recorded::events(world.path(".landfall/ledger"));
    let newest = events.iter().rfind(|event| event.kind == EventKind::Sync).expect("the ledger was told");
    let is_undo = newest.details.contains_key("undoes");
    state.insert(".told".to_owned(), format!("{:?}, undo: {is_undo}", newest.outcome));
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_sync() {
    survives(Subject {
        words: &["s3-sync", "--delete", "--keep-old", "kept", "--manifest"],
        projects: &SMALL,
        prepare: World::has_configuration,
        before: &[],
        // Nothing is gone that has a file, and nothing is deleted before all is uploaded.
        wrong: |world, wanted| {
            let now = world.configured();
            let is_all_there =
                wanted.iter().all(|(name, text)| name.starts_with('.') || now.get(name) == Some(text));
            let is_any_gone = ["old-1.json", "old-2.json"].iter().any(|name| !now.contains_key(*name));
            !now.contains_key("same.json") || (is_any_gone && !is_all_there)
        },
        state: configured_and_told,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_of_a_publication() {
    survives(Subject {
        words: &["s3-sync", "--undo", "s3-sync-record.json"],
        projects: &SMALL,
        prepare: World::has_configuration,
        before: &[&["s3-sync", "--delete", "--keep-old", "kept", "--manifest"]],
        // Nothing that was created is deleted before all else is back.
        wrong: |world, wanted| {
            let now = world.configured();
            let is_all_back =
                wanted.iter().all(|(name, text)| name.starts_with('.') || now.get(name) == Some(text));
            !now.contains_key("same.json") || (!now.contains_key("x/new.toml") && !is_all_back)
        },
        state: configured_and_told,
    })
    .await;
}

/// A publication that is killed anywhere can be undone by the record that it had written before.
#[tokio::test(flavor = "multi_thread")]
async fn undo_after_a_killed_publication() {
    let publish = ["s3-sync", "--delete", "--keep-old", "kept"];
    let prepared = async || {
        let mut world = World::of(&SMALL).await;
        world.has_configuration();
        world.sandbox.journal().clear();
        world
    };
    let clean = prepared().await;
    clean.run(&publish).await.expect(0);
    let requests = clean.sandbox.journal().count();
    let moments = (1..=requests).flat_map(|number| [(number, What::KillBefore), (number, What::KillAfter)]);
    let killed = async |(number, what)| {
        let at = format!("{what:?} at request {number}");
        let world = prepared().await;
        let before = world.configured();
        world.sandbox.faults().add(Fault::new(what).nth(number));
        world.run(&publish).await;
        world.sandbox.faults().clear();
        if world.path("s3-sync-record.json").exists() {
            let ran = world.run(&["s3-sync", "--undo", "s3-sync-record.json"]).await;
            assert_eq!(ran.code, Some(0), "{at}:\n{}", ran.stderr);
        }
        assert_eq!(world.configured(), before, "{at}");
        world.sandbox.stop().await;
    };
    futures_util::stream::iter(moments).map(killed).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn create_jira_tickets() {
    survives(Subject {
        words: &["create-jira-tickets"],
        projects: &SMALL,
        prepare: |world| world.has_versions(),
        before: &[],
        wrong: |_, _| false,
        state: tickets,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn comment_jira_tickets() {
    survives(Subject {
        words: &["comment-jira-tickets", "staging"],
        projects: &SMALL,
        prepare: |world| world.has_versions(),
        before: &[&["create-jira-tickets"]],
        wrong: |_, _| false,
        state: tickets,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transition_jira_tickets() {
    survives(Subject {
        words: &["transition-jira-tickets", "pp-testing"],
        projects: &SMALL,
        prepare: |world| world.has_versions(),
        before: &[&["create-jira-tickets"]],
        wrong: |_, _| false,
        state: tickets,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn update_jira_instructions() {
    survives(Subject {
        words: &["update-jira-instructions", "--targets", "prod_eu00"],
        projects: &SMALL,
        prepare: |world| world.has_versions(),
        before: &[&["create-jira-tickets"]],
        wrong: |_, _| false,
        state: tickets,
    })
    .await;
}

/// How many tickets there are, in which status, with how many comments and labels.
fn tickets(world: &World) -> State {
    let view = |issue: landfall_sandbox::jira::IssueView| {
        let sections = issue.fields["description"].to_string().matches("(kept by Landfall)").count();
        let (comments, labels) = (issue.comments.len(), issue.labels);
        (issue.key, format!("{}, {comments} comments, {sections} sections, {labels:?}", issue.status))
    };
    world.sandbox.jira.issues().into_iter().map(view).collect()
}
