//! `landfall notify drop`: takes one out of the queue.

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::{Class, Problem};
use landfall_cli::Opt;
use landfall_stages::notify::Queue;
use landfall_stages::{Finished, Item, Outcome, Refusal};

use crate::{Context, Effects, Shared};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall notify drop";
    const SUMMARY: &'static str = "Take a notification that was not delivered out of the queue, for good";
    const EFFECTS: Effects = Effects::Files;
    const READS_LEDGER: bool = true;
    const SHARED: Shared = Shared::View;

    fn options() -> Vec<Opt> {
        vec![Opt::positional(
            "id",
            "ID",
            "its id, or `refused` for all that are not tried again, as landfall notify list shows them",
        )]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let id = values.required("id");
            values.finish().map_err(Refusal)?;
            let id = id.unwrap_or_default();
            let now = context.run().clock().now();
            let queue = Queue::of(&context.ledger);
            let all = queue.all().await.map_err(Refusal::one)?;
            let is_meant = |one: &&landfall_stages::notify::Waiting| {
                one.name.id == id || (id == "refused" && (one.name.is_refused || one.name.is_old(now)))
            };
            let meant: Vec<_> = all.iter().filter(is_meant).collect();
            if meant.is_empty() && id != "refused" {
                let what = format!("no notification {} is in the queue", landfall_secret::escape(&id, 60));
                let problem = Problem::new("LF-NOTIFY-UNKNOWN", Class::Input, what);
                return Err(Refusal::one(problem.with_remedy("`landfall notify list` shows those that are")));
            }
            let mut finished = Finished::default();
            for one in &meant {
                queue.drop(&one.name).await.map_err(Refusal::one)?;
                finished.items.push(Item::new(one.name.id.clone(), "dropped").changed());
            }
            finished.summary = format!("{} dropped, {} left", meant.len(), all.len() - meant.len());
            Ok(finished)
        })
    }
}
