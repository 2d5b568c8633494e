//! The distribution specification's checklist (1.1), as a table: what each mood of the sandbox's registry answers to the same requests, and what a
//! registry by others answers, so that the table is not only our reading of the specification.

mod blobs;
mod discovery;
mod manifests;
mod real;
mod step;

use landfall_sandbox::{Sandbox, Service};

use crate::client::{artifactory_login_for, ecr_login, start};
use step::{Case, Mood, Target};

/// All of the checklist.
fn checklist() -> Vec<Case> {
    let mut cases = blobs::cases();
    cases.extend(manifests::cases());
    cases.extend(discovery::cases());
    cases
}

/// Two repositories of a case. The key in front is Artifactory's; to the others it is a part of the name.
fn repositories(number: usize) -> [String; 2] {
    ["app", "other"].map(|name| format!("docker-build/case-{number}/{name}"))
}

/// Runs every case and tells all that went wrong.
async fn check(mood: Mood, target: impl AsyncFn(&[String; 2]) -> Target) {
    let cases = checklist();
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let names = repositories(number);
        let target = target(&names).await;
        wrong.extend(case.run(mood, &target, &names).await);
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn of_sandbox(sandbox: &Sandbox, service: Service, login: Option<String>) -> Target {
    Target { base: sandbox.url(service), login }
}

#[tokio::test]
async fn the_plain_registry_is_as_the_specification_has_it() {
    let sandbox = start().await;
    check(Mood::Plain, async |_| of_sandbox(&sandbox, Service::PlainRegistry, None)).await;
}

#[tokio::test]
async fn ecr_differs_from_the_specification_only_where_it_is_known_to() {
    let sandbox = start().await;
    check(Mood::Ecr, async |names| {
        for name in names {
            sandbox.ecr_registry.create_repository(name, false);
        }
        of_sandbox(&sandbox, Service::EcrRegistry, Some(ecr_login(&sandbox)))
    })
    .await;
}

#[tokio::test]
async fn artifactory_differs_from_the_specification_only_where_it_is_known_to() {
    let sandbox = start().await;
    check(Mood::Artifactory, async |names| {
        let login = artifactory_login_for(&sandbox, names, "pull,push,delete").await;
        of_sandbox(&sandbox, Service::Artifactory, Some(login))
    })
    .await;
}
