//! A dashboard of others, which is told what runs where.

use landfall_cli::{Opt, Values};
use landfall_secret::{Origin, Secret};
use landfall_stages::Refusal;
use landfall_stages::dashboard::Post;

use crate::Context;

/// The options that name it.
pub(crate) const OPTIONS: [Opt; 2] = [
    Opt::value(
        "post",
        "URL",
        "tell a dashboard that is there already, by a POST of JSON; that it fails is a warning",
    )
    .env(&["LANDFALL_DASHBOARD_POST"])
    .secret_address(),
    Opt::secret(
        "post-token",
        &["LANDFALL_DASHBOARD_POST_TOKEN"],
        "sent to that dashboard as `Authorization: Bearer`",
    ),
];

/// The dashboard that is to be told; `None` where none is named, or the values say as a problem that it is no address.
///
/// # Errors
/// No client can be made.
pub(crate) fn post(context: &Context, values: &mut Values<'_>) -> Result<Option<Post>, Refusal> {
    let Some(address) = values.text("post") else { return Ok(None) };
    if Origin::parse(&address).is_err() {
        values.problem("LF-CONFIG", "--post is no http(s) address without user and password", None);
        return Ok(None);
    }
    let (address, token) = (Secret::new(address), values.secret("post-token"));
    Ok(Some(Post { http: context.http()?, address, token }))
}
