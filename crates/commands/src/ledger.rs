//! `landfall ledger`: what was recorded, for people and for machines.

mod audit;
mod checkpoint;
mod dora;
mod drift;
mod graveyard;
mod history;
mod locks;
mod look;
mod narrowed;
mod reading;
mod record_test;
mod second;
mod show;
mod span;
mod steps;
pub(crate) mod table;
mod trace;
mod unlock;
mod verify;
mod words;

use std::process::ExitCode;

use landfall_artifacts::{Class, Problem};
use landfall_cli::{Environment, Opt, exit};
use landfall_ledger::view::Answer;
use serde_json::Value;

use look::Looking;

use crate::nearest::nearest;
use crate::tool::{Call, refused};
use crate::{Command, Ended, main_of, run_stage};

/// A view of the ledger, or what is done to it, as the tool sees it.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The words after `landfall ledger`.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Its own options.
    pub options: fn() -> Vec<Opt>,
    /// Its whole `main`.
    pub main: fn(&[String]) -> ExitCode,
    /// Runs it and returns what it printed.
    pub run: fn(&[String], Environment) -> Ended,
}

const fn view<C: Command>(name: &'static str) -> View {
    View { name, summary: C::SUMMARY, options: C::options, main: main_of::<C>, run: run_stage::<C> }
}

/// All of them, in the order of the help.
pub fn views() -> &'static [View] {
    const VIEWS: [View; 12] = [
        view::<Looking<show::Asked>>("show"),
        view::<Looking<history::Asked>>("history"),
        view::<Looking<graveyard::Asked>>("graveyard"),
        view::<drift::Command>("drift"),
        view::<Looking<trace::Asked>>("trace"),
        view::<Looking<dora::Asked>>("dora"),
        view::<Looking<audit::Asked>>("audit"),
        view::<Looking<locks::Asked>>("locks"),
        view::<verify::Command>("verify"),
        view::<checkpoint::Command>("checkpoint"),
        view::<unlock::Command>("unlock"),
        view::<record_test::Command>("record test"),
    ];
    &VIEWS
}

/// The schemas of all formats, those of the views too, by the name of their file without extension.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let mut schemas = landfall_artifacts::schemas();
    schemas.push(("ledger-view", Answer::schema()));
    schemas
}

/// Understands what stands after `landfall ledger`.
pub(crate) fn call(arguments: &[String]) -> Call {
    let Some(first) = arguments.first().map(String::as_str) else {
        return Call::Print { text: list(), code: exit::DONE };
    };
    if matches!(first, "--help" | "-h" | "help") {
        return Call::Print { text: list(), code: exit::DONE };
    }
    let fits = |view: &&View| {
        let words = view.name.split(' ').count();
        view.name.split(' ').eq(arguments.iter().take(words).map(String::as_str))
    };
    if let Some(view) = views().iter().find(fits) {
        let rest = arguments.iter().skip(view.name.split(' ').count()).cloned().collect();
        return Call::Ledger(view, rest);
    }
    let what = format!("`{}` is no view of the ledger", landfall_secret::escape(first, 60));
    let remedy = match nearest(first, views().iter().map(|view| view.name)) {
        Some(near) => format!("did you mean `landfall ledger {near}`?"),
        None => "`landfall ledger` lists all views".to_owned(),
    };
    refused(Problem::new("LF-USAGE", Class::Input, what).with_remedy(remedy))
}

fn list() -> String {
    let mut text = String::from(
        "What was recorded: who released what, what runs where, what died, and how fast.\n\n\
         Usage: landfall ledger <view> [options]\n\nViews:\n",
    );
    for view in views() {
        text.push_str(&format!("  {:<12} {}\n", view.name, view.summary));
    }
    text.push_str(
        "\n`landfall ledger <view> --help` shows the options of one. Each answers in JSON too: --output json\n\
         (`landfall schema ledger-view`).\n\n",
    );
    text.push_str(&exit::help());
    text
}
