//! Looks at the functions of a plan: an update of one that is under way would be waited for.

use landfall_artifacts::{LambdaName, Mappings, Problem};
use landfall_lambda_deploy::{Error, LambdaClient, LastUpdate, State, observe};
use landfall_run::counted;

use super::{Brought, Look};
use crate::{Context, aws};

/// As many as the deployment itself looks at.
const AT_ONCE: usize = 20;

pub(super) async fn look(context: &Context) -> Brought {
    let places = context.places();
    if !places.mappings.exists() {
        return Ok(Look::Nothing("there is no mapping that names functions".to_owned()));
    }
    let mappings = Mappings::read(&places.mappings)?;
    let names: Vec<LambdaName> = mappings.tags.keys().cloned().collect();
    let aws = aws::config(context, &context.http()?).await?;
    let client = LambdaClient::new(&aws, context.run().share())?;
    let observed = observe(&client, &names, None, AT_ONCE, context.run()).await;
    // What cannot be read the stage itself has told.
    let busy = observed.iter().filter(|one| {
        one.seen.as_ref().is_ok_and(|function| {
            function.state == State::Pending || function.last_update == LastUpdate::InProgress
        })
    });
    let problems: Vec<Problem> =
        busy.map(|one| Problem::of(&Error::Busy { function: one.name.clone() })).collect();
    Ok(Look::Problems(
        format!("{}, {} of them in an update", counted(names.len(), "function"), problems.len()),
        problems,
    ))
}
