//! All functions of an account in a region.

use std::collections::BTreeSet;

use aws_sdk_lambda::types::FunctionVersion;
use landfall_artifacts::{Digest, LambdaName};
use landfall_aws::{Nature, call};
use landfall_run::Run;

use crate::function::{Function, Package};
use crate::{Error, LambdaClient};

/// A version of a function as a listing has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFunction {
    /// The function's name, escaped.
    pub name: String,
    /// `$LATEST`, or the number of a published version.
    pub version: String,
    /// Whether it is made from an image.
    pub is_image: bool,
    /// The digest of the image or archive that the version runs; `None` where the listing does not tell it.
    pub digest: Option<Digest>,
}

impl ListedFunction {
    /// Whether it is what runs where no version is named.
    pub fn is_latest(&self) -> bool {
        self.version == LATEST
    }
}

/// The version that is not published.
const LATEST: &str = "$LATEST";

/// Lists the functions of the account in the client's region with their published versions, page by page (50 versions each).
///
/// Source: AWS Lambda API 2015-03-31, ListFunctions; the hash of a function's code is the digest of its image.
///
/// # Errors
/// [`Error::Unlisted`]; [`Error::Endless`] where a page leads to one that was there before.
pub async fn list_functions(client: &LambdaClient, run: &Run) -> Result<Vec<ListedFunction>, Error> {
    let region = || client.place().region.clone();
    let mut listed = Vec::new();
    let mut seen = BTreeSet::new();
    let mut marker: Option<String> = None;
    loop {
        let request = || {
            let list = client.sdk.list_functions().function_version(FunctionVersion::All);
            list.set_marker(marker.clone()).send()
        };
        let page = call(run, client.other("ListFunctions", Nature::Read), request)
            .await
            .map_err(|failure| Error::Unlisted { region: region(), failure: Box::new(failure) })?;
        for configuration in page.functions() {
            let Some(name) = configuration.function_name() else { continue };
            let function = Function::configured(configuration);
            listed.push(ListedFunction {
                name: landfall_secret::escape(name, 200),
                version: function.version.clone().unwrap_or_else(|| LATEST.to_owned()),
                is_image: function.package == Package::Image,
                digest: function.digest(),
            });
        }
        let Some(next) = page.next_marker().filter(|next| !next.is_empty()) else { return Ok(listed) };
        if !seen.insert(next.to_owned()) {
            return Err(Error::Endless { region: region() });
        }
        marker = Some(next.to_owned());
    }
}

/// The versions that a function's aliases lead to, each with the alias's name, escaped; a version that only gets a share of the calls too.
/// None for a function that is not there.
///
/// Source: AWS Lambda API 2015-03-31, ListAliases.
///
/// # Errors
/// [`Error::Unread`]; [`Error::Endless`].
pub async fn aliased_versions(
    client: &LambdaClient,
    function: &LambdaName,
    run: &Run,
) -> Result<Vec<(String, String)>, Error> {
    let text = |text: &str| landfall_secret::escape(text, 200);
    let mut led_to = Vec::new();
    let mut seen = BTreeSet::new();
    let mut marker: Option<String> = None;
    loop {
        let request = || {
            let list = client.sdk.list_aliases().function_name(function.as_str());
            list.set_marker(marker.clone()).send()
        };
        let page = match call(run, client.other("ListAliases", Nature::Read), request).await {
            Ok(page) => page,
            Err(failure) if failure.is_code("ResourceNotFoundException") => return Ok(led_to),
            Err(failure) => {
                return Err(Error::Unread { function: function.clone(), failure: Box::new(failure) });
            }
        };
        for alias in page.aliases() {
            let weights = alias.routing_config().and_then(|routing| routing.additional_version_weights());
            let further = weights.into_iter().flatten().map(|(version, _)| version.as_str());
            for version in alias.function_version().into_iter().chain(further) {
                led_to.push((text(alias.name().unwrap_or_default()), text(version)));
            }
        }
        let Some(next) = page.next_marker().filter(|next| !next.is_empty()) else { return Ok(led_to) };
        if !seen.insert(next.to_owned()) {
            return Err(Error::Endless { region: client.place().region.clone() });
        }
        marker = Some(next.to_owned());
    }
}
