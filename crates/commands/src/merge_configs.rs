//! `merge-configs` as a command.

mod layers;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use landfall_artifacts::{Class, Problem, read_bounded, strict_value};
use landfall_cli::{Opt, Source, Values};
use landfall_config_merge::{Append, Limits, NewKeys, Pins, Unread, VersionFolders};
use landfall_stages::merge_configs::{Config, OwnProgram, run};
use landfall_stages::{Outcome, Refusal};

use crate::{Context, Effects, passed};

/// The command.
#[derive(Debug)]
pub struct Command;

/// What a `merge_command` sees of the environment besides the usual. `configs.environment` of `landfall.toml` adds to it, and
/// `variables` of the environment's row.
const PASSED: [&str; 4] = ["CI_ENVIRONMENT_NAME", "PLATFORM", "AWS_REGION", "NATIVE_BUCKET"];

/// What the repo's own program is not told of.
const OF_OUR_MERGE: [&str; 7] =
    ["pin", "pins", "append", "new-keys", "version-folders", "order", "region-key"];

/// Most bytes of a file of pins.
const MOST_PINS: usize = 1024 * 1024;

impl crate::Command for Command {
    const NAME: &'static str = "merge-configs";
    const SUMMARY: &'static str =
        "Merge configuration files and their overlays to a folder for one environment";
    const EFFECTS: Effects = Effects::Files;

    fn options() -> Vec<Opt> {
        vec![
            Opt::positional("source", "SOURCE", "the folder of configuration files and their overlays")
                .default("configs"),
            Opt::positional("out", "OUT", "the folder that is made").default("merged-files"),
            Opt::value(
                "platform",
                "NAME",
                "the platform whose overlays are laid, one of configs.platforms where there are some",
            )
            .env(&["PLATFORM"]),
            Opt::value(
                "region-key",
                "KEY",
                "the region whose overlays are laid; else that of the environment",
            ),
            Opt::value("order", "KINDS", "which overlays are laid in which order, later ones winning")
                .env(&["LANDFALL_OVERLAY_ORDER"])
                .key("configs.order")
                .default("environment,platform,region"),
            Opt::list("pin", "COMPONENT=VERSION", "the version of a component; may be given several times"),
            Opt::value("pins", "FILE", "a JSON file of component to version; --pin stands above it")
                .env(&["LANDFALL_CONFIG_PINS"])
                .key("configs.pins"),
            Opt::value(
                "version-folders",
                "lift|keep",
                "whether files of a version stand in the component's folder, or keep the version's",
            )
            .key("configs.version_folders")
            .default("lift"),
            Opt::list(
                "append",
                "POINTER",
                "a list that overlays add to instead of replacing it, such as /features, /services/*/hosts or app.json#/features; \
                 may be given several times, besides those of configs.append",
            ),
            Opt::value("new-keys", "allow|refuse", "what keys of overlays mean that the base has not")
                .env(&["LANDFALL_NEW_KEYS"])
                .key("configs.new_keys")
                .default("allow"),
            Opt::value(
                "explain",
                "PATH",
                "tell which file set each value of a file of the output; nothing is written",
            ),
            Opt::switch("replace", "replace OUT although it holds what no earlier merge wrote"),
            Opt::value("merge-timeout", "DURATION", "how long merge_command of landfall.toml may take")
                .default("10m"),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            refuse_unused(context, &mut values);
            let layers = layers::layers(context, &mut values);
            let pins = pins(&mut values);
            let append = append(context, &mut values);
            let unread = Unread::new(context.settings.configs.unread.iter().map(String::as_str));
            if let Err(cause) = &unread {
                let help = Some("correct configs.unread in landfall.toml".to_owned());
                values.problem("LF-CONFIG", &format!("configs.unread has an odd pattern: {cause}"), help);
            }
            let new_keys = if one_of(&mut values, "new-keys", ["allow", "refuse"]) {
                NewKeys::Refuse
            } else {
                NewKeys::Allow
            };
            let version_folders = if one_of(&mut values, "version-folders", ["lift", "keep"]) {
                VersionFolders::Keep
            } else {
                VersionFolders::Lift
            };
            let timeout = values.duration("merge-timeout").unwrap_or(Duration::from_secs(600));
            let path = |name: &str| PathBuf::from(values.text(name).unwrap_or_default());
            let (source, out) = (path("source"), path("out"));
            let (explain, replace) = (values.text("explain"), values.is_on("replace"));
            values.finish().map_err(Refusal)?;
            let (Some(layers), Ok(unread)) = (layers, unread) else { return Err(Refusal(Vec::new())) };
            let config = Config {
                source,
                out,
                replace,
                layers,
                pins,
                version_folders,
                append,
                new_keys,
                unread,
                explain,
                limits: Limits::default(),
                program: program(context, timeout),
            };
            run(&config, context.output(), context.run()).await
        })
    }
}

/// Refuses what our merge takes and the repo's own program does not: it would be passed over in silence.
fn refuse_unused(context: &Context, values: &mut Values<'_>) {
    let settings = &context.settings.configs;
    if settings.merge_command.is_empty() {
        return;
    }
    let mut refuse = |said: String| {
        let what = format!("{said} does nothing where merge_command merges");
        let remedy = "leave it out, or take merge_command out of landfall.toml";
        values.problem("LF-CONFIG", &what, Some(remedy.to_owned()));
    };
    let given: Vec<String> = OF_OUR_MERGE
        .iter()
        .filter_map(|name| match context.values().sourced(name)?.1 {
            Source::Flag => Some(format!("--{name}")),
            Source::Variable(variable) => Some(format!("the variable {variable}")),
            Source::File(key) => Some(format!("{key} in landfall.toml")),
            Source::Default => None,
        })
        .collect();
    given.into_iter().for_each(&mut refuse);
    if !settings.append.is_empty() {
        refuse("configs.append in landfall.toml".to_owned());
    }
}

/// Whether the second of two words was given; another word is a problem.
fn one_of(values: &mut Values<'_>, name: &str, words: [&str; 2]) -> bool {
    let text = values.text(name).unwrap_or_default();
    if !words.contains(&text.as_str()) {
        let shown = landfall_secret::escape(&text, 40);
        let what = format!("--{name} `{shown}` is neither {} nor {}", words[0], words[1]);
        values.problem("LF-CONFIG", &what, None);
    }
    text == words[1]
}

/// The pinned versions: those of the file, and above them those of flags.
fn pins(values: &mut Values<'_>) -> Pins {
    let mut pins = Pins::new();
    if let Some(path) = values.text("pins") {
        match pins_of(Path::new(&path)) {
            Ok(of_file) => pins = of_file,
            Err(problem) => values.problem(&problem.code, &problem.told(), problem.remedy),
        }
    }
    for one in values.list("pin") {
        let parts =
            one.split_once('=').filter(|(component, version)| !component.is_empty() && !version.is_empty());
        if let Some((component, version)) = parts {
            pins.insert(component.trim_matches('/').to_owned(), version.to_owned());
        } else {
            let shown = landfall_secret::escape(&one, 100);
            values.problem("LF-CONFIG", &format!("--pin `{shown}` is not COMPONENT=VERSION"), None);
        }
    }
    pins
}

fn pins_of(path: &Path) -> Result<Pins, Problem> {
    let bytes = read_bounded(path, MOST_PINS).map_err(|error| Problem::of(&error))?;
    let name = path.to_string_lossy();
    let value = strict_value(&bytes, &name, landfall_artifacts::Limits::bytes(MOST_PINS))
        .map_err(|errors| Problem::of(&errors))?;
    let pins = value.as_object().and_then(|pins| {
        pins.iter()
            .map(|(component, version)| Some((component.clone(), version.as_str()?.to_owned())))
            .collect()
    });
    pins.ok_or_else(|| {
        let what = format!("{} is no object of component to version", landfall_secret::escape(&name, 200));
        Problem::new("LF-FILE-INVALID", Class::Input, what)
            .with_remedy("write it as {\"component\": \"1.2.0\"}")
    })
}

fn append(context: &Context, values: &mut Values<'_>) -> Vec<Append> {
    let of_file = context.settings.configs.append.iter().map(|text| (text.clone(), "configs.append"));
    let of_flags = values.list("append").into_iter().map(|text| (text, "--append"));
    let mut all = Vec::new();
    for (text, place) in of_file.chain(of_flags).collect::<Vec<_>>() {
        match text.parse() {
            Ok(append) => all.push(append),
            Err(cause) => {
                let shown = landfall_secret::escape(&text, 100);
                values.problem("LF-CONFIG", &format!("{place} `{shown}` names no list: {cause}"), None);
            }
        }
    }
    all
}

/// The repo's own program, where `landfall.toml` names one.
fn program(context: &Context, timeout: Duration) -> Option<OwnProgram> {
    let settings = &context.settings.configs;
    let words = settings.merge_command.clone();
    if words.is_empty() {
        return None;
    }
    let mut variables = passed::variables(context, &PASSED, &settings.environment);
    let row = context.target().environment.as_ref().and_then(|name| context.settings.environments.get(name));
    if let Some(row) = row {
        variables.extend(row.variables.clone());
    }
    Some(OwnProgram { words, variables, timeout })
}
