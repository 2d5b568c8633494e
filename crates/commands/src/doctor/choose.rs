//! Which jobs are looked at.

use std::collections::BTreeMap;

use landfall_artifacts::{Class, EnvironmentName, PartName, Problem, Shard};
use landfall_pipeline::doctor::TREES;
use landfall_pipeline::{Job, Pipeline, Pipelines};
use landfall_stages::Refusal;

use super::patient::Patient;
use super::told::Told;
use crate::nearest::nearest;
use crate::pipelines::settings_text;
use crate::{Context, stage, stages};

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) job: Option<String>,
    pub(super) pipeline: Option<String>,
    pub(super) environment: Option<EnvironmentName>,
    pub(super) options: Vec<String>,
}

/// The jobs that are meant: a stage for the environment, or for each that a pipeline has it for; a job of a pipeline; all of a pipeline; what
/// was told of; else every stage that has a tree of its own.
///
/// # Errors
/// A name that is none of these; definitions that cannot be read.
pub(super) fn patients(context: &Context, asked: &Asked, told: &[Told]) -> Result<Vec<Patient>, Refusal> {
    let text = settings_text(context)?;
    let pipelines = Pipelines::new(&context.settings, &text);
    let patients = match &asked.job {
        Some(name) => named(&pipelines, name, asked)?,
        None if !told.is_empty() => of_told(&pipelines, told, asked),
        None if asked.pipeline.is_some() => of_pipelines(&known(&pipelines, asked)?, |_| true),
        None => {
            let own = TREES.iter().filter_map(|(name, _)| stage(name));
            own.map(|entry| alone(entry.name, asked)).collect::<Option<Vec<_>>>().unwrap_or_default()
        }
    };
    Ok(patients.into_iter().map(|patient| with_options(patient, asked)).collect())
}

fn with_options(mut patient: Patient, asked: &Asked) -> Patient {
    patient.arguments.extend(asked.options.iter().cloned());
    if asked.environment.is_some() && patient.job.is_none() {
        patient.environment.clone_from(&asked.environment);
    }
    patient
}

fn alone(name: &str, asked: &Asked) -> Option<Patient> {
    Some(Patient {
        job: None,
        entry: stage(name)?,
        arguments: Vec::new(),
        variables: BTreeMap::new(),
        environment: asked.environment.clone(),
        parts: None,
    })
}

fn named(pipelines: &Pipelines<'_>, name: &str, asked: &Asked) -> Result<Vec<Patient>, Refusal> {
    let readable = readable(pipelines, asked);
    let mut of_job = of_pipelines(&readable, |job| job.name == name);
    if of_job.is_empty() {
        of_job = of_part(&readable, name);
    }
    if let Some(first) = of_job.first() {
        // A job of that name of another pipeline may be another one: --pipeline says which is meant.
        let same = of_job.iter().filter(|one| one.environment == first.environment).take(1);
        return Ok(same.cloned().collect());
    }
    if let Some(entry) = stage(name) {
        // Of an environment that is named the stage itself is meant; else that of each environment that a pipeline has it for.
        let mut of_stage = Vec::new();
        if asked.environment.is_none() {
            of_stage = of_pipelines(&readable, |job| job.runs(entry.name) && job.environment.is_some());
            of_stage.retain(|patient| patient.entry.name == entry.name);
            let mut seen = Vec::new();
            of_stage.retain(|patient| {
                let key = (patient.environment.clone(), patient.arguments.clone());
                let is_new = !seen.contains(&key);
                seen.push(key);
                is_new
            });
        }
        let alone = alone(entry.name, asked).into_iter().collect();
        return Ok(if of_stage.is_empty() { alone } else { of_stage });
    }
    let is_job = readable.iter().any(|pipeline| pipeline.job(name).is_some());
    let of_pipeline: Vec<Pipeline> =
        readable.iter().filter(|pipeline| pipeline.name.as_str() == name).cloned().collect();
    if !of_pipeline.is_empty() {
        return Ok(of_pipelines(&of_pipeline, |_| true));
    }
    let shown = landfall_secret::escape(name, 80);
    if is_job {
        let what = format!("the job {shown} runs commands of the repo's own, and no stage");
        let problem = Problem::new("LF-DOCTOR-JOB", Class::Input, what);
        return Err(Refusal::one(problem.with_remedy("look at its log; doctor knows stages alone")));
    }
    let jobs = readable.iter().flat_map(|pipeline| pipeline.jobs.iter().map(|job| job.name.as_str()));
    let known = jobs.chain(stages().iter().map(|stage| stage.name));
    let problem =
        Problem::new("LF-DOCTOR-JOB", Class::Input, format!("`{shown}` is no job, no stage and no pipeline"));
    Err(Refusal::one(problem.with_remedy(match nearest(name, known) {
        Some(near) => format!("did you mean `landfall doctor {near}`?"),
        None => "`landfall pipelines` lists the pipelines, `landfall stage` the stages".to_owned(),
    })))
}

/// The pipelines that are asked for.
///
/// # Errors
/// One that is none, or is not right.
fn known(pipelines: &Pipelines<'_>, asked: &Asked) -> Result<Vec<Pipeline>, Refusal> {
    let name = asked.pipeline.as_deref().unwrap_or_default();
    let name = name.parse::<PartName>().map_err(|cause| {
        Refusal::one(Problem::new("LF-CONFIG", Class::Input, format!("--pipeline: {cause}")))
    })?;
    Ok(vec![pipelines.pipeline(&name)?])
}

/// The pipelines that there is anything of in this repo: what is wrong with others does not stand in the way of a look.
fn readable(pipelines: &Pipelines<'_>, asked: &Asked) -> Vec<Pipeline> {
    let is_meant = |name: &PartName| asked.pipeline.as_deref().is_none_or(|wanted| wanted == name.as_str());
    let names = pipelines.names().into_iter().filter(is_meant);
    names.filter_map(|name| pipelines.pipeline(&name).ok()).collect()
}

fn of_pipelines(pipelines: &[Pipeline], is_meant: impl Fn(&Job) -> bool) -> Vec<Patient> {
    let jobs = pipelines.iter().flat_map(|pipeline| &pipeline.jobs);
    jobs.filter(|job| is_meant(job)).flat_map(of_job).collect()
}

/// A part of a job, by the name that GitLab gives it: `deploy-lambda-prod-eu 2/4`.
fn of_part(pipelines: &[Pipeline], name: &str) -> Vec<Patient> {
    let Some((name, part)) = name.rsplit_once(' ') else { return Vec::new() };
    let Ok(part) = part.parse::<Shard>() else { return Vec::new() };
    let jobs = pipelines.iter().flat_map(|pipeline| &pipeline.jobs);
    let is_meant = |job: &&Job| job.name == name && job.parallel == Some(part.of());
    let as_part = |patient: Patient| Patient { job: Some(format!("{name} {part}")), ..patient };
    jobs.filter(is_meant)
        .flat_map(|job| of_commands(job, &job.commands_of_part(part.index())))
        .map(as_part)
        .collect()
}

/// The stages that a job runs, each with its arguments.
fn of_job(job: &Job) -> Vec<Patient> {
    of_commands(job, &job.commands())
}

fn of_commands(job: &Job, commands: &[Vec<String>]) -> Vec<Patient> {
    let calls = commands.iter().filter_map(|words| match words.as_slice() {
        [program, word, name, rest @ ..] if program == "landfall" && word == "stage" => {
            Some((stage(name)?, rest.to_vec()))
        }
        _ => None,
    });
    let patient = |(entry, arguments)| Patient {
        job: Some(job.name.clone()),
        entry,
        arguments,
        variables: job.variables.clone(),
        environment: job.environment.clone(),
        parts: job.parallel,
    };
    calls.map(patient).collect()
}

/// What a report tells of: the job by its name where a pipeline has it, else its stage.
fn of_told(pipelines: &Pipelines<'_>, told: &[Told], asked: &Asked) -> Vec<Patient> {
    let readable = readable(pipelines, asked);
    let mut patients: Vec<Patient> = Vec::new();
    for one in told {
        let by_job = one.job.as_ref().map(|name| of_pipelines(&readable, |job| job.name == *name));
        let found = match by_job.filter(|found| !found.is_empty()) {
            Some(found) => found,
            None => one.stage.iter().filter_map(|name| alone(name, asked)).collect(),
        };
        for mut patient in found {
            if patient.environment.is_none() {
                patient.environment.clone_from(&one.environment);
            }
            if patients.iter().all(|known| known.name() != patient.name()) {
                patients.push(patient);
            }
        }
    }
    patients
}
