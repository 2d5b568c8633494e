//! What runs now, of many functions.

use futures_util::{StreamExt as _, stream};
use landfall_artifacts::{LambdaName, Problem};
use landfall_aws::Nature;
use landfall_run::Run;

use crate::client::Calls;
use crate::{Function, LambdaClient};

/// A function as it was seen, or why it was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The function.
    pub name: LambdaName,
    /// What was seen; a function that is not there is a problem.
    pub seen: Result<Function, Problem>,
}

/// Reads functions, `concurrency` at a time (at least 1), in their order. Changes nothing.
pub async fn observe(
    client: &LambdaClient,
    functions: &[LambdaName],
    concurrency: usize,
    run: &Run,
) -> Vec<Observed> {
    let reading = functions.iter().map(|name| async move {
        let seen = client.get(name, Nature::Read, &Calls::default(), run).await;
        Observed { name: name.clone(), seen: seen.map_err(|error| Problem::of(&error)) }
    });
    // Collected first: a stream that still holds the closure would keep the caller's future from being `Send`.
    let reading: Vec<_> = reading.collect();
    stream::iter(reading).buffered(concurrency.max(1)).collect().await
}
