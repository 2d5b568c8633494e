//! What a job sees of the environment: what is declared, and what any program needs.

use std::collections::BTreeMap;

use landfall_artifacts::Shard;
use landfall_pipeline::{Job, Pipeline};

/// What is around a run.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The variables of this process.
    pub variables: BTreeMap<String, String>,
    /// Names of those that every job sees; a `*` at the end stands for any.
    pub allowed: Vec<String>,
    /// Names of those that a stage declares, by the stage's name.
    pub of_stage: fn(&str) -> Vec<String>,
    /// What all jobs have alike unless this process says otherwise, as the CI files have it.
    pub common: BTreeMap<String, String>,
    /// What was typed in for this run, which every job sees: as from a web form.
    pub inputs: BTreeMap<String, String>,
}

/// The whole environment of a job, or of one part of it. Of the same name the later one counts: what all jobs have alike, what this
/// process has and the job may see, what its row and its definition say, what was typed in, what the jobs before hand over, and what
/// CI systems say of the job itself.
///
/// A variable of this process does not stand above the job's row: whose shell has another region deploys to the one of the row.
pub fn job_variables(
    pipeline: &Pipeline,
    job: &Job,
    part: Option<Shard>,
    handed: BTreeMap<String, String>,
    around: &Surroundings,
) -> BTreeMap<String, String> {
    let declared: Vec<String> = job.stages().iter().flat_map(|stage| (around.of_stage)(stage.name)).collect();
    let is_allowed = |name: &str| {
        declared.iter().any(|known| known == name)
            || around.allowed.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => pattern == name,
            })
    };
    let mut variables = around.common.clone();
    let seen = around.variables.iter().filter(|(name, _)| is_allowed(name));
    variables.extend(seen.map(|(name, value)| (name.clone(), value.clone())));
    variables.extend(pipeline.variables_of(job));
    variables.extend(around.inputs.clone());
    variables.extend(handed);
    variables.insert("CI_JOB_NAME".to_owned(), job.name.clone());
    variables.insert("CI_JOB_STAGE".to_owned(), job.ci_stage.clone());
    if let Some(environment) = &job.environment {
        variables.insert("CI_ENVIRONMENT_NAME".to_owned(), environment.to_string());
    } else {
        // Of this process's own job, if it is one: this job is for none.
        variables.remove("CI_ENVIRONMENT_NAME");
    }
    if let Some(part) = part {
        variables.insert("CI_NODE_INDEX".to_owned(), part.index().to_string());
        variables.insert("CI_NODE_TOTAL".to_owned(), part.of().to_string());
    }
    variables
}

/// The variables of a file of `NAME=value` lines, as GitLab reads such a report: no quotes, no comments within a line. Lines that are
/// none are passed over.
pub(crate) fn handed_over(text: &str) -> BTreeMap<String, String> {
    let is_name = |name: &str| {
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(name, value)| is_name(name) && !value.contains('\0'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use landfall_artifacts::Settings;
    use landfall_pipeline::Pipelines;

    use super::{Surroundings, handed_over, job_variables};

    fn map(set: &[(&str, &str)]) -> BTreeMap<String, String> {
        set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_job_sees_what_is_declared_for_it() {
        let text = r#"
[environment.stg_eu00]
kind = "staging"
suffix = "eu"
aws_region = "eu-west-2"
variables = { FLAVOUR = "sweet" }
[pipelines.staging.jobs.smoke]
ci_stage = "post-deploy"
commands = [["true"]]
each = "environment"
needs = ["deploy-lambda"]
"#;
        let settings = Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect("valid");
        let pipeline =
            Pipelines::new(&settings, text).pipeline(&"staging".parse().expect("a name")).expect("good");
        let around = Surroundings {
            variables: map(&[
                ("PATH", "/bin"),
                ("LC_ALL", "C"),
                ("AWS_REGION", "us-east-1"),
                ("VAULT_SECRET_ID", "x"),
                ("HISTFILE", "y"),
                ("LANDFALL_LEDGER", "s3://b/l"),
            ]),
            allowed: vec!["PATH".to_owned(), "LC_*".to_owned()],
            of_stage: |stage| match stage {
                "aws-credentials" => vec!["VAULT_SECRET_ID".to_owned()],
                _ => vec!["AWS_REGION".to_owned(), "LANDFALL_LEDGER".to_owned()],
            },
            common: map(&[("JIRA_PROJECT", "REL"), ("LANDFALL_LEDGER", "of the file")]),
            inputs: map(&[("TARGET_RELEASE", "v1")]),
        };
        let shown = |job: &str, part: Option<&str>, handed: &[(&str, &str)]| {
            let job = pipeline.job(job).expect("the job");
            let part = part.and_then(|part| part.parse().ok());
            let seen = job_variables(&pipeline, job, part, map(handed), &around);
            seen.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(shown("deploy-lambda-eu", Some("2/4"), &[]), @"");
        insta::assert_snapshot!(shown("aws-credentials-eu", None, &[]), @"");
        insta::assert_snapshot!(shown("smoke-eu", None, &[("URL", "https://x")]), @"");
    }

    #[test]
    fn lines_of_variables_are_read_as_they_are() {
        let read = handed_over("A=1\n# no\nB_2=x = y\n\nrm -rf\n2C=3\nD='q'\n");
        assert_eq!(read, map(&[("A", "1"), ("B_2", "x = y"), ("D", "'q'")]));
    }
}
