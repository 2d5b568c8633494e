//! The repo's own program in the merge's place.

use landfall_artifacts::{Class, Problem};
use landfall_config_merge::{Folder, NewKeys, OutState, Tree, assemble, plan_as_is, tree_digest};
use landfall_run::{Event, Run};

use super::{Config, Made, OwnProgram, digests, finished_without, off_thread, refused, told};
use crate::child::{Ended, Program, how};
use crate::{Finished, Outcome, Output, Refusal};

/// Runs the program on a new folder, looks at what it made, and puts that in the place of the target.
pub(super) async fn run(
    config: &Config,
    program: &OwnProgram,
    folder: &Folder,
    state: OutState,
    output: &Output,
    run: &Run,
) -> Outcome {
    if config.explain.is_some() {
        let what = "where values come from is not known: the repo's own program merges";
        return Err(Refusal::one(
            Problem::new("LF-MERGE-EXPLAIN", Class::Input, what)
                .with_remedy("leave out --explain, or take merge_command out of landfall.toml"),
        ));
    }
    let shown = landfall_secret::escape(&program.words.join(" "), 200);
    if output.is_dry_run() {
        let mut finished =
            Finished::new("the repo's own program would merge; what it makes is not known before");
        let path = |path: &std::path::Path| landfall_secret::escape(&path.to_string_lossy(), 200);
        let (from, to) = (path(&config.source), path(&config.out));
        finished.lines.push(format!("{shown} {from} {to}"));
        return Ok(finished);
    }
    // Before anything is run: links and the like are refused in what is handed over, too.
    let (_, errors) = Tree::open(&config.source, config.limits)?.files();
    if !errors.is_empty() {
        return Err(refused(errors));
    }
    run.progress().event(Event::Phase { name: "merge".into(), items: None });
    let fresh = folder.begin()?;
    let target = std::env::current_dir()
        .ok()
        .and_then(|here| fresh.path().strip_prefix(here.canonicalize().ok()?).ok().map(ToOwned::to_owned))
        .unwrap_or_else(|| fresh.path().to_owned());
    let mut words = program.words.clone();
    words.extend([&config.source, &target].map(|path| path.to_string_lossy().into_owned()));
    let child = Program { words: &words, variables: &program.variables, folder: None };
    match child.run_shown("merge_command".to_owned(), program.timeout, run).await {
        Ended::Well => {}
        Ended::Stopped => {
            let mut stopped = Finished::new("stopped: nothing was changed");
            stopped.note_stop(run, 1);
            return Ok(stopped);
        }
        other => return Err(Refusal::one(failed(&shown, other, program))),
    }
    let made = off_thread(config, {
        let path = fresh.path().to_owned();
        move |config| looked_at(&config, &path)
    })
    .await?;
    let digests = digests(&made.assembled);
    let tree = tree_digest(digests.iter().map(|(path, digest)| (path.as_str(), digest)));
    let is_there = state == OutState::Ours(tree);
    let mut finished = Finished::default();
    told::suspects(&made.assembled.suspects, &mut finished);
    told::files(&made, &digests, config, is_there, output, &mut finished);
    let done = if is_there { "was there already" } else { "is written" };
    finished.summary = format!("{} files made by {shown}: the target {done}", digests.len());
    if !is_there {
        fresh.finish(tree, config.limits, config.replace)?;
    }
    Ok(finished)
}

/// What the program made, checked as strictly as what is merged here.
fn looked_at(config: &Config, path: &std::path::Path) -> Result<Made, Refusal> {
    let tree = Tree::open(path, config.limits)?;
    let (listed, mut errors) = tree.files();
    if listed.is_empty() && errors.is_empty() {
        let what = "merge_command made no file in the folder that is its last argument";
        return Err(Refusal::one(
            Problem::new("LF-MERGE-NOTHING", Class::Refused, what)
                .with_remedy("let it write to the folder that it is given, or leave merge_command out"),
        ));
    }
    let paths: Vec<&str> = listed.iter().map(|file| file.path.as_str()).collect();
    let (plan, more) = plan_as_is(&paths, &config.unread);
    errors.extend(more);
    let assembled = assemble(&tree, &plan, &[], NewKeys::Allow, config.limits, None);
    finished_without(errors, assembled).map(|assembled| Made { plan, assembled })
}

fn failed(shown: &str, ended: Ended, program: &OwnProgram) -> Problem {
    let (what, remedy) = match ended {
        Ended::Badly(status) => (how(status), "read its output above and correct it"),
        Ended::TooLate => (
            format!("it did not end in {} s and was ended", program.timeout.as_secs()),
            "raise --merge-timeout, or find out what it waits for",
        ),
        Ended::NotStarted(cause) => (
            format!("it cannot be started: {cause}"),
            "correct merge_command in landfall.toml, or install the program in the image that this job runs in",
        ),
        Ended::NotKept(cause) => (format!("its output cannot be kept: {cause}"), "free the disk"),
        Ended::Unseen(cause) => (format!("its end cannot be seen: {cause}"), "run again"),
        Ended::Well | Ended::Stopped => ("it ended".to_owned(), "run again"),
    };
    Problem::new("LF-MERGE-COMMAND", Class::Refused, format!("merge_command `{shown}` failed: {what}"))
        .with_remedy(remedy)
}
