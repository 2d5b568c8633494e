//! `changed-images` as a command.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_cli::{Opt, Values};
use landfall_stages::changed_images::{Config, Question, Wanted, run};
use landfall_stages::{Outcome, Refusal};
use landfall_versioning::{BuildContext, Excluded};

use crate::context::FUNCTIONS;
use crate::{Context, Effects};

/// The command.
#[derive(Debug)]
pub struct Command;

/// What git sees of the environment: nothing that holds a secret.
const PASSED: [&str; 6] =
    ["PATH", "HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];

/// What the images are compared with.
pub(crate) const SINCE: [Opt; 3] = [
    Opt::value(
        "base",
        "NAME",
        "the branch or commit to compare with; else the default branch, at origin or here",
    )
    .env(&["LANDFALL_BASE"]),
    Opt::value(
        "default-branch",
        "NAME",
        "what the default branch is called; else defaultBase of nx.json, else main",
    )
    .env(&["CI_DEFAULT_BRANCH"]),
    Opt::switch("all", "take all images, whether they changed or not"),
];

/// How images are found.
pub(crate) const FOUND: [Opt; 2] = [
    FUNCTIONS,
    Opt::value("nx-graph", "FILE", "what nx graph --file wrote: takes projects and dependencies from there"),
];

impl crate::Command for Command {
    const NAME: &'static str = "changed-images";
    const SUMMARY: &'static str = "List the images that changed since the branch left main, and why";
    const EFFECTS: Effects = Effects::Files;

    fn options() -> Vec<Opt> {
        [
            SINCE.to_vec(),
            FOUND.to_vec(),
            vec![
                Opt::value(
                    "context",
                    "found|folder|root",
                    "where Dockerfiles take files from: the image's folder, the repo's root, or whichever has them",
                )
                .default("found"),
                Opt::value("json", "FILE", "where the list goes, with causes").default("changed-images.json"),
                Opt::value("list", "FILE", "where the folders of the images go, one a line"),
            ],
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let path = |values: &Values<'_>, name: &str| values.text(name).map(PathBuf::from);
            let from = build_context(&mut values);
            let config = Config {
                question: question(context, &mut values, from),
                json: path(&values, "json").unwrap_or_default(),
                list: path(&values, "list"),
            };
            values.finish().map_err(Refusal)?;
            run(&config, context.output(), context.run())
        })
    }
}

/// What the options ask for; all images where the stage has nothing to compare with.
pub(crate) fn question(context: &Context, values: &mut Values<'_>, from: BuildContext) -> Question {
    let excluded = Excluded::new(context.settings.images.exclude.iter().map(String::as_str));
    for error in excluded.as_ref().err().into_iter().flatten() {
        values.problem("LF-CONFIG", &format!("images.exclude in landfall.toml: {error}"), None);
    }
    let wanted = if !context.is_declared("all") || values.is_on("all") {
        Wanted::All
    } else {
        values.text("base").map_or_else(|| Wanted::SinceDefault(values.text("default-branch")), Wanted::Since)
    };
    Question {
        root: PathBuf::from("."),
        functions: context.places().functions,
        wanted,
        context: from,
        excluded: excluded.unwrap_or_default(),
        nx_graph: values.text("nx-graph").map(PathBuf::from),
        variables: variables(context),
    }
}

fn build_context(values: &mut Values<'_>) -> BuildContext {
    match values.text("context").as_deref() {
        Some("folder") => BuildContext::Folder,
        Some("root") => BuildContext::Root,
        Some("found") | None => BuildContext::Found,
        Some(other) => {
            let other = landfall_secret::escape(other, 40);
            let what = format!("--context `{other}` is neither found nor folder nor root");
            values.problem("LF-CONFIG", &what, None);
            BuildContext::Found
        }
    }
}

fn variables(context: &Context) -> BTreeMap<String, String> {
    let value = |name: &str| Some((name.to_owned(), context.environment().get(name)?.to_owned()));
    PASSED.into_iter().filter_map(value).collect()
}
