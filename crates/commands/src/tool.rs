//! The command line of the tool for people.

use std::path::PathBuf;
use std::process::ExitCode;

use landfall_artifacts::{Class, Problem};
use landfall_cli::{Opt, Parsed, exit};

use crate::ledger::{self, View};
use crate::nearest::nearest;
use crate::pipelines::{self, Deed};
use crate::{StageEntry, stage, stages};

/// What the tool was asked for.
#[derive(Debug)]
pub enum Call {
    /// A stage, with its own arguments.
    Stage(&'static StageEntry, Vec<String>),
    /// Something that is done with the dashboard's pages, by its `main`, with its own arguments.
    Dashboard(fn(&[String]) -> ExitCode, Vec<String>),
    /// Something that is done with notifications, by its `main`, with its own arguments.
    Notify(fn(&[String]) -> ExitCode, Vec<String>),
    /// Something that is done with pipelines, with its own arguments.
    Pipelines(&'static Deed, Vec<String>),
    /// Stand over a job of a run: the file that names its programs.
    KeepJob(PathBuf),
    /// A view of the ledger, or what is done to it, with its own arguments.
    Ledger(&'static View, Vec<String>),
    /// The demo.
    Demo {
        /// The folder that keeps what the demo makes.
        keep: Option<PathBuf>,
    },
    /// The sandbox, until it is stopped.
    Sandbox,
    /// Print a text and exit with a code.
    Print {
        /// For standard output, or standard error where the code is not 0.
        text: String,
        /// The exit code.
        code: u8,
    },
}

/// The first argument of the process that stands over each job of a run; nobody types it.
pub(crate) const KEEP_JOB: &str = "keep-job";

const DEMO: [Opt; 1] = [Opt::value(
    "keep",
    "DIR",
    "keep what the demo makes in this folder, which must be empty or not there yet",
)];

/// Understands the tool's arguments.
pub fn call(arguments: &[String]) -> Call {
    let rest = arguments.get(1..).unwrap_or_default();
    match arguments.first().map(String::as_str) {
        None | Some("help" | "--help" | "-h") => Call::Print { text: help(), code: exit::DONE },
        Some("--version" | "-V") => {
            Call::Print { text: format!("landfall {}\n", env!("CARGO_PKG_VERSION")), code: exit::DONE }
        }
        Some(KEEP_JOB) if rest.len() == 1 => Call::KeepJob(rest.iter().map(PathBuf::from).collect()),
        Some("stage") => stage_call(rest),
        Some("dashboard") => crate::dashboard::call(rest),
        Some("ledger") => ledger::call(rest),
        Some("notify") => crate::notify::call(rest),
        Some("demo") => {
            let command = landfall_cli::command(
                "demo",
                "Take a sample release through the staging pipeline on an embedded sandbox",
                &DEMO,
            );
            match landfall_cli::parse(command, &DEMO, rest) {
                Ok(Parsed::Values(values)) => Call::Demo { keep: values.get("keep").map(PathBuf::from) },
                Ok(Parsed::Print(text)) => Call::Print { text, code: exit::DONE },
                Err(problem) => refused(problem),
            }
        }
        Some("sandbox") => {
            let command = landfall_cli::command(
                "sandbox",
                "Start the stand-ins of all outside systems and print the variables to export",
                &[],
            );
            match landfall_cli::parse(command, &[], rest) {
                Ok(Parsed::Values(_)) => Call::Sandbox,
                Ok(Parsed::Print(text)) => Call::Print { text, code: exit::DONE },
                Err(problem) => refused(problem),
            }
        }
        Some("schema") => schema(rest),
        Some(other) => {
            if let Some(call) = pipelines::call(arguments) {
                return call;
            }
            let shown = landfall_secret::escape(other, 60);
            let mut problem =
                Problem::new("LF-USAGE", Class::Input, format!("`{shown}` is no command of landfall"));
            problem = problem.with_remedy(if stage(other).is_some() {
                format!("`landfall stage {shown}` runs that stage")
            } else {
                "`landfall help` lists all commands".to_owned()
            });
            refused(problem)
        }
    }
}

fn stage_call(arguments: &[String]) -> Call {
    match arguments.first().map(String::as_str) {
        None | Some("--help" | "-h" | "help") => Call::Print { text: stage_list(), code: exit::DONE },
        Some(name) => match stage(name) {
            Some(entry) => Call::Stage(entry, arguments.get(1..).unwrap_or_default().to_vec()),
            None => refused(
                Problem::new(
                    "LF-USAGE",
                    Class::Input,
                    format!("there is no stage `{}`", landfall_secret::escape(name, 60)),
                )
                .with_remedy(match nearest(name, stages().iter().map(|stage| stage.name)) {
                    Some(near) => format!("did you mean `landfall stage {near}`?"),
                    None => "`landfall stage` lists all stages".to_owned(),
                }),
            ),
        },
    }
}

fn schema(arguments: &[String]) -> Call {
    let schemas = ledger::schemas();
    let Some(name) = arguments.first() else {
        let names: Vec<&str> = schemas.iter().map(|(name, _)| *name).collect();
        return Call::Print { text: format!("{}\n", names.join("\n")), code: exit::DONE };
    };
    match schemas.iter().find(|(known, _)| known == name) {
        Some((_, schema)) => Call::Print { text: format!("{schema:#}\n"), code: exit::DONE },
        None => refused(
            Problem::new(
                "LF-USAGE",
                Class::Input,
                format!("there is no schema `{}`", landfall_secret::escape(name, 60)),
            )
            .with_remedy("`landfall schema` lists all schemas"),
        ),
    }
}

pub(crate) fn refused(problem: Problem) -> Call {
    let redactor = landfall_secret::Redactor::new();
    let text = landfall_cli::error_page(&[problem], exit::INPUT, &[], &redactor, false);
    Call::Print { text, code: exit::INPUT }
}

fn help() -> String {
    format!(
        "Delivery for AWS Lambda monorepos, from a version to running code.\n\n\
         Usage: landfall <command>\n\n\
         Commands:\n  \
         demo             take a sample release through the staging pipeline on an embedded sandbox\n  \
         stage <name>     run one stage; each is also a binary of its name\n  \
         dashboard <...>  the pages that show what runs where: build, serve, publish\n  \
         init             look at the repo, write its landfall.toml, and let its CI file include what is rendered\n  \
         ledger <view>    what was recorded: what runs where, history, DORA, audit, and more\n  \
         notify <...>     notifications that were not delivered: list, send, drop, test\n  \
         run <pipeline>   run a pipeline on this machine\n  \
         rollback <name>  take an environment back to what ran before, or to a named release\n  \
         pipelines        the pipelines of the repo; `pipelines show <name>`: the jobs of one\n  \
         plan <pipeline>  show what a run would do and what stands in its way; nothing is changed\n  \
         render <system>  write the CI files of the pipelines for gitlab or github\n  \
         targets          check which environments and versions a run on demand is for\n  \
         release          write the release that versions.json is into release.env\n  \
         doctor [job]     find out why a job failed, or what would stand in its way, and how to mend it\n  \
         sandbox          start the stand-ins of all outside systems and print the variables to export\n  \
         schema [name]    print the JSON Schema of a file format\n  \
         help             print this text\n\n\
         {}\n{}",
        stage_list(),
        exit::help()
    )
}

fn stage_list() -> String {
    let mut text = String::from("Stages:\n");
    for entry in stages() {
        text.push_str(&format!("  {:<26} {}\n", entry.name, entry.summary));
    }
    text.push_str("\n`landfall stage <name> --help` shows a stage's options.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::{Call, call};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn commands_are_understood() {
        assert!(matches!(call(&words("demo --keep x")), Call::Demo { keep: Some(_) }));
        assert!(matches!(call(&words("stage generate-versions --dry-run")), Call::Stage(entry, rest)
            if entry.name == "generate-versions" && rest == ["--dry-run"]));
        assert!(matches!(call(&words("pipelines --output json")), Call::Pipelines(deed, rest)
            if deed.name == "pipelines" && rest == ["--output", "json"]));
        assert!(matches!(call(&words("pipelines show staging")), Call::Pipelines(deed, rest)
            if deed.name == "pipelines show" && rest == ["staging"]));
        assert!(matches!(call(&words("stage nonsense")), Call::Print { code: 2, .. }));
        assert!(matches!(call(&words("--version")), Call::Print { code: 0, .. }));
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest_name() {
        let remedy = |text: &str| match call(&words(text)) {
            Call::Print { text, code: 2 } => text,
            other => panic!("not refused: {other:?}"),
        };
        assert!(
            remedy("stage genarate-mapings").contains("did you mean `landfall stage generate-mappings`?")
        );
        assert!(remedy("ledger histroy").contains("did you mean `landfall ledger history`?"));
        assert!(remedy("pipelines sho staging").contains("did you mean `landfall pipelines show`?"));
        assert!(remedy("pipelines staging").contains("`landfall pipelines show staging` shows"));
        assert!(remedy("ledger record").contains("`landfall ledger` lists"));
        assert!(matches!(call(&words("ledger record test --help")), Call::Ledger(view, rest)
            if view.name == "record test" && rest == ["--help"]));
        assert!(matches!(call(&words("ledger")), Call::Print { code: 0, .. }));
    }
}
