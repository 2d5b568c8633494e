//! The Python client of ORAS as a peer: a third reading of the specification, with tokens of its own way.

use landfall_sandbox::{Entry, Sandbox, Service};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::client::{artifactory_login, start};

const REPOSITORY: &str = "docker-build/shop/artifact";

async fn oras(sandbox: &Sandbox, service: Service) -> Value {
    let folder = TempDir::new().unwrap();
    let mut command =
        Command::new(std::env::var_os("LANDFALL_ORAS_PYTHON").unwrap_or_else(|| "python3".into()));
    command
        .args(["-c", include_str!("oras.py"), &sandbox.host(service), REPOSITORY])
        .current_dir(folder.path())
        // The logins of whoever runs the test stay where they are.
        .env_remove("ORAS_USER")
        .env_remove("ORAS_TOKEN")
        .env("HOME", folder.path())
        .env("DOCKER_CONFIG", folder.path())
        .kill_on_drop(true);
    match service {
        Service::EcrRegistry => {
            command.env("ORAS_USER", "AWS").env("ORAS_PASS", sandbox.ecr_password());
        }
        // By itself it would ask for a token once, to pull, and never for another.
        Service::Artifactory => {
            let login = artifactory_login(sandbox, REPOSITORY, "pull,push").await;
            command.env("ORAS_TOKEN", login.trim_start_matches("Bearer "));
        }
        _ => {}
    }
    let output = command.output().await.expect("Python is installed");
    assert!(output.status.success(), "{output:?} {:#?}", sandbox.journal().entries());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Python package oras; `cargo xtask test` runs it"]
async fn oras_pushes_and_pulls_an_artifact_whole_and_in_chunks_in_every_mood() {
    let sandbox = start().await;
    sandbox.ecr_registry.create_repository(REPOSITORY, false);
    // Its chunks are smaller than ECR takes, so there they may be.
    sandbox.ecr_registry.configure(|quirks| quirks.min_part = None);
    for service in [Service::PlainRegistry, Service::EcrRegistry, Service::Artifactory] {
        let seen = oras(&sandbox, service).await;
        let pushed = json!({"status": 201, "pulled": true, "named": true});
        assert_eq!((&seen["whole"], &seen["chunks"]), (&pushed, &pushed), "{service:?}");
        assert_eq!(seen["tags"], json!(["chunks", "whole"]), "{service:?}");
        // Without a login it asks first, and is sent back with 401.
        let taken = |entry: &Entry| entry.method == "PATCH" && matches!(entry.status, Some(201 | 202));
        let patches = sandbox.journal().of(service).iter().filter(|entry| taken(entry)).count();
        assert_eq!(patches, 3, "{service:?}");
    }
    assert!(sandbox.journal().of(Service::Storage).iter().all(|entry| entry.authorization().is_none()));
}
