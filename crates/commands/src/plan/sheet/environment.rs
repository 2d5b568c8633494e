//! What would happen to one environment.

use landfall_artifacts::{
    EnvironmentName, PipelinePlan, PlannedJob, PlannedKeys, PlannedState, ReportItem, instant_text,
};
use landfall_pipeline::plan::FOLLOWS;
use landfall_run::{counted, human_bytes};

use super::{Block, MOST, configuration, folded, functions, is_unknown, safe};

/// The parts that an environment has, the most looked at first. `rows` are its functions, `same` the environment that was shown with the
/// very same ones.
pub(super) fn blocks(
    plan: &PipelinePlan,
    environment: &EnvironmentName,
    rows: &[[String; 4]],
    same: Option<&EnvironmentName>,
    full: bool,
) -> Vec<Block> {
    let jobs: Vec<&PlannedJob> = plan.jobs_of(Some(environment)).collect();
    let of = |stage: &str| jobs.iter().copied().filter(|job| runs(job, stage)).collect::<Vec<_>>();
    let mut blocks = Vec::new();
    blocks.extend(images(&of("retag-push-ecr")));
    let items: Vec<&ReportItem> = functions::items(plan, environment).collect();
    let deployments = of("deploy-lambda");
    if items.is_empty() {
        blocks.extend(unforetold("functions", &deployments));
    } else {
        blocks.push(Block::Fact("functions", change(&items, &deployments)));
        if let Some(same) = same {
            blocks.push(Block::Lines(vec![format!("the same as in {same}")]));
        } else if !rows.is_empty() {
            let most = if full { rows.len() } else { MOST };
            blocks.push(Block::Functions(rows.iter().take(most).cloned().collect()));
            let left = rows.len().saturating_sub(most);
            if left > 0 {
                blocks.push(Block::Lines(vec![format!("and {left} more; --full lists all")]));
            }
        }
    }
    for job in of("s3-sync") {
        blocks.extend(configuration::blocks(job, full));
    }
    blocks.extend(tickets(&jobs));
    blocks.extend(checks(&of("smoke-test")));
    let people: Vec<String> = jobs
        .iter()
        .filter(|job| job.manual || job.state == PlannedState::Person)
        .map(|job| safe(&job.name, 200))
        .collect();
    if !people.is_empty() {
        blocks.push(Block::Fact("by hand", format!("{}: somebody has to start it", people.join(", "))));
    }
    blocks.extend(plan.keys.iter().filter(|keys| keys.environment == *environment).map(credentials));
    blocks.extend(rest(&jobs, full));
    blocks
}

/// What becomes of the functions in numbers, or why only their versions are known.
fn change(items: &[&ReportItem], jobs: &[&PlannedJob]) -> String {
    let count = |outcome: &str| items.iter().filter(|item| item.outcome == outcome).count();
    let all = counted(items.len(), "function");
    if count(FOLLOWS) == items.len() {
        let why = jobs.iter().find(|job| !job.why.is_empty()).map(|job| format!(": {}", safe(&job.why, 400)));
        return format!("{all}, with what the run makes first{}", why.unwrap_or_default());
    }
    let verb = if items.len() == 1 { "changes" } else { "change" };
    let mut text = format!("{} of {all} {verb}, {} unchanged", count("planned"), count("unchanged"));
    if count("blocked") > 0 {
        text.push_str(&format!(", {} cannot be deployed", count("blocked")));
    }
    text
}

pub(super) fn runs(job: &PlannedJob, stage: &str) -> bool {
    job.stages.iter().any(|name| name == stage)
}

/// Images that are copied for the environment.
fn images(jobs: &[&PlannedJob]) -> Option<Block> {
    let items: Vec<&ReportItem> = jobs.iter().flat_map(|job| &job.items).collect();
    if items.is_empty() {
        return unforetold("images", jobs);
    }
    let planned: Vec<&&ReportItem> = items.iter().filter(|item| item.outcome == "planned").collect();
    let bytes = planned
        .iter()
        .filter_map(|item| item.details.get("bytesToSend").and_then(serde_json::Value::as_u64))
        .fold(0_u64, u64::saturating_add);
    let there = items.iter().filter(|item| item.outcome == "unchanged").count();
    let part = jobs.iter().find(|job| !job.why.is_empty()).map(|job| format!("; {}", safe(&job.why, 200)));
    let text = format!("{} to copy ({}), {there} there already", planned.len(), human_bytes(bytes));
    Some(Block::Fact("images", text + &part.unwrap_or_default()))
}

/// Why nothing is known of what jobs do, where that is more than that they are in the way.
fn unforetold(label: &'static str, jobs: &[&PlannedJob]) -> Option<Block> {
    let job = jobs.first()?;
    let why = match job.state {
        PlannedState::Foretold => "nothing to do".to_owned(),
        _ if job.why.is_empty() => "not foretold: see what stands in the way".to_owned(),
        _ => format!("not foretold: {}", safe(&job.why, 400)),
    };
    Some(Block::Fact(label, why))
}

/// What becomes of the release ticket, step by step.
fn tickets(jobs: &[&PlannedJob]) -> Option<Block> {
    let (mut steps, mut moves, mut fails): (Vec<String>, bool, bool) = (Vec::new(), false, false);
    for job in jobs {
        let Some(stage) = job.stages.first().filter(|stage| stage.contains("jira")) else { continue };
        let item = job.items.first();
        let text = |key: &str| {
            item.and_then(|item| item.details.get(key))
                .and_then(|value| value.as_str())
                .map(|text| safe(text, 80))
        };
        let is_done = item.is_some_and(|item| item.outcome == "unchanged");
        let name = item.map(|item| safe(&item.name, 80));
        let step = match (stage.as_str(), job.state) {
            (_, PlannedState::Follows) => format!("then {}", safe(&job.name, 200)),
            // The notes say why.
            (_, PlannedState::NotForetold) if job.may_fail => {
                fails = true;
                continue;
            }
            (_, PlannedState::NotForetold | PlannedState::Person) => {
                format!("{}: not foretold", safe(&job.name, 200))
            }
            ("create-jira-tickets", _) if is_done => format!("{} is there", name.unwrap_or_default()),
            ("create-jira-tickets", _) => "a new one".to_owned(),
            ("transition-jira-tickets", _) => match (is_done, text("from"), text("to")) {
                (true, Some(from), _) => format!("{} stays in `{from}`", name.unwrap_or_default()),
                // Each step is foretold from where the ticket is now: behind the first only where it goes is news.
                (false, Some(_), Some(to)) if moves => format!("then to `{to}`"),
                (false, Some(from), Some(to)) => {
                    moves = true;
                    format!("{} from `{from}` to `{to}`", name.unwrap_or_default())
                }
                _ => continue,
            },
            ("comment-jira-tickets", _) if !is_done => "a comment".to_owned(),
            ("update-jira-instructions", _) if !is_done => "instructions".to_owned(),
            _ => continue,
        };
        steps.push(step);
    }
    if fails {
        steps.push("not all of it is foretold: see the notes".to_owned());
    }
    (!steps.is_empty()).then(|| Block::Fact("ticket", steps.join("; ")))
}

fn checks(jobs: &[&PlannedJob]) -> Option<Block> {
    let count = jobs.iter().flat_map(|job| &job.items).filter(|item| item.outcome == "planned").count();
    (count > 0).then(|| Block::Fact("checks", counted(count, "check")))
}

/// How long the credentials live, and how long what works with them is likely to take.
fn credentials(keys: &PlannedKeys) -> Block {
    let lives = format!("live {} from {} on", minutes(keys.life_seconds), safe(&keys.job, 200));
    let expected = match keys.expected_seconds {
        Some(seconds) => format!(
            "the work with them took {} (the median of {})",
            minutes(seconds),
            counted(usize::try_from(keys.runs).unwrap_or(usize::MAX), "earlier run")
        ),
        None => "how long the work with them takes is not known: the ledger has no earlier run".to_owned(),
    };
    let partly = match keys.unknown.as_slice() {
        [] => String::new(),
        _ if keys.expected_seconds.is_none() => String::new(),
        unknown => format!(", without {}", unknown.join(", ")),
    };
    let at_hand = keys
        .at_hand_until
        .as_ref()
        .map(|until| format!("; those of this plan until {}", instant_text(until)));
    Block::Fact("credentials", format!("{lives}; {expected}{partly}{}", at_hand.unwrap_or_default()))
}

fn minutes(seconds: u64) -> String {
    landfall_pipeline::plan::minutes(seconds)
}

/// What is not foretold, and what should be looked at although all is well.
pub(super) fn rest(jobs: &[&PlannedJob], full: bool) -> Vec<Block> {
    let mut blocks = Vec::new();
    let unknown: Vec<String> = jobs
        .iter()
        .filter(|job| is_unknown(job) && job.stages.is_empty())
        .map(|job| format!("{}: {}", safe(&job.name, 200), safe(&job.why, 400)))
        .collect();
    if !unknown.is_empty() {
        blocks.push(Block::Fact("not foretold", counted(unknown.len(), "job")));
        blocks.push(Block::Lines(folded(unknown, full)));
    }
    let warnings = notes(jobs);
    if !warnings.is_empty() {
        blocks.push(Block::Fact("to look at", counted(warnings.len(), "note")));
        blocks.push(Block::Lines(folded(warnings, full)));
    }
    blocks
}

/// What jobs warn of, each once, with the first that does. What a job follows is said already where it would stand.
fn notes(jobs: &[&PlannedJob]) -> Vec<String> {
    let mut notes: Vec<(&str, &str, usize)> = Vec::new();
    for job in jobs.iter().filter(|job| job.state != PlannedState::Follows) {
        for warning in &job.warnings {
            match notes.iter_mut().find(|(_, text, _)| text == warning) {
                Some((_, _, more)) => *more += 1,
                None => notes.push((&job.name, warning, 0)),
            }
        }
    }
    let line = |(job, text, more): &(&str, &str, usize)| {
        let more = if *more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}: {}", safe(job, 200), safe(text, 600))
    };
    notes.iter().map(line).collect()
}
