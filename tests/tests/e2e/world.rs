//! A sandbox with the sample repo's images and functions, the repo itself, and the variables of a pipeline.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64};

use http::Method;
use landfall_sandbox::{Entry, Sandbox, SandboxOptions, Service, sample};
use serde_json::Value;
use tempfile::TempDir;

/// The projects of a small world: enough for shared and distinct layers.
pub(crate) const SMALL: [&str; 2] = ["orderService", "paymentGateway"];

/// The staging pipeline, stage by stage.
pub(crate) const STAGING: [&[&str]; 12] = [
    &["generate-versions"],
    &["aws-credentials"],
    &["prepare-docker-config"],
    &["retag-push-ecr"],
    &["deploy-lambda"],
    &["update-version-dashboard"],
    &["create-jira-tickets"],
    &["transition-jira-tickets", "deploy-pp"],
    &["update-jira-instructions"],
    &["transition-jira-tickets", "pp-testing"],
    &["comment-jira-tickets", "staging"],
    &["promote-artifacts", "--preset", "to-rc"],
];

/// Everything that a run can see or change. Each test makes its own.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) repo: TempDir,
    pub(crate) home: TempDir,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) further_secrets: Vec<String>,
    pub(crate) runs: AtomicU32,
    /// How many runs have not ended yet.
    pub(crate) under_way: AtomicU32,
    /// Links to the programs that runs start, and notes of how they were called.
    pub(crate) witness: TempDir,
    /// The last request that was looked through for secrets.
    pub(crate) looked_at: AtomicU64,
}

impl World {
    /// All six projects; every image was built.
    pub(crate) async fn new() -> Self {
        Self::missing(&[]).await
    }

    /// All six projects; the images of some were not built.
    pub(crate) async fn missing(images: &[&str]) -> Self {
        Self::made_of(SandboxOptions::default(), images).await
    }

    /// All six projects, on a sandbox of one's own.
    pub(crate) async fn with(options: SandboxOptions) -> Self {
        Self::made_of(options, &[]).await
    }

    async fn made_of(options: SandboxOptions, missing: &[&str]) -> Self {
        // Secrets of one's own in every world: one that is found elsewhere than it belongs cannot be there by chance.
        let options = SandboxOptions { seed: fastrand::u64(..), ..options };
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
        sample::load_except(&sandbox, missing).expect("the sample fits");
        let repo = TempDir::new().expect("a folder for the repo");
        sample::write_repo(repo.path()).expect("the repo is written");
        let home = TempDir::new().expect("a folder for everything else");
        for folder in ["home", "tmp", "reports"] {
            std::fs::create_dir(home.path().join(folder)).expect("a new folder");
        }
        let mut variables = sandbox.env();
        // The double's index is not behind unless a test says so.
        variables.insert("LANDFALL_JIRA_PATIENCE".to_owned(), "1s".to_owned());
        Self {
            sandbox,
            repo,
            home,
            variables,
            further_secrets: Vec::new(),
            runs: AtomicU32::new(0),
            under_way: AtomicU32::new(0),
            witness: TempDir::new().expect("a folder for notes"),
            looked_at: AtomicU64::new(0),
        }
    }

    /// Only the projects of [`SMALL`].
    pub(crate) async fn small() -> Self {
        Self::of(&SMALL).await
    }

    /// Only these projects.
    pub(crate) async fn of(projects: &[&str]) -> Self {
        let world = Self::new().await;
        for project in sample::projects().iter().filter(|project| !projects.contains(&project.project)) {
            std::fs::remove_dir_all(world.path("functions").join(project.folder))
                .expect("the folder is there");
        }
        world
    }

    /// A path in the repo.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.repo.path().join(name)
    }

    /// Writes a file of the repo.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("below the repo")).expect("a folder");
        std::fs::write(path, text).expect("the file is written");
    }

    /// Reads a file of the repo.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Reads a JSON file of the repo.
    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Removes a file of the repo.
    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Sets a variable of the runs to come.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Takes a variable away.
    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// The projects whose folders are in the repo.
    pub(crate) fn projects(&self) -> Vec<&'static sample::SampleProject> {
        let here = |project: &&sample::SampleProject| self.path("functions").join(project.folder).exists();
        sample::projects().iter().filter(here).collect()
    }

    /// Every file of the repo with its bytes, save the note of who held an environment last.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = files_below(self.repo.path());
        files.retain(|name, _| !(name.starts_with(".landfall/ledger/") && name.ends_with(".lock")));
        files
    }

    /// Names of the files of the repo that are not as they were.
    pub(crate) fn changed_since(&self, before: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
        let now = self.files();
        let differs = |name: &&String| now.get(*name) != before.get(*name);
        now.keys().chain(before.keys()).filter(differs).cloned().collect()
    }

    /// Names of the files of the repo that are neither the sample's own nor the ledger's.
    pub(crate) fn made(&self) -> BTreeSet<String> {
        let own = |name: &str| {
            name.starts_with("functions/")
                || name.starts_with(".landfall/ledger/")
                || ["nx.json", "package.json", "landfall.toml"].contains(&name)
        };
        self.files().into_keys().filter(|name| !own(name)).collect()
    }

    /// Requests so far that change something.
    pub(crate) fn writes(&self) -> Vec<Entry> {
        self.sandbox.journal().entries().into_iter().filter(is_write).collect()
    }

    /// Tag to digest at ECR.
    pub(crate) fn ecr_tags(&self) -> BTreeMap<String, String> {
        self.sandbox.ecr_registry.tags(&self.sandbox.options().ecr_repository)
    }

    /// Function to digest that runs.
    pub(crate) fn running(&self) -> BTreeMap<String, String> {
        let digest = |project: &sample::SampleProject| self.sandbox.lambda.running_digest(project.lambda);
        sample::projects()
            .iter()
            .map(|project| (project.lambda.to_owned(), digest(project).unwrap_or_default()))
            .collect()
    }

    /// Project to the digest of its version in a repository of Artifactory.
    pub(crate) fn artifactory(&self, key: &str) -> BTreeMap<String, String> {
        let digest = |project: &sample::SampleProject| {
            let repository = self.sandbox.source_repository(key, project.project);
            Some((
                project.project.to_owned(),
                self.sandbox.artifactory.digest_of(&repository, project.version)?,
            ))
        };
        sample::projects().iter().filter_map(digest).collect()
    }

    /// The text with what differs from run to run replaced: hosts by the names of their services, folders.
    pub(crate) fn tidy(&self, text: &str) -> String {
        let mut tidy = text.to_owned();
        for service in Service::ALL {
            tidy = tidy.replace(&self.sandbox.host(service), &format!("{}.test", service.name()));
        }
        // The shell is called by its path where it is watched, and begins its messages with that.
        tidy = tidy.replace("/usr/bin/sh: ", "sh: ");
        tidy.replace(&self.repo.path().display().to_string(), "[repo]")
            .replace(&self.home.path().display().to_string(), "[home]")
    }
}

/// Whether a request is one that changes something where it succeeds.
pub(crate) fn is_write(entry: &Entry) -> bool {
    let reads = entry.method == Method::GET || entry.method == Method::HEAD;
    match entry.service {
        Service::Sts | Service::Storage | Service::ActionsOidc => false,
        Service::EcrApi => entry.operation.as_deref().is_none_or(|operation| {
            !["Get", "BatchGet", "BatchCheck", "Describe", "List"]
                .iter()
                .any(|read| operation.starts_with(read))
        }),
        Service::Jira => !reads && !entry.path().ends_with("/search/jql"),
        Service::Vault
        | Service::EcrRegistry
        | Service::Artifactory
        | Service::PlainRegistry
        | Service::Lambda
        | Service::S3
        | Service::GitLab
        | Service::Foreign => !reads,
    }
}

/// Every file below a folder, by its path below it.
pub(crate) fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if let (Ok(bytes), Ok(name)) = (std::fs::read(&path), path.strip_prefix(folder)) {
                found.insert(name.to_string_lossy().into_owned(), bytes);
            }
        }
    }
    found
}
