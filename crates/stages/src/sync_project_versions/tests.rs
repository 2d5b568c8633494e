use landfall_versioning::Wishes;

use super::{Config, run};
use crate::git_world::{Repo, World, run_handle, told};
use crate::semantic_versioning::{Committer, Deps};
use crate::{Outcome, Output};

async fn synced(repo: &Repo, output: &Output, change: impl FnOnce(&mut Config)) -> Outcome {
    let wishes = Wishes {
        remote: "origin".to_owned(),
        branch: Some("main".to_owned()),
        pushes: true,
        whole_history: false,
        written: Vec::new(),
    };
    let committer = Committer { name: Some("Bot".to_owned()), email: Some("bot@example.com".to_owned()) };
    let mut config = Config {
        folder: repo.path.clone(),
        functions: "functions".to_owned(),
        project: None,
        wishes,
        committer,
        attempts: 3,
    };
    change(&mut config);
    let deps = Deps { variables: repo.variables(), user: "oauth2".to_owned(), token: None };
    run(&config, &deps, output, &run_handle()).await
}

/// `orders` and the library are behind their `package.json`; a folder has none, and one has none with a version.
fn behind(repo: &Repo) -> String {
    repo.write("functions/orders/package.json", "{ \"version\": \"1.2.3\" }");
    repo.write("libs/shared/package.json", "{ \"version\": \"0.4.0\" }");
    repo.write("libs/bare/project.json", "{ \"name\": \"bare\" }");
    repo.write("libs/plain/project.json", "{ \"name\": \"plain\", \"version\": \"1.0.0\" }");
    repo.write("libs/plain/package.json", "{}");
    repo.change("libs/deep/er/project.json", "{}")
}

#[tokio::test]
async fn project_json_takes_the_version_of_package_json() {
    let world = World::new();
    let commit = behind(&world.clone_as("a"));
    let clone = world.detached("b", &commit);
    let dry = synced(&clone, &Output::DryRun { foretell: None }, |_| ()).await;
    insta::assert_snapshot!(told(&dry), @r"
    orders: 0.0.0 -> 1.2.3
    shared: no version -> 0.4.0
    2 project.json would be updated
    ");
    let before = world.bare().state();
    let outcome = synced(&clone, &Output::Real, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    orders: 0.0.0 -> 1.2.3
    shared: no version -> 0.4.0
    2 project.json updated by <id>, pushed to main
    ");
    assert_ne!(world.bare().state(), before);
    assert_eq!(
        world.bare().git(&["log", "-1", "--format=%B", "main"]),
        "chore: sync project.json versions of orders 1.2.3, shared 0.4.0 [skip ci]"
    );
    assert_eq!(clone.read("libs/shared/project.json"), "{ \"name\": \"shared\", \"version\": \"0.4.0\" }\n");
    assert_eq!(clone.git(&["status", "--porcelain"]), "");
    assert_eq!(world.bare().tags(), "");
    // Again, and in a clone that is behind.
    for repo in [clone, world.detached("c", &commit)] {
        let again = synced(&repo, &Output::Real, |_| ()).await;
        assert_eq!(told(&again), "no project versions were updated: all are in line");
    }
}

#[tokio::test]
async fn one_project_can_be_named() {
    let world = World::new();
    let clone = world.clone_as("a");
    behind(&clone);
    let outcome = synced(&clone, &Output::Real, |config| config.project = Some("shared".to_owned())).await;
    insta::assert_snapshot!(told(&outcome), @r"
    shared: no version -> 0.4.0
    1 project.json updated by <id>, pushed to main
    ");
    let log = world.bare().git(&["log", "-1", "--format=%B", "main"]);
    assert_eq!(log, "chore: sync project.json version of shared 0.4.0 [skip ci]");
    let outcome = synced(&clone, &Output::Real, |config| config.project = Some("-x".to_owned())).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-VERSIONS-PROJECT Input: there is no project `-x`
      next: name one of orders, pay, bare, plain, shared
    ");
}

#[tokio::test]
async fn the_workspace_is_that_of_the_nearest_nx_json() {
    let world = World::new();
    let clone = world.clone_as("a");
    behind(&clone);
    clone.write("apps/nx.json", "{}");
    clone.write("apps/functions/inner/project.json", "{ \"name\": \"inner\" }");
    clone.change("apps/functions/inner/package.json", "{ \"version\": \"3.0.0\" }");
    let outcome =
        synced(&clone, &Output::Real, |config| config.folder = clone.path.join("apps/functions")).await;
    insta::assert_snapshot!(told(&outcome), @r"
    inner: no version -> 3.0.0
    1 project.json updated by <id>, pushed to main
    ");
    clone.git(&["rm", "--quiet", "nx.json"]);
    clone.commit("chore: no workspace");
    clone.git(&["push", "--quiet", "origin", "main"]);
    let outcome = synced(&clone, &Output::Real, |_| ()).await;
    let Err(refusal) = outcome else { panic!("refused") };
    assert_eq!(refusal.0[0].code, "LF-VERSIONS-NX");
}

#[tokio::test]
async fn a_shallow_clone_will_do() {
    let world = World::new();
    behind(&world.clone_as("a"));
    let bare = world.bare();
    let mut shallow = world.clone_as("b");
    shallow.path = world.outside().join("shallow");
    let address = format!("file://{}", bare.path.display());
    bare.git(&["clone", "--quiet", "--depth=1", &address, &shallow.path.to_string_lossy()]);
    let outcome = synced(&shallow, &Output::Real, |_| ()).await;
    assert!(told(&outcome).ends_with("2 project.json updated by <id>, pushed to main"), "{}", told(&outcome));
}
