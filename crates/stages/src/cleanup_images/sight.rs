//! Whether it is known what runs: by the ledger in every environment, and by Lambda in this account and region.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use landfall_artifacts::{Class, Digest, LambdaName, LedgerEvent, Problem};
use landfall_lambda_deploy::{LambdaClient, ListedFunction, aliased_versions, list_functions, observe};
use landfall_run::{Event, Run};

use super::{Config, held};
use crate::Refusal;
use crate::recorded::told;

/// How many functions are looked at side by side.
const LOOKS_AT_ONCE: usize = 50;
/// How many functions are named that were not seen.
const MOST_NAMES: usize = 20;

/// Finds out whether the ledger knows deployments to every environment; warnings of those that a person says have none.
///
/// # Errors
/// `LF-CLEANUP-BLIND` for every environment that the ledger knows no deployment to, and where it knows none at all.
pub(super) fn recorded(config: &Config, events: &[LedgerEvent]) -> Result<Vec<String>, Refusal> {
    let blind = |what: String, remedy: String| {
        Problem::new("LF-CLEANUP-BLIND", Class::Refused, what).with_remedy(remedy)
    };
    let ledger = "give the ledger that update-version-dashboard records deployments in by --ledger";
    if held::functions(events).is_empty() {
        let what = "the ledger knows no deployment: nobody can say what runs".to_owned();
        return Err(Refusal::one(blind(what, ledger.to_owned())));
    }
    let (mut warnings, mut problems) = (Vec::new(), Vec::new());
    for environment in config.environments.iter().filter(|name| told(events, name).is_empty()) {
        if config.never_deployed.contains(environment) {
            warnings.push(format!(
                "what runs in {environment} is not looked for: --never-deployed says that nothing was deployed there"
            ));
        } else {
            let what =
                format!("the ledger knows no deployment to {environment}: nobody can say what runs there");
            let remedy = format!(
                "{ledger}; where nothing was ever deployed there, say so by --never-deployed {environment}"
            );
            problems.push(blind(what, remedy));
        }
    }
    if problems.is_empty() { Ok(warnings) } else { Err(Refusal(problems)) }
}

/// Adds what all functions of the account run right now, by `$LATEST` or by an alias, also those that the ledger does not know; warnings
/// of functions that it knows and that are not there.
///
/// # Errors
/// `LF-CLEANUP-UNSEEN` where none of the ledger's functions is there; functions that cannot be listed or looked at.
pub(super) async fn running(
    lambda: &LambdaClient,
    known: BTreeSet<LambdaName>,
    held: &mut BTreeMap<Digest, String>,
    run: &Run,
) -> Result<Vec<String>, Refusal> {
    run.progress().event(Event::Phase { name: "list the functions".into(), items: None });
    let listed = list_functions(lambda, run).await?;
    for function in listed.iter().filter(|function| function.is_latest()) {
        if let Some(digest) = function.digest {
            held.insert(digest, format!("runs now ({})", function.name));
        }
    }
    by_alias(lambda, &listed, held, run).await?;
    let there: BTreeSet<&str> = listed.iter().map(|function| function.name.as_str()).collect();
    let (known, mut unseen): (Vec<_>, Vec<_>) =
        known.into_iter().partition(|name| there.contains(name.as_str()));
    if known.is_empty() {
        return Err(Refusal::one(nothing_seen(lambda, unseen.len())));
    }
    // One that is being updated runs something else than the list says.
    let untold = listed
        .iter()
        .filter(|function| function.is_latest() && function.is_image && function.digest.is_none());
    let looks: BTreeSet<LambdaName> =
        known.into_iter().chain(untold.filter_map(|function| function.name.parse().ok())).collect();
    let looks: Vec<LambdaName> = looks.into_iter().collect();
    let name = "look at the functions".into();
    run.progress().event(Event::Phase { name, items: Some(looks.len() as u64) });
    let mut problems = Vec::new();
    for observed in observe(lambda, &looks, None, LOOKS_AT_ONCE, run).await {
        match observed.seen {
            Ok(function) => {
                if let Some(digest) = function.digest() {
                    held.insert(digest, format!("runs now ({})", observed.name));
                }
            }
            // It was there a moment ago.
            Err(problem) if problem.code == "LF-LAMBDA-MISSING" => unseen.push(observed.name),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(Refusal(problems));
    }
    Ok(unseen_warning(lambda, &unseen).into_iter().collect())
}

/// Adds what aliases lead to: a published version may run what `$LATEST` runs no longer. Versions that no alias leads to are only history.
async fn by_alias(
    lambda: &LambdaClient,
    listed: &[ListedFunction],
    held: &mut BTreeMap<Digest, String>,
    run: &Run,
) -> Result<(), Refusal> {
    let is_free = |function: &&ListedFunction| {
        function.is_image && function.digest.is_none_or(|digest| !held.contains_key(&digest))
    };
    let published: BTreeSet<LambdaName> = listed
        .iter()
        .filter(|function| !function.is_latest())
        .filter(is_free)
        .filter_map(|function| function.name.parse().ok())
        .collect();
    let looks = published.iter().map(|name| async move { (name, aliased_versions(lambda, name, run).await) });
    let looks: Vec<_> = looks.collect();
    let found: Vec<_> = futures_util::stream::iter(looks).buffered(LOOKS_AT_ONCE).collect().await;
    let mut problems = Vec::new();
    for (name, led_to) in found {
        match led_to {
            Ok(led_to) => {
                for (alias, version) in led_to {
                    let is_it = |one: &&ListedFunction| one.name == name.as_str() && one.version == version;
                    if let Some(digest) = listed.iter().find(is_it).and_then(|one| one.digest) {
                        held.entry(digest).or_insert_with(|| format!("runs now ({name}, alias {alias})"));
                    }
                }
            }
            Err(error) => problems.push(Problem::of(&error)),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Refusal(problems)) }
}

fn nothing_seen(lambda: &LambdaClient, count: usize) -> Problem {
    let what = format!(
        "of {count} functions that the ledger knows none is in {}: this is not where they run",
        lambda.place().region
    );
    Problem::new("LF-CLEANUP-UNSEEN", Class::Refused, what).with_remedy(
        "correct AWS_REGION or the account; where the functions are elsewhere, --skip-verify goes by the ledger alone",
    )
}

fn unseen_warning(lambda: &LambdaClient, unseen: &[LambdaName]) -> Option<String> {
    if unseen.is_empty() {
        return None;
    }
    let mut names: Vec<&str> = unseen.iter().take(MOST_NAMES).map(LambdaName::as_str).collect();
    if unseen.len() > MOST_NAMES {
        names.push("...");
    }
    Some(format!(
        "{} functions that the ledger knows are not in {}, and what they run is known by the ledger alone: {}",
        unseen.len(),
        lambda.place().region,
        names.join(", ")
    ))
}
