//! `landfall dashboard`: the pages that show what runs where, on the disk, on this machine's own server, or in a bucket.

mod build;
mod drawn;
mod publish;
mod reading;
mod serve;

use std::process::ExitCode;

use landfall_artifacts::{Class, Problem};
use landfall_cli::exit;

use crate::tool::{Call, refused};
use crate::{Command, main_of};

/// Something that is done with the pages.
type Deed = (&'static str, &'static str, fn(&[String]) -> ExitCode);

const DEEDS: [Deed; 3] = [
    ("build", build::Command::SUMMARY, main_of::<build::Command>),
    ("serve", serve::Command::SUMMARY, main_of::<serve::Command>),
    ("publish", publish::Command::SUMMARY, main_of::<publish::Command>),
];

/// Understands what stands after `landfall dashboard`.
pub(crate) fn call(arguments: &[String]) -> Call {
    let first = arguments.first().map(String::as_str);
    match first {
        None | Some("--help" | "-h" | "help") => Call::Print { text: list(), code: exit::DONE },
        Some(name) => match DEEDS.iter().find(|(known, _, _)| *known == name) {
            Some((_, _, main)) => Call::Dashboard(*main, arguments.get(1..).unwrap_or_default().to_vec()),
            None => refused(
                Problem::new(
                    "LF-USAGE",
                    Class::Input,
                    format!("`{}` is nothing that is done with the pages", landfall_secret::escape(name, 60)),
                )
                .with_remedy("`landfall dashboard` lists what is"),
            ),
        },
    }
}

fn list() -> String {
    let mut text = String::from(
        "The pages that show what runs where, who said yes, and what died; all of it from the ledger.\n\n\
         Usage: landfall dashboard <build|serve|publish> [options]\n\n",
    );
    for (name, summary, _) in DEEDS {
        text.push_str(&format!("  {name:<9} {summary}\n"));
    }
    text.push_str("\n`landfall dashboard build --help` shows the options.\n\n");
    text.push_str(&exit::help());
    text
}

#[cfg(test)]
mod tests {
    use landfall_cli::Environment;

    use super::build;
    use crate::run_stage;

    #[test]
    fn an_environment_of_the_ci_is_none_of_the_pages() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(at("landfall.toml"), "[environment.prod]\nkind = \"production\"\n").expect("written");
        let build = |more: &[String]| {
            let words = ["--config", &at("landfall.toml"), "--ledger", &at("ledger"), "--out", &at("site")];
            let arguments: Vec<String> = words.map(str::to_owned).into_iter().chain(more.to_vec()).collect();
            let variables = [("CI_ENVIRONMENT_NAME", "pages"), ("USER", "ada")];
            let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
            run_stage::<build::Command>(&arguments, variables.into_iter().collect::<Environment>())
        };
        let ended = build(&[]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(folder.path().join("site/index.html").exists());
        // What is no answer of the view is refused by its name.
        std::fs::write(at("drift.json"), "{}").expect("written");
        let ended = build(&["--drift".to_owned(), at("drift.json")]);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains("landfall ledger drift --output json"), "{}", ended.stderr);
    }
}
