//! `package-artifacts` as a command.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use landfall_artifacts::{ProjectJson, ServiceName};
use landfall_cli::{Opt, Values};
use landfall_run::Event;
use landfall_stages::package_artifacts::{Config, Configuration, Symlinks, is_output, release_of, run};
use landfall_stages::{Outcome, Refusal};

use crate::context::FUNCTIONS;
use crate::{Context, Effects};

/// The command.
#[derive(Debug)]
pub struct Command;

/// Where the archives and the manifest go, or are.
pub(crate) const OUT: &str = "dist/release";

/// The commit that was built.
pub(crate) const COMMIT: Opt =
    Opt::value("commit", "SHA", "the commit that was built, 40 or 64 hex digits; kept in the manifest")
        .env(&["CI_COMMIT_SHA", "GITHUB_SHA"]);

impl crate::Command for Command {
    const NAME: &'static str = "package-artifacts";
    const SUMMARY: &'static str = "Make an archive of every service, the same bytes from the same files";
    const EFFECTS: Effects = Effects::Files;

    fn options() -> Vec<Opt> {
        vec![
            FUNCTIONS,
            Opt::value(
                "built",
                "DIR",
                "a folder with one built folder a service; else functions/<folder>/dist of each project, else the folders of dist",
            )
            .env(&["LANDFALL_BUILT"]),
            Opt::list("service", "NAME=DIR", "a service and its built folder; may be given several times"),
            Opt::switch("skip-missing", "warn of projects that were not built (no folder dist) and leave them out"),
            Opt::value("out", "DIR", "where the archives and manifest.json go").default(OUT),
            COMMIT,
            Opt::value(
                "config-folder",
                "DIR",
                "a folder with one folder of configuration an environment: makes the archives those of --environment",
            ),
            Opt::value("config-at", "PATH", "where the configuration stands in each archive").default("config"),
            Opt::value("symlinks", "refuse|keep", "what a symbolic link in a built folder means").default("refuse"),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let release = context.target().release.clone();
            if release.is_none() {
                values.problem(
                    "LF-CONFIG-MISSING",
                    "release is missing: the version that the archives are of, such as v1.4.0",
                    Some("give it by --release, or the variable LANDFALL_RELEASE".to_owned()),
                );
            }
            let symlinks = match values.text("symlinks").as_deref() {
                Some("keep") => Symlinks::Keep,
                Some("refuse") | None => Symlinks::Refuse,
                Some(other) => {
                    let other = landfall_secret::escape(other, 40);
                    values.problem(
                        "LF-CONFIG",
                        &format!("--symlinks `{other}` is neither refuse nor keep"),
                        None,
                    );
                    Symlinks::Refuse
                }
            };
            let out = PathBuf::from(values.text("out").unwrap_or_default());
            let services = services(context, &out, &mut values);
            let configuration = configuration(context, &mut values);
            let commit = values.parsed("commit");
            values.finish().map_err(Refusal)?;
            let Some(release) = release else { return Err(Refusal(Vec::new())) };
            release_of(&release).map_err(Refusal::one)?;
            let config = Config { release, commit, services, out, configuration, symlinks };
            run(&config, context.output(), context.run()).await
        })
    }
}

/// The services by their names: those of `--service`, and the folders of `--built`; where neither is given, the usual places. The
/// folder that this stage writes to is none.
fn services(context: &Context, out: &Path, values: &mut Values<'_>) -> Vec<(ServiceName, PathBuf)> {
    let mut services = Vec::new();
    let named = values.list("service");
    for one in &named {
        if let Some((name, folder)) = one.split_once('=').filter(|(_, folder)| !folder.is_empty()) {
            add(name, PathBuf::from(folder), values, &mut services);
        } else {
            let shown = landfall_secret::escape(one, 100);
            values.problem("LF-CONFIG", &format!("--service `{shown}` is not NAME=DIR"), None);
        }
    }
    match values.text("built") {
        Some(built) => {
            for (name, folder) in below(Path::new(&built), values) {
                if !is_output(&folder, out) {
                    add(&name, folder, values, &mut services);
                }
            }
        }
        None if named.is_empty() => {
            let projects = folders(&context.places().functions);
            let (built, other): (Vec<_>, Vec<_>) =
                projects.into_iter().partition(|(_, folder)| folder.join("dist").is_dir());
            let built: Vec<(String, PathBuf)> = if built.is_empty() {
                folders(Path::new("dist"))
            } else {
                let is_project =
                    |(_, folder): &(String, PathBuf)| folder.join(ProjectJson::FILE_NAME).is_file();
                not_built(other.into_iter().filter(is_project), context, values);
                built.into_iter().map(|(name, folder)| (name, folder.join("dist"))).collect()
            };
            for (name, folder) in built.into_iter().filter(|(_, folder)| !is_output(folder, out)) {
                add(&name, folder, values, &mut services);
            }
        }
        None => {}
    }
    services
}

/// Projects that were not built while others were: forgotten, unless it is said that they are meant to be.
fn not_built(projects: impl Iterator<Item = (String, PathBuf)>, context: &Context, values: &mut Values<'_>) {
    let skip = values.is_on("skip-missing");
    for (_, folder) in projects {
        let shown = landfall_secret::escape(&folder.to_string_lossy(), 200);
        let what = format!("the project {shown} was not built: it has no folder dist");
        if skip {
            context.run().progress().event(Event::Warning(format!("{what}; it is left out")));
        } else {
            let help = "build it, or leave such projects out by --skip-missing".to_owned();
            values.problem("LF-PACKAGE-UNBUILT", &what, Some(help));
        }
    }
}

fn add(name: &str, folder: PathBuf, values: &mut Values<'_>, services: &mut Vec<(ServiceName, PathBuf)>) {
    match name.parse() {
        Ok(name) => services.push((name, folder)),
        Err(cause) => {
            let shown = landfall_secret::escape(&folder.to_string_lossy(), 200);
            values.problem(
                "LF-CONFIG",
                &format!("the folder {shown} names no service: {cause}"),
                Some("give it a name by --service NAME=DIR".to_owned()),
            );
        }
    }
}

/// The folders of a folder that was named, which must be there.
fn below(folder: &Path, values: &mut Values<'_>) -> Vec<(String, PathBuf)> {
    if let Err(cause) = std::fs::read_dir(folder) {
        let shown = landfall_secret::escape(&folder.to_string_lossy(), 200);
        values.problem(
            "LF-CONFIG",
            &format!("the folder --built {shown} cannot be read: {cause}"),
            Some("build first, and name the folder that holds one built folder a service".to_owned()),
        );
    }
    folders(folder)
}

/// The folders of a folder by their names, hidden ones left out; none where it is not there.
fn folders(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(String, PathBuf)> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    found.sort();
    found
}

fn configuration(context: &Context, values: &mut Values<'_>) -> Option<Configuration> {
    let folder = PathBuf::from(values.text("config-folder")?);
    let at = values.text("config-at").unwrap_or_default().trim_matches('/').to_owned();
    let Some(environment) = context.target().environment.clone() else {
        values.problem(
            "LF-CONFIG-MISSING",
            "the environment is missing: --config-folder has a folder for each",
            Some("give it by --environment, or the variable CI_ENVIRONMENT_NAME".to_owned()),
        );
        return None;
    };
    let folder = folder.join(environment.as_str());
    Some(Configuration { environment, folder, at })
}
