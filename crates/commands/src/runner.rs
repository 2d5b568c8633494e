//! From arguments to exit code: what every stage does alike.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_cli::{Environment, Look, Opt, Parsed, Shower, exit};
use landfall_ledger::{FolderLedger, Hold};
use landfall_run::{Clock, Event, Progress, Run, Signal, Silent, Stop};
use landfall_secret::Redactor;
use landfall_stages::{Refusal, Target};

use crate::prepare::{Ending, Prepared, defect, prepare};
use crate::report::{self, Written};
use crate::{Command, Context, Effects, ending, every_stage};

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
    let early = |refusal: Refusal, ending: &Ending| {
        let run = Run::builder().redactor(redactor.clone()).build();
        ending::end(&Written::nothing(C::NAME, &run), Err(refusal), &run, &Silent, ending, look)
    };
    let command = landfall_cli::command(C::NAME, C::SUMMARY, &options);
    let flags = match landfall_cli::parse(command, &options, arguments) {
        Ok(Parsed::Values(flags)) => flags,
        Ok(Parsed::Print(text)) => return Ended { code: exit::DONE, stdout: text, stderr: String::new() },
        Err(problem) => {
            return early(Refusal::one(problem), &Ending::of_flags(&std::collections::BTreeMap::new()));
        }
    };
    let of_flags = Ending::of_flags(&flags);
    let prepared = match prepare(options, flags, environment, &redactor, C::EFFECTS) {
        Ok(prepared) => prepared,
        Err(refusal) => {
            let ending = of_flags.after(&refusal);
            return early(refusal, &ending);
        }
    };
    let shower = Shower::new(look, prepared.ending.log_format, redactor.clone());
    let shower = Arc::new(shower.with_warnings_alone(prepared.quiet));
    landfall_cli::install_panic_page(redactor.clone(), &shower);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => return early(defect(&cause), &prepared.ending),
    };
    let ended = runtime.block_on(async move {
        // A panic inside the stage is a defect of ours: it was printed by the hook and ends with that code.
        let task = tokio::spawn(go::<C>(prepared, look, redactor, shower));
        task.await.unwrap_or(Ended { code: exit::DEFECT, stdout: String::new(), stderr: String::new() })
    });
    // What still runs in the background (a name look-up, say) must not hold the exit.
    runtime.shutdown_background();
    ended
}

async fn go<C: Command>(prepared: Prepared, look: Look, redactor: Redactor, shower: Arc<Shower>) -> Ended {
    let begun = Instant::now();
    let clock = Clock::system();
    let stop = Stop::new();
    let progress: Arc<dyn Progress> = Arc::<Shower>::clone(&shower);
    if let Err(cause) = landfall_cli::listen(&stop) {
        progress.event(Event::Warning(format!("signals cannot be heard, a stop will not be clean: {cause}")));
    }
    let mut builder = Run::builder()
        .clock(clock)
        .stop(stop.clone())
        .share(prepared.share)
        .progress(Arc::clone(&progress))
        .redactor(redactor.clone());
    if let Some(limit) = prepared.deadline {
        builder = builder.deadline(limit);
        stop_after(limit, &stop);
    }
    let records = C::EFFECTS != Effects::Files && !prepared.output.is_dry_run();
    let opened = if records {
        open_ledger::<C>(&prepared, &redactor, clock, progress.as_ref())
    } else {
        Ok((FolderLedger::for_reading(&prepared.ledger), None))
    };
    let (ledger, hold, refused) = match opened {
        Ok((ledger, hold)) => (ledger, hold, None),
        Err(refusal) => (FolderLedger::for_reading(&prepared.ledger), None, Some(refusal)),
    };
    if records {
        builder = builder.journal(Arc::new(ledger.clone()));
    }
    let run = builder.build();
    let context = Context {
        options: prepared.options,
        layers: prepared.layers,
        run: run.clone(),
        output: prepared.output,
        target: prepared.target,
        settings: prepared.settings,
        ledger,
        aws_keys: tokio::sync::OnceCell::new(),
    };
    let started_at = clock.now();
    let outcome = match refused {
        Some(refusal) => Err(refusal),
        None => C::run(&context).await,
    };
    drop(hold);
    shower.close();
    let written = Written {
        stage: C::NAME,
        config: report::config(&context),
        target: context.target.clone(),
        shard: context.shard(),
        dry_run: context.output.is_dry_run(),
        started_at,
        duration: begun.elapsed(),
        signal: stop.requested(),
    };
    ending::end(&written, outcome, &run, progress.as_ref(), &prepared.ending, look)
}

/// Asks for a stop when the deadline is there.
fn stop_after(limit: Duration, stop: &Stop) {
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(limit).await;
        stop.request(Signal::Deadline);
    });
}

fn open_ledger<C: Command>(
    prepared: &Prepared,
    redactor: &Redactor,
    clock: Clock,
    progress: &dyn Progress,
) -> Result<(FolderLedger, Option<Hold>), Refusal> {
    let environment = &prepared.layers.environment;
    if environment.get("CI").is_some() {
        progress.event(Event::Warning(format!(
            "the ledger is the folder {}, which is local to this job: keep it as an artifact or it is gone with the job",
            prepared.ledger
        )));
    }
    let target: &Target = &prepared.target;
    let context = landfall_ledger::Context {
        run: report::run_link(environment),
        release: target.release.clone(),
        environment: target.environment.clone(),
        stage: Some(C::NAME.to_owned()),
        redactor: redactor.clone(),
        ..landfall_ledger::Context::new(report::actor(environment), env!("CARGO_PKG_VERSION"))
    };
    let ledger = FolderLedger::open(&prepared.ledger, context, clock)?;
    let hold = match &target.environment {
        Some(environment) if C::EFFECTS == Effects::Exclusive => Some(ledger.hold(environment)?),
        Some(_) | None => None,
    };
    Ok((ledger, hold))
}
