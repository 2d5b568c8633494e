//! Every stage, every view of the ledger, the dashboard and what is done with pipelines in one program, chosen by the first argument: what the
//! end-to-end tests start as a child process. CI files find in it what they call `landfall`. Besides them,
//! it has one with a defect, because no stage has one that a test could reach, and one that gives away what it is told: on it the tests'
//! search for secrets is proved.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;

use landfall_cli::Opt;
use landfall_commands::tool::{Call, call};
use landfall_commands::{Command, Context, Effects, main_of, stage};
use landfall_stages::{Finished, Outcome};

struct Panics;

impl Command for Panics {
    const NAME: &'static str = "panics";
    const SUMMARY: &'static str = "Panic with a secret in the message";
    const EFFECTS: Effects = Effects::Files;

    fn options() -> Vec<Opt> {
        vec![
            Opt::secret("password", &["PANIC_PASSWORD"], "what must not be seen"),
            Opt::value("after", "N", "after how many characters of something else it comes").default("0"),
            Opt::switch("tell", "end well with it in the result, instead of a panic"),
            Opt::value("note", "TEXT", "a text for the report").env(&["PANIC_NOTE"]),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let password = values.secret("password");
            let before = "x".repeat(values.parsed("after").unwrap_or_default());
            let text = format!("{before}{}", password.as_ref().map_or("nobody", |secret| secret.expose()));
            if values.is_on("tell") {
                return Ok(Finished { lines: vec![text], ..Finished::new("done") });
            }
            panic!("no entry for {text}")
        })
    }
}

struct Leaks;

impl Command for Leaks {
    const NAME: &'static str = "leaks";
    const SUMMARY: &'static str = "Put a text where none belongs";
    const EFFECTS: Effects = Effects::Files;

    fn options() -> Vec<Opt> {
        vec![
            Opt::value("to", "SINK", "where it is put"),
            Opt::value("shown", "TEXT", "a text for the report").env(&["LEAK_SHOWN"]),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let text = std::env::var("LEAK").unwrap_or_default();
            let to = context.values().text("to").unwrap_or_default();
            leak(&to, &text).expect("it can be written");
            Ok(Finished::new("done"))
        })
    }
}

fn leak(to: &str, text: &str) -> std::io::Result<()> {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", ":", "sh"]).env_clear().env("PATH", std::env::var("PATH").unwrap_or_default());
    let put = |folder: &std::path::Path, name: &str| {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(name), text)
    };
    match to {
        "stdout" => println!("{text}"),
        "stderr" => eprintln!("{text}"),
        "panic" => panic!("{text}"),
        "report" => {}
        "file" => put(".".as_ref(), "left.txt")?,
        "ledger" => put(".landfall/ledger".as_ref(), "left.jsonl")?,
        "temporary-file" => put(&std::env::temp_dir(), "left.txt")?,
        "secret-file" => {
            use std::os::unix::fs::PermissionsExt as _;
            put(".".as_ref(), "aws_auth.env")?;
            std::fs::set_permissions("aws_auth.env", std::fs::Permissions::from_mode(0o600))?;
        }
        "child-environment" => drop(shell.env("LEFT", text).status()?),
        "child-arguments" => drop(shell.arg(text).status()?),
        other => panic!("no such sink: {other}"),
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("", &[][..]),
    };
    match call(&arguments) {
        Call::Stage(entry, rest) => return (entry.main)(&rest),
        Call::Pipelines(deed, rest) => return (deed.main)(&rest),
        Call::Ledger(view, rest) => return (view.main)(&rest),
        Call::Dashboard(main, rest) => return main(&rest),
        Call::Notify(main, rest) => return main(&rest),
        Call::Pipelines(deed, rest) => return (deed.main)(&rest),
        // Jobs of a run call stages as people do.
        Call::Stage(stage, rest) => return (stage.main)(&rest),
        Call::KeepJob(commands) => return ExitCode::from(landfall_commands::keep_job(&commands)),
        _ => {}
    }
    match stage(name) {
        Some(entry) => (entry.main)(rest),
        None if name == Panics::NAME => main_of::<Panics>(rest),
        None if name == Leaks::NAME => main_of::<Leaks>(rest),
        None => {
            eprintln!("the first argument names no stage: {name}");
            ExitCode::from(2)
        }
    }
}
