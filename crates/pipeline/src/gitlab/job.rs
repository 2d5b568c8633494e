//! A job as GitLab has it.

use std::time::Duration;

use landfall_artifacts::{EnvironmentKind, KeepWhen, MayFail, Settings};

use crate::files;
use crate::model::{Job, Login, Pipeline, Work};
use crate::row::Row;
use crate::shell;
use crate::variables;
use crate::yaml::{Map, Yaml};

/// What of a job does not depend on its pipeline and its environment: what stands in a template.
pub(super) fn body(job: &Job, settings: &Settings) -> Map {
    let mut map = Map::default();
    if let Work::Call(pipeline) = &job.work {
        let local = format!("/{}", super::names::file_of_pipeline(pipeline));
        let include = Yaml::List(vec![Map::from_iter([("local", local)]).into()]);
        map.set("trigger", Map::from_iter([("include", include)]));
        map.set("allow_failure", true);
        return map;
    }
    map.set_some("image", image(job, settings));
    let tags = if job.tags.is_empty() { &settings.ci.tags } else { &job.tags };
    if !tags.is_empty() {
        map.set("tags", tags.iter().map(String::as_str).collect::<Yaml>());
    }
    map.set("script", script(job).into_iter().collect::<Yaml>());
    map.set_some("cache", cache(job));
    map.set_some("artifacts", artifacts(job));
    match &job.may_fail {
        MayFail::Always(true) => {
            map.set("allow_failure", true);
        }
        MayFail::Codes(codes) => {
            let codes: Yaml = codes.iter().map(|code| u64::from(*code)).collect();
            map.set("allow_failure", Map::from_iter([("exit_codes", codes)]));
        }
        MayFail::Always(false) => {}
    }
    if !job.stages().is_empty() {
        // The one exit code after which the same command may be repeated without a look.
        let codes: Yaml = [5_u64].into_iter().collect();
        map.set("retry", Map::from_iter([("max", Yaml::from(2)), ("exit_codes", codes)]));
    }
    map.set("timeout", length(job.timeout));
    if job.interruptible {
        map.set("interruptible", true);
    }
    if let Some(parts) = job.parallel {
        map.set("parallel", u64::from(parts));
    }
    map
}

/// What of a job depends on its environment and on who needs what.
pub(super) fn around(pipeline: &Pipeline, job: &Job) -> Map {
    let mut map = Map::default();
    map.set("stage", job.ci_stage.as_str());
    if !job.after_stages {
        let need = |need: &crate::model::Need| {
            let mut map = Map::from_iter([("job", Yaml::from(need.job.as_str()))]);
            if need.optional {
                map.set("optional", true);
            }
            Yaml::from(map)
        };
        map.set("needs", Yaml::List(job.needs.iter().map(need).collect()));
    }
    let row = job.environment.as_ref().and_then(|name| pipeline.row(name));
    if matches!(job.work, Work::Call(_)) {
        return map;
    }
    if let Some(row) = row {
        map.set("environment", environment(job, row));
        // Parts of one job run side by side; the ledger's lock keeps other runs out all the same.
        if job.is_exclusive() && job.parallel.is_none() {
            map.set("resource_group", row.name.as_str());
        }
    }
    let variables = variables::of(pipeline, job);
    if !variables.is_empty() {
        let escaped = variables.into_iter().map(|(name, value)| (name, value.replace('$', "$$")));
        map.set("variables", escaped.collect::<Map>());
    }
    let tokens = id_tokens(pipeline, job);
    if !tokens.is_empty() {
        map.set("id_tokens", tokens);
    }
    map
}

fn image(job: &Job, settings: &Settings) -> Option<Yaml> {
    let is_ours = job.commands().iter().any(|words| words.first().is_some_and(|word| word == "landfall"));
    match &job.image {
        Some(image) => Some(image.as_str().into()),
        None if is_ours => {
            let name = settings.ci.image.as_deref().unwrap_or("$LANDFALL_IMAGE");
            let entrypoint: Yaml = [""].into_iter().collect();
            Some(Map::from_iter([("name", Yaml::from(name)), ("entrypoint", entrypoint)]).into())
        }
        None => None,
    }
}

/// The lines of the script. All words are quoted for the shell; what GitLab's own variables stand for is put in by the shell.
fn script(job: &Job) -> Vec<String> {
    let mut lines: Vec<String> = job.commands().iter().map(|words| shell::line(words)).collect();
    if let (Work::Stage { .. }, Some(line)) = (&job.work, lines.last_mut()) {
        line.push_str(" --report \"landfall-$CI_JOB_NAME_SLUG.json\"");
        if job.parallel.is_some() {
            line.push_str(" --shard \"$CI_NODE_INDEX/$CI_NODE_TOTAL\" --rate-share \"1/$CI_NODE_TOTAL\"");
            if job.runs("deploy-lambda") {
                line.push_str(" --deploy-report \"deploy-report-$CI_NODE_INDEX.json\"");
            }
        }
    }
    lines
}

fn cache(job: &Job) -> Option<Yaml> {
    if job.cache.is_empty() {
        return None;
    }
    let paths: Yaml = job.cache.iter().map(String::as_str).collect();
    Some(Map::from_iter([("key", Yaml::from("$CI_JOB_NAME-$CI_COMMIT_REF_SLUG")), ("paths", paths)]).into())
}

fn artifacts(job: &Job) -> Option<Yaml> {
    let mut paths: Vec<&str> = job.keeps.iter().map(String::as_str).collect();
    if matches!(job.work, Work::Stage { .. }) {
        paths.push("landfall-$CI_JOB_NAME_SLUG.json");
    }
    let handed = job.hands_over.as_deref();
    if paths.is_empty() && handed.is_none() {
        return None;
    }
    let mut map = Map::default();
    if job.keep_when == KeepWhen::Always {
        map.set("when", "always");
    }
    map.set("expire_in", length(job.keep_for));
    // Nobody can download what has keys in it; the jobs that need it get it all the same.
    if job.keeps.iter().any(|file| files::is_secret(file)) {
        map.set("access", "none");
    }
    if !paths.is_empty() {
        map.set("paths", paths.into_iter().collect::<Yaml>());
    }
    if let Some(file) = handed {
        map.set("reports", Map::from_iter([("dotenv", file)]));
    }
    Some(map.into())
}

fn environment(job: &Job, row: &Row) -> Yaml {
    let tier = match row.settings.kind {
        EnvironmentKind::Staging => "staging",
        EnvironmentKind::Production => "production",
        EnvironmentKind::Other => "other",
    };
    let mut map = Map::from_iter([("name", row.name.as_str()), ("deployment_tier", tier)]);
    // Only a deployment is one in GitLab's list of deployments.
    let is_command = matches!(job.work, Work::Commands(_)) && job.is_deployment_command();
    if !job.runs("deploy-lambda") && !job.runs("s3-sync") && !is_command {
        map.set("action", "access");
    }
    map.into()
}

fn id_tokens(pipeline: &Pipeline, job: &Job) -> Map {
    let mut tokens = Map::default();
    let mut add = |name: &str, audience: &str| {
        tokens.set(name, Map::from_iter([("aud", audience)]));
    };
    if job.runs("gate") {
        add("LANDFALL_ID_TOKEN", "landfall");
    }
    let row = match &job.login {
        Login::Own(name) => pipeline.row(name),
        Login::Ambient | Login::Shared if job.runs("aws-credentials") => {
            job.environment.as_ref().and_then(|name| pipeline.row(name))
        }
        Login::Ambient | Login::Shared => None,
    };
    if let Some(vault) = row.map(|row| &row.settings.vault) {
        let address = vault.address.as_ref().map(landfall_artifacts::Address::as_str);
        match vault.login.as_deref() {
            Some("jwt") => add("VAULT_ID_TOKEN", vault.audience.as_deref().or(address).unwrap_or("landfall")),
            Some("web-identity") => {
                add("AWS_ID_TOKEN", vault.audience.as_deref().unwrap_or("sts.amazonaws.com"));
            }
            Some(_) | None => {}
        }
    }
    tokens
}

/// A length of time as GitLab writes it, in the largest unit that fits.
pub(super) fn length(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60).max(1);
    let units = [(365 * 1440, "year"), (7 * 1440, "week"), (1440, "day"), (60, "hour"), (1, "minute")];
    let (size, unit) =
        units.into_iter().find(|(size, _)| minutes.is_multiple_of(*size)).unwrap_or((1, "minute"));
    let count = minutes / size;
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
