//! `landfall.toml` as a layer of values.

use std::collections::BTreeMap;
use std::path::Path;

use landfall_artifacts::{Class, EnvironmentName, FileError, Problem, Settings};
use landfall_stages::{Refusal, Target};

/// What `landfall.toml` says, as far as values are concerned, and the target as its row describes it.
#[derive(Debug, Default)]
pub(crate) struct FileLayer {
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) target: Target,
    pub(crate) settings: Settings,
}

/// Reads `landfall.toml`, where it exists or was `named`, and picks the row of the environment.
///
/// # Errors
/// A file that breaks its format; an environment that is not among the rows, where there are rows.
pub(crate) fn read(
    path: &Path,
    named: bool,
    environment: Option<&EnvironmentName>,
) -> Result<FileLayer, Refusal> {
    let settings = match Settings::read(path, &[]) {
        Ok(settings) => settings,
        Err(FileError::Missing { .. }) if !named => Settings::default(),
        Err(error @ FileError::Missing { .. }) => {
            let remedy = "correct --config or LANDFALL_CONFIG; `landfall init` writes a landfall.toml in the root of a repo";
            return Err(Refusal::one(Problem::of(&error).with_remedy(remedy)));
        }
        Err(error) => return Err(error.into()),
    };
    let mut target = Target { environment: environment.cloned(), ..Target::default() };
    if let Some(name) = environment {
        let row = settings.environment(name).map_err(|_| unknown(name, path, &settings))?;
        target.function_name = row.and_then(|row| row.function_name.clone());
        target.region_key = settings.region_key(name);
    }
    Ok(FileLayer { values: settings.layer(environment), target, settings })
}

fn unknown(name: &EnvironmentName, path: &Path, settings: &Settings) -> Refusal {
    let known: Vec<&str> = settings.environments.keys().map(EnvironmentName::as_str).collect();
    Refusal::one(
        Problem::new(
            "LF-CONFIG-ENVIRONMENT",
            Class::Input,
            format!("environment {name} is not in {}", path.display()),
        )
        .with_remedy(format!("name one of {}, or add a table [environment.{name}]", known.join(", "))),
    )
}
