//! A job that is looked at, with the settings that it would have.

use std::collections::BTreeMap;

use landfall_artifacts::{Class, EnvironmentName, Problem};
use landfall_cli::{Opt, Parsed, Source};
use landfall_ledger::Ledger;
use landfall_run::Run;
use landfall_stages::Refusal;

use crate::context::Keys;
use crate::prepare::{Prepared, prepare};
use crate::{Context, Shared, StageEntry, aws_keys, every_stage, ledger_store};

/// A job, or a stage for an environment.
#[derive(Clone, Debug)]
pub(super) struct Patient {
    /// The job's name, where it is one of a pipeline.
    pub(super) job: Option<String>,
    /// Its stage.
    pub(super) entry: &'static StageEntry,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// The variables that its pipeline gives it; those of this process come before them.
    pub(super) variables: BTreeMap<String, String>,
    /// Its environment.
    pub(super) environment: Option<EnvironmentName>,
    /// In how many parts its pipeline splits it, where it does.
    pub(super) parts: Option<u32>,
}

impl Patient {
    /// Its name: the job's, or the stage's with the environment.
    pub(super) fn name(&self) -> String {
        match (&self.job, &self.environment) {
            (Some(job), _) => job.clone(),
            (None, Some(environment)) => format!("{} in {environment}", self.entry.name),
            (None, None) => self.entry.name.to_owned(),
        }
    }
}

/// The job's settings as the stage itself would read them, on a dry run; or why they cannot be read.
pub(super) struct Ready {
    pub(super) prepared: Result<Prepared, Refusal>,
    keys: Keys,
}

impl Ready {
    /// Reads them. Their secrets are taught to the doctor's own redactor.
    pub(super) fn new(context: &Context, patient: &Patient) -> Self {
        Self { prepared: prepared(context, patient), keys: Keys::default() }
    }

    /// What the stage works with. One login, where there is one, serves all looks.
    pub(super) fn context(&self, prepared: &Prepared, run: &Run, ledger: Ledger) -> Context {
        Context {
            options: prepared.options.clone(),
            layers: prepared.layers.clone(),
            run: run.clone(),
            output: prepared.output.clone(),
            target: prepared.target.clone(),
            settings: prepared.settings.clone(),
            ledger,
            aws_keys: Keys::clone(&self.keys),
        }
    }

    /// The ledger as the stage would read it. Keys are found as for the stage, which may be a login.
    ///
    /// # Errors
    /// What is wrong with keys or endpoints.
    pub(super) async fn ledger(&self, prepared: &Prepared, run: &Run) -> Result<Ledger, Refusal> {
        let runs = ledger_store::Runs { ledger: run.clone(), keys: run.clone() };
        ledger_store::for_reading(prepared, true, &self.keys, &runs).await
    }
}

/// Whether the job would log in for its AWS keys itself.
///
/// # Errors
/// A place of keys that is none.
pub(super) fn logs_in(context: &Context) -> Result<bool, Refusal> {
    if context.is_declared("credentials") {
        return aws_keys::logs_in(context);
    }
    // A stage that has nothing to do with AWS may read a ledger in a bucket.
    let place = context.environment().get("LANDFALL_CREDENTIALS");
    Ok(matches!(place, Some("vault" | "web-identity")))
}

fn prepared(context: &Context, patient: &Patient) -> Result<Prepared, Refusal> {
    let entry = patient.entry;
    let mut options: Vec<Opt> = (entry.options)();
    options.extend(every_stage::shared(Shared::Stage));
    let command = landfall_cli::command(entry.name, entry.summary, &options);
    let mut flags = match landfall_cli::parse(command, &options, &patient.arguments) {
        Ok(Parsed::Values(flags)) => flags,
        Ok(Parsed::Print(_)) => {
            let what = "the options ask for the help of the stage, and not for its work";
            return Err(Refusal::one(Problem::new("LF-USAGE", Class::Input, what)));
        }
        Err(problem) => return Err(Refusal::one(problem)),
    };
    // What the job would write is written nowhere.
    for name in ["report", "foretell"] {
        flags.remove(name);
    }
    flags.insert("dry-run", "true".to_owned());
    if let Some((path, source)) = context.values().sourced("config")
        && source == Source::Flag
    {
        flags.entry("config").or_insert(path);
    }
    if let Some(environment) = &patient.environment {
        flags.entry("environment").or_insert_with(|| environment.to_string());
    }
    let variables = context.environment().clone().with_defaults(patient.variables.clone());
    prepare(options, flags, variables, context.run().redactor(), entry.effects, Shared::Stage)
}
