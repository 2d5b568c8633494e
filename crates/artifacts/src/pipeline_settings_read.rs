//! How `[pipelines.<name>]` and `[ci]` are read.

use std::time::Duration;

use crate::file_error::{FileErrors, Problems};
use crate::json::{At, FromJson, Kind, Limits};
use crate::pipeline_settings::{
    CiSettings, JobAt, JobSettings, MayFail, NeedOf, NeedSettings, PipelineSettings,
};
use crate::settings::Settings;
use crate::settings::keys::{refuse_unknown_below, refuse_unknown_of};
use crate::smoke::Words;
use crate::toml_node::toml_node;

/// A length of time from a minute to ten years.
struct LongTime(Duration);

impl FromJson for LongTime {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let expected = "a time such as 30m, 1h, 7d, 1w or 1y, from 1m to 10y";
        let text = at.text(expected, problems)?;
        let units = [("y", 365 * 86_400), ("w", 7 * 86_400), ("d", 86_400), ("h", 3600), ("m", 60)];
        let seconds = units.iter().find_map(|(unit, seconds)| {
            let number = text.strip_suffix(unit)?;
            let digits = (1..=6).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            number.parse::<u64>().ok().filter(|_| digits).map(|n| n * seconds)
        });
        let time = seconds.filter(|s| (60..=10 * 365 * 86_400).contains(s)).map(Duration::from_secs);
        if time.is_none() {
            problems.wrong(at, expected);
        }
        time.map(Self)
    }
}

impl FromJson for MayFail {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let expected = "true, false, or a list of exit codes, 1 to 255";
        match &at.node.kind {
            Kind::Bool(always) => Some(Self::Always(*always)),
            Kind::Array(_) => {
                let codes: Vec<u8> = Vec::from_json(at, problems)?;
                if codes.is_empty() || codes.contains(&0) {
                    problems.wrong(at, expected);
                    return None;
                }
                Some(Self::Codes(codes))
            }
            _ => {
                problems.wrong(at, expected);
                None
            }
        }
    }
}

impl FromJson for NeedSettings {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        if let Kind::Text(_) = &at.node.kind {
            let expected = "the name of a job of this definition";
            let job = at.parsed(expected, problems)?;
            return Some(Self { job, of: NeedOf::Same, optional: false });
        }
        at.members(problems)?;
        refuse_unknown_of(at, &["job", "of", "optional"], problems);
        let job = at.field("job", problems);
        let (of, optional) = (at.field_or_default("of", problems), at.field_or_default("optional", problems));
        Some(Self { job: job?, of: of?, optional: optional? })
    }
}

/// Reads a table of which every key may be missing, most of them in their own form.
macro_rules! table {
    ($type:ident { $($field:ident $(as $form:ty)?),+ $(,)? } or_default { $($whole:ident),* $(,)? } $(then $check:ident)?) => {
        impl FromJson for $type {
            fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
                at.members(problems)?;
                $(let $field = table!(@read at, problems, $field $(as $form)?);)+
                $(let $whole = at.field_or_default(stringify!($whole), problems);)*
                let table = Self { $($field: $field?,)+ $($whole: $whole?),* };
                $($check(&table, at, problems);)?
                Some(table)
            }
        }
    };
    (@read $at:ident, $problems:ident, $field:ident) => { $at.field(stringify!($field), $problems) };
    (@read $at:ident, $problems:ident, $field:ident as $form:ty) => {
        $at.field::<Option<$form>>(stringify!($field), $problems).map(|read| read.map(Into::into))
    };
}

impl From<LongTime> for Duration {
    fn from(time: LongTime) -> Self {
        time.0
    }
}

/// Programs with their arguments.
struct Commands(Vec<Words>);

impl FromJson for Commands {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        Vec::from_json(at, problems).map(Self)
    }
}

impl From<Commands> for Vec<Vec<String>> {
    fn from(commands: Commands) -> Self {
        commands.0.into_iter().map(|words| words.0).collect()
    }
}

table!(PipelineSettings {
    summary, like, replace, start, changes, kinds, environments, standby, chosen, after, ci_stages,
} or_default { jobs });
table!(JobSettings {
    leave_out, stage, arguments, commands as Commands, each, name, ci_stage, template, needs, after_stages, when,
    allow_failure, branches, changes, condition, timeout as LongTime, takes, keeps, keep_for as LongTime, hands_over, keep_when,
    variables, tags, image, cache, interruptible, parallel,
} or_default { at } then check_job);
table!(JobAt { leave_out, when, branches, allow_failure, arguments, variables, tags } or_default {});
table!(CiSettings { image, branch, own_root, credentials } or_default { tags, runs_on, pipelines, variables } then check_ci);

impl PipelineSettings {
    /// Reads a definition that is a document of its own, as those are that come with Landfall; `name` stands for it in messages.
    ///
    /// # Errors
    /// [`FileErrors`]: every problem at once.
    pub fn parse(text: &str, name: &str) -> Result<Self, FileErrors> {
        let limits = Limits { max_bytes: Settings::MAX_BYTES, max_depth: 16, max_values: 100_000 };
        let mut problems = Problems::new(name, text, false);
        let root = toml_node(text, limits, &mut problems);
        let definition = root.as_ref().and_then(|root| {
            let at = At::root(root);
            refuse_unknown_below(at, &["pipelines", "*"], &mut problems);
            Self::from_json(at, &mut problems)
        });
        problems.finish(definition)
    }
}

fn check_job(job: &JobSettings, at: At<'_>, problems: &mut Problems<'_>) {
    if job.stage.is_some() && job.commands.is_some() {
        problems.at_field(at, "commands", "either `stage` or `commands`");
    }
    if job.parallel.is_some_and(|parts| !(2..=50).contains(&parts)) {
        problems.at_field(at, "parallel", "a number of parts, 2 to 50");
    }
    check_variables(job.variables.iter().flatten(), at, problems);
    for (row, different) in &job.at {
        let Some(member) = at.node.member("at") else { continue };
        let rows = at.child(member);
        if let Some(row) = rows.node.member(row) {
            check_variables(different.variables.iter().flatten(), rows.child(row), problems);
        }
    }
}

fn check_ci(ci: &CiSettings, at: At<'_>, problems: &mut Problems<'_>) {
    let is_ref = |branch: &String| {
        !branch.is_empty() && branch.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./-".contains(&b))
    };
    if ci.branch.as_ref().is_some_and(|branch| !is_ref(branch)) {
        problems.at_field(at, "branch", "a branch of A-Z a-z 0-9 _ . / -");
    }
    check_variables(ci.variables.iter(), at, problems);
}

fn check_variables<'v>(
    variables: impl Iterator<Item = (&'v String, &'v String)>,
    at: At<'_>,
    problems: &mut Problems<'_>,
) {
    for (name, _) in variables.filter(|(name, _)| !crate::env_lines::is_variable(name)) {
        let shown = landfall_secret::escape(name, 60);
        problems.at_field(at, "variables", format!("names of environment variables; `{shown}` is none"));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::pipeline_settings::{MayFail, NeedOf, OnBranches};
    use crate::settings::Settings;

    fn refusal(text: &str) -> String {
        Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect_err("bad").to_string()
    }

    #[test]
    fn a_pipeline_is_extended_by_tables() {
        let text = r#"
[ci]
image = "registry.example.com/landfall:1"
credentials = "per-job"
[pipelines.staging.jobs.lint]
commands = [["yarn", "lint"], "yarn audit || true"]
needs = ["build", { job = "deploy", of = "before", optional = true }]
allow_failure = [6]
timeout = "30m"
keep_for = "1y"
at.qa1 = { branches = "manual" }
"#;
        let settings = Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid");
        let (name, staging) = settings.pipelines.iter().next().expect("a pipeline");
        assert_eq!(name.as_str(), "staging");
        let job = staging.jobs.values().next().expect("a job");
        assert_eq!(
            job.commands.as_ref().map(|c| c[1].join(" ")).as_deref(),
            Some("sh -c yarn audit || true")
        );
        assert_eq!(job.needs.as_ref().map(|n| (n[1].of, n[1].optional)), Some((NeedOf::Before, true)));
        assert_eq!(job.allow_failure, Some(MayFail::Codes(vec![6])));
        assert_eq!(job.keep_for, Some(Duration::from_secs(365 * 86_400)));
        assert_eq!(job.at.get("qa1").and_then(|at| at.branches), Some(OnBranches::Manual));
        assert!(settings.layer(None).keys().all(|key| !key.starts_with("pipelines")), "no values of options");
    }

    #[test]
    fn every_problem_of_a_pipeline_is_said() {
        let text = r#"
[ci]
branch = "a b"
credentials = "none"
[pipelines.staging]
start = "never"
[pipelines.staging.jobs.x]
stage = "deploy-lambda"
commands = [[]]
needs = [{ jobs = "a" }, "a b"]
allow_failure = [0]
timeout = "1s"
parallel = 1
shard = 2
variables = { "A B" = "x" }
at.qa1 = { wen = "manual" }
"#;
        insta::assert_snapshot!(refusal(text), @r"
        10 problems in landfall.toml
          /ci/credentials at 4:15: found `none`, expected one of `shared` `per-job`
          /pipelines/staging/start at 6:9: found `never`, expected one of `push` `by-hand` `call`
          /pipelines/staging/jobs/x/commands/0 at 9:13: found a list of 0, expected a program and at most 99 arguments, or a text for the shell
          /pipelines/staging/jobs/x/needs/0 at 10:10: found no `job`, expected the key `job`
          /pipelines/staging/jobs/x/needs/0/jobs at 10:12: found the unknown key `jobs`, expected `job`, perhaps
          /pipelines/staging/jobs/x/needs/1 at 10:26: found `a b`, expected the name of a job of this definition
          /pipelines/staging/jobs/x/allow_failure at 11:17: found a list of 1, expected true, false, or a list of exit codes, 1 to 255
          /pipelines/staging/jobs/x/timeout at 12:11: found `1s`, expected a time such as 30m, 1h, 7d, 1w or 1y, from 1m to 10y
          /pipelines/staging/jobs/x/shard at 14:1: found the unknown key `shard`, expected one of after_stages, allow_failure, arguments, at, branches, cache, changes, ci_stage, commands, condition, each, hands_over, image, interruptible, keep_for, keep_when, keeps, leave_out, name, needs, parallel, stage, tags, takes, template, timeout, variables, when
          /pipelines/staging/jobs/x/at/qa1/wen at 16:12: found the unknown key `wen`, expected `when`, perhaps
        ");
        let both = "[ci]\nbranch = \"a b\"\n[pipelines.x.jobs.y]\nstage = \"gate\"\ncommands = [\"true\"]\nparallel = 1\nvariables = { \"A B\" = \"x\" }\nat.z.variables = { \"-\" = \"x\" }\n";
        insta::assert_snapshot!(refusal(both), @r"
        5 problems in landfall.toml
          /ci/branch at 2:10: found `a b`, expected a branch of A-Z a-z 0-9 _ . / -
          /pipelines/x/jobs/y/commands at 5:12: found a list of 1, expected either `stage` or `commands`
          /pipelines/x/jobs/y/parallel at 6:12: found 1, expected a number of parts, 2 to 50
          /pipelines/x/jobs/y/variables at 7:13: found an object with 1 key, expected names of environment variables; `A B` is none
          /pipelines/x/jobs/y/at/z/variables at 8:18: found an object with 1 key, expected names of environment variables; `-` is none
        ");
    }

    #[test]
    fn an_exit_code_that_is_allowed_is_one_that_is_named() {
        assert!(MayFail::Codes(vec![6]).allows(Some(6)) && !MayFail::Codes(vec![6]).allows(None));
        assert!(MayFail::Always(true).allows(None) && !MayFail::Always(false).allows(Some(6)));
    }
}
