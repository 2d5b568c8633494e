//! Every stage in one program, chosen by the first argument: what the end-to-end tests start as a child process. Besides them,
//! it has one with a defect, because no stage has one that a test could reach.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;

use landfall_cli::Opt;
use landfall_commands::{Command, Context, Effects, main_of, stage};
use landfall_stages::Outcome;

struct Panics;

impl Command for Panics {
    const NAME: &'static str = "panics";
    const SUMMARY: &'static str = "Panic with a secret in the message";
    const EFFECTS: Effects = Effects::Files;

    fn options() -> Vec<Opt> {
        vec![Opt::secret("password", &["PANIC_PASSWORD"], "what must not be seen")]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let password = context.values().secret("password");
            panic!("no entry for {}", password.as_ref().map_or("nobody", |secret| secret.expose()))
        })
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("", &[][..]),
    };
    match stage(name) {
        Some(entry) => (entry.main)(rest),
        None if name == Panics::NAME => main_of::<Panics>(rest),
        None => {
            eprintln!("the first argument names no stage: {name}");
            ExitCode::from(2)
        }
    }
}
