//! What functions are to run again, by a deployment's report or by the ledger.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{
    AliasName, Class, DeployOutcome, DeployReport, DeployedFunction, Digest, EnvironmentName, EventKind,
    FunctionState, LambdaName, LedgerEvent, LedgerItem, Problem, ReleaseId, Repository, Shard,
};
use landfall_lambda_deploy::AliasBefore;
use landfall_ledger::gate::Missing;
use landfall_ledger::life;

use crate::Refusal;
use crate::recorded::{self, Recorded, Told, told};

/// What is to be gone back to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Goals {
    /// The release whose deployment is rolled back, where it is known.
    pub from: Option<ReleaseId>,
    /// Function by function.
    pub functions: Vec<Goal>,
    /// How many functions the deployment did not change.
    pub left_alone: usize,
    /// What the reader should look at.
    pub warnings: Vec<String>,
}

/// What one function is to run again.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// The function.
    pub function: LambdaName,
    /// Its code; `None` where nobody knows it.
    pub code: Option<Recorded>,
    /// Where its alias pointed; `None` where no alias is to be put back.
    pub alias: Option<AliasBefore>,
    /// The part of the deployment that it belonged to.
    pub shard: Option<Shard>,
}

/// What ran before the deployment of a report.
///
/// # Errors
/// A report that names an alias which can be none.
pub(super) fn of_report(report: &DeployReport) -> Result<Goals, Refusal> {
    let mut goals = Goals { from: report.release.clone(), ..Goals::default() };
    // Images and archives of a release are deployed by two commands, each in parts perhaps.
    let part = |function: &DeployedFunction| {
        (function.shard, function.before.as_ref().is_some_and(|before| before.image.is_some()))
    };
    let finished: BTreeSet<(Option<Shard>, bool)> = report
        .functions
        .iter()
        .filter(|function| function.outcome != DeployOutcome::Planned)
        .map(part)
        .collect();
    for function in &report.functions {
        // A part of which nothing is known but what ran before was cut off: it may have changed any of its functions.
        let is_cut_off = !finished.contains(&part(function));
        let was_changed = match function.outcome {
            DeployOutcome::Updated
            | DeployOutcome::Failed
            | DeployOutcome::RolledBack
            | DeployOutcome::Unknown => true,
            // An earlier try of the same deployment may have changed it.
            DeployOutcome::Unchanged => differs(function),
            DeployOutcome::Planned => is_cut_off,
        };
        if !was_changed {
            goals.left_alone += 1;
            continue;
        }
        goals.functions.push(Goal {
            function: function.name.clone(),
            code: function.before.as_ref().and_then(Recorded::of),
            alias: alias_of(function, report.alias.as_ref().filter(|_| is_cut_off))?,
            shard: function.shard,
        });
    }
    Ok(goals)
}

fn differs(function: &DeployedFunction) -> bool {
    let (Some(before), Some(after)) = (&function.before, &function.after) else { return false };
    Recorded::of(before) != Recorded::of(after) || before.alias != after.alias
}

fn alias_of(
    function: &DeployedFunction,
    perhaps: Option<&AliasName>,
) -> Result<Option<AliasBefore>, Refusal> {
    let named = |name: &str| {
        name.parse::<AliasName>().map_err(|cause| {
            let what = format!("the report names an alias of {} that can be none: {cause}", function.name);
            Refusal::one(Problem::new("LF-ROLLBACK-ALIAS", Class::Input, what))
        })
    };
    let alias = |state: &Option<FunctionState>| state.as_ref().and_then(|state| state.alias.clone());
    Ok(match (alias(&function.before), alias(&function.after)) {
        (Some(before), _) => Some(AliasBefore::Pointed(named(&before.name)?, before)),
        (None, Some(made)) => Some(AliasBefore::Absent(named(&made.name)?)),
        (None, None) => perhaps.cloned().map(AliasBefore::Absent),
    })
}

/// What ran before the newest deployment of an environment: of each of its functions what was last confirmed before, by a release
/// that is not dead.
///
/// # Errors
/// Where the ledger knows of no deployment, and of each function that it does not know enough of.
pub(super) fn of_ledger(
    events: &[LedgerEvent],
    environment: &EnvironmentName,
    registry: Option<&Repository>,
) -> Result<Goals, Refusal> {
    let told = told(events, environment);
    let unrecorded = unrecorded(events, environment, &told);
    if !unrecorded.is_empty() {
        return before_intents(&unrecorded, &told, registry);
    }
    let is_deployment = |one: &&Told<'_>| one.event.kind == EventKind::Deployment;
    let Some(newest) = told.iter().rfind(is_deployment) else {
        // What nobody recorded was rolled back already.
        if !told.is_empty() {
            return Ok(Goals::default());
        }
        let what = format!("the ledger has no deployment to {environment}");
        return Err(Refusal::one(Problem::new("LF-ROLLBACK-NOTHING", Class::Refused, what).with_remedy(
            "give the ledger that update-version-dashboard recorded it in by --ledger, or the report by --deploy-report",
        )));
    };
    // A large deployment is recorded in several events.
    let release = &newest.event.release;
    let of_another =
        |one: &Told<'_>| one.event.kind == EventKind::Deployment && one.event.release != *release;
    let others = told.iter().rposition(of_another).map_or(0, |at| at + 1);
    let begin = told.iter().skip(others).position(|one| is_deployment(&one)).unwrap_or_default() + others;
    let (earlier, since) = told.split_at(begin);
    let dead = dead(events, earlier);
    let (mut functions, mut problems) = (BTreeMap::new(), Vec::new());
    for one in since.iter().filter(|one| one.event.kind == EventKind::Deployment) {
        if functions.contains_key(&one.function) {
            continue;
        }
        let Some((digest, item)) = living(one, earlier, &dead) else {
            let what = format!("the ledger does not know what {} ran before in {environment}", one.function);
            problems.push(Problem::new("LF-ROLLBACK-UNKNOWN", Class::Refused, what).with_remedy(
                "roll back by the report of the deployment (--deploy-report), or to a release that the ledger knows (--to)",
            ));
            continue;
        };
        match recorded::code(&one.function, item, digest, registry) {
            Ok(code) => {
                functions.insert(one.function.clone(), code);
            }
            Err(problem) => problems.push(problem),
        }
    }
    goals(release.clone(), functions, problems)
}

/// Releases that are dead, of those that are told of.
fn dead<'a>(events: &[LedgerEvent], told: &[Told<'a>]) -> BTreeSet<&'a ReleaseId> {
    let releases: BTreeSet<&ReleaseId> = told.iter().filter_map(|one| one.event.release.as_ref()).collect();
    releases.into_iter().filter(|release| life::death(events, release).is_some()).collect()
}

/// What a function is to run again after a deployment of it: what was last confirmed before by a release that lives; else what was
/// found there before the first that is told of, and is nothing that the dead brought.
fn living<'a>(
    deployed: &Told<'a>,
    earlier: &[Told<'a>],
    dead: &BTreeSet<&ReleaseId>,
) -> Option<(Digest, &'a LedgerItem)> {
    let mut passed = vec![deployed.item];
    for known in earlier.iter().rev().filter(|known| known.function == deployed.function) {
        let is_dead = known.event.release.as_ref().is_some_and(|release| dead.contains(release));
        if !is_dead {
            return Some((known.item.digest?, known.item));
        }
        passed.push(known.item);
    }
    let of_the_dead: BTreeSet<Digest> = passed.iter().skip(1).filter_map(|item| item.digest).collect();
    passed
        .into_iter()
        .filter_map(|item| Some((item.before?, item)))
        .find(|(before, _)| !of_the_dead.contains(before))
}

/// The first intent for each function of a deployment that nobody recorded: it was cut off, or came after the last record.
fn unrecorded<'a>(
    events: &'a [LedgerEvent],
    environment: &EnvironmentName,
    told: &[Told<'_>],
) -> BTreeMap<LambdaName, &'a LedgerEvent> {
    let recorded = told.last().map_or(0, |one| one.event.sequence);
    let mut first = BTreeMap::new();
    let is_meant = |event: &&LedgerEvent| {
        event.kind == EventKind::Intent
            && event.sequence > recorded
            && event.stage.as_deref() == Some("deploy-lambda")
            && event.action.as_deref() == Some("UpdateFunctionCode")
            && event.environment.as_ref() == Some(environment)
    };
    for event in events.iter().filter(is_meant) {
        if let Some(Ok(function)) = event.target.as_deref().map(str::parse::<LambdaName>) {
            first.entry(function).or_insert(event);
        }
    }
    first
}

/// What ran before those intents, as each says it.
fn before_intents(
    intents: &BTreeMap<LambdaName, &LedgerEvent>,
    told: &[Told<'_>],
    registry: Option<&Repository>,
) -> Result<Goals, Refusal> {
    let (mut functions, mut problems) = (BTreeMap::new(), Vec::new());
    for (function, intent) in intents {
        let Some(digest) = intent.items.first().and_then(|item| item.before) else {
            let what = format!("the ledger does not know what {function} ran before its last update");
            problems.push(Problem::new("LF-ROLLBACK-UNKNOWN", Class::Refused, what).with_remedy(
                "roll back by the report of the deployment (--deploy-report), or to a release that the ledger knows (--to)",
            ));
            continue;
        };
        // Where its image is kept an older record may say.
        let known = told.iter().rfind(|one| one.function == *function).map(|one| one.item.clone());
        let item = known.unwrap_or_else(|| LedgerItem::new(function.as_str()));
        match recorded::code(function, &item, digest, registry) {
            Ok(code) => {
                functions.insert(function.clone(), code);
            }
            Err(problem) => problems.push(problem),
        }
    }
    let release = intents.values().next_back().and_then(|event| event.release.clone());
    goals(release, functions, problems)
}

/// What a release ran in an environment.
///
/// # Errors
/// Where the ledger knows of no such deployment, and of each function that it does not know enough of.
pub(super) fn of_release(
    events: &[LedgerEvent],
    environment: &EnvironmentName,
    release: &ReleaseId,
    registry: Option<&Repository>,
) -> Result<Goals, Refusal> {
    let told = told(events, environment);
    let (mut functions, mut problems) = (BTreeMap::new(), Vec::new());
    for one in told.iter().rev().filter(|one| one.event.release.as_ref() == Some(release)) {
        let Some(digest) = one.item.digest.filter(|_| !functions.contains_key(&one.function)) else {
            continue;
        };
        match recorded::code(&one.function, one.item, digest, registry) {
            Ok(code) => {
                functions.insert(one.function.clone(), code);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if functions.is_empty() && problems.is_empty() {
        let known: BTreeSet<&str> =
            told.iter().filter_map(|one| one.event.release.as_ref()).map(ReleaseId::as_str).collect();
        let known: Vec<&str> = known.into_iter().collect();
        let what = format!("the ledger has no deployment of {release} to {environment}");
        let remedy = if known.is_empty() {
            "give the ledger that update-version-dashboard recorded it in by --ledger".to_owned()
        } else {
            format!("name one of {}", known.join(", "))
        };
        return Err(Refusal::one(
            Problem::new("LF-ROLLBACK-NOTHING", Class::Refused, what).with_remedy(remedy),
        ));
    }
    let from = told.iter().rfind(|one| one.event.kind == EventKind::Deployment);
    let mut goals = goals(from.and_then(|one| one.event.release.clone()), functions, problems)?;
    if let Some(death) = life::death(events, release) {
        goals.warnings.push(Missing::Dead(death).to_string());
    }
    Ok(goals)
}

/// What a way back by report brings of releases that are dead, for each of them how it died. The report does not know; what a release that
/// lives ran here too is nothing that the dead brought.
pub(super) fn of_the_dead(
    events: &[LedgerEvent],
    environment: Option<&EnvironmentName>,
    goals: &Goals,
) -> Vec<String> {
    let Some(environment) = environment else { return Vec::new() };
    let told = told(events, environment);
    let dead = dead(events, &told);
    let mut back: BTreeSet<&ReleaseId> = BTreeSet::new();
    for goal in &goals.functions {
        let digest = goal.code.as_ref().map(Recorded::digest);
        let ran = |one: &&Told<'_>| one.function == goal.function && one.item.digest == digest;
        let releases = || told.iter().filter(ran).filter_map(|one| one.event.release.as_ref());
        if digest.is_some() && releases().all(|release| dead.contains(release)) {
            back.extend(releases().next_back());
        }
    }
    let death = |release: &ReleaseId| life::death(events, release);
    let shown = |death| {
        format!(
            "{}; what it brought runs again: --from-ledger goes back to what ran before it",
            Missing::Dead(death)
        )
    };
    back.into_iter().filter_map(death).map(shown).collect()
}

fn goals(
    from: Option<ReleaseId>,
    functions: BTreeMap<LambdaName, Recorded>,
    problems: Vec<Problem>,
) -> Result<Goals, Refusal> {
    if !problems.is_empty() {
        return Err(Refusal(problems));
    }
    let goal = |(function, code)| Goal { function, code: Some(code), alias: None, shard: None };
    Ok(Goals { from, functions: functions.into_iter().map(goal).collect(), ..Goals::default() })
}

/// The newest record that says of a function in an environment that it ran this digest.
pub(super) fn known<'a>(
    events: &'a [LedgerEvent],
    environment: Option<&EnvironmentName>,
    function: &LambdaName,
    digest: Digest,
) -> Option<(&'a LedgerItem, &'a LedgerEvent)> {
    let told = told(events, environment?);
    let found = told.iter().rfind(|one| one.function == *function && one.item.digest == Some(digest))?;
    Some((found.item, found.event))
}

#[cfg(test)]
mod tests;
