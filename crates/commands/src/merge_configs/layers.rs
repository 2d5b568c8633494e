//! The names of overlays, from `landfall.toml` and flags.

use std::collections::BTreeSet;

use landfall_artifacts::Explain as _;
use landfall_cli::{Source, Values};
use landfall_config_merge::{Layer, LayerKind, Layers};
use landfall_run::Event;

use crate::Context;

/// All names, and which are laid in which order; nothing where that is a problem.
pub(super) fn layers(context: &Context, values: &mut Values<'_>) -> Option<Layers> {
    let environments = environments(context);
    let mut layers = Vec::new();
    let order = values.text("order").unwrap_or_default();
    for word in order.split([',', ' ']).filter(|word| !word.is_empty()) {
        let layer = match word {
            "environment" => environments.clone(),
            "platform" => platforms(context, values),
            "region" => regions(context, values, &environments.known),
            other => {
                let shown = landfall_secret::escape(other, 40);
                let what =
                    format!("--order has `{shown}`, which is neither environment, platform nor region");
                values.problem("LF-CONFIG", &what, None);
                continue;
            }
        };
        if layers.iter().any(|one: &Layer| one.kind == layer.kind) {
            values.problem("LF-CONFIG", &format!("--order has {word} twice"), None);
        } else {
            layers.push(layer);
        }
    }
    match Layers::new(layers) {
        Ok(layers) => Some(layers),
        Err(errors) => {
            for error in errors {
                values.problem(error.code(), &error.to_string(), error.remedy().map(Into::into));
            }
            None
        }
    }
}

/// Whether a name can stand between the dots of a file's name.
fn can_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['.', '/', '\\']) && !name.contains(char::is_whitespace)
}

/// The overlays of each environment: those that its row names, else its own name, where that can be one.
fn environments(context: &Context) -> Layer {
    let rows = &context.settings.environments;
    let of = |name: &str, overlays: &[String]| -> Vec<String> {
        if overlays.is_empty() {
            Some(name.to_owned()).filter(|name| can_name(name)).into_iter().collect()
        } else {
            overlays.to_vec()
        }
    };
    let known: BTreeSet<String> =
        rows.iter().flat_map(|(name, row)| of(name.as_str(), &row.overlays)).collect();
    let chosen = context.target().environment.as_ref().map(|name| {
        let row = rows.get(name);
        of(name.as_str(), row.map(|row| row.overlays.as_slice()).unwrap_or_default())
    });
    Layer { kind: LayerKind::Environment, known, chosen: chosen.unwrap_or_default() }
}

fn platforms(context: &Context, values: &mut Values<'_>) -> Layer {
    let known: BTreeSet<String> = context.settings.configs.platforms.iter().cloned().collect();
    let mut chosen = Vec::new();
    if let Some((name, source)) = values.sourced("platform") {
        let shown = landfall_secret::escape(&name, 60);
        if !known.is_empty() && !known.contains(&name) {
            let all: Vec<&str> = known.iter().map(String::as_str).collect();
            let what = format!("the platform `{shown}` is none of {}", all.join(", "));
            let help = "correct --platform or the variable PLATFORM, or add it to configs.platforms in landfall.toml";
            values.problem("LF-CONFIG", &what, Some(help.to_owned()));
        } else if can_name(&name) || source == Source::Flag {
            chosen.push(name);
        } else {
            // Pipelines set the variable for other things too.
            let text = format!("the variable PLATFORM `{shown}` can name no overlay and is passed over");
            context.run().progress().event(Event::Note(text));
        }
    }
    Layer { kind: LayerKind::Platform, known, chosen }
}

/// Regions are those that are named, and the region keys of environments. A key that only follows from an environment's name is
/// none where it is that very name.
fn regions(context: &Context, values: &mut Values<'_>, environments: &BTreeSet<String>) -> Layer {
    let settings = &context.settings;
    let mut known: BTreeSet<String> = settings.configs.regions.iter().cloned().collect();
    for (name, row) in &settings.environments {
        let key = settings.region_key(name).map(|key| key.to_string());
        known.extend(key.filter(|key| row.region_key.is_some() || !environments.contains(key)));
    }
    let named = values.text("region-key");
    if let Some(key) = named.as_ref().filter(|key| !known.is_empty() && !known.contains(*key)) {
        let all: Vec<&str> = known.iter().map(String::as_str).collect();
        let what = format!("the region `{}` is none of {}", landfall_secret::escape(key, 60), all.join(", "));
        let help = "correct --region-key, or add it to configs.regions in landfall.toml";
        values.problem("LF-CONFIG", &what, Some(help.to_owned()));
    }
    let chosen = named.or_else(|| {
        let target = context.target();
        let key = target.region_key.as_ref().map(ToString::to_string)?;
        let is_environment = environments.contains(&key)
            || target.environment.as_ref().is_some_and(|name| name.as_str() == key);
        (known.contains(&key) || !is_environment).then_some(key)
    });
    Layer { kind: LayerKind::Region, known, chosen: chosen.into_iter().collect() }
}
