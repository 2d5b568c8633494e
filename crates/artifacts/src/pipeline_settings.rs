//! `[pipelines.<name>]` and `[ci]` of `landfall.toml`: what a repo adds to the pipelines that come with Landfall, and how CI files
//! are written. The built-in pipelines are in this same form.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;

use crate::json::{one_of, text_form};
use crate::name::EnvironmentName;
use crate::settings::EnvironmentKind;
use crate::text_name::short_text;

short_text!(
    /// The name of a pipeline or of a job in its definition, such as `deploy-lambda`.
    PartName,
    "a name: 1 to 100 of A-Z a-z 0-9 _ . -, beginning with a letter",
    "^[A-Za-z][A-Za-z0-9_.-]{0,99}$",
    |text| text.len() <= 100
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
);

/// A pipeline. Of a built-in one of the same name everything stays that is not said here.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct PipelineSettings {
    /// One line for people.
    pub summary: Option<String>,
    /// The pipeline that it begins from. Default: the built-in one of its own name, if there is one.
    pub like: Option<PartName>,
    /// Whether nothing of the built-in one of its name stays. Default: no.
    pub replace: Option<bool>,
    /// What starts it. Default: `by-hand`.
    pub start: Option<PipelineStart>,
    /// With `push`: patterns of paths of which one must have changed; none: any. `dir/**/*` is everything below a folder.
    pub changes: Option<Vec<String>>,
    /// The kinds of the environments that it is for.
    pub kinds: Option<Vec<EnvironmentKind>>,
    /// The environments that it is for by name, in place of `kinds`.
    pub environments: Option<Vec<EnvironmentName>>,
    /// Of those, only the ones that come after production, such as for disaster recovery; or, with `false`, only the others.
    pub standby: Option<bool>,
    /// Whether `TARGET_DEPLOY_ENVIRONMENTS` chooses at the start which of them it is for. Default: no.
    pub chosen: Option<bool>,
    /// With `call`: the pipeline whose success starts it.
    pub after: Option<PartName>,
    /// The stages of GitLab, in order.
    pub ci_stages: Option<Vec<String>>,
    /// Its jobs by name.
    #[schemars(default)]
    pub jobs: BTreeMap<PartName, JobSettings>,
}

/// What starts a pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum PipelineStart {
    /// A push to the branch of `[ci]`.
    Push,
    /// A person.
    #[default]
    ByHand,
    /// The success of another pipeline.
    Call,
}

one_of!(PipelineStart { "push" => Push, "by-hand" => ByHand, "call" => Call });

/// A job of a definition. Of a built-in job of the same name everything stays that is not said here.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct JobSettings {
    /// Whether the pipeline is without it. Default: no.
    pub leave_out: Option<bool>,
    /// The stage that it runs, in place of `commands`.
    pub stage: Option<String>,
    /// The stage's arguments. `{environment}`, `{suffix}`, `{region}`, `{short}`, `{class}` (`prod` or `nonprod`) and
    /// `{before}` (the first environment before it) stand for those of the row.
    pub arguments: Option<Vec<String>>,
    /// The programs that it runs one after the other, each with its arguments; a text is handed to `sh -c`. The same placeholders.
    #[schemars(with = "Option<Vec<CommandText>>")]
    pub commands: Option<Vec<Vec<String>>>,
    /// Once, or once for each environment. Default: once.
    pub each: Option<JobEach>,
    /// What its jobs are called, with `{suffix}`, `{environment}`, `{region}` or `{short}`. Default: its name, and `-{suffix}` where
    /// there is one for each environment.
    pub name: Option<String>,
    /// Its stage of GitLab. Default: the first of the pipeline.
    pub ci_stage: Option<String>,
    /// The template of GitLab that it extends, such as `.deploy-lambda-template`.
    pub template: Option<String>,
    /// The jobs that end before it begins, and whose files it gets.
    pub needs: Option<Vec<NeedSettings>>,
    /// Whether it waits for all of the stages of GitLab before its own, also for jobs of other files. Default: no.
    pub after_stages: Option<bool>,
    /// When it begins. Default: `on-success`.
    pub when: Option<JobWhen>,
    /// Whether the pipeline goes on where it fails. Default: no.
    pub allow_failure: Option<MayFail>,
    /// What it does on branches other than that of `[ci]`. Default: `never`.
    pub branches: Option<OnBranches>,
    /// Patterns of paths of which one must have changed, in place of the pipeline's.
    pub changes: Option<Vec<String>>,
    /// Which of the environments it is for. Default: all.
    pub condition: Option<JobCondition>,
    /// How long it may take: a number and `m`, `h`, `d`, `w` or `y`. Default: 1h.
    #[schemars(with = "Option<String>")]
    pub timeout: Option<Duration>,
    /// Files that it needs of other jobs, where it runs commands; a stage's are known.
    pub takes: Option<Vec<String>>,
    /// Files that are kept of it and handed to the jobs that need it. Default for a stage: what it writes.
    pub keeps: Option<Vec<String>>,
    /// How long they are kept, in the same form. Default: 1w.
    #[schemars(with = "Option<String>")]
    pub keep_for: Option<Duration>,
    /// A file of `NAME=value` lines that it leaves: the jobs that need it get the variables.
    pub hands_over: Option<String>,
    /// When they are kept. Default: `always` for stages, `on-success` for commands.
    pub keep_when: Option<KeepWhen>,
    /// Further variables.
    pub variables: Option<BTreeMap<String, String>>,
    /// Tags of the runner, in place of those of `[ci]`.
    pub tags: Option<Vec<String>>,
    /// The image that it runs in, in place of that of `[ci]`.
    pub image: Option<String>,
    /// Paths that are kept from run to run, by job and branch.
    pub cache: Option<Vec<String>>,
    /// Whether a newer pipeline may cut it off. Default: no.
    pub interruptible: Option<bool>,
    /// In how many parts it is split, 2 to 50, by `--shard`. Only copies and deployments can be.
    pub parallel: Option<u64>,
    /// What is different for an environment, by its name, or for those of a kind.
    #[schemars(default)]
    pub at: BTreeMap<String, JobAt>,
}

/// What of a job is different for some environments.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct JobAt {
    /// Whether there is no such job for them.
    pub leave_out: Option<bool>,
    /// When it begins.
    pub when: Option<JobWhen>,
    /// What it does on other branches.
    pub branches: Option<OnBranches>,
    /// Whether the pipeline goes on where it fails.
    pub allow_failure: Option<MayFail>,
    /// Further arguments of the stage.
    pub arguments: Option<Vec<String>>,
    /// Further variables.
    pub variables: Option<BTreeMap<String, String>>,
    /// Tags of the runner.
    pub tags: Option<Vec<String>>,
}

/// A program with its arguments.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes the two spellings and is never made")]
pub(crate) enum CommandText {
    /// Handed to `sh -c`.
    Shell(String),
    /// A program and its arguments.
    Words(Vec<String>),
}

/// How often a job stands in its pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum JobEach {
    /// Once.
    #[default]
    Once,
    /// Once for each environment.
    Environment,
}

one_of!(JobEach { "once" => Once, "environment" => Environment });

/// When a job begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum JobWhen {
    /// When what it needs went well, or was allowed to fail.
    #[default]
    OnSuccess,
    /// When what it needs has ended, in whatever way.
    Always,
    /// When somebody asks for it, and what it needs went well.
    Manual,
}

one_of!(JobWhen { "on-success" => OnSuccess, "always" => Always, "manual" => Manual });

/// What a job does on branches other than the one that is released from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum OnBranches {
    /// It is not there.
    #[default]
    Never,
    /// It waits for somebody who asks for it.
    Manual,
    /// The same as on the other.
    Same,
}

one_of!(OnBranches { "never" => Never, "manual" => Manual, "same" => Same });

/// Which environments a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum JobCondition {
    /// Those whose registry no environment of kind `staging` has.
    OtherRegistry,
    /// Those that a release needs approvals for.
    Approvals,
}

one_of!(JobCondition { "other-registry" => OtherRegistry, "approvals" => Approvals });

/// When files of a job are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum KeepWhen {
    /// When it went well.
    #[default]
    OnSuccess,
    /// When it failed too.
    Always,
}

one_of!(KeepWhen { "on-success" => OnSuccess, "always" => Always });

/// Whether a pipeline goes on where a job fails.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum MayFail {
    /// Always, or never.
    Always(bool),
    /// With these exit codes, 1 to 255.
    Codes(Vec<u8>),
}

impl Default for MayFail {
    /// Never.
    fn default() -> Self {
        Self::Always(false)
    }
}

impl MayFail {
    /// Whether a pipeline goes on after this exit code; `None` is an end without one, as by a timeout.
    pub fn allows(&self, exit_code: Option<u8>) -> bool {
        match self {
            Self::Always(always) => *always,
            Self::Codes(codes) => exit_code.is_some_and(|code| codes.contains(&code)),
        }
    }
}

/// A job that another one needs: its name, or a table.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "NeedForm")]
pub struct NeedSettings {
    /// Its name in the definition.
    pub job: PartName,
    /// Of which environments, where it has one job for each.
    pub of: NeedOf,
    /// Whether it may be that there is no such job in a run.
    pub optional: bool,
}

/// A job that another one needs.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes the two spellings and is never made")]
enum NeedForm {
    /// Its name.
    Name(PartName),
    /// More than that.
    Table {
        /// Its name in the definition.
        job: PartName,
        /// Of which environments. Default: `same`.
        #[schemars(default)]
        of: NeedOf,
        /// Whether it may be that there is no such job. Default: no.
        #[schemars(default)]
        optional: bool,
    },
}

/// Of which environments a job is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum NeedOf {
    /// That of the job itself; of all, for a job that stands once.
    #[default]
    Same,
    /// Those that come before, by `after` of their rows.
    Before,
    /// All of the pipeline.
    All,
}

one_of!(NeedOf { "same" => Same, "before" => Before, "all" => All });

/// `[ci]`: how CI files are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct CiSettings {
    /// The image that stages run in, which has the program `landfall`. Default for GitLab: the variable `LANDFALL_IMAGE`.
    pub image: Option<String>,
    /// The branch that is released from. Default: `main`.
    pub branch: Option<String>,
    /// Whether `.gitlab-ci.yml` is the repo's own, which includes those of the other files that it wants, and is not written. Default:
    /// no.
    pub own_root: Option<bool>,
    /// Tags of GitLab's runners.
    #[schemars(default)]
    pub tags: Vec<String>,
    /// Labels of GitHub's runners. Default: `ubuntu-latest`.
    #[schemars(default)]
    pub runs_on: Vec<String>,
    /// Where jobs have their AWS credentials from. Default: `shared`.
    pub credentials: Option<CredentialJobs>,
    /// The pipelines that CI files are written of. Default: `staging`, `staging-on-demand`, `production` and `s3-config`, as far as
    /// there are environments for them, and those of the repo's own.
    #[schemars(default)]
    pub pipelines: Vec<PartName>,
    /// Variables of every job.
    #[schemars(default)]
    pub variables: BTreeMap<String, String>,
}

/// Where jobs have their AWS credentials from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum CredentialJobs {
    /// One job an environment leaves them for an hour.
    #[default]
    Shared,
    /// Each job logs in itself.
    PerJob,
}

one_of!(CredentialJobs { "shared" => Shared, "per-job" => PerJob });
