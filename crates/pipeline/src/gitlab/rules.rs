//! When a job is part of a pipeline of GitLab.

use landfall_artifacts::{EnvironmentKind, EnvironmentName, JobWhen, OnBranches, PipelineStart, Settings};

use crate::model::{Job, Pipeline, Work};
use crate::yaml::{Map, Yaml};

/// The rules of a job.
pub(super) fn rules(pipeline: &Pipeline, job: &Job, settings: &Settings) -> Yaml {
    let mut rules = Vec::new();
    let changes = if job.changes.is_empty() { &pipeline.changes } else { &job.changes };
    let mut rule = |condition: String, when: JobWhen, changes: &[String], optional: bool| {
        let mut map = Map::default();
        map.set("if", condition);
        if !changes.is_empty() {
            map.set("changes", changes.iter().map(String::as_str).collect::<Yaml>());
        }
        match when {
            JobWhen::OnSuccess => {}
            JobWhen::Always => {
                map.set("when", "always");
            }
            JobWhen::Manual => {
                map.set("when", "manual").set("allow_failure", optional);
            }
        }
        rules.push(Yaml::from(map));
    };
    // A manual job that may fail holds nothing up.
    let optional = job.may_fail.allows(Some(1));
    let branch = settings.ci.branch.as_deref().unwrap_or("main");
    match pipeline.start {
        PipelineStart::Push => {
            rule(
                format!("$CI_PIPELINE_SOURCE == \"push\" && $CI_COMMIT_BRANCH == \"{branch}\""),
                job.when,
                changes,
                optional,
            );
            let elsewhere = "$CI_PIPELINE_SOURCE == \"push\" && $CI_COMMIT_BRANCH".to_owned();
            match job.branches {
                OnBranches::Never => {}
                OnBranches::Same => rule(elsewhere, job.when, changes, optional),
                OnBranches::Manual => rule(elsewhere, JobWhen::Manual, changes, true),
            }
        }
        PipelineStart::ByHand if pipeline.chosen => {
            rule(chosen(pipeline, job, settings), job.when, &job.changes, optional);
        }
        PipelineStart::ByHand => {
            let name = &pipeline.name;
            rule(
                format!("$CI_PIPELINE_SOURCE == \"web\" && $LANDFALL_PIPELINE == \"{name}\""),
                job.when,
                &job.changes,
                optional,
            );
        }
        PipelineStart::Call => {
            rule("$CI_PIPELINE_SOURCE == \"parent_pipeline\"".to_owned(), job.when, &job.changes, optional);
        }
    }
    Yaml::List(rules)
}

/// By what is typed into the web form. What checks that runs whatever it is; the rest is for environments of one kind.
fn chosen(pipeline: &Pipeline, job: &Job, settings: &Settings) -> String {
    // Who starts a pipeline by its name has typed no environments. A repo need not include the file that declares the variable.
    let web = "$CI_PIPELINE_SOURCE == \"web\" && ($LANDFALL_PIPELINE == null || $LANDFALL_PIPELINE == \"\")";
    if checks_targets(job) {
        return web.to_owned();
    }
    let wanted: Vec<&EnvironmentName> = match &job.environment {
        Some(environment) => vec![environment],
        None => pipeline.rows.iter().map(|row| &row.name).collect(),
    };
    let is_ours = |name: &EnvironmentName| pipeline.row(name).is_some();
    let others: Vec<&EnvironmentName> = settings
        .environments
        .iter()
        .filter(|(name, row)| row.kind != EnvironmentKind::Other && !is_ours(name))
        .map(|(name, _)| name)
        .collect();
    let mut condition = format!("{web} && $TARGET_DEPLOY_ENVIRONMENTS =~ {}", names(&wanted));
    if !others.is_empty() {
        condition.push_str(&format!(" && $TARGET_DEPLOY_ENVIRONMENTS !~ {}", names(&others)));
    }
    condition
}

/// Whether a job is the one that looks at what was typed.
pub(super) fn checks_targets(job: &Job) -> bool {
    matches!(&job.work, Work::Commands(commands) if commands.iter().any(|words| words.starts_with(&["landfall".to_owned(), "targets".to_owned()])))
}

/// A pattern of RE2 that finds one of these names, whole, in a list with commas or white space.
fn names(names: &[&EnvironmentName]) -> String {
    let escaped = |name: &&EnvironmentName| {
        let mut text = String::new();
        for c in name.as_str().chars() {
            if c == '.' || c == '/' {
                text.push('\\');
            }
            text.push(c);
        }
        text
    };
    format!("/(^|[\\s,])({})($|[\\s,])/", names.iter().map(escaped).collect::<Vec<_>>().join("|"))
}
