//! What must hold of a pipeline as a whole.

use std::collections::BTreeMap;

use landfall_artifacts::{
    EnvironmentKind, EnvironmentName, PartName, PipelineSettings, STAGES, Settings, stage,
};

use crate::definitions;
use crate::files;
use crate::model::{Job, Pipeline, Work};
use crate::order::depths;
use crate::places::{Found, Places, meant};

/// Words that GitLab has for itself at the place of job names.
const RESERVED: [&str; 16] = [
    "image",
    "services",
    "stages",
    "types",
    "before_script",
    "after_script",
    "variables",
    "cache",
    "include",
    "true",
    "false",
    "nil",
    "pages",
    "default",
    "workflow",
    "spec",
];

/// The definition by itself: what it names must be there.
pub(crate) fn of_definition(
    name: &PartName,
    definition: &PipelineSettings,
    settings: &Settings,
    places: &Places<'_>,
    found: &mut Found,
) {
    let pipeline = ["pipelines", name.as_str()];
    let environments = || settings.environments.keys().map(EnvironmentName::as_str);
    for environment in definition.environments.iter().flatten() {
        if !settings.environments.contains_key(environment) {
            let keys = [&pipeline[..], &["environments"]].concat();
            found.add(
                places,
                &keys,
                format!("no environment `{environment}`"),
                meant(environment.as_str(), environments()),
            );
        }
    }
    for (key, other) in [("like", &definition.like), ("after", &definition.after)] {
        let unknown = other.as_ref().filter(|other| definitions::definition(settings, other).is_none());
        if let Some(other) = unknown {
            let known = definitions::names(settings);
            let expected = meant(other.as_str(), known.iter().map(PartName::as_str));
            found.add(places, &[&pipeline[..], &[key]].concat(), format!("no pipeline `{other}`"), expected);
        }
    }
    if definition.jobs.values().all(|job| job.leave_out == Some(true)) {
        found.add(places, &pipeline, "no job", "jobs");
    }
    for (part, job) in definition.jobs.iter().filter(|(_, job)| job.leave_out != Some(true)) {
        let at = |key: &'static str| ["pipelines", name.as_str(), "jobs", part.as_str(), key];
        match &job.stage {
            Some(named) if stage(named).is_none() => {
                let shown = landfall_secret::escape(named, 80);
                found.add(
                    places,
                    &at("stage"),
                    format!("no stage `{shown}`"),
                    meant(named, STAGES.iter().map(|stage| stage.name)),
                );
            }
            None if job.commands.as_ref().is_none_or(Vec::is_empty) => {
                found.add(places, &at("stage")[..4], "a job that does nothing", "`stage` or `commands`");
            }
            Some(_) | None => {}
        }
        // The built-in definitions speak of rows that a repo need not have.
        let own = settings.pipelines.get(name).and_then(|own| own.jobs.get(part));
        for row in own.iter().flat_map(|own| own.at.keys()) {
            let is_kind = EnvironmentKind::ALL.iter().any(|kind| kind.as_str() == row);
            if !is_kind && !environments().any(|environment| environment == row) {
                let kinds = EnvironmentKind::ALL.iter().map(|kind| kind.as_str());
                let keys = ["pipelines", name.as_str(), "jobs", part.as_str(), "at", row];
                let shown = landfall_secret::escape(row, 80);
                found.add(
                    places,
                    &keys,
                    format!("no environment `{shown}`"),
                    meant(row, environments().chain(kinds)),
                );
            }
        }
    }
}

/// The jobs together: names, stages of GitLab, circles, parts.
pub(crate) fn of_pipeline(pipeline: &Pipeline, places: &Places<'_>, found: &mut Found) {
    let jobs_key = ["pipelines", pipeline.name.as_str(), "jobs"];
    let mut names: BTreeMap<&str, &Job> = BTreeMap::new();
    for stage in pipeline.ci_stages.iter().filter(|stage| !is_name(stage)) {
        let what = format!("the stage `{}`", landfall_secret::escape(stage, 80));
        found.add(places, &["pipelines", pipeline.name.as_str(), "ci_stages"], what, NAME_RULE);
    }
    for job in &pipeline.jobs {
        let at = |key: &'static str| [&jobs_key[..], &[job.part.as_str(), key]].concat();
        let shown = landfall_secret::escape(&job.name, 80);
        if !is_name(&job.name) || RESERVED.contains(&job.name.as_str()) {
            found.add(places, &at("name"), format!("a job that is called `{shown}`"), NAME_RULE);
        }
        if let Some(other) = names.insert(&job.name, job) {
            let expected = format!("another name than that of `{}`, as by `{{suffix}}`", other.part);
            found.add(places, &at("name"), format!("a second job that is called `{shown}`"), expected);
        }
        if !pipeline.ci_stages.contains(&job.ci_stage) {
            let what = format!("no stage `{}` of GitLab", landfall_secret::escape(&job.ci_stage, 80));
            found.add(
                places,
                &at("ci_stage"),
                what,
                meant(&job.ci_stage, pipeline.ci_stages.iter().map(String::as_str)),
            );
        }
        for need in &job.needs {
            let stage = |name: &str| pipeline.ci_stages.iter().position(|stage| stage == name);
            let needed = pipeline.job(&need.job).and_then(|other| stage(&other.ci_stage));
            if let (Some(needed), Some(own)) = (needed, stage(&job.ci_stage))
                && needed > own
            {
                let expected = "jobs of its own stage of GitLab, or of one before";
                found.add(places, &at("needs"), format!("`{}` of a later stage", need.job), expected);
            }
        }
        if job.parallel.is_some() && !job.can_be_split() {
            found.add(
                places,
                &at("parallel"),
                "a job that cannot be split",
                "`retag-push-ecr` or `deploy-lambda`",
            );
        }
        for file in job.takes.iter().chain(&job.keeps).chain(&job.hands_over).chain(&job.cache) {
            if !is_path(file) {
                let what = format!("the path `{}`", landfall_secret::escape(file, 80));
                found.add(
                    places,
                    &jobs_key_of(&jobs_key, job),
                    what,
                    "paths inside the job's folder, without `..` and control characters",
                );
            }
        }
        if let Work::Commands(commands) = &job.work
            && commands.iter().any(|words| words.first().is_none_or(String::is_empty))
        {
            found.add(places, &at("commands"), "a command without a program", "a program and its arguments");
        }
    }
    // With two jobs of one name it would not be clear which of them is needed.
    if names.len() == pipeline.jobs.len() {
        circles(pipeline, places, found);
    }
}

fn jobs_key_of<'k>(jobs_key: &[&'k str], job: &'k Job) -> Vec<&'k str> {
    [jobs_key, &[job.part.as_str()]].concat()
}

const NAME_RULE: &str =
    "a name of 1 to 200 of A-Z a-z 0-9 _ . -, beginning with a letter, that GitLab has not for itself";

/// A name that no CI system and no shell reads anything into.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=200).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

pub(crate) fn is_path(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= 1000
        && !path.starts_with('/')
        && !path.split('/').any(|step| step == "..")
        && !path.chars().any(char::is_control)
}

fn circles(pipeline: &Pipeline, places: &Places<'_>, found: &mut Found) {
    let depths = depths(&pipeline.jobs);
    let count = pipeline.jobs.len();
    let in_circle: Vec<&Job> = pipeline
        .jobs
        .iter()
        .filter(|job| depths.get(&job.name).is_some_and(|depth| *depth >= count))
        .collect();
    // Jobs after a circle are as deep as those in it: the way back from one of them runs into the circle.
    let Some(mut current) = in_circle.first().copied() else { return };
    let mut way: Vec<&str> = Vec::new();
    while !way.contains(&current.name.as_str()) {
        way.push(&current.name);
        let before = current.needs.iter().find_map(|need| in_circle.iter().find(|job| job.name == need.job));
        match before {
            Some(before) => current = before,
            None => break,
        }
    }
    let start = way.iter().position(|name| *name == current.name).unwrap_or_default();
    let mut circle: Vec<&str> = way.get(start..).unwrap_or_default().to_vec();
    circle.push(&current.name);
    let keys = ["pipelines", pipeline.name.as_str(), "jobs", current.part.as_str(), "needs"];
    found.add(
        places,
        &keys,
        format!("a circle: {}", circle.join(" needs ")),
        "jobs of which none needs itself",
    );
}

/// Every file that a job cannot do without is handed on by a job that it needs.
pub(crate) fn of_files(pipeline: &Pipeline, places: &Places<'_>, found: &mut Found) {
    for job in &pipeline.jobs {
        let missing = job.takes.iter().filter(|file| !is_made(pipeline, job, file));
        for file in missing {
            let makers =
                pipeline.jobs.iter().filter(|other| files::hands_on(other, file)).map(|other| &other.part);
            let mut makers: Vec<String> = makers.map(|part| format!("`{part}`")).collect();
            makers.sort_unstable();
            makers.dedup();
            let expected = if makers.is_empty() {
                "a job that leaves it, by its stage or by `keeps`".to_owned()
            } else {
                format!("a job that leaves it among `needs`, such as {}", makers.join(" or "))
            };
            let keys = ["pipelines", pipeline.name.as_str(), "jobs", job.part.as_str(), "needs"];
            let shown = landfall_secret::escape(file, 80);
            found.add(places, &keys, format!("no job that makes {shown} for {}", job.name), expected);
        }
    }
}

fn is_made(pipeline: &Pipeline, job: &Job, file: &str) -> bool {
    let needed = job.needs.iter().filter_map(|need| pipeline.job(&need.job));
    let mut direct = needed;
    // The credentials of a job that logs in itself are in no file.
    let is_own_login = file == "aws_auth.env" && !matches!(job.login, crate::model::Login::Shared);
    is_own_login || direct.any(|other| files::hands_on(other, file)) || deploys_archives(pipeline, job, file)
}

/// A deployment goes by the mapping, unless it is one of archives or of what another environment runs.
fn deploys_archives(pipeline: &Pipeline, job: &Job, file: &str) -> bool {
    let Work::Stage { stage, arguments } = &job.work else { return false };
    if stage.name != "deploy-lambda" || file != "lambda-ecr-mappings.json" {
        return false;
    }
    let says =
        |flag: &str| arguments.iter().any(|word| word == flag || word.starts_with(&format!("{flag}=")));
    says("--like") || says("--bucket") || pipeline.jobs.iter().any(|other| other.runs("publish-artifacts"))
}
