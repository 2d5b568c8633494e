//! The secrets that a job is given, by the names that the repo has them under.

use crate::model::{Job, Login, Pipeline};

/// Stage to the secrets that it reads.
const OF_STAGES: [(&str, &[&str]); 7] = [
    ("prepare-docker-config", &["DOCKER_AUTH_CONFIG"]),
    ("build-docker-images", &["DOCKER_AUTH_CONFIG"]),
    ("promote-artifacts", &["ARTIFACTORY_USER", "ARTIFACTORY_PASS"]),
    ("create-jira-tickets", JIRA),
    ("transition-jira-tickets", JIRA),
    ("comment-jira-tickets", JIRA),
    ("update-jira-instructions", JIRA),
];

const JIRA: &[&str] = &["JIRA_USER", "JIRA_TOKEN"];

/// Name to expression. A stage sees the secrets of its own service and no others.
pub(super) fn of(pipeline: &Pipeline, job: &Job, before: &[Job]) -> Vec<(String, String)> {
    let mut secrets: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| {
        if !secrets.iter().any(|(other, _)| other == name) {
            secrets.push((name.to_owned(), value));
        }
    };
    let stages = || before.iter().chain([job]).flat_map(Job::stages);
    for stage in stages() {
        for (_, names) in OF_STAGES.iter().filter(|(name, _)| *name == stage.name) {
            for name in *names {
                add(name, format!("${{{{ secrets.{name} }}}}"));
            }
        }
    }
    if let Login::Own(name) = &job.login
        && let Some(row) = pipeline.row(name)
    {
        let names: &[&str] = match row.settings.vault.login.as_deref() {
            Some("jwt" | "web-identity") => &[],
            Some("token") => &["VAULT_TOKEN"],
            Some(_) | None => &["VAULT_ROLE_ID", "VAULT_SECRET_ID"],
        };
        for name in names {
            add(name, format!("${{{{ secrets.{name} }}}}"));
        }
    }
    if job.runs("semantic-versioning") || job.runs("sync-project-versions") {
        add("GIT_PUSH_TOKEN", "${{ github.token }}".to_owned());
    }
    if job.runs("gate") {
        add("GITHUB_TOKEN", "${{ github.token }}".to_owned());
    }
    secrets
}
