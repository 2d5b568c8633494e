//! `landfall render`: the CI files of the repo's pipelines.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use landfall_artifacts::{Class, Mode, Problem, write_atomic};
use landfall_cli::Opt;
use landfall_pipeline::{Pipelines, Rendered, github, gitlab, quoted};
use landfall_stages::{Finished, Item, Outcome, Refusal};

use super::plan::{Plan, State, plan};
use super::settings_text;
use crate::nearest::nearest;
use crate::{Context, Effects, Shared};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall render";
    const SUMMARY: &'static str = "Write the CI files of the pipelines for GitLab or GitHub";
    const EFFECTS: Effects = Effects::Files;
    const SHARED: Shared = Shared::Local;

    fn options() -> Vec<Opt> {
        vec![
            Opt::positional("system", "gitlab|github", "what the files are for"),
            Opt::value("out", "DIR", "the folder that they are written to, the repo's root").default("."),
            Opt::switch("check", "write nothing, and end with 3 where a file is not what would be written"),
            Opt::switch(
                "force",
                "write over files that Landfall did not write; links are left alone all the same",
            ),
        ]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let system = values.required("system");
            if let Some(word) = system.as_deref().filter(|word| !SYSTEMS.contains(word)) {
                let what = format!("`{}` is neither gitlab nor github", landfall_secret::escape(word, 60));
                let near = nearest(word, SYSTEMS.into_iter());
                values.problem("LF-USAGE", &what, near.map(|near| format!("did you mean {near}?")));
            }
            let (check, force) = (values.is_on("check"), values.is_on("force"));
            if check && force {
                let remedy = Some("leave one of them out".to_owned());
                values.problem("LF-USAGE", "--check writes nothing, and so --force says nothing", remedy);
            }
            let folder = PathBuf::from(values.text("out").unwrap_or_default());
            values.finish().map_err(Refusal)?;
            let system = system.unwrap_or_default();
            let rendered = rendered(context, &system)?;
            let plan = plan(&folder, &format!("# Written by `landfall render {system}`"), rendered)?;
            if check {
                return Ok(checked(&plan, &system, &folder));
            }
            refuse_foreign(&plan, force)?;
            Ok(apply(&plan, &folder))
        })
    }
}

const SYSTEMS: [&str; 2] = ["gitlab", "github"];

/// Code of the problem that a file of somebody else stands where one would be written.
pub(crate) const FOREIGN: &str = "LF-RENDER-FOREIGN";

fn rendered(context: &Context, system: &str) -> Result<Vec<Rendered>, Refusal> {
    let text = settings_text(context)?;
    let pipelines = Pipelines::new(&context.settings, &text).for_ci()?;
    if pipelines.is_empty() {
        let what = "landfall.toml has no pipeline that CI files could be written of";
        let remedy = "add rows such as [environment.stg_eu00] with `kind`, or name pipelines in [ci]";
        return Err(Refusal::one(Problem::new("LF-RENDER-NONE", Class::Input, what).with_remedy(remedy)));
    }
    let rendered = if system == "gitlab" {
        gitlab::render(&pipelines, &context.settings)?
    } else {
        github::render(&pipelines, &context.settings)?
    };
    Ok(rendered)
}

/// What a check says: nothing is written.
fn checked(plan: &Plan, system: &str, folder: &Path) -> Finished {
    let mut finished = Finished::default();
    let mut again = format!("landfall render {system}");
    if folder != Path::new(".") {
        let shown = landfall_secret::escape(&folder.to_string_lossy(), 200);
        again.push_str(&format!(" --out {}", quoted(&shown)));
    }
    let stale = |path: &str, how: &str| {
        let what = format!("{}: {how}", landfall_secret::escape(path, 200));
        Problem::new("LF-RENDER-STALE", Class::Refused, what)
            .with_remedy(format!("run `{again}` and commit what it writes"))
    };
    for (file, state) in &plan.files {
        let item = |word| Item::new(file.path.clone(), word);
        finished.items.push(match state {
            State::Fresh => item("unchanged"),
            State::Missing => item("missing").failed(stale(&file.path, "is missing")),
            State::Stale(how) => item("stale").failed(stale(&file.path, how)),
            State::Foreign => item("foreign").failed(foreign(&file.path)),
            State::Linked(link) => item("linked").failed(linked(&file.path, link)),
        });
    }
    for path in &plan.left_over {
        let what = format!("{}: no pipeline has it any more", landfall_secret::escape(path, 200));
        let problem = Problem::new("LF-RENDER-LEFT", Class::Refused, what);
        let problem = problem.with_remedy("delete it, since CI may still read it");
        finished.items.push(Item::new(path.clone(), "left-over").failed(problem));
    }
    let fresh = plan.files.iter().filter(|(_, state)| *state == State::Fresh).count();
    finished.summary = match plan.files.len() {
        1 => format!("{fresh} of 1 file is as it would be written"),
        all => format!("{fresh} of {all} files are as they would be written"),
    };
    finished
}

fn foreign(path: &str) -> Problem {
    let what = format!("{}: is there, and Landfall did not write it", landfall_secret::escape(path, 200));
    Problem::new(FOREIGN, Class::Refused, what).with_remedy(
        "move what it has to landfall.toml, then repeat with --force; or render to another folder by --out",
    )
}

fn linked(path: &str, link: &str) -> Problem {
    let (path_shown, link_shown) = (landfall_secret::escape(path, 200), landfall_secret::escape(link, 200));
    let what = if path == link {
        format!("{path_shown}: is a symbolic link, which is left alone")
    } else {
        format!("{path_shown}: {link_shown} is a symbolic link, and nothing is written behind it")
    };
    Problem::new("LF-RENDER-LINK", Class::Refused, what)
        .with_remedy("put a file or a folder of the repo's own in the place of the link, then run again")
}

/// Before the first file is written, so that none is where one cannot be. Through a link nothing is written, whatever is said.
pub(crate) fn refuse_foreign(plan: &Plan, force: bool) -> Result<(), Refusal> {
    let problem = |(file, state): &(Rendered, State)| match state {
        State::Foreign if !force => Some(foreign(&file.path)),
        State::Linked(link) => Some(linked(&file.path, link)),
        State::Foreign | State::Missing | State::Fresh | State::Stale(_) => None,
    };
    let problems: Vec<Problem> = plan.files.iter().filter_map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(Refusal(problems)) }
}

/// Writes what differs. Each file is whole or as it was; running again writes the rest.
fn apply(plan: &Plan, folder: &Path) -> Finished {
    let mut finished = Finished::default();
    let mut unchanged = 0_usize;
    for (file, state) in &plan.files {
        if *state == State::Fresh {
            finished.items.push(Item::new(file.path.clone(), "unchanged"));
            unchanged += 1;
            continue;
        }
        match write_atomic(&folder.join(&file.path), file.text.as_bytes(), Mode::Shared) {
            Ok(file_written) => {
                finished.lines.push(format!("wrote {}", file.path));
                finished.items.push(Item::new(file.path.clone(), "written").changed());
                finished.files.push(file_written);
            }
            Err(error) => {
                finished.items.push(Item::new(file.path.clone(), "failed").failed(Problem::of(&error)));
            }
        }
    }
    for path in &plan.left_over {
        let shown = landfall_secret::escape(path, 200);
        finished
            .warnings
            .push(format!("{shown}: no pipeline has it any more; delete it, since CI may still read it"));
    }
    finished.summary = format!("{} written, {unchanged} unchanged", finished.files.len());
    finished
}
