//! The tool for people: the demo, the sandbox, and every stage.

use std::io::Write as _;
use std::process::ExitCode;

use landfall_commands::tool::{Call, call};

#[cfg(feature = "demo")]
mod demo;
#[cfg(feature = "demo")]
mod sandbox;

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    match call(&arguments) {
        Call::Stage(stage, rest) => (stage.main)(&rest),
        Call::Dashboard(main, rest) | Call::Notify(main, rest) => main(&rest),
        Call::Ledger(view, rest) => (view.main)(&rest),
        Call::Pipelines(deed, rest) => (deed.main)(&rest),
        Call::KeepJob(commands) => ExitCode::from(landfall_commands::keep_job(&commands)),
        Call::Print { text, code } => {
            // A closed pipe is no reason to fail.
            let _ = if code == 0 {
                std::io::stdout().write_all(text.as_bytes())
            } else {
                std::io::stderr().write_all(text.as_bytes())
            };
            ExitCode::from(code)
        }
        #[cfg(feature = "demo")]
        Call::Demo { keep } => demo::main(keep),
        #[cfg(feature = "demo")]
        Call::Sandbox => sandbox::main(),
        #[cfg(not(feature = "demo"))]
        Call::Demo { .. } | Call::Sandbox => {
            eprintln!("this landfall was built without its feature `demo`");
            ExitCode::from(2)
        }
    }
}
