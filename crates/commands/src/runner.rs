//! From arguments to exit code: what every stage does alike.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_artifacts::Problem;
use landfall_cli::{Environment, Look, Opt, Parsed, Shower, exit};
use landfall_ledger::Ledger;
use landfall_run::{Clock, Event, Progress, Run, Signal, Silent, Stop};
use landfall_secret::Redactor;
use landfall_stages::{Outcome, Refusal};

use crate::context::Keys;
use crate::notify::Teller;
use crate::prepare::{Ending, Prepared, defect, prepare};
use crate::report::{self, Written};
use crate::{Command, Context, Effects, ending, every_stage, held, ledger_store};

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
    options.extend(every_stage::shared(C::SHARED));
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
    let prepared = match prepare(options, flags, environment, &redactor, C::effects, C::SHARED) {
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
    let records = prepared.effects != Effects::Files && !prepared.output.is_dry_run();
    let keys = Keys::default();
    // The ledger is the run's journal and so has a run of its own, which no stop cuts off: what was done is recorded to the end.
    let quiet = || Run::builder().clock(clock).progress(Arc::clone(&progress)).redactor(redactor.clone());
    let runs = ledger_store::Runs { ledger: quiet().build(), keys: quiet().stop(stop.clone()).build() };
    let opened = if records {
        ledger_store::open(&prepared, (C::NAME, C::ALIKE), C::MAKES_KEYS, &keys, &runs).await
    } else {
        Ok(None)
    };
    let records = matches!(opened, Ok(Some(_)));
    let opened = match opened {
        Ok(Some(opened)) => Ok(opened),
        Ok(None) => {
            let reading = ledger_store::for_reading(&prepared, C::READS_LEDGER, &keys, &runs).await;
            reading.map(|ledger| (ledger, None))
        }
        Err(refusal) => Err(refusal),
    };
    let (ledger, hold, refused) = match opened {
        Ok((ledger, hold)) => (ledger, hold, None),
        // Nobody reads this one: the stage does not begin.
        Err(refusal) => (Ledger::for_reading(""), None, Some(refusal)),
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
        aws_keys: keys,
    };
    let started_at = clock.now();
    let outcome = match refused {
        Some(refusal) => Err(refusal),
        None => match held::check(C::held(&context), &context).await {
            Ok(()) => C::run(&context).await,
            // A dry run shows what it is that may not be done.
            Err(refusal) if context.output.is_dry_run() => beside(C::run(&context).await, refusal),
            Err(refusal) => Err(refusal),
        },
    };
    if let Some(hold) = hold
        && let Err(error) = hold.release().await
    {
        let what = format!("the environment was not given back: {}", Problem::of(&error).told());
        progress.event(Event::Warning(what));
    }
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
    // Out of reach of the stop too: a cancelled deployment is told.
    let teller = Teller { way: C::TELLS, effects: prepared.effects, records, run: quiet().build() };
    let outcome = teller.tell(&context, &written, outcome).await;
    if let Some(Some(keys)) = context.aws_keys.get() {
        keys.settled().await;
    }
    shower.close();
    ending::end(&written, outcome, &run, progress.as_ref(), &prepared.ending, look)
}

/// What a dry run found, and what keeps the stage from beginning; what the stage itself found of that is not said twice.
fn beside(mut found: Outcome, Refusal(refused): Refusal) -> Outcome {
    let problems = match &mut found {
        Ok(finished) => &mut finished.problems,
        Err(Refusal(problems)) => problems,
    };
    for problem in refused {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    found
}

/// Asks for a stop when the deadline is there.
fn stop_after(limit: Duration, stop: &Stop) {
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(limit).await;
        stop.request(Signal::Deadline);
    });
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{Class, Problem};
    use landfall_stages::{Finished, Outcome, Refusal};

    use super::beside;

    fn problem(code: &str) -> Problem {
        Problem::new(code, Class::Refused, "it is so")
    }

    /// The codes that a person sees of a dry run that found this, for a release that is dead.
    fn told(found: Outcome) -> Vec<String> {
        let refusal = Refusal(vec![problem("LF-DEAD"), problem("LF-FREEZE")]);
        let problems = match beside(found, refusal) {
            Ok(finished) => finished.problems,
            Err(Refusal(problems)) => problems,
        };
        problems.into_iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn what_may_not_be_is_told_beside_what_a_dry_run_found() {
        let problems = vec![problem("LF-OWN"), problem("LF-DEAD")];
        let found = Finished { problems: problems.clone(), ..Finished::default() };
        assert_eq!(told(Ok(found)), ["LF-OWN", "LF-DEAD", "LF-FREEZE"]);
        assert_eq!(told(Err(Refusal(problems))), ["LF-OWN", "LF-DEAD", "LF-FREEZE"]);
    }
}
