//! What runs now, of many functions.

use futures_util::{StreamExt as _, stream};
use landfall_artifacts::{AliasName, Digest, LambdaName, Problem};
use landfall_aws::Nature;
use landfall_run::Run;

use crate::client::{Calls, On};
use crate::{Alias, Error, Function, LambdaClient};

/// A function as it was seen, or why it was not.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The function.
    pub name: LambdaName,
    /// What was seen; a function that is not there is a problem.
    pub seen: Result<Function, Problem>,
    /// Its alias, where one was asked for and is there.
    pub alias: Option<AliasSeen>,
}

/// An alias and what it leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct AliasSeen {
    /// The alias.
    pub alias: Alias,
    /// The digest of what its version runs, settled and well; `None` where the version is not so.
    pub runs: Option<Digest>,
}

/// Reads functions, `concurrency` at a time (at least 1), in their order: one GetFunction each, and where an alias is asked for
/// GetAlias and GetFunction of its version. Changes nothing.
pub async fn observe(
    client: &LambdaClient,
    functions: &[LambdaName],
    alias: Option<&AliasName>,
    concurrency: usize,
    run: &Run,
) -> Vec<Observed> {
    let reading = functions.iter().map(|name| async move {
        let calls = Calls::default();
        let on = On { function: name, calls: &calls, run };
        let seen = async {
            let function = client.get(on, None, Nature::Read).await?;
            let alias = match alias {
                Some(alias) => look_at_alias(client, on, alias).await?,
                None => None,
            };
            Ok((function, alias))
        };
        match seen.await {
            Ok((function, alias)) => Observed { name: name.clone(), seen: Ok(function), alias },
            Err(error) => {
                let error: Error = error;
                Observed { name: name.clone(), seen: Err(Problem::of(&error)), alias: None }
            }
        }
    });
    // Collected first: a stream that still holds the closure would keep the caller's future from being `Send`.
    let reading: Vec<_> = reading.collect();
    stream::iter(reading).buffered(concurrency.max(1)).collect().await
}

/// Reads an alias and what it leads to.
pub(crate) async fn look_at_alias(
    client: &LambdaClient,
    on: On<'_>,
    name: &AliasName,
) -> Result<Option<AliasSeen>, Error> {
    let unread = |failure| Error::AliasUnread {
        function: on.function.clone(),
        alias: name.clone(),
        failure: Box::new(failure),
    };
    let Some(alias) = client.alias(on, name, Nature::Read).await.map_err(unread)? else { return Ok(None) };
    let version = match client.get(on, Some(&alias.version), Nature::Read).await {
        Ok(version) => Some(version),
        // Its version was deleted: then the alias leads nowhere.
        Err(Error::Missing { .. }) => None,
        Err(error) => return Err(error),
    };
    let runs = version.and_then(|version| version.digest().filter(|digest| version.runs(*digest)));
    Ok(Some(AliasSeen { alias, runs }))
}
