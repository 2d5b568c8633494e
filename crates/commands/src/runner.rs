//! From arguments to exit code: what every stage does alike.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use landfall_artifacts::{Class, EnvironmentName, OutcomeKind, Problem, ReleaseId, Settings};
use landfall_cli::{Environment, Layers, LogFormat, Look, Opt, Parsed, Shower, Source, Values, exit};
use landfall_ledger::{FolderLedger, Hold};
use landfall_run::{Clock, Event, Progress, Run, Share, Signal, Stop};
use landfall_secret::Redactor;
use landfall_stages::{Finished, Outcome, Output, Refusal, Target};

use crate::{Command, Context, Effects, every_stage, report, settings};

/// How a stage ended, and what it printed.
#[derive(Debug)]
pub struct Ended {
    /// The exit code.
    pub code: u8,
    /// For standard output.
    pub stdout: String,
    /// For standard error, after the progress.
    pub stderr: String,
}

/// The whole `main` of a stage's binary.
pub fn main<C: Command>() -> ExitCode {
    let arguments: Result<Vec<String>, _> =
        std::env::args_os().skip(1).map(std::ffi::OsString::into_string).collect();
    let Ok(arguments) = arguments else {
        eprintln!("error[LF-USAGE] exit {}\n  an argument is not UTF-8", exit::INPUT);
        return ExitCode::from(exit::INPUT);
    };
    main_of::<C>(&arguments)
}

/// The whole `main` of a stage, with these arguments.
pub fn main_of<C: Command>(arguments: &[String]) -> ExitCode {
    let ended = run_stage::<C>(arguments, Environment::of_process());
    // A closed pipe is no reason to fail: the exit code still says how the stage ended.
    let _ = std::io::stdout().write_all(ended.stdout.as_bytes());
    let _ = std::io::stderr().write_all(ended.stderr.as_bytes());
    ExitCode::from(ended.code)
}

/// Runs a stage with these arguments and variables.
pub fn run_stage<C: Command>(arguments: &[String], environment: Environment) -> Ended {
    let mut options: Vec<Opt> = C::options();
    options.extend(every_stage::OPTIONS);
    let look = Look::of(&environment, std::io::stderr().is_terminal());
    let redactor = Redactor::new();
    let refused = |problems: Vec<Problem>| {
        let class = landfall_artifacts::gravest(&problems, false).unwrap_or(Class::Input);
        let code = exit::of(class, None);
        let page = landfall_cli::error_page(&problems, code, &[], &redactor, look.colour);
        Ended { code, stdout: String::new(), stderr: page }
    };
    let command = landfall_cli::command(C::NAME, C::SUMMARY, &options);
    let flags = match landfall_cli::parse(command, &options, arguments) {
        Ok(Parsed::Values(flags)) => flags,
        Ok(Parsed::Print(text)) => return Ended { code: exit::DONE, stdout: text, stderr: String::new() },
        Err(problem) => return refused(vec![problem]),
    };
    let prepared = match prepare(options, flags, environment) {
        Ok(prepared) => prepared,
        Err(Refusal(problems)) => return refused(problems),
    };
    landfall_cli::install_panic_page(redactor.clone());
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            return refused(vec![Problem::new(
                "LF-RUNTIME",
                Class::Defect,
                format!("cannot start: {cause}"),
            )]);
        }
    };
    let ended = runtime.block_on(async move {
        // A panic inside the stage is a defect of ours: it was printed by the hook and ends with that code.
        let task = tokio::spawn(go::<C>(prepared, look, redactor));
        task.await.unwrap_or(Ended { code: exit::DEFECT, stdout: String::new(), stderr: String::new() })
    });
    // What still runs in the background (a name look-up, say) must not hold the exit.
    runtime.shutdown_background();
    ended
}

/// Everything that is known before the stage's own configuration is read.
struct Prepared {
    options: Vec<Opt>,
    layers: Layers,
    target: Target,
    settings: Settings,
    output: Output,
    log_format: LogFormat,
    json: bool,
    quiet: bool,
    report: Option<PathBuf>,
    deadline: Option<std::time::Duration>,
    share: Share,
    ledger: String,
}

fn prepare(
    options: Vec<Opt>,
    flags: BTreeMap<&'static str, String>,
    environment: Environment,
) -> Result<Prepared, Refusal> {
    let mut layers = Layers { flags, environment, file: BTreeMap::new() };
    let mut early = Values::new(&options, &layers);
    let name: Option<EnvironmentName> = early.parsed("environment");
    let (config, named) = match early.sourced("config") {
        Some((path, source)) => (path, source != Source::Default),
        None => (String::from("landfall.toml"), false),
    };
    early.finish().map_err(Refusal)?;
    let file = settings::read(Path::new(&config), named, name.as_ref())?;
    layers.file = file.values;
    let (mut target, settings) = (file.target, file.settings);

    let mut values = Values::new(&options, &layers);
    let release: Option<ReleaseId> = values.parsed("release");
    let log_format = values.parsed("log-format").unwrap_or(LogFormat::Text);
    let json = match values.text("output").as_deref() {
        Some("json") => true,
        Some("human") | None => false,
        Some(other) => {
            let what = format!("--output `{}` is neither human nor json", landfall_secret::escape(other, 40));
            values.problem("LF-CONFIG", &what, None);
            false
        }
    };
    let foretell = values.text("foretell").map(PathBuf::from);
    let dry_run = values.is_on("dry-run");
    if foretell.is_some() && !dry_run {
        values.problem("LF-CONFIG", "--foretell goes with --dry-run", Some("add --dry-run".to_owned()));
    }
    let prepared = (
        values.duration("deadline"),
        values.parsed("rate-share").unwrap_or_default(),
        values.text("report").map(PathBuf::from),
        values.text("ledger").unwrap_or_default(),
        values.is_on("quiet"),
    );
    values.finish().map_err(Refusal)?;
    let (deadline, share, report, ledger, quiet) = prepared;
    let output = if dry_run { Output::DryRun { foretell } } else { Output::Real };
    target.release = release;
    Ok(Prepared {
        options,
        layers,
        target,
        settings,
        output,
        log_format,
        json,
        quiet,
        report,
        deadline,
        share,
        ledger,
    })
}

async fn go<C: Command>(prepared: Prepared, look: Look, redactor: Redactor) -> Ended {
    let begun = Instant::now();
    let clock = Clock::system();
    let started_at = clock.now();
    let stop = Stop::new();
    let shower = Arc::new(Shower::new(look, prepared.log_format, redactor.clone()));
    let progress: Arc<dyn Progress> =
        if prepared.quiet { Arc::new(landfall_run::Silent) } else { Arc::<Shower>::clone(&shower) };
    let mut early_warnings = Vec::new();
    if let Err(cause) = landfall_cli::listen(&stop) {
        early_warnings.push(format!("signals cannot be heard, a stop will not be clean: {cause}"));
    }
    let mut builder = Run::builder()
        .clock(clock)
        .stop(stop.clone())
        .share(prepared.share)
        .progress(Arc::clone(&progress))
        .redactor(redactor.clone());
    if let Some(limit) = prepared.deadline {
        builder = builder.deadline(limit);
    }
    let mut ledger = FolderLedger::for_reading(&prepared.ledger);
    let mut hold = None;
    if C::EFFECTS != Effects::Files && !prepared.output.is_dry_run() {
        match open_ledger::<C>(&prepared, &redactor, clock, &mut early_warnings) {
            Ok((opened, held)) => (ledger, hold) = (opened, held),
            Err(Refusal(problems)) => {
                let class = landfall_artifacts::gravest(&problems, false).unwrap_or(Class::Defect);
                let code = exit::of(class, None);
                let page = landfall_cli::error_page(&problems, code, &[], &redactor, look.colour);
                return Ended { code, stdout: String::new(), stderr: page };
            }
        }
        builder = builder.journal(Arc::new(ledger.clone()));
    }
    let run = builder.build();
    if let Some(limit) = prepared.deadline {
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            stop.request(Signal::Deadline);
        });
    }
    for warning in early_warnings {
        progress.event(Event::Warning(warning));
    }
    let context = Context {
        options: prepared.options,
        layers: prepared.layers,
        run: run.clone(),
        output: prepared.output,
        target: prepared.target,
        settings: prepared.settings,
        ledger,
    };
    for option in &context.options {
        if let Some(secret) = context.values().secret(option.name) {
            redactor.learn(&secret);
        }
    }
    let outcome = C::run(&context).await;
    drop(hold);
    shower.close();
    let written = report::Written {
        stage: C::NAME,
        config: report::config(&context),
        target: context.target.clone(),
        shard: context.shard(),
        dry_run: context.output.is_dry_run(),
        started_at,
        duration: begun.elapsed(),
        signal: stop.requested(),
    };
    finish(&written, outcome, &run, &progress, prepared.report.as_deref(), prepared.json, look)
}

fn open_ledger<C: Command>(
    prepared: &Prepared,
    redactor: &Redactor,
    clock: Clock,
    warnings: &mut Vec<String>,
) -> Result<(FolderLedger, Option<Hold>), Refusal> {
    if prepared.ledger.starts_with("s3://") {
        return Err(Refusal::one(
            Problem::new(
                "LF-LEDGER-STORE",
                Class::Input,
                format!("the ledger {} is not a folder", prepared.ledger),
            )
            .with_remedy("give a folder by --ledger or LANDFALL_LEDGER"),
        ));
    }
    let environment = &prepared.layers.environment;
    if environment.get("CI").is_some() {
        warnings.push(format!(
            "the ledger is the folder {}, which is local to this job: keep it as an artifact or it is gone with the job",
            prepared.ledger
        ));
    }
    let context = landfall_ledger::Context {
        run: report::run_link(environment),
        release: prepared.target.release.clone(),
        environment: prepared.target.environment.clone(),
        stage: Some(C::NAME.to_owned()),
        redactor: redactor.clone(),
        ..landfall_ledger::Context::new(report::actor(environment), env!("CARGO_PKG_VERSION"))
    };
    let ledger = FolderLedger::open(&prepared.ledger, context, clock)?;
    let hold = match &prepared.target.environment {
        Some(environment) if C::EFFECTS == Effects::Exclusive => Some(ledger.hold(environment)?),
        Some(_) | None => None,
    };
    Ok((ledger, hold))
}

fn finish(
    written: &report::Written,
    outcome: Outcome,
    run: &Run,
    progress: &Arc<dyn Progress>,
    report_path: Option<&Path>,
    json: bool,
    look: Look,
) -> Ended {
    let (finished, refused) = match outcome {
        Ok(finished) => (finished, false),
        Err(Refusal(problems)) => (Finished { problems, ..Finished::default() }, true),
    };
    for warning in &finished.warnings {
        progress.event(Event::Warning(warning.clone()));
    }
    let (kind, class) = finished.verdict();
    let kind = if refused && kind == OutcomeKind::NothingToDo { OutcomeKind::Blocked } else { kind };
    let mut code = class.map_or(exit::DONE, |class| exit::of(class, written.signal));
    let mut problems = finished.all_problems();
    let report = report::make(written, &finished, kind, code, run);
    let text = report::to_text(&report, run);
    if let Some(path) = report_path
        && let Err(error) =
            landfall_artifacts::write_atomic(path, text.as_bytes(), landfall_artifacts::Mode::Shared)
    {
        problems.push(Problem::of(&error));
        if code == exit::DONE {
            code = exit::of(Class::Partial, None);
        }
    }
    let mut stdout = String::new();
    if json {
        stdout.push_str(&text);
    } else {
        for line in finished.lines.iter().chain((!finished.summary.is_empty()).then_some(&finished.summary)) {
            stdout.push_str(&run.redactor().redact(&landfall_secret::escape(line, 400)));
            stdout.push('\n');
        }
    }
    let stderr = if problems.is_empty() {
        String::new()
    } else {
        landfall_cli::error_page(&problems, code, &finished.changes(), run.redactor(), look.colour)
    };
    Ended { code, stdout, stderr }
}
