//! What the dry runs of all jobs share: the program, the place of foretold files, and the variables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use landfall_artifacts::{Class, EnvironmentName, LedgerEvent, Problem};
use landfall_cli::Source;
use landfall_pipeline::{Job, Pipeline, common_variables};
use landfall_stages::Refusal;
use tempfile::TempDir;

use crate::Context;

/// What all dry runs share.
pub(super) struct Desk<'c> {
    pub(super) context: &'c Context,
    pub(super) pipeline: &'c Pipeline,
    /// This program, of which every stage is run.
    pub(super) program: PathBuf,
    /// The foretold files, a folder a job. It is this user's alone, and ends with the plan.
    pub(super) scratch: TempDir,
    /// The file of credentials of an environment, where one was named.
    pub(super) keys: BTreeMap<EnvironmentName, PathBuf>,
    /// What the ledger has; nothing where it cannot be read.
    pub(super) events: Vec<LedgerEvent>,
    /// Variables that all jobs have, from the process, `landfall.toml` and the flags.
    usual: BTreeMap<String, String>,
}

/// Flags that stand for a variable of the stages.
const FLAGS: [(&str, &str); 6] = [
    ("config", "LANDFALL_CONFIG"),
    ("ledger", "LANDFALL_LEDGER"),
    ("ledger-region", "LANDFALL_LEDGER_REGION"),
    ("ledger-account", "LANDFALL_LEDGER_ACCOUNT"),
    ("ca-file", "SSL_CERT_FILE"),
    ("plain-http", "LANDFALL_PLAIN_HTTP"),
];

/// The variable that has a stage log in itself, which a plan does for nobody who does not ask for it: a secret id may be good for one
/// login.
const LOGS_IN: &str = "LANDFALL_CREDENTIALS";

impl<'c> Desk<'c> {
    /// # Errors
    /// No place for files, and a program that cannot be found.
    pub(super) fn new(
        context: &'c Context,
        pipeline: &'c Pipeline,
        environments: &[EnvironmentName],
        keys: BTreeMap<EnvironmentName, PathBuf>,
        events: Vec<LedgerEvent>,
    ) -> Result<Self, Refusal> {
        let defect = |what: &str, cause: std::io::Error| {
            Refusal::one(Problem::new("LF-PLAN-PLACE", Class::Input, format!("{what}: {cause}")))
        };
        let program =
            std::env::current_exe().map_err(|cause| defect("this program cannot be found", cause))?;
        let scratch = tempfile::Builder::new()
            .prefix("landfall-plan-")
            .tempdir()
            .map_err(|cause| defect("there is no place for foretold files", cause))?;
        let environment = context.environment();
        let of_process = environment
            .names_with_prefix("")
            .filter_map(|name| Some((name.to_owned(), environment.get(name)?.to_owned())));
        let mut usual = common_variables(&context.settings);
        usual.extend(of_process);
        // A job that is for no environment has none, whatever this process was started with.
        usual.remove("CI_ENVIRONMENT_NAME");
        let values = context.values();
        for (flag, variable) in FLAGS {
            if let Some((value, Source::Flag)) = values.sourced(flag) {
                usual.insert(variable.to_owned(), value);
            }
        }
        if let Some(text) = values.text("versions-json") {
            usual.insert("TARGET_VERSIONS_JSON".to_owned(), text);
        }
        if pipeline.chosen {
            let names: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
            usual.insert("TARGET_DEPLOY_ENVIRONMENTS".to_owned(), names.join(","));
        }
        Ok(Self { context, pipeline, program, scratch, keys, events, usual })
    }

    /// Everything that a job sees: what its row says stands above what this process was started with, as in CI.
    pub(super) fn variables(
        &self,
        job: &Job,
        handed_over: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let mut variables = self.usual.clone();
        let own = self.pipeline.variables_of(job);
        variables
            .extend(own.into_iter().filter(|(name, _)| name != LOGS_IN || self.usual.contains_key(LOGS_IN)));
        if let Some(environment) = &job.environment {
            variables.insert("CI_ENVIRONMENT_NAME".to_owned(), environment.to_string());
        }
        variables.extend(handed_over.clone());
        variables
    }
}
