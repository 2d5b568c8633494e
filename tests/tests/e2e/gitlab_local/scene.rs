//! A repo with rendered CI files, and a sandbox for each of its environments: AWS accounts and regions of their own, with one Artifactory, one
//! Jira and one ledger.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use landfall_sandbox::{BUILD_KEY, RC_KEY, RELEASE_KEY, Sandbox, SandboxOptions, Service, sample};

use super::runner::{Played, Start, play};
use crate::git_repo::executable;
use crate::world::World;

/// Name, kind, suffix, region key, AWS region, account.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

/// Staging and production, each in two regions.
const ROWS: [Row; 4] = [
    ("stg_eu00", "staging", "staging-eu", "eu", "eu-west-1", "111122223333"),
    ("stg_na03", "staging", "staging-na", "na", "us-east-1", "111122223333"),
    ("prod_eu00", "production", "prod-eu", "eu", "eu-west-1", "444455556666"),
    ("prod_na03", "production", "prod-na", "na", "us-east-1", "444455556666"),
];

/// The jobs that speak to AWS, by pipeline: each is told where the stand-in of its environment is.
const AT_AWS: [(&str, &[&str]); 3] = [
    ("staging", &["aws-credentials", "prepare-docker-config", "retag-push-ecr", "deploy-lambda"]),
    ("production", &["aws-credentials", "copy-images", "deploy-lambda"]),
    ("s3-config", &["aws-hcv-auth", "aws-s3-ls", "sync-with-s3"]),
];

/// The stand-ins of AWS.
const ENDPOINTS: [(&str, Service); 4] =
    [("STS", Service::Sts), ("ECR", Service::EcrApi), ("LAMBDA", Service::Lambda), ("S3", Service::S3)];

/// The world of `stg_eu00` with the sandboxes of the other environments.
pub(crate) struct Scene {
    pub(crate) world: World,
    /// Those of the other rows.
    others: BTreeMap<&'static str, Sandbox>,
}

impl Scene {
    /// A repo of two functions with these environments, `stg_eu00` among them, committed, pushed, and with one function changed since.
    pub(crate) async fn of(environments: &[&str]) -> Self {
        let world = World::in_git().await;
        let mut others = BTreeMap::new();
        for row in ROWS.into_iter().filter(|row| row.0 != "stg_eu00" && environments.contains(&row.0)) {
            let options = SandboxOptions {
                // The secrets that are the project's are the same for all of its environments.
                seed: world.sandbox.options().seed,
                region: row.4.to_owned(),
                account: row.5.to_owned(),
                environment: row.0.to_owned(),
                ..SandboxOptions::default()
            };
            let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
            sample::load(&sandbox).expect("the sample fits");
            others.insert(row.0, sandbox);
        }
        let scene = Self { world, others };
        scene.world.write("landfall.toml", &scene.settings());
        scene.world.write(".gitignore", "/.gitlab-ci-local/\n");
        let landfall = scene.programs().join("landfall");
        executable(&landfall, &format!("exec {} \"$@\"", env!("CARGO_BIN_EXE_under-test")));
        scene.write_variables(&[]);
        scene
    }

    /// Has the jobs of each environment find its stand-ins of AWS by variables of the project, as a repo needs that says nothing of them.
    pub(crate) fn point_everywhere(&self) {
        self.write_variables(&ENDPOINTS);
    }

    /// Renders what the settings say, as a person does, and pushes it.
    pub(crate) fn render(&self) {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_under-test"))
            .args(["render", "gitlab"])
            .current_dir(self.world.repo.path())
            .output()
            .expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.commit("chore: pipelines");
        self.world.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    }

    /// Commits everything, and pushes nothing: what differs from the remote is what a pipeline takes for the change.
    pub(crate) fn commit(&self, message: &str) {
        self.world.git(&["add", "--all"]);
        self.world.git(&["commit", "--quiet", "--message", message]);
    }

    /// The sandbox of an environment.
    pub(crate) fn sandbox(&self, environment: &str) -> &Sandbox {
        self.others.get(environment).unwrap_or(&self.world.sandbox)
    }

    /// Function to digest that runs in an environment, of the functions that the repo has.
    pub(crate) fn running(&self, environment: &str) -> BTreeMap<String, String> {
        let lambda = &self.sandbox(environment).lambda;
        let one = |project: &sample::SampleProject| {
            (project.lambda.to_owned(), lambda.running_digest(project.lambda).unwrap_or_default())
        };
        self.world.projects().into_iter().map(one).collect()
    }

    /// What runs once the release is deployed.
    pub(crate) fn released(&self) -> BTreeMap<String, String> {
        let one = |project: &sample::SampleProject| (project.lambda.to_owned(), project.image().digest());
        self.world.projects().into_iter().map(one).collect()
    }

    /// What ran before.
    pub(crate) fn before(&self) -> BTreeMap<String, String> {
        let one =
            |project: &sample::SampleProject| (project.lambda.to_owned(), project.running_image().digest());
        self.world.projects().into_iter().map(one).collect()
    }

    /// The projects that are promoted to a repository of Artifactory.
    pub(crate) fn promoted(&self, key: &str) -> Vec<String> {
        self.world.artifactory(key).into_keys().collect()
    }

    /// The status of each ticket, in the order of their summaries: those of a region stand together, whichever region was the faster.
    pub(crate) fn tickets(&self) -> Vec<String> {
        let mut issues = self.world.sandbox.jira.issues();
        issues.sort_by_key(|issue| issue.fields["summary"].to_string());
        issues.into_iter().map(|issue| issue.status).collect()
    }

    /// Runs the pipeline.
    pub(crate) async fn play(&self, start: &Start<'_>) -> Played {
        play(self.world.repo.path(), &self.programs(), &self.world.home.path().join("home"), start).await
    }

    /// The folder of what jobs find by its name.
    pub(crate) fn programs(&self) -> std::path::PathBuf {
        self.world.home.path().join("programs")
    }

    fn settings(&self) -> String {
        let sandbox = &self.world.sandbox;
        let jira = self.world.variables.get("JIRA_PROJECT").cloned().unwrap_or_default();
        let mut text = format!(
            "image_namespace = \"{}\"\n\n[ci]\nimage = \"landfall\"\n\n[registries]\nurl = \"{}\"\nbuild = \"{BUILD_KEY}\"\nrc = \"{RC_KEY}\"\nrelease = \"{RELEASE_KEY}\"\ndocker_host = \"{}\"\n\n[jira]\nurl = \"{}\"\nproject = \"{jira}\"\n\n[ledger]\nstore = \"{}\"\n\n",
            sandbox.options().image_namespace,
            sandbox.url(Service::Artifactory),
            sandbox.host(Service::Artifactory),
            sandbox.url(Service::Jira),
            self.world.home.path().join("ledger").display(),
        );
        let rows: Vec<Row> = ROWS.into_iter().filter(|row| self.has(row.0)).collect();
        for (name, kind, suffix, key, region, account) in &rows {
            let sandbox = self.sandbox(name);
            write!(
                text,
                "[environment.{name}]\nkind = \"{kind}\"\nsuffix = \"{suffix}\"\nregion_key = \"{key}\"\naws_region = \"{region}\"\naccount = \"{account}\"\necr = \"{}/{}\"\nvault = {{ address = \"{}\", aws_path = \"aws/sts/deployer\", role_arn = \"{}\" }}\n\n",
                sandbox.host(Service::EcrRegistry),
                sandbox.options().ecr_repository,
                sandbox.url(Service::Vault),
                sandbox.role_arn(),
            )
            .expect("a text takes it");
        }
        for name in ["build", "test"] {
            writeln!(text, "[pipelines.staging.jobs.{name}]\ncommands = [[\"git\", \"log\", \"-1\"]]\n")
                .expect("a text takes it");
        }
        for (pipeline, jobs) in AT_AWS {
            // A pipeline without an environment is not there, and nothing may be said of it.
            let is_there = rows.iter().any(|row| pipeline == "s3-config" || row.1 == pipeline);
            for job in jobs.iter().filter(|_| is_there) {
                writeln!(text, "[pipelines.{pipeline}.jobs.{job}]").expect("a text takes it");
                for row in rows.iter().filter(|row| pipeline == "s3-config" || row.1 == pipeline) {
                    writeln!(text, "at.{}.variables = {{ {} }}", row.0, self.endpoints(row.0))
                        .expect("a text takes it");
                }
            }
        }
        text
    }

    fn has(&self, environment: &str) -> bool {
        environment == "stg_eu00" || self.others.contains_key(environment)
    }

    fn endpoints(&self, environment: &str) -> String {
        let sandbox = self.sandbox(environment);
        let one = |(name, service)| format!("AWS_ENDPOINT_URL_{name} = \"{}\"", sandbox.url(service));
        ENDPOINTS.map(one).join(", ")
    }

    /// The variables of the project: the secrets, who commits, and where these services are in each environment.
    fn write_variables(&self, endpoints: &[(&str, Service)]) {
        let names = [
            "VAULT_ROLE_ID",
            "VAULT_SECRET_ID",
            "DOCKER_AUTH_CONFIG",
            "ARTIFACTORY_USER",
            "ARTIFACTORY_PASS",
            "JIRA_USER",
            "JIRA_TOKEN",
            "LANDFALL_JIRA_PATIENCE",
            "GIT_COMMITTER_NAME",
            "GIT_COMMITTER_EMAIL",
        ];
        let mut text = "---\nglobal:\n".to_owned();
        for name in names {
            let value = self.world.variables.get(name).unwrap_or_else(|| panic!("no {name}"));
            writeln!(text, "  {name}: '{}'", value.replace('\'', "''")).expect("a text takes it");
        }
        for (name, service) in endpoints {
            writeln!(text, "  AWS_ENDPOINT_URL_{name}:\n    type: variable\n    values:")
                .expect("a text takes it");
            for row in ROWS.iter().filter(|row| self.has(row.0)) {
                writeln!(text, "      {}: '{}'", row.0, self.sandbox(row.0).url(*service))
                    .expect("a text takes it");
            }
        }
        let folder = self.world.home.path().join("home/.gitlab-ci-local");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("variables.yml"), text).expect("the variables are written");
    }
}
