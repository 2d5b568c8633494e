//! What is known before a stage's own configuration is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use landfall_artifacts::{
    AccountId, Class, DotEnv, EnvironmentName, FileError, Problem, ReleaseId, Settings,
};
use landfall_cli::{Environment, Kind, Layers, LogFormat, Opt, Source, Values};
use landfall_ledger::Place;
use landfall_run::Share;
use landfall_secret::{Redactor, Secret};
use landfall_stages::{Output, Refusal, Target};

use crate::{Effects, Shared, ledger_store, logins, notify, settings};

/// What is known before a stage's own configuration is read.
pub(crate) struct Prepared {
    pub(crate) options: Vec<Opt>,
    pub(crate) layers: Layers,
    pub(crate) target: Target,
    pub(crate) settings: Settings,
    pub(crate) output: Output,
    pub(crate) quiet: bool,
    pub(crate) deadline: Option<Duration>,
    pub(crate) share: Share,
    pub(crate) ledger: Place,
    pub(crate) effects: Effects,
    pub(crate) ending: Ending,
}

/// Code of the problem that a report cannot be written where it was wanted.
const REPORT_PLACE: &str = "LF-REPORT-PLACE";

/// How a stage's end is told.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) report: Option<PathBuf>,
    pub(crate) json: bool,
    pub(crate) log_format: LogFormat,
}

impl Ending {
    /// The same, without a report where that is what the problem is.
    pub(crate) fn after(&self, refusal: &Refusal) -> Self {
        let Refusal(problems) = refusal;
        let nowhere = problems.iter().any(|problem| problem.code == REPORT_PLACE);
        Self { report: self.report.clone().filter(|_| !nowhere), ..self.clone() }
    }

    /// As far as the flags alone say it, for problems that are found before all else is known.
    pub(crate) fn of_flags(flags: &BTreeMap<&'static str, String>) -> Self {
        Self {
            report: flags.get("report").filter(|path| !path.is_empty()).map(PathBuf::from),
            json: flags.get("output").is_some_and(|value| value == "json"),
            log_format: flags
                .get("log-format")
                .and_then(|value| value.parse().ok())
                .unwrap_or(LogFormat::Text),
        }
    }
}

/// Reads `.env` and `landfall.toml` and the options that every stage has.
///
/// # Errors
/// Everything that is odd about them.
pub(crate) fn prepare(
    options: Vec<Opt>,
    flags: BTreeMap<&'static str, String>,
    environment: Environment,
    redactor: &Redactor,
    effects: fn(&Values<'_>) -> Effects,
    shared: Shared,
) -> Result<Prepared, Refusal> {
    // What `.env` says is about AWS, so a stage that has nothing to do with AWS must not fail over it.
    let speaks_to_aws = options.iter().any(|option| option.name == "region");
    let environment = if speaks_to_aws { with_dot_env(environment)? } else { environment };
    let mut layers = Layers { flags, environment, file: BTreeMap::new() };
    let mut early = Values::new(&options, &layers);
    let is_stage = shared == Shared::Stage;
    // Of a view that only reads the ledger, an environment is one that the ledger knows.
    let name: Option<EnvironmentName> = match shared {
        Shared::View | Shared::Local => None,
        Shared::Stage | Shared::Look => early.parsed("environment"),
    };
    let declares = |name: &str| options.iter().any(|option| option.name == name);
    let (config, named) = match early.sourced("config") {
        Some((path, source)) => (path, source != Source::Default),
        None => (String::from("landfall.toml"), false),
    };
    early.finish().map_err(Refusal)?;
    let file = settings::read(Path::new(&config), named, name.as_ref())?;
    layers.file = file.values;
    learn_secrets(&options, &layers, redactor);
    notify::teach(&file.settings, &layers.environment, redactor);

    let mut target = file.target;
    let mut values = Values::new(&options, &layers);
    let effects = effects(&values);
    if effects == Effects::Exclusive && target.environment.is_none() && !file.settings.environments.is_empty()
    {
        let known: Vec<&str> = file.settings.environments.keys().map(EnvironmentName::as_str).collect();
        let known = landfall_secret::escape(&known.join(", "), 300);
        values.problem(
            "LF-CONFIG-MISSING",
            "the environment is missing: without it no gate, no freeze and no lock would be asked",
            Some(format!("give one of {known} by --environment or CI_ENVIRONMENT_NAME")),
        );
    }
    target.release = if is_stage { values.parsed::<ReleaseId>("release") } else { None };
    let log_format = values.parsed("log-format").unwrap_or(LogFormat::Text);
    let json = output_is_json(&mut values);
    let foretell = if declares("foretell") { values.text("foretell").map(PathBuf::from) } else { None };
    let dry_run = declares("dry-run") && values.is_on("dry-run");
    if foretell.is_some() && !dry_run {
        values.problem("LF-CONFIG", "--foretell goes with --dry-run", Some("add --dry-run".to_owned()));
    }
    let deadline = if declares("deadline") { values.duration("deadline") } else { None };
    let share = if declares("rate-share") { values.parsed("rate-share") } else { None };
    let ledger = if shared == Shared::Local {
        // It reads none and records nothing.
        Place::Folder(PathBuf::new())
    } else {
        values.parsed::<AccountId>("ledger-account");
        ledger_store::place(&mut values)
    };
    let report = values.text("report").map(PathBuf::from);
    if let Some(why) = report.as_deref().and_then(unwritable) {
        values.problem(
            REPORT_PLACE,
            &why,
            Some("name a file in a folder that can be written by --report".to_owned()),
        );
    }
    let quiet = declares("quiet") && values.is_on("quiet");
    values.finish().map_err(Refusal)?;
    Ok(Prepared {
        target,
        settings: file.settings,
        output: if dry_run { Output::DryRun { foretell } } else { Output::Real },
        quiet,
        deadline,
        share: share.unwrap_or_default(),
        ledger,
        effects,
        ending: Ending { report, json, log_format },
        options,
        layers,
    })
}

/// The variables, and what `.env` adds to them: region, account and profile, where they are not set.
fn with_dot_env(environment: Environment) -> Result<Environment, Refusal> {
    let file = match DotEnv::read(Path::new(DotEnv::FILE_NAME)) {
        Ok(file) => file,
        Err(FileError::Missing { .. } | FileError::Empty { .. } | FileError::NotRegular { .. }) => {
            return Ok(environment);
        }
        Err(error) => return Err(error.into()),
    };
    let defaults = [
        ("AWS_REGION", file.region.map(|region| region.to_string())),
        ("AWS_ACCOUNT_ID", file.account.map(|account| account.to_string())),
        ("AWS_PROFILE", file.profile),
    ];
    Ok(environment
        .with_defaults(defaults.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)))))
}

/// Secrets, and passwords that stand in addresses where they should not: none of them is to be printed.
fn learn_secrets(options: &[Opt], layers: &Layers, redactor: &Redactor) {
    let values = Values::new(options, layers);
    for option in options {
        if option.kind == Kind::Secret {
            if let Some(secret) =
                values.secret(option.name).filter(|secret| !logins::is_taught_later(option, secret))
            {
                redactor.learn(&secret);
            }
        } else if option.is_secret_address {
            if let Some(text) = values.text(option.name) {
                landfall_notify::teach_address(&Secret::new(text), redactor);
            }
        } else if let Some(text) = values.text(option.name)
            && let Some(user_info) = landfall_secret::user_info(&text)
        {
            redactor.learn(&Secret::new(user_info));
            let password = user_info.split_once(':').map_or(user_info, |(_, password)| password);
            redactor.learn(&Secret::new(password));
        }
    }
}

fn output_is_json(values: &mut Values<'_>) -> bool {
    match values.text("output").as_deref() {
        Some("json") => true,
        Some("human") | None => false,
        Some(other) => {
            let what = format!("--output `{}` is neither human nor json", landfall_secret::escape(other, 40));
            values.problem("LF-CONFIG", &what, None);
            false
        }
    }
}

/// Why a report cannot be written there: better known before the work than after it.
fn unwritable(path: &Path) -> Option<String> {
    let shown = landfall_secret::escape(&path.to_string_lossy(), 200);
    if path.is_dir() || path.file_name().is_none() {
        return Some(format!("the report {shown} is not a file"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let probe = folder.join(format!(".landfall-{}.probe", std::process::id()));
    let probed = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&probe, b""));
    let _ = std::fs::remove_file(&probe);
    probed.err().map(|cause| format!("the report cannot be written to {shown}: {cause}"))
}

/// A problem that ends a stage before it begins, as its outcome.
pub(crate) fn defect(cause: &std::io::Error) -> Refusal {
    Refusal::one(Problem::new("LF-RUNTIME", Class::Defect, format!("cannot start: {cause}")))
}
