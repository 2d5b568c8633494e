//! What a person and a report see of a plan.

use landfall_artifacts::{CommitId, ProjectName, VersionedProject};
use landfall_run::counted;
use landfall_versioning::{Bump, Counting, Plan, Planned, Settled, Situation, Target};

use super::workspace::Workspace;
use super::{Config, unknown};
use crate::changed_images::bounded;
use crate::table::table;
use crate::{Finished, Item, Outcome, Refusal};

/// The most commits that parse as nothing that get a line; the report lists more.
const SHOWN: usize = 20;
/// The most of them that the report lists.
const LISTED: usize = 1000;

/// The plan as rows for people and items for the report. Nothing is done yet.
pub(super) fn plan(settled: &Settled, situation: &Situation) -> Finished {
    let mut finished = Finished::default();
    let plan = &settled.plan;
    let mut rows = vec![["project", "last", "next", "bump", "commits", "because of"].map(str::to_owned)];
    for (name, planned) in &plan.projects {
        let word = if planned.next.is_some() { "planned" } else { "unchanged" };
        finished.items.push(item(name, planned, word));
        if planned.next.is_some() {
            rows.push(row(name, planned));
        }
    }
    if rows.len() > 1 {
        finished.lines.extend(table(&rows, 0));
    }
    let unparsed = &plan.unparsed;
    for counted in unparsed.iter().take(LISTED) {
        let item = Item::new(short(&counted.id), "unparsed");
        finished.items.push(item.with("subject", landfall_secret::escape(&counted.subject, 200)));
    }
    for counted in unparsed.iter().take(SHOWN) {
        let subject = landfall_secret::escape(&counted.subject, 100);
        let moves = if counted.bump == Bump::None {
            "moves no version".to_owned()
        } else {
            format!("counts as {}", counted.bump)
        };
        finished
            .warnings
            .push(format!("{} is no conventional commit and {moves}: {subject}", short(&counted.id)));
    }
    if unparsed.len() > SHOWN {
        finished.warnings.push(format!(
            "{} more are no conventional commits; the report lists them",
            unparsed.len() - SHOWN
        ));
    }
    if situation.ground.is_behind {
        finished.warnings.push(
            "the remote's branch has moved on and was not fetched: a real run plans on what is there"
                .to_owned(),
        );
    }
    finished
}

/// What a reader should look at: what the graph is not certain of, and what of the request was not followed.
pub(super) fn doubts(
    finished: &mut Finished,
    config: &Config,
    settled: &Settled,
    workspace: &Workspace,
    situation: &Situation,
) {
    finished.warnings.extend(bounded(workspace.uncertainties()));
    let forced = &config.request.forced;
    if settled.is_released && (forced.all.is_some() || !forced.projects.is_empty()) {
        finished.warnings.push(format!(
            "no bump is forced: {} has released this commit already, and --bump counts for a commit once",
            short(&settled.at)
        ));
    }
    if config.nx_graph.is_some() && situation.ground.base != situation.ground.head {
        finished.warnings.push(
            "the branch has moved on since: the file of Nx is of this commit, and does not know what came later"
                .to_owned(),
        );
    }
}

/// The summary where nothing was released.
pub(super) fn nothing_done(finished: &mut Finished, settled: &Settled, reads_only: bool) {
    let (count, all) = (settled.plan.released().count(), settled.plan.projects.len());
    finished.summary = match (count, settled.is_released, reads_only) {
        (0, true, _) => {
            format!("nothing to release: {} is the release that has this commit", short(&settled.at))
        }
        (0, false, _) if all == 1 => "nothing to release: the one project stays as it is".to_owned(),
        (0, false, _) => format!("nothing to release: {all} projects stay as they are"),
        (count, _, _) => format!("{count} of {} would be released", counted(all, "project")),
    };
}

/// What was done.
pub(super) fn done(
    finished: &mut Finished,
    settled: &Settled,
    situation: &Situation,
    target: &Target,
    commit: &CommitId,
) {
    for (name, planned) in settled.plan.released() {
        if let Some(item) = finished.items.iter_mut().find(|item| item.name == name.as_str()) {
            *item = self::item(name, planned, "released").changed().with("commit", commit.as_str());
        }
    }
    let place = match (&target.remote, &target.branch, target.pushes) {
        (Some(remote), Some(branch), true) => format!("pushed to {branch} of {}", remote.name()),
        _ => "not pushed".to_owned(),
    };
    let count = settled.plan.released().count();
    finished.summary =
        format!("{count} of {} projects released by {}, {place}", settled.plan.projects.len(), short(commit));
    if situation.ground.base != situation.ground.head {
        finished.warnings.push(format!(
            "the branch had moved on: these versions are of {}, not of {}, and images must be built from it",
            short(commit),
            short(&situation.ground.head)
        ));
    }
}

/// Why a project gets its version, or got its last one: commit, file, and way, for each commit that counts.
pub(super) fn explained(asked: &str, plan: &Plan, is_past: bool) -> Outcome {
    let projects = &plan.projects;
    let Some((name, planned)) = projects.iter().find(|(name, _)| name.as_str() == asked) else {
        return Err(Refusal::of(&unknown(asked, projects.keys().map(ToString::to_string).collect())));
    };
    let mut finished = Finished::default();
    for counting in &planned.causes {
        let subject = landfall_secret::escape(&counting.commit.subject, 100);
        finished.lines.push(format!("{} {:5} {subject}", short(&counting.commit.id), counting.bump()));
        finished.lines.push(format!("    {}", way(name, counting)));
        if let Some(by) = &counting.reverted_by {
            finished.lines.push(format!("    taken back by {}", short(by)));
        }
        finished.items.push(
            Item::new(short(&counting.commit.id), "counted")
                .with("bump", counting.bump().to_string())
                .with("subject", subject)
                .with("because", way(name, counting)),
        );
    }
    let last = planned.last.as_ref();
    let since = last.map_or("it has no tag yet".to_owned(), |last| {
        format!("{} commits since {}", planned.causes.len(), last.tag)
    });
    let (is, becomes) = if is_past { ("was", "became") } else { ("is", "becomes") };
    finished.summary = match &planned.next {
        Some(next) if last.is_none() => format!("{name} {is} released first as {next}: {since}"),
        Some(next) if planned.is_forced => format!("{name} {becomes} {next}, as forced: {since}"),
        Some(next) => format!("{name} {becomes} {next}, {}: {since}", planned.bump),
        None => format!("{name} stays as it is: {since}, and none moves it"),
    };
    Ok(finished)
}

/// A project as `versions.json` has it.
pub(super) fn entry(planned: &Planned, functions: &str) -> Result<VersionedProject, String> {
    let version = planned.version().ok_or("it has no version")?.clone();
    let below =
        planned.folder.strip_prefix(functions.trim_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    let folder = below.unwrap_or(&planned.folder).parse().map_err(|_| {
        format!("its folder {} is not right below {functions}", landfall_secret::escape(&planned.folder, 100))
    })?;
    Ok(VersionedProject { version, folder })
}

fn item(name: &ProjectName, planned: &Planned, outcome: &'static str) -> Item {
    let mut item = Item::new(name.as_str(), outcome)
        .with("bump", planned.bump.to_string())
        .with("commits", planned.causes.len());
    if let Some(last) = &planned.last {
        item = item.with("last", last.version.to_string()).with("lastTag", last.tag.as_str());
    }
    if let Some((next, tag)) = planned.next.as_ref().zip(planned.tag.as_ref()) {
        item = item.with("next", next.to_string()).with("tag", tag.as_str());
    }
    let counts = planned.causes.iter().filter(|counting| counting.bump() > Bump::None).take(100);
    let because: Vec<String> = counts
        .map(|counting| {
            let subject = landfall_secret::escape(&counting.commit.subject, 100);
            format!("{} {subject}: {}", short(&counting.commit.id), way(name, counting))
        })
        .collect();
    if because.is_empty() { item } else { item.with("because", because) }
}

fn row(name: &ProjectName, planned: &Planned) -> [String; 6] {
    let text = |version: Option<String>| version.unwrap_or_else(|| "-".to_owned());
    let weightiest = planned.causes.iter().max_by_key(|counting| counting.bump());
    let because = match weightiest.filter(|counting| counting.bump() > Bump::None) {
        Some(counting) => landfall_secret::escape(&counting.commit.subject, 60),
        None if planned.last.is_none() => "first release".to_owned(),
        None if planned.is_forced => "forced".to_owned(),
        None => "the others of this repo".to_owned(),
    };
    [
        name.to_string(),
        text(planned.last.as_ref().map(|last| last.version.to_string())),
        text(planned.next.as_ref().map(ToString::to_string)),
        planned.bump.to_string(),
        planned.causes.len().to_string(),
        because,
    ]
}

/// What changed, the way to it, and how much else there is.
fn way(name: &ProjectName, counting: &Counting) -> String {
    let cause = &counting.cause;
    let mut text = landfall_secret::escape(&cause.what, 200);
    if cause.way.origin != *name {
        let steps: Vec<&str> = cause.way.through.iter().map(ProjectName::as_str).collect();
        text.push_str(&format!(", by {}", steps.join(" > ")));
    }
    if cause.way.is_guess {
        text.push_str(", which may not concern it");
    }
    match counting.further {
        0 => {}
        1 => text.push_str(", and 1 further path"),
        more => text.push_str(&format!(", and {more} further paths")),
    }
    text
}

/// The first digits of a commit's id.
pub(crate) fn short(id: &CommitId) -> String {
    id.as_str().chars().take(8).collect()
}
