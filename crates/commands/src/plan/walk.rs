//! The jobs in their order: each when all that it needs is foretold, several at a time.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use landfall_artifacts::{Class, PlannedState, Problem};
use landfall_pipeline::Job;
use landfall_run::{Event, counted};
use landfall_stages::Refusal;

use super::desk::Desk;
use super::job::{Done, Foretold, foretell};

/// Foretells all jobs of the pipeline, in its order, at most so many at a time.
///
/// # Errors
/// That it was stopped. What ran is ended then, which changes nothing.
pub(super) async fn walk(desk: &Desk<'_>, at_once: usize) -> Result<Vec<Arc<Foretold>>, Refusal> {
    let run = desk.context.run();
    let jobs = &desk.pipeline.jobs;
    let phase = Event::Phase { name: format!("plan {}", desk.pipeline.name), items: Some(jobs.len() as u64) };
    run.progress().event(phase);
    let (mut done, mut left): (Done<'_>, Vec<&Job>) = (Done::new(), jobs.iter().collect());
    let mut under_way = FuturesUnordered::new();
    loop {
        let is_ready = |job: &&Job, done: &Done<'_>| {
            let is_over = |name: &str| done.contains_key(name) || desk.pipeline.job(name).is_none();
            job.needs.iter().all(|need| is_over(&need.job))
        };
        while under_way.len() < at_once.max(1)
            && let Some(at) = left.iter().position(|job| is_ready(job, &done))
        {
            let job = left.remove(at);
            run.progress().event(Event::Started { item: job.name.clone(), size_bytes: None });
            let before = done.clone();
            under_way.push(async move { (job, foretell(desk, job, before).await) });
        }
        let ended = tokio::select! {
            ended = under_way.next() => ended,
            () = run.stop().wait() => return Err(stopped(jobs.len() - done.len())),
        };
        let Some((job, foretold)) = ended else { break };
        let result = word(&foretold).to_owned();
        run.progress().event(Event::Finished { item: job.name.clone(), result });
        done.insert(&job.name, Arc::new(foretold));
    }
    Ok(jobs.iter().filter_map(|job| done.get(job.name.as_str()).cloned()).collect())
}

fn word(foretold: &Foretold) -> &'static str {
    match foretold.planned.state {
        _ if !foretold.planned.problems.is_empty() => "something stands in the way",
        PlannedState::Foretold => "foretold",
        PlannedState::Follows => "follows what is made first",
        PlannedState::Person => "somebody decides",
        PlannedState::NotForetold => "not foretold",
    }
}

fn stopped(left: usize) -> Refusal {
    let what = format!("stopped on request with {} not looked at", counted(left, "job"));
    Refusal::one(
        Problem::new("LF-STOPPED", Class::Interrupted, what).with_remedy("run again; nothing was changed"),
    )
}
