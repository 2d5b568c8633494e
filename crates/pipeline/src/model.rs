//! A pipeline as it runs: its jobs, each for one environment or for none, with everything that was left open decided.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_artifacts::{
    DeployReport, EnvironmentName, JobWhen, KeepWhen, MayFail, OnBranches, PartName, PipelineStart, Stage,
    stage,
};

use crate::row::Row;
use crate::{files, variables};

/// A pipeline for the environments of one repo.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// Its name.
    pub name: PartName,
    /// One line for people; empty where none was given.
    pub summary: String,
    /// What starts it.
    pub start: PipelineStart,
    /// Patterns of paths of which one must have changed, for a push; none: any.
    pub changes: Vec<String>,
    /// Whether it is for those of its environments that a person names at the start.
    pub chosen: bool,
    /// The pipeline whose success starts it, where one does.
    pub after: Option<PartName>,
    /// Its environments, those first that come before others.
    pub rows: Vec<Row>,
    /// The stages of GitLab, in order.
    pub ci_stages: Vec<String>,
    /// Its jobs by stage of GitLab, then by row, then by what they need. Every name stands once.
    pub jobs: Vec<Job>,
}

impl Pipeline {
    /// The variables of a job: what its row gives, then what it says itself. No value is a secret.
    pub fn variables_of(&self, job: &Job) -> BTreeMap<String, String> {
        variables::of(self, job)
    }

    /// The job of a name.
    pub fn job(&self, name: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.name == name)
    }

    /// The row of an environment.
    pub fn row(&self, environment: &EnvironmentName) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == *environment)
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name, the one of its kind in the pipeline: 1 to 200 of A-Z a-z 0-9 _ . -, beginning with a letter.
    pub name: String,
    /// What its definition is called.
    pub part: PartName,
    /// The environment that it is for.
    pub environment: Option<EnvironmentName>,
    /// Its stage of GitLab.
    pub ci_stage: String,
    /// The template of GitLab that it extends.
    pub template: Option<String>,
    /// What it does.
    pub work: Work,
    /// Jobs that end before it begins, and whose files it gets.
    pub needs: Vec<Need>,
    /// Whether it waits for all of the stages of GitLab before its own.
    pub after_stages: bool,
    /// When it begins.
    pub when: JobWhen,
    /// Whether the pipeline goes on where it fails.
    pub may_fail: MayFail,
    /// What it does on other branches.
    pub branches: OnBranches,
    /// Patterns of paths of which one must have changed; empty: those of the pipeline.
    pub changes: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// Files that it cannot do without, of jobs that it needs.
    pub takes: Vec<String>,
    /// Files and folders (with a slash at the end) that are kept of it.
    pub keeps: Vec<String>,
    /// How long.
    pub keep_for: Duration,
    /// When.
    pub keep_when: KeepWhen,
    /// The file whose variables those get that need it.
    pub hands_over: Option<String>,
    /// Variables, besides those of the CI system.
    pub variables: BTreeMap<String, String>,
    /// Tags of GitLab's runner; empty: those of `[ci]`.
    pub tags: Vec<String>,
    /// The image that it runs in; `None`: that of `[ci]`.
    pub image: Option<String>,
    /// Paths that are kept from run to run.
    pub cache: Vec<String>,
    /// Whether a newer pipeline may cut it off.
    pub interruptible: bool,
    /// In how many parts it is split, 2 to 50.
    pub parallel: Option<u32>,
    /// Where it has AWS credentials from.
    pub login: Login,
}

/// What a job does.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// A stage with its arguments.
    Stage {
        /// The stage.
        stage: &'static Stage,
        /// Its arguments.
        arguments: Vec<String>,
    },
    /// Programs one after the other, each with its arguments; the first that fails ends the job.
    Commands(Vec<Vec<String>>),
    /// It starts another pipeline and does not wait for it.
    Call(PartName),
}

/// Where a job has AWS credentials from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// From wherever it runs, if it needs any.
    Ambient,
    /// From `aws_auth.env` of a job that it needs.
    Shared,
    /// It logs in itself, as the row of this environment says.
    Own(EnvironmentName),
}

/// A job that another one needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Its name.
    pub job: String,
    /// Whether it may be that there is no such job in a run.
    pub optional: bool,
}

impl Job {
    /// The programs that it runs, each with its arguments; none of them has been through a shell.
    pub fn commands(&self) -> Vec<Vec<String>> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match &self.work {
            Work::Stage { stage, arguments } => {
                vec![[words(&["landfall", "stage", stage.name]), arguments.clone()].concat()]
            }
            Work::Commands(commands) => commands.clone(),
            Work::Call(pipeline) => vec![words(&["landfall", "run", pipeline.as_str()])],
        }
    }

    /// The same for one part, from one, of a job that is split: the part's share of the work and of the limits, and its own report.
    pub fn commands_of_part(&self, part: u32) -> Vec<Vec<String>> {
        let mut commands = self.commands();
        if let (Some(parts), Some(words)) = (self.parallel, commands.last_mut()) {
            let flags = [("--shard", format!("{part}/{parts}")), ("--rate-share", format!("1/{parts}"))];
            words.extend(flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]));
            if self.runs("deploy-lambda") {
                words.extend(["--deploy-report".to_owned(), DeployReport::part_name(part)]);
            }
        }
        commands
    }

    /// Whether it leaves keys or passwords, which nobody keeps beyond the run.
    pub fn keeps_secrets(&self) -> bool {
        self.keeps.iter().any(|file| files::is_secret(file))
    }

    /// The stages that it runs, also those that its commands call by `landfall stage`.
    pub fn stages(&self) -> Vec<&'static Stage> {
        match &self.work {
            Work::Stage { stage, .. } => vec![stage],
            Work::Commands(commands) => commands.iter().filter_map(|words| called(words)).collect(),
            Work::Call(_) => Vec::new(),
        }
    }

    /// Whether it runs a stage of this name.
    pub fn runs(&self, name: &str) -> bool {
        self.stages().iter().any(|stage| stage.name == name)
    }

    /// Whether it may not run at the same time as another one on its environment: it changes what runs there, by a stage or a command.
    pub fn is_exclusive(&self) -> bool {
        let is_command = matches!(self.work, Work::Commands(_))
            && (self.is_deployment_command() || self.part.as_str() == "infrastructure");
        let is_stage = || ["deploy-lambda", "rollback-lambda", "s3-sync"].iter().any(|name| self.runs(name));
        self.environment.is_some() && (is_command || is_stage())
    }

    /// Whether it is a command that deploys, by its name: `deploy` and what follows it.
    pub(crate) fn is_deployment_command(&self) -> bool {
        self.part.as_str().starts_with("deploy")
    }

    /// Whether it can be split by `--shard`.
    pub fn can_be_split(&self) -> bool {
        matches!(&self.work, Work::Stage { stage, .. } if ["retag-push-ecr", "deploy-lambda"].contains(&stage.name))
    }
}

fn called(words: &[String]) -> Option<&'static Stage> {
    match words {
        [program, word, name, ..] if program == "landfall" && word == "stage" => stage(name),
        _ => None,
    }
}
