//! `ledger drift`: what AWS says that functions run, for comparison with the ledger.

use landfall_artifacts::{AliasName, EnvironmentName, LambdaName};
use landfall_lambda_deploy::{LambdaClient, Observed, observe};
use landfall_ledger::view::{Seen, Sight};
use landfall_run::{Event, Run};

/// How many functions are looked at side by side; Lambda's rate is kept by the client.
const LOOKS_AT_ONCE: usize = 50;

/// Looks at functions of an environment, or where an `alias` is named at what it leads to. Reads only.
///
/// What could not be read is told function by function; nothing here fails.
pub async fn look(
    client: &LambdaClient,
    environment: &EnvironmentName,
    functions: &[LambdaName],
    alias: Option<&AliasName>,
    run: &Run,
) -> Sight {
    let name = "look at the functions".into();
    run.progress().event(Event::Phase { name, items: Some(functions.len() as u64) });
    let observed = observe(client, functions, alias, LOOKS_AT_ONCE, run).await;
    observed.into_iter().map(|one| ((environment.clone(), one.name.to_string()), seen(&one, alias))).collect()
}

fn seen(observed: &Observed, alias: Option<&AliasName>) -> Seen {
    let function = match &observed.seen {
        Ok(function) => function,
        Err(problem) if problem.code == "LF-LAMBDA-MISSING" => return Seen::Absent,
        Err(problem) => return Seen::NotSeen(problem.told()),
    };
    if let Some(alias) = alias {
        return match observed.alias.as_ref().map(|seen| seen.runs) {
            Some(Some(digest)) => Seen::Runs(digest),
            Some(None) => Seen::NotSeen(format!("the version that {alias} leads to is not settled")),
            None => Seen::Other(format!("it has no alias {alias}")),
        };
    }
    // What an update brings is said to run before it does.
    if !function.is_settled() {
        return Seen::NotSeen("an update is under way".to_owned());
    }
    match function.digest() {
        Some(digest) => Seen::Runs(digest),
        None => Seen::Other("Lambda does not say its content".to_owned()),
    }
}
