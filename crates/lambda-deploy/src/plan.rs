//! What is to be done, decided without doing anything.

use std::collections::BTreeMap;

use landfall_artifacts::{
    AliasName, DeployedFunction, EnvironmentName, FunctionState, LambdaName, PinnedReference, Platform,
    Problem, ProjectName, Shard,
};

use crate::observe::AliasSeen;

use crate::reason::is_about_the_image;
use crate::result::{FunctionResult, Outcome};
use crate::{Alias, Code, Error, Function, Observed, Package, State};

/// A function and the code that it shall run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// The function.
    pub function: LambdaName,
    /// The project that the code is of, where it is known.
    pub project: Option<ProjectName>,
    /// The project's version, for the records.
    pub version: Option<String>,
    /// What it shall run.
    pub code: Code,
    /// The environment.
    pub environment: Option<EnvironmentName>,
    /// The part of the work that it belongs to, where the work is split.
    pub shard: Option<Shard>,
}

/// Where functions are, and which registries they can take images from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The region.
    pub region: String,
    /// Whether any registry will do: Lambda is played by this machine, and so is the registry.
    pub any_registry: bool,
}

/// What callers are to reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live<'a> {
    /// The alias that callers use, where one was asked for.
    pub alias: Option<&'a AliasName>,
    /// Whether a version is to be published of each function.
    pub publish: bool,
}

/// What is to be done with all functions. Nothing is done while there are problems.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// One step a function, in the order that was asked for.
    pub steps: Vec<Step>,
}

/// What is to be done with one function.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is wanted.
    pub desired: Desired,
    /// What was seen.
    pub before: Option<Function>,
    /// Its alias, where one was looked for and is there.
    pub alias: Option<AliasSeen>,
    /// What it ran before the first try of the same deployment, where an earlier try changed it.
    pub first: Option<First>,
    /// What follows from the two.
    pub action: Action,
}

/// What a function ran before the first try of a deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct First {
    /// The function with its code of then.
    pub function: Function,
    /// Its alias of then.
    pub alias: Option<Alias>,
}

impl First {
    /// What a report of an earlier try says that it ran: `now`, with the code and alias of then.
    pub fn of(now: &Function, recorded: &FunctionState) -> Self {
        let function = Function {
            image_uri: recorded.image.as_ref().map(ToString::to_string),
            resolved: recorded.image.clone(),
            code_sha256: recorded.code_sha256.clone(),
            revision_id: recorded.revision_id.clone(),
            ..now.clone()
        };
        let alias = recorded.alias.as_ref().and_then(|alias| {
            Some(Alias {
                name: alias.name.parse().ok()?,
                version: alias.version.clone(),
                weights: alias.weights.clone(),
                revision_id: None,
            })
        });
        Self { function, alias }
    }
}

/// What follows from what is wanted and what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It runs that code already, and so does all that its alias sends calls to.
    Unchanged,
    /// It gets the code, or a version or the alias lacks it.
    Update,
    /// An update is under way, perhaps ours of an earlier run: see how it ends, then decide.
    Await,
    /// It cannot be done, for these reasons.
    Blocked(Vec<Problem>),
}

/// Compares what is wanted with what was seen. Pure; all problems of all functions are found at once.
///
/// `live` says what callers are to reach.
pub fn plan(desired: &[Desired], observed: &[Observed], live: Live<'_>, place: &Place) -> Plan {
    let seen: BTreeMap<&LambdaName, &Observed> = observed.iter().map(|one| (&one.name, one)).collect();
    let mut wanted: BTreeMap<&LambdaName, u32> = BTreeMap::new();
    for one in desired {
        *wanted.entry(&one.function).or_default() += 1;
    }
    let steps = desired
        .iter()
        .map(|one| {
            let twice = wanted.get(&one.function).is_some_and(|count| *count > 1);
            step(one, seen.get(&one.function).copied(), twice, live, place)
        })
        .collect();
    Plan { steps }
}

fn step(desired: &Desired, observed: Option<&Observed>, twice: bool, live: Live<'_>, place: &Place) -> Step {
    let mut problems = Vec::new();
    let mut found = |error: Error| problems.push(Problem::of(&error));
    if twice {
        found(Error::Twice { function: desired.function.clone() });
    }
    if !place.any_registry
        && let Code::Image { image, .. } = &desired.code
        && let Some(error) = registry_problem(&desired.function, image, &place.region)
    {
        found(error);
    }
    let before = match observed.map(|observed| &observed.seen) {
        Some(Ok(function)) => {
            for error in function_problems(desired, function) {
                found(error);
            }
            Some(function.clone())
        }
        Some(Err(problem)) => {
            problems.push(problem.clone());
            None
        }
        None => {
            found(Error::Unobserved { function: desired.function.clone() });
            None
        }
    };
    let digest = desired.code.digest();
    let seen_alias = observed.and_then(|observed| observed.alias.clone());
    let is_reached = match (live.alias, &seen_alias) {
        // Whether there is a version of it shows where one is published again: that gives the same one.
        (None, _) => !live.publish,
        (Some(_), Some(seen)) => seen.alias.is_wholly(&seen.alias.version) && seen.runs == Some(digest),
        (Some(_), None) => false,
    };
    let action = match &before {
        _ if !problems.is_empty() => Action::Blocked(problems),
        Some(function) if function.runs(digest) && is_reached => Action::Unchanged,
        Some(function) if !function.is_settled() => Action::Await,
        Some(_) | None => Action::Update,
    };
    Step { desired: desired.clone(), before, alias: seen_alias, first: None, action }
}

/// What stands in the way on the function's side.
pub(crate) fn function_problems(desired: &Desired, function: &Function) -> Vec<Error> {
    let name = || desired.function.clone();
    let mut found = Vec::new();
    if function.package != desired.code.package() {
        let package = match &function.package {
            Package::Image => "an image".to_owned(),
            Package::Zip => "an archive".to_owned(),
            Package::Other(other) => other.clone(),
        };
        let wanted = match &desired.code {
            Code::Image { .. } => "an image",
            Code::Archive(_) => "an archive",
        };
        found.push(Error::PackageDiffers { function: name(), package, wanted });
    }
    // An archive does not say what it is for.
    if let Code::Image { platform, .. } = &desired.code {
        let needed = match platform {
            Platform::LinuxAmd64 => "x86_64",
            Platform::LinuxArm64 => "arm64",
        };
        if function.architectures != [needed] {
            let function_runs = function.architectures.join(", ");
            found.push(Error::Architecture { function: name(), function_runs, image_is_for: needed });
        }
    }
    let (code, said) = function.state_reason.clone().unwrap_or_else(|| ("unknown".to_owned(), String::new()));
    let state = match &function.state {
        State::Active | State::Inactive | State::Pending => None,
        State::Failed if is_about_the_image(&code) => None,
        State::Failed => Some("Failed".to_owned()),
        State::Other(other) => Some(other.clone()),
    };
    found.extend(state.map(|state| Error::State { function: name(), state, code, said }));
    found
}

/// Lambda takes images from ECR in its own region, and not from ECR's FIPS endpoints.
fn registry_problem(function: &LambdaName, image: &PinnedReference, region: &str) -> Option<Error> {
    let host = image.repository().host();
    let function = function.clone();
    match ecr_region(host) {
        None => Some(Error::Registry { function, host: host.to_owned() }),
        Some(image_region) if image_region == region => None,
        Some(image_region) => {
            Some(Error::Region { function, region: region.to_owned(), image_region: image_region.to_owned() })
        }
    }
}

/// The region in `<account>.dkr.ecr.<region>.amazonaws.com` (or the domain of another partition).
fn ecr_region(host: &str) -> Option<&str> {
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let (region, domain) = rest.split_once('.')?;
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (is_account && !region.is_empty() && !domain.is_empty()).then_some(region)
}

impl Plan {
    /// Everything that stands in the way.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.steps.iter().flat_map(|step| match &step.action {
            Action::Blocked(problems) => problems.as_slice(),
            Action::Unchanged | Action::Update | Action::Await => &[],
        })
    }

    /// Whether something stands in the way, so that nothing will be done.
    pub fn is_blocked(&self) -> bool {
        self.problems().next().is_some()
    }

    /// Whether every function runs its code already.
    pub fn is_done(&self) -> bool {
        self.steps.iter().all(|step| step.action == Action::Unchanged)
    }

    /// The same plan without the functions that something stands in the way of; their problems are given beside.
    pub fn ready(self) -> (Self, Vec<Problem>) {
        let problems = self.problems().cloned().collect();
        let is_ready = |step: &Step| !matches!(step.action, Action::Blocked(_));
        (Self { steps: self.steps.into_iter().filter(is_ready).collect() }, problems)
    }

    /// What runs now, in the form of a deployment report: the record to roll back by, written before the first change.
    pub fn record(&self) -> Vec<DeployedFunction> {
        self.steps.iter().map(|step| FunctionResult::bare(step, Outcome::NotAttempted).deployed()).collect()
    }
}

#[cfg(test)]
mod tests;
