//! `landfall notify list`: who was not told yet, of what, why, and since when.

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::{FORMAT_VERSION, Problem, instant_text};
use landfall_cli::Opt;
use landfall_notify::queue::LONGEST_WAIT;
use landfall_stages::notify::{Queue, Waiting};
use landfall_stages::{Finished, Outcome, Refusal, ToCaller};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{Context, Effects, Shared};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall notify list";
    const SUMMARY: &'static str =
        "Show notifications that were not delivered: to whom, of what, why, since when";
    const EFFECTS: Effects = Effects::Files;
    const READS_LEDGER: bool = true;
    const SHARED: Shared = Shared::View;

    fn options() -> Vec<Opt> {
        Vec::new()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let all = Queue::of(&context.ledger).all().await.map_err(Refusal::one)?;
            let now = context.run().clock().now();
            let json = serde_json::to_string_pretty(&json!({
                "formatVersion": FORMAT_VERSION,
                "ledger": context.ledger.place().to_string(),
                "notifications": all.iter().map(|one| row(one, now)).collect::<Vec<_>>(),
            }));
            let json = json.map(|text| format!("{text}\n")).unwrap_or_default();
            let people = people(&all, now);
            Ok(Finished { to_caller: ToCaller::Answer { people, json }, ..Finished::default() })
        })
    }
}

fn row(one: &Waiting, now: OffsetDateTime) -> Value {
    let queued = one.queued.as_ref();
    json!({
        "id": one.name.id,
        "target": one.name.target,
        "state": state(one, now),
        "since": queued.ok().map(|queued| instant_text(&queued.since)),
        "problem": queued.map_or_else(Clone::clone, |queued| queued.problem.clone()),
        "notification": queued.ok().map(|queued| &queued.notification),
    })
}

/// What becomes of it, in one word.
fn state(one: &Waiting, now: OffsetDateTime) -> &'static str {
    match (one.name.is_refused, one.name.is_old(now)) {
        (true, _) => "refused",
        (false, true) => "given-up",
        (false, false) => "waits",
    }
}

/// Three lines each: a table has no room for why.
fn people(all: &[Waiting], now: OffsetDateTime) -> String {
    if all.is_empty() {
        return "every notification was delivered\n".to_owned();
    }
    let mut text = String::new();
    for one in all {
        let (what, since, problem): (String, String, &Problem) = match &one.queued {
            Ok(queued) => {
                let told = &queued.notification;
                let of = told.release.as_ref().map(|release| format!(" of {release}")).unwrap_or_default();
                let place = told.environment.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
                (
                    format!("{}{of}{place}", told.event.as_str()),
                    landfall_run::rfc3339(queued.since),
                    &queued.problem,
                )
            }
            Err(problem) => ("cannot be read".to_owned(), "an unknown time".to_owned(), problem),
        };
        let becomes = match state(one, now) {
            "refused" => "refused, not tried again".to_owned(),
            "given-up" => format!("older than {} h, not tried again", LONGEST_WAIT.as_secs() / 3600),
            _ => "tried again by the next run that notifies".to_owned(),
        };
        let why = landfall_secret::escape(&problem.told(), 300);
        text.push_str(&format!(
            "{}  {} to {}\n  since {since}: {becomes}\n  {}: {why}\n",
            one.name.id, what, one.name.target, problem.code
        ));
    }
    text.push_str("\nlandfall notify send tries again what waits; landfall notify drop ID takes one out\n");
    text
}
