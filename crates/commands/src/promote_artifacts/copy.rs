//! What a promotion by copying needs: two places of registries, and their logins.

use landfall_artifacts::Repository;
use landfall_cli::{Opt, Values};
use landfall_stages::Refusal;
use landfall_stages::promote_artifacts::Way;

use super::{Keys, same};
use crate::{Context, context, registries};

pub(super) const OPTIONS: [Opt; 2] = [
    Opt::value(
        "source",
        "HOST/PATH",
        "with copy: where images are, without the namespace; else the key's own host, or registries.docker_host and the key",
    ),
    Opt::value("target", "HOST/PATH", "with copy: where they are to be, likewise"),
];

/// Source and target, where they could be made of what was told; what is missing or odd is noted.
pub(super) fn places(
    context: &Context,
    keys: &Keys,
    values: &mut Values<'_>,
) -> (Option<Repository>, Option<Repository>) {
    let source = place(context, "source", keys.source, values);
    let target = place(context, "target", keys.target, values);
    if let (Some(source), Some(target)) = (&source, &target)
        && source == target
    {
        same(values, &source.to_string());
    }
    (source, target)
}

fn place(
    context: &Context,
    option: &'static str,
    key_option: &'static str,
    values: &mut Values<'_>,
) -> Option<Repository> {
    let namespace = values.text("namespace");
    let of_key = values.text(key_option).and_then(|key| {
        let registries = &context.settings.registries;
        match (registries.docker_hosts.get(&key), &registries.docker_host) {
            (Some(host), _) => Some(host.clone()),
            (None, Some(host)) => Some(format!("{host}/{key}")),
            (None, None) => None,
        }
    });
    let Some(base) = values.text(option).or(of_key) else {
        let what = format!("{option} is missing: HOST/PATH above the namespace of the images");
        let remedy = format!(
            "give it by --{option}; or by the repository key (--{key_option}) and registries.docker_host in landfall.toml"
        );
        values.problem("LF-CONFIG-MISSING", &what, Some(remedy));
        return None;
    };
    let parsed = context::below(&base, namespace.as_deref()).parse::<Repository>();
    if let Err(cause) = &parsed {
        let what = format!("the {option} of images cannot be used: {cause}");
        values.problem("LF-CONFIG", &what, None);
    }
    parsed.ok()
}

/// The way; `None` where something is missing.
///
/// # Errors
/// What the logins say.
pub(super) async fn way(
    context: &Context,
    places: (Option<Repository>, Option<Repository>),
) -> Result<Option<Way>, Refusal> {
    let (Some(source), Some(target)) = places else { return Ok(None) };
    let hosts = [source.host(), target.host()];
    let registries = registries::registries(context, &context.http()?, &hosts).await?;
    Ok(Some(Way::Copy { registries, source, target }))
}
