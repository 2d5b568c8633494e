//! What jobs see of the environment that the run is in.

use std::collections::BTreeMap;
use std::path::Path;

use landfall_artifacts::Settings;
use landfall_cli::Opt;
use landfall_pipeline::{common_variables, quoted};
use landfall_runner::{Source, Surroundings};
use landfall_versioning::Git;

use crate::{Context, Shared, builder_environment, every_stage, ledger_store, passed, stage};

/// What every job sees besides what any program does: where AWS and who acts are, and no key.
const ALSO: [&str; 7] = [
    "AWS_ENDPOINT_URL*",
    "AWS_CONFIG_FILE",
    "CI_JOB_URL",
    "CI_PIPELINE_URL",
    "GITLAB_USER_LOGIN",
    "GITHUB_ACTOR",
    "NO_COLOR",
];

/// What stages read besides the variables of their options.
const OF_STAGES: [&str; 6] = [
    "CI_ENVIRONMENT_NAME",
    "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "CI_COMMIT_REF_PROTECTED",
];

/// What is around the jobs of a run in the repo of `folder`. Secrets among the variables are taught.
pub(super) fn surroundings(
    context: &Context,
    folder: &Path,
    tools: &Path,
    source: &Source,
    inputs: &BTreeMap<String, String>,
    pass: &[String],
) -> Surroundings {
    let general = passed::USUAL.iter().chain(&Git::PASSED).chain(&builder_environment::PASSED).chain(&ALSO);
    let mut allowed: Vec<String> = general.map(|name| (*name).to_owned()).collect();
    allowed.extend(context.settings.images.environment.iter().cloned());
    allowed.extend(pass.iter().cloned());
    for target in context.settings.notify.values() {
        let names =
            [Some(&target.url_variable), target.token_variable.as_ref(), target.signature_variable.as_ref()];
        allowed.extend(names.into_iter().flatten().map(|name| name.as_str().to_owned()));
    }
    // Of all variables, since a job's programs print whatever they see.
    let mut variables = passed::variables(context, &["*"], &[]);
    let path = variables.get("PATH").map_or("/usr/local/bin:/usr/bin:/bin", String::as_str);
    let path = format!("{}:{path}", tools.display());
    variables.insert("PATH".to_owned(), path);
    let mut all = inputs.clone();
    all.extend(of_commit(source));
    all.insert("LANDFALL_LEDGER".to_owned(), ledger(context, folder));
    let config = config(context.values().text("config"), folder);
    all.extend(config.map(|path| ("LANDFALL_CONFIG".to_owned(), path)));
    let common = common_variables(&context.settings);
    Surroundings { variables, allowed, of_stage, common, inputs: all }
}

/// The settings that the run is of, as its jobs find them: those below the repo are put into each job's folder, others stay where they are.
fn config(named: Option<String>, folder: &Path) -> Option<String> {
    let path = named.filter(|path| path != Settings::FILE_NAME)?;
    Some(if is_placed(&path) { path } else { folder.join(path).display().to_string() })
}

/// Whether a file of the repo is put into the folders of jobs by this name.
pub(super) fn is_placed(name: &str) -> bool {
    Path::new(name).is_relative() && !name.split('/').any(|step| step == "..")
}

/// What CI systems say of the commit.
fn of_commit(source: &Source) -> Vec<(String, String)> {
    let short: String = source.commit.chars().take(8).collect();
    let mut set = vec![("CI_COMMIT_SHA", source.commit.clone()), ("CI_COMMIT_SHORT_SHA", short)];
    if let Some(branch) = &source.branch {
        set.extend([("CI_COMMIT_BRANCH", branch.clone()), ("CI_COMMIT_REF_NAME", branch.clone())]);
    }
    set.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A ledger in a folder is that of the repo, and not of a job's checkout, which is removed.
fn ledger(context: &Context, folder: &Path) -> String {
    let of_file = context.settings.ledger.store.clone();
    let usual = || ledger_store::OPTIONS[0].default.unwrap_or_default().to_owned();
    let said =
        context.environment().get("LANDFALL_LEDGER").map(str::to_owned).or(of_file).unwrap_or_else(usual);
    if said.contains("://") { said } else { folder.join(said).to_string_lossy().into_owned() }
}

/// The variables that a stage declares.
fn of_stage(name: &str) -> Vec<String> {
    let own = stage(name).map(|entry| (entry.options)()).unwrap_or_default();
    let options: Vec<Opt> =
        own.into_iter().chain(every_stage::shared(Shared::Stage).iter().copied()).collect();
    let declared = options.iter().flat_map(|option| option.variables.iter().copied());
    declared.chain(OF_STAGES).map(str::to_owned).collect()
}

/// A folder for the jobs' path in which this program is called `landfall`, whatever it is called here. A script and no link: what looks
/// through the folder of a run finds no large program in it.
pub(super) fn put_program(folder: &Path, program: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(folder)?;
    let (path, program) = (folder.join("landfall"), quoted(&program.to_string_lossy()));
    std::fs::write(&path, format!("#!/bin/sh\nexec {program} \"$@\"\n"))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{config, is_placed};

    #[test]
    fn jobs_find_the_settings_that_the_run_is_of() {
        let seen = |named: &str| config(Some(named.to_owned()), Path::new("/repo"));
        assert_eq!(config(None, Path::new("/repo")), None);
        assert_eq!(seen("landfall.toml"), None, "jobs look for it by themselves");
        for (named, path, placed) in [
            ("ci/own.toml", "ci/own.toml", true),
            ("./landfall.toml", "./landfall.toml", true),
            ("../own.toml", "/repo/../own.toml", false),
            ("ci/../../own.toml", "/repo/ci/../../own.toml", false),
            ("/etc/own.toml", "/etc/own.toml", false),
        ] {
            assert_eq!((seen(named).as_deref(), is_placed(named)), (Some(path), placed), "{named}");
        }
    }
}
