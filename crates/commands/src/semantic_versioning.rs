//! `semantic-versioning` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_cli::{Opt, Values};
use landfall_stages::semantic_versioning::{Config, run};
use landfall_stages::{Outcome, Refusal};
use landfall_versioning::{Bump, Forced, Request};

use crate::changed_images::FOUND;
use crate::context::VERSIONS;
use crate::{Context, Effects, git};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "semantic-versioning";
    const SUMMARY: &'static str =
        "Give every project that changed its next version: commit, tags, push, versions.json";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        [
            FOUND.to_vec(),
            vec![
                VERSIONS,
                Opt::value("tag-format", "TEXT", "how tags name versions, with {version}, and {project} unless the whole repo has one version")
                    .env(&["LANDFALL_TAG_FORMAT"])
                    .key("versioning.tag_format")
                    .default("{project}-{version}"),
                Opt::value("types", "TYPE=BUMP,...", "what types of commits move, such as docs=patch; `breaking` and `unparsed` are types too")
                    .env(&["LANDFALL_COMMIT_TYPES"])
                    .key("versioning.types"),
                Opt::value("first-version", "VERSION", "the first version of a project that has none in its files")
                    .key("versioning.first_version")
                    .default("0.1.0"),
                Opt::value("preid", "NAME", "make pre-releases of this series, such as rc").env(&["LANDFALL_PREID"]),
                Opt::list("bump", "[PROJECT=]BUMP", "major, minor, patch or none, whatever the commits say; of one project or of all; may be given several times"),
                Opt::switch("changed-only", "write only what got a new version to versions.json")
                    .env(&["LANDFALL_CHANGED_ONLY"]),
                Opt::value("explain", "PROJECT", "say by which commits, files and ways a project gets its version, and do nothing"),
            ],
            git::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let places = context.places();
            let request = request(&mut values);
            let config = Config {
                folder: PathBuf::from("."),
                functions: places.functions.to_string_lossy().into_owned(),
                nx_graph: values.text("nx-graph").map(PathBuf::from),
                versions: places.versions,
                wishes: git::wishes(context, &values, true),
                request,
                committer: git::committer(&values),
                changed_only: values.is_on("changed-only"),
                explain: values.text("explain"),
                attempts: git::attempts(&mut values),
            };
            let deps = git::deps(&values, context.environment());
            values.finish().map_err(Refusal)?;
            run(&config, &deps, context.output(), context.run()).await
        })
    }
}

/// How versions are counted.
fn request(values: &mut Values<'_>) -> Request {
    let usual = Request::default();
    Request {
        rules: values.parsed("types").unwrap_or_default(),
        format: values.parsed("tag-format").unwrap_or_default(),
        preid: values.parsed("preid"),
        forced: forced(values),
        first: values.parsed("first-version").unwrap_or(usual.first),
    }
}

/// The bumps that are forced.
fn forced(values: &mut Values<'_>) -> Forced {
    let mut forced = Forced::default();
    for text in values.list("bump") {
        let (project, bump) = match text.rsplit_once('=') {
            Some((project, bump)) => (Some(project), bump),
            None => (None, text.as_str()),
        };
        let bump = bump.parse::<Bump>().map_err(|error| error.to_string());
        let project = project
            .map(|name| name.parse().map_err(|error: landfall_artifacts::NameError| error.to_string()));
        match (project.transpose(), bump) {
            (Ok(Some(project)), Ok(bump)) => {
                forced.projects.insert(project, bump);
            }
            (Ok(None), Ok(bump)) => forced.all = Some(bump),
            (Err(why), _) | (_, Err(why)) => {
                values.problem("LF-CONFIG", &format!("--bump cannot be used: {why}"), None);
            }
        }
    }
    forced
}
