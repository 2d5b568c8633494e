//! What stands on the page: chosen and folded from the plan, before it is drawn for a terminal or a ticket.

mod configuration;
mod environment;
mod functions;
mod whole;

use landfall_artifacts::{
    EnvironmentName, PipelinePlan, PlanVerdict, PlannedJob, PlannedState, instant_text,
};
use landfall_run::counted;

/// The page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sheet {
    /// What is planned.
    pub(super) title: String,
    /// Who asked, and when.
    pub(super) asked: String,
    /// Whether it may start.
    pub(super) may_start: bool,
    /// The same in words.
    pub(super) verdict: String,
    /// What stands in the way, each with what would help.
    pub(super) obstacles: Vec<Obstacle>,
    /// The environments, and what is for all of them.
    pub(super) parts: Vec<Part>,
}

/// Something that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    /// Its code, and where it was met.
    pub(super) head: String,
    /// What it is.
    pub(super) what: String,
    /// What would help.
    pub(super) next: Option<String>,
}

/// A part with a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) heading: String,
    pub(super) blocks: Vec<Block>,
}

/// Something in a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A word and what is said of it.
    Fact(&'static str, String),
    /// A table of functions: name, what runs, what would run, what becomes of it.
    Functions(Vec<[String; 4]>),
    /// Lines below a fact.
    Lines(Vec<String>),
}

/// Rows and lines of one kind that are shown one by one in one environment; `--full` shows all.
const MOST: usize = 40;

/// Obstacles that are told one by one.
const MOST_OBSTACLES: usize = 30;

/// The page of a plan. `full` lists what stays as it is too.
pub(super) fn sheet(plan: &PipelinePlan, full: bool) -> Sheet {
    let names: Vec<&str> = plan.environments.iter().map(EnvironmentName::as_str).collect();
    let of = plan.release.as_ref().map(|release| format!(" of release {release}")).unwrap_or_default();
    let to = if names.is_empty() { String::new() } else { format!(" to {}", names.join(", ")) };
    let mut parts = Vec::new();
    let whole = whole::blocks(plan);
    if !whole.is_empty() {
        parts.push(Part { heading: "the run as a whole".to_owned(), blocks: whole });
    }
    let mut shown: Vec<(&EnvironmentName, Vec<[String; 4]>)> = Vec::new();
    for environment in &plan.environments {
        let rows = functions::rows(plan, environment, full);
        let same = shown.iter().find(|(_, other)| *other == rows && !rows.is_empty()).map(|(name, _)| *name);
        let blocks = environment::blocks(plan, environment, &rows, same, full);
        parts.push(Part { heading: environment.to_string(), blocks });
        shown.push((environment, rows));
    }
    Sheet {
        title: format!("{}{of}{to}", plan.pipeline),
        asked: format!("asked by {} at {}", safe(&plan.by.name, 120), instant_text(&plan.planned_at)),
        may_start: plan.verdict == PlanVerdict::MayStart,
        verdict: verdict(plan),
        obstacles: obstacles(plan),
        parts,
    }
}

fn verdict(plan: &PipelinePlan) -> String {
    let unknown = plan.jobs.iter().filter(|job| is_unknown(job)).count();
    let but = match unknown {
        0 => String::new(),
        1 => "; 1 job is not foretold".to_owned(),
        count => format!("; {count} jobs are not foretold"),
    };
    match plan.in_the_way.len() {
        0 => format!("may start{but}"),
        count => format!("stands in the way: {}{but}", counted(count, "thing")),
    }
}

/// Whether nobody can say what a job would do, without that anything is wrong with it.
fn is_unknown(job: &PlannedJob) -> bool {
    job.state == PlannedState::NotForetold && job.problems.is_empty()
}

fn obstacles(plan: &PipelinePlan) -> Vec<Obstacle> {
    let mut obstacles: Vec<Obstacle> = plan
        .in_the_way
        .iter()
        .take(MOST_OBSTACLES)
        .map(|one| {
            let first = one.jobs.first().map(String::as_str).unwrap_or_default();
            let more = match one.jobs.len() {
                0 | 1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            let place = one.environment.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
            Obstacle {
                head: format!("{} {place}{}{more}", one.problem.code, safe(first, 200)),
                what: safe(&one.problem.told(), 2000),
                next: one.problem.remedy.as_deref().map(|remedy| safe(remedy, 1000)),
            }
        })
        .collect();
    let left = plan.in_the_way.len().saturating_sub(MOST_OBSTACLES);
    if left > 0 {
        let head = format!("and {left} more");
        obstacles.push(Obstacle { head, what: "--output json has all of them".to_owned(), next: None });
    }
    obstacles
}

/// At most [`MOST`] of these, and how many are left.
fn folded(mut lines: Vec<String>, full: bool) -> Vec<String> {
    let left = lines.len().saturating_sub(MOST);
    if left > 0 && !full {
        lines.truncate(MOST);
        lines.push(format!("and {left} more"));
    }
    lines
}

/// A text of the world on one line.
fn safe(text: &str, most: usize) -> String {
    landfall_secret::escape(&text.replace('\n', " "), most)
}

#[cfg(test)]
mod tests;
