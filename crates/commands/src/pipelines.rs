//! Pipelines as people and CI files use them: `landfall init`, `run`, `rollback`, `plan`, `doctor`, `pipelines`, `render`, `targets` and `release`.

mod difference;
mod list;
pub(crate) mod plan;
mod release;
pub(crate) mod render;
mod rollback;
mod run;
mod show;
mod targets;

use std::path::Path;
use std::process::ExitCode;

use landfall_artifacts::{Class, FileError, Problem, Settings, read_bounded};
use landfall_cli::{Environment, Opt};
use landfall_stages::Refusal;

pub(crate) use list::paint;

use crate::nearest::nearest;
use crate::tool::{Call, refused};
use crate::{Command, Context, Ended, main_of, run_stage};

/// Something that is done with pipelines, as the tool sees it.
#[derive(Clone, Copy, Debug)]
pub struct Deed {
    /// The words after `landfall`.
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

const fn deed<C: Command>(name: &'static str) -> Deed {
    Deed { name, summary: C::SUMMARY, options: C::options, main: main_of::<C>, run: run_stage::<C> }
}

/// All of them; of two that begin alike the longer one comes first.
pub fn deeds() -> &'static [Deed] {
    const DEEDS: [Deed; 10] = [
        deed::<crate::init::Command>("init"),
        deed::<run::Command>("run"),
        deed::<rollback::Command>("rollback"),
        deed::<show::Command>("pipelines show"),
        deed::<list::Command>("pipelines"),
        deed::<crate::plan::Command>("plan"),
        deed::<render::Command>("render"),
        deed::<targets::Command>("targets"),
        deed::<release::Command>("release"),
        deed::<crate::doctor::Command>("doctor"),
    ];
    &DEEDS
}

/// Understands the tool's arguments where their first word is one of these commands.
pub(crate) fn call(arguments: &[String]) -> Option<Call> {
    let fits = |deed: &&Deed| {
        let words = deed.name.split(' ').count();
        deed.name.split(' ').eq(arguments.iter().take(words).map(String::as_str))
    };
    let deed = deeds().iter().find(fits)?;
    let rest: Vec<String> = arguments.iter().skip(deed.name.split(' ').count()).cloned().collect();
    // The list takes no word, so that one behind it was meant for `show`.
    Some(match rest.first().filter(|word| deed.name == "pipelines" && !word.starts_with('-')) {
        Some(word) => no_deed(word),
        None => Call::Pipelines(deed, rest),
    })
}

fn no_deed(word: &str) -> Call {
    let shown = landfall_secret::escape(word, 60);
    let what = format!("`{shown}` is nothing that is done with pipelines");
    let remedy = match nearest(word, ["show"].into_iter()) {
        Some(near) => format!("did you mean `landfall pipelines {near}`?"),
        None => format!("`landfall pipelines show {shown}` shows the pipeline of that name"),
    };
    refused(Problem::new("LF-USAGE", Class::Input, what).with_remedy(remedy))
}

/// The text of the repo's `landfall.toml`, for problems to point into; empty where there is none.
///
/// # Errors
/// [`FileError`] where it cannot be read. What is wrong inside was found when the command's settings were read.
pub(crate) fn settings_text(context: &Context) -> Result<String, Refusal> {
    let path = context.values().text("config").unwrap_or_default();
    match read_bounded(Path::new(&path), Settings::MAX_BYTES) {
        Ok(bytes) => Ok(String::from_utf8(bytes).unwrap_or_default()),
        Err(FileError::Missing { .. } | FileError::Empty { .. }) => Ok(String::new()),
        Err(error) => Err(error.into()),
    }
}
