mod hostile;
mod races;
mod refusals;
mod releases;

use landfall_artifacts::{Problem, Versions};
use landfall_versioning::{Request, Wishes};

use super::{Committer, Config, Deps, run};
use crate::git_world::{Repo, World, run_handle};
use crate::{Outcome, Output};

/// The stage as CI runs it in this clone.
pub(super) fn config(repo: &Repo) -> Config {
    Config {
        folder: repo.path.clone(),
        functions: "functions".to_owned(),
        nx_graph: None,
        versions: repo.path.join("versions.json"),
        wishes: Wishes {
            remote: "origin".to_owned(),
            branch: Some("main".to_owned()),
            pushes: true,
            whole_history: true,
            written: vec![repo.path.join("versions.json")],
        },
        request: Request::default(),
        committer: Committer {
            name: Some("Release Bot".to_owned()),
            email: Some("bot@example.com".to_owned()),
        },
        changed_only: false,
        explain: None,
        attempts: 3,
    }
}

pub(super) fn deps(repo: &Repo) -> Deps {
    Deps { variables: repo.variables(), user: "oauth2".to_owned(), token: None }
}

pub(super) async fn released(repo: &Repo, change: impl FnOnce(&mut Config)) -> Outcome {
    let mut config = config(repo);
    change(&mut config);
    run(&config, &deps(repo), &Output::Real, &run_handle()).await
}

/// `versions.json` as `name version folder`, separated by commas.
pub(super) fn versions(repo: &Repo) -> String {
    let versions = Versions::parse(repo.read("versions.json").as_bytes(), "versions.json").expect("versions");
    let shown = versions
        .projects
        .iter()
        .map(|(name, project)| format!("{name} {} {}", project.version, project.folder));
    shown.collect::<Vec<_>>().join(", ")
}

/// The codes of a refusal.
pub(super) fn codes(outcome: &Outcome) -> String {
    let problems = match outcome {
        Ok(finished) => finished.all_problems(),
        Err(refusal) => refusal.0.clone(),
    };
    problems.iter().map(|problem: &Problem| problem.code.as_str()).collect::<Vec<_>>().join(" ")
}

/// A world in which both functions were released once.
pub(super) async fn begun() -> World {
    let world = World::new();
    let first = world.clone_as("first");
    released(&first, |_| ()).await.expect("released");
    world
}
