//! What somebody wants of a pipeline: from options and variables to the jobs of the run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use landfall_artifacts::{
    Class, EnvironmentKind, EnvironmentName, JobWhen, Problem, RunJobState, RunReport, Settings,
};
use landfall_pipeline::{Choice, Ended, Pipeline, jobs_to_run};
use landfall_run::Event;
use landfall_runner::{Earlier, Runs};
use landfall_secret::Redactor;
use landfall_stages::Refusal;

use super::super::rollback::ROLLBACK;
use super::inputs::{INPUTS, TARGETS, as_before, words};
use crate::nearest::nearest;
use crate::{Context, passed};

/// The most processes side by side.
const MOST: usize = 256;

/// What the options say.
#[derive(Clone, Debug)]
pub(super) struct Want {
    environments: Vec<String>,
    manual: Vec<String>,
    from: Option<String>,
    only: Vec<String>,
    resume: Option<String>,
    yes: bool,
    inputs: BTreeMap<String, String>,
    redactor: Redactor,
    pub(super) slots: usize,
    pub(super) grace: Duration,
    pub(super) pass: Vec<String>,
    pub(super) keep_workspaces: bool,
}

/// The values of an option, where the command has it.
fn list(context: &Context, name: &str) -> Vec<String> {
    if context.is_declared(name) { context.values().list(name) } else { Vec::new() }
}

/// What that is for one pipeline.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Names of the jobs that are to run.
    names: BTreeSet<String>,
    /// The environments; empty: all.
    pub(super) environments: Vec<EnvironmentName>,
    /// The run whose files of earlier jobs are taken over.
    pub(super) earlier: Option<Earlier>,
    /// Whether that one is gone on with.
    resumes: bool,
    /// What was typed in, as it was typed: among the environments may be some that only a pipeline knows that follows.
    pub(super) inputs: BTreeMap<String, String>,
}

impl Want {
    /// What the command was told, with these inputs besides.
    ///
    /// # Errors
    /// Everything that is odd.
    pub(super) fn of(context: &Context, inputs: Vec<(String, String)>) -> Result<Self, Refusal> {
        let mut values = context.values();
        let cores = std::thread::available_parallelism().map_or(2, usize::from).max(2);
        let slots: usize = values.parsed("jobs").unwrap_or(cores);
        if !(1..=MOST).contains(&slots) {
            values.problem("LF-CONFIG", &format!("--jobs is a number from 1 to {MOST}"), None);
        }
        let resume = context.is_declared("resume").then(|| values.text("resume")).flatten();
        if resume.is_some() && (values.text("from").is_some() || !values.list("only").is_empty()) {
            let remedy = "give one of --resume, --from and --only".to_owned();
            values.problem("LF-CONFIG", "--resume says by itself which jobs are left", Some(remedy));
        }
        // An input with a secret in it is told from another one by what is left of it.
        passed::variables(context, &["*"], &[]);
        let of_environment = INPUTS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), context.environment().get(name)?.to_owned())));
        let want = Self {
            environments: list(context, "env"),
            manual: list(context, "manual"),
            from: values.text("from"),
            only: values.list("only"),
            resume,
            // A command that has no such option is itself what is asked for.
            yes: !context.is_declared("yes") || values.is_on("yes"),
            inputs: of_environment.chain(inputs).collect(),
            redactor: context.run().redactor().clone(),
            slots: slots.max(1),
            grace: values.duration("grace").unwrap_or_default(),
            pass: values.list("pass"),
            keep_workspaces: values.is_on("keep-workspaces"),
        };
        values.finish().map_err(Refusal)?;
        want.warn_of_nothing(context);
        Ok(want)
    }

    fn warn_of_nothing(&self, context: &Context) {
        if self.yes && !self.manual.is_empty() {
            let what = "--yes starts all manual jobs, so that --manual says nothing more".to_owned();
            context.run().progress().event(Event::Warning(what));
        }
    }

    /// The same for a pipeline that follows: the inputs of the first, and nothing that names jobs, runs or environments of it.
    pub(super) fn following(&self, first: &Wanted) -> Self {
        Self {
            environments: Vec::new(),
            manual: Vec::new(),
            from: None,
            only: Vec::new(),
            resume: None,
            // The environments among them are those that were typed for both, and not those that the first was for.
            inputs: first.inputs.clone(),
            ..self.clone()
        }
    }

    /// The jobs, environments and earlier files of a run.
    ///
    /// # Errors
    /// Names that are none, each with what was probably meant; a run that cannot be gone on with.
    pub(super) fn choose(
        &self,
        pipeline: &Pipeline,
        settings: &Settings,
        runs: &Runs,
    ) -> Result<Wanted, Refusal> {
        let resumed = match &self.resume {
            Some(_) if pipeline.name.as_str() == ROLLBACK => return Err(not_carried_on()),
            Some(name) => Some(runs.go_on_with(name, &pipeline.name)?),
            None => None,
        };
        let mut problems = self.odd_names(pipeline);
        let (environments, inputs) = if let Some(Earlier { report, .. }) = &resumed {
            let mut given = self.inputs.clone();
            if !self.environments.is_empty() {
                given.insert(TARGETS.to_owned(), self.environments.join(","));
            }
            let inputs = as_before(report, &given, &self.redactor).map_err(|more| problems.extend(more));
            let mut inputs = inputs.unwrap_or_default();
            if !self.inputs.contains_key(TARGETS) && !report.inputs.contains_key(TARGETS) {
                // By --env, which is for this pipeline alone.
                inputs.remove(TARGETS);
            }
            (report.environments.clone(), inputs)
        } else {
            let environments = self.environments_of(pipeline, settings, &self.inputs, &mut problems);
            (environments, self.inputs.clone())
        };
        let is_partly = self.from.is_some() || !self.only.is_empty();
        let choice = Choice {
            from: self.from.clone(),
            only: self.only.clone(),
            earlier: resumed.as_ref().map(|earlier| ended(&earlier.report)).unwrap_or_default(),
        };
        let names = jobs_to_run(pipeline, &choice);
        match names {
            Ok(names) if problems.is_empty() => Ok(Wanted {
                names: names.into_iter().map(str::to_owned).collect(),
                environments,
                resumes: resumed.is_some(),
                earlier: if is_partly { runs.files_of(&pipeline.name)? } else { resumed },
                inputs,
            }),
            Ok(_) => Err(Refusal(problems)),
            Err(more) => {
                problems.extend(more);
                Err(Refusal(problems))
            }
        }
    }

    /// The manual jobs that are asked for: those that are named; those that an earlier run began, whatever became of them.
    pub(super) fn manual_of(&self, pipeline: &Pipeline, wanted: &Wanted) -> Vec<String> {
        let was_asked = |name: &str| {
            let job = wanted.resumed().and_then(|run| run.job(name));
            let waits = [RunJobState::Open, RunJobState::Waiting, RunJobState::Skipped];
            job.is_some_and(|job| !waits.contains(&job.state))
        };
        let manual = pipeline.jobs.iter().filter(|job| job.when == JobWhen::Manual).map(|job| &job.name);
        manual.filter(|name| self.yes || self.manual.contains(name) || was_asked(name)).cloned().collect()
    }

    fn odd_names(&self, pipeline: &Pipeline) -> Vec<Problem> {
        let manual = || pipeline.jobs.iter().filter(|job| job.when == JobWhen::Manual);
        let odd = self.manual.iter().filter(|name| !manual().any(|job| job.name == **name));
        odd.map(|name| {
            let shown = landfall_secret::escape(name, 100);
            let what = format!("{} has no manual job `{shown}`", pipeline.name);
            let known: Vec<&str> = manual().map(|job| job.name.as_str()).collect();
            let remedy = match (nearest(name, known.iter().copied()), known.is_empty()) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, true) => "leave --manual out: every job starts by itself".to_owned(),
                (None, false) => format!("name one of {}", known.join(", ")),
            };
            Problem::new("LF-RUN-JOB", Class::Input, what).with_remedy(remedy)
        })
        .collect()
    }

    /// Those that are named; what is named and none of the pipeline's is noted, and where somebody has to name some, that nobody did.
    fn environments_of(
        &self,
        pipeline: &Pipeline,
        settings: &Settings,
        inputs: &BTreeMap<String, String>,
        problems: &mut Vec<Problem>,
    ) -> Vec<EnvironmentName> {
        let typed = inputs.get(TARGETS).filter(|_| self.environments.is_empty());
        let given = self.environments.iter().chain(typed);
        let words = given.flat_map(|text| words(text));
        let known: Vec<&str> = pipeline.rows.iter().map(|row| row.name.as_str()).collect();
        let mut named = Vec::new();
        for word in words {
            match pipeline.rows.iter().find(|row| row.name.as_str() == word) {
                Some(row) if named.contains(&row.name) => {}
                Some(row) => named.push(row.name.clone()),
                // What was typed for another pipeline is none of this one's.
                None if typed.is_some() && !pipeline.chosen && is_known(word, settings) => {}
                None => {
                    let shown = landfall_secret::escape(word, 80);
                    let what = format!("{} is not for an environment `{shown}`", pipeline.name);
                    let remedy = match nearest(word, known.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None if known.is_empty() => "leave --env out: it is for no environment".to_owned(),
                        None => format!("name some of {}", known.join(", ")),
                    };
                    problems.push(Problem::new("LF-TARGET-UNKNOWN", Class::Input, what).with_remedy(remedy));
                }
            }
        }
        if pipeline.chosen && named.is_empty() && problems.is_empty() {
            let what =
                format!("{} is for the environments that somebody names, and none is named", pipeline.name);
            let remedy = format!("name some of {} by --env, or TARGET_DEPLOY_ENVIRONMENTS", known.join(", "));
            problems.push(Problem::new("LF-TARGET-NONE", Class::Input, what).with_remedy(remedy));
        }
        named
    }
}

impl Wanted {
    /// The inputs as jobs see them: the environments are those of the run.
    pub(super) fn seen(&self) -> BTreeMap<String, String> {
        let mut inputs = self.inputs.clone();
        if !self.environments.is_empty() {
            let names: Vec<&str> = self.environments.iter().map(EnvironmentName::as_str).collect();
            inputs.insert(TARGETS.to_owned(), names.join(","));
        }
        inputs
    }

    /// The jobs that are to run, as the pipeline names them.
    pub(super) fn jobs<'p>(&self, pipeline: &'p Pipeline) -> BTreeSet<&'p str> {
        let names = pipeline.jobs.iter().map(|job| job.name.as_str());
        names.filter(|name| self.names.contains(*name)).collect()
    }

    /// The run that is gone on with.
    pub(super) fn resumed(&self) -> Option<&RunReport> {
        self.earlier.as_ref().filter(|_| self.resumes).map(|earlier| &earlier.report)
    }
}

fn is_known(word: &str, settings: &Settings) -> bool {
    let mut rows = settings.environments.iter();
    rows.any(|(name, row)| name.as_str() == word && row.kind != EnvironmentKind::Other)
}

fn not_carried_on() -> Refusal {
    let what = "a rollback is not carried on: what ran before is looked up at its start";
    let remedy = "call `landfall rollback ENVIRONMENT` again, with the same --to: what is back already stays";
    Refusal::one(Problem::new("LF-CONFIG", Class::Input, what).with_remedy(remedy))
}

/// How its jobs ended.
fn ended(report: &RunReport) -> BTreeMap<String, Ended> {
    let how = |state: RunJobState, code: Option<u8>| match state {
        RunJobState::Passed => Some(Ended::Passed),
        RunJobState::Presumed => Some(Ended::Presumed),
        RunJobState::Failed => Some(Ended::Failed(code)),
        RunJobState::Stopped => Some(Ended::Stopped),
        RunJobState::Open | RunJobState::Waiting | RunJobState::Running | RunJobState::Skipped => None,
    };
    report.jobs.iter().filter_map(|job| Some((job.name.clone(), how(job.state, job.exit_code)?))).collect()
}
