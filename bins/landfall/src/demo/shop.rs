//! The shop that the demo delivers: its environments, each an account of its own, and what its jobs are told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use landfall_sandbox::{RC_KEY, Sandbox, SandboxOptions, Service, sample};

/// The project whose image the story forgets to build.
pub(crate) const FORGOTTEN: &str = "shippingLabels";

const SETTINGS: &str = r#"# One row for each environment. All jobs of all environments read this file.
functions = "functions"

[approvers]
qa-lead = ["ada"]

[environment.stg_eu00]
kind = "staging"
region_key = "eu"

[environment.prod_eu00]
kind = "production"
region_key = "eu"
after = ["stg_eu00"]

[environment.prod_na03]
kind = "production"
region_key = "na"
after = ["stg_eu00"]

[environment.dr_eu01]
region_key = "eu"
after = ["prod_eu00"]
"#;

/// What all environments have in common; of the sandboxes that of staging has it.
const COMMON: [&str; 12] = [
    "IMAGE_NAMESPACE",
    "DOCKER_AUTH_CONFIG",
    "ARTIFACTORY_URL",
    "ARTIFACTORY_USER",
    "ARTIFACTORY_PASS",
    "ARTIFACTORY_BUILD_BUCKET",
    "ARTIFACTORY_RC_BUCKET",
    "ARTIFACTORY_RELEASE_BUCKET",
    "JIRA_URL",
    "JIRA_USER",
    "JIRA_TOKEN",
    "JIRA_PROJECT",
];

/// The environments.
pub(crate) struct Shop {
    pub(crate) staging: Site,
    pub(crate) europe: Site,
    pub(crate) america: Site,
    pub(crate) recovery: Site,
}

/// One environment: an account with its own Vault, ECR and functions, the folder in which its jobs run, and their variables.
pub(crate) struct Site {
    pub(crate) name: &'static str,
    pub(crate) sandbox: Sandbox,
    pub(crate) folder: PathBuf,
    pub(crate) variables: BTreeMap<String, String>,
}

impl Shop {
    /// Starts everything; all functions run older images, and one image was not built.
    pub(crate) async fn open(repo: &Path) -> anyhow::Result<Self> {
        let staging = Site::open(SandboxOptions::default(), "stg_eu00", repo.to_owned(), None).await?;
        sample::load_except(&staging.sandbox, &[FORGOTTEN])?;
        let of = |environment: &'static str, region: &str, seed: u64| {
            let options = SandboxOptions {
                environment: environment.to_owned(),
                region: region.to_owned(),
                account: "222233334444".to_owned(),
                seed,
                ..SandboxOptions::default()
            };
            Site::open(options, environment, repo.join(environment), Some(&staging))
        };
        let (europe, america, recovery) = tokio::try_join!(
            of("prod_eu00", "eu-west-1", 2),
            of("prod_na03", "us-east-1", 3),
            of("dr_eu01", "eu-central-1", 4)
        )?;
        // What is built is in Artifactory, which they share with staging.
        let built: Vec<&str> = sample::projects().iter().map(|project| project.project).collect();
        for site in [&europe, &america, &recovery] {
            sample::load_except(&site.sandbox, &built)?;
        }
        Ok(Self { staging, europe, america, recovery })
    }

    pub(crate) fn sites(&self) -> [&Site; 4] {
        [&self.staging, &self.europe, &self.america, &self.recovery]
    }

    pub(crate) async fn close(self) {
        for site in [self.staging, self.europe, self.america, self.recovery] {
            site.sandbox.stop().await;
        }
    }
}

impl Site {
    async fn open(
        options: SandboxOptions,
        name: &'static str,
        folder: PathBuf,
        shared: Option<&Site>,
    ) -> anyhow::Result<Self> {
        let sandbox = Sandbox::start(options).await.context("the sandbox does not start")?;
        std::fs::create_dir_all(&folder).context("a folder cannot be made")?;
        sample::write_repo(&folder).context("the sample repo cannot be written")?;
        std::fs::write(folder.join("landfall.toml"), SETTINGS).context("the settings cannot be written")?;
        let mut variables = sandbox.env();
        let repo = shared.map_or(&folder, |shared| &shared.folder);
        let of_all = [
            ("GITLAB_USER_LOGIN", "demo".to_owned()),
            ("CI_PROJECT_TITLE", "Shop services".to_owned()),
            ("LANDFALL_LEDGER", repo.join(".landfall/ledger").display().to_string()),
        ];
        variables.extend(of_all.map(|(name, value)| (name.to_owned(), value)));
        if let Some(shared) = shared {
            let common = COMMON.iter().filter_map(|name| shared.variables.get_key_value(*name));
            variables.extend(common.map(|(name, value)| (name.clone(), value.clone())));
            // Production takes what was promoted, not what was built.
            let candidates = format!("{}/{RC_KEY}", shared.sandbox.host(Service::Artifactory));
            variables.insert("BUILD_ARTIFACTORY_URL".to_owned(), candidates);
        }
        Ok(Self { name, sandbox, folder, variables })
    }

    /// Hands files of another environment's jobs on, as a CI system does with artifacts.
    pub(crate) fn take(&self, from: &Site, files: &[&str]) -> anyhow::Result<()> {
        for file in files {
            std::fs::copy(from.folder.join(file), self.folder.join(file))
                .with_context(|| format!("{file} cannot be handed on from {} to {}", from.name, self.name))?;
        }
        Ok(())
    }
}
