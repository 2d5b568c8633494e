//! What the example runs, by the ledger.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{
    Class, EnvironmentName, LambdaName, LedgerEvent, NameTemplate, Problem, ProjectName, ReleaseId,
};
use landfall_ledger::Ledger;
use semver::Version;

use super::{Config, part};
use crate::recorded::{self, Recorded, Told, told};
use crate::{Refusal, Target};

/// The environment that is the example.
#[derive(Clone, Debug)]
pub struct Like {
    /// Its name.
    pub environment: EnvironmentName,
    /// How it names its functions, such as `{name}-{env}`.
    pub function_name: Option<NameTemplate>,
}

/// What an environment runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    pub(super) environment: EnvironmentName,
    pub(super) release: ReleaseId,
    /// In the order of their names there.
    pub(super) functions: Vec<One>,
}

/// One function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct One {
    /// Its name in the example.
    pub(super) there: LambdaName,
    /// Its name where it is deployed to.
    pub(super) here: LambdaName,
    pub(super) project: Option<ProjectName>,
    pub(super) version: Option<Version>,
    /// The release that brought it.
    pub(super) release: Option<ReleaseId>,
    pub(super) code: Recorded,
}

impl Example {
    /// The environment that is the example.
    pub fn environment(&self) -> &EnvironmentName {
        &self.environment
    }

    /// Hosts of the registries that its images are in.
    pub fn hosts(&self) -> BTreeSet<&str> {
        self.functions
            .iter()
            .filter_map(|one| match &one.code {
                Recorded::Image(image) => Some(image.repository().host()),
                Recorded::Archive(_) => None,
            })
            .collect()
    }

    /// Whether functions of archives are among them.
    pub fn has_archives(&self) -> bool {
        self.functions.iter().any(|one| matches!(one.code, Recorded::Archive(_)))
    }
}

/// What the example runs, as the ledger last confirmed it. Nobody else is asked. The release is the given one, else the newest that
/// changed the example.
///
/// # Errors
/// No environment to deploy to, or the same; an example that the ledger knows nothing of; functions whose content it does not know, or
/// whose name is not of the example's form: all at once. For a part, an example that is not what it was when the first part of the
/// same work began.
pub async fn example(config: &Config, like: &Like, ledger: &Ledger) -> Result<Example, Refusal> {
    let environment = &like.environment;
    if config.target.environment.as_ref().is_none_or(|target| target == environment) {
        let what = format!("--like {environment} needs another environment to deploy to");
        return Err(Refusal::one(
            Problem::new("LF-CONFIG", Class::Input, what)
                .with_remedy("name it by --environment, or the variable CI_ENVIRONMENT_NAME"),
        ));
    }
    let events = ledger.events().await?;
    let now = of_events(config, like, &events);
    if let Some(own) = part::own(ledger).await {
        let begun = own.begun(&events);
        let then: Vec<LedgerEvent> = events.into_iter().take_while(|event| event.sequence < begun).collect();
        if of_events(config, like, &then).ok().as_ref() != now.as_ref().ok() {
            return Err(Refusal::one(part::moved(&own, begun, &like.environment)));
        }
    }
    now
}

/// The same by these events.
fn of_events(config: &Config, like: &Like, events: &[LedgerEvent]) -> Result<Example, Refusal> {
    let environment = &like.environment;
    let told = told(events, environment);
    let Some(newest) = told.last() else { return Err(Refusal::one(nothing(environment, events))) };
    let release = config.target.release.clone().or_else(|| newest.event.release.clone());
    let Some(release) = release else {
        return Err(Refusal::one(
            Problem::new(
                "LF-CONFIG-MISSING",
                Class::Input,
                "the release is missing, and the ledger does not say it",
            )
            .with_remedy("give it by --release, or the variable LANDFALL_RELEASE"),
        ));
    };
    let newest: BTreeMap<&LambdaName, &Told<'_>> = told.iter().map(|one| (&one.function, one)).collect();
    let (mut functions, mut problems) = (Vec::new(), Vec::new());
    for told in newest.values() {
        match one(like, &config.target, told) {
            Ok(one) => functions.push(one),
            Err(problem) => problems.push(*problem),
        }
    }
    if !problems.is_empty() {
        return Err(Refusal(problems));
    }
    Ok(Example { environment: environment.clone(), release, functions })
}

fn nothing(environment: &EnvironmentName, events: &[LedgerEvent]) -> Problem {
    let known: Vec<&str> = recorded::environments(events).into_iter().map(EnvironmentName::as_str).collect();
    let remedy = if known.is_empty() {
        "give the ledger that update-version-dashboard recorded it in by --ledger".to_owned()
    } else {
        format!("name one of {}, or give another ledger by --ledger", known.join(", "))
    };
    Problem::new("LF-LIKE-NOTHING", Class::Refused, format!("the ledger has no deployment to {environment}"))
        .with_remedy(remedy)
}

fn one(like: &Like, target: &Target, told: &Told<'_>) -> Result<One, Box<Problem>> {
    let (there, environment) = (&told.function, &like.environment);
    let Some(digest) = told.item.digest else {
        let what = format!("the ledger does not know what {there} runs in {environment}");
        return Err(Box::new(
            Problem::new("LF-LIKE-UNKNOWN", Class::Refused, what)
                .with_remedy("deploy it there again, and record it by update-version-dashboard"),
        ));
    };
    Ok(One {
        there: there.clone(),
        here: name_here(like, target, there)?,
        project: told.item.project.clone(),
        version: told.item.version.clone(),
        release: told.event.release.clone(),
        code: recorded::code(there, told.item, digest, None)?,
    })
}

/// The function's name where it is deployed to: the example's form taken off, the target's put on.
fn name_here(like: &Like, target: &Target, there: &LambdaName) -> Result<LambdaName, Box<Problem>> {
    let odd = |what: String| {
        Box::new(
            Problem::new("LF-LAMBDA-NAME", Class::Input, what)
                .with_remedy("correct function_name of the environments in landfall.toml"),
        )
    };
    let base = match &like.function_name {
        None => there.clone(),
        Some(template) => template.strip(there, &like.environment).ok_or_else(|| {
            odd(format!("{there} is not named as functions of {} are: {template}", like.environment))
        })?,
    };
    match target.function_name.as_ref().zip(target.environment.as_ref()) {
        None => Ok(base),
        Some((template, environment)) => template.apply(&base, environment).map_err(|error| {
            odd(format!("no function of {environment} can be called after {base}: {error}"))
        }),
    }
}
