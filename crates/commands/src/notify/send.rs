//! `landfall notify send`: tries again what waits.

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::{Class, Problem};
use landfall_cli::Opt;
use landfall_notify::queue::MOST_TRIED;
use landfall_stages::notify::{Queue, tell};
use landfall_stages::{Finished, Item, Outcome, Refusal};

use super::senders::senders;
use crate::{Context, Effects, Shared};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall notify send";
    const SUMMARY: &'static str = "Try again the oldest that wait, at most twenty of each target";
    const EFFECTS: Effects = Effects::Files;
    const READS_LEDGER: bool = true;
    const SHARED: Shared = Shared::View;

    fn options() -> Vec<Opt> {
        Vec::new()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let delivered = tell(Vec::new(), &senders(context), Some(&context.ledger), context.run()).await;
            let now = context.run().clock().now();
            let all = Queue::of(&context.ledger).all().await.map_err(Refusal::one)?;
            let left = all.iter().filter(|one| !one.name.is_refused && !one.name.is_old(now)).count();
            let mut finished = Finished { warnings: delivered.warnings, ..Finished::default() };
            if delivered.waited > 0 {
                finished.items.push(Item::new("queued notifications", "delivered").changed());
            }
            finished.summary = format!("{} delivered, {left} wait", delivered.waited);
            if left > 0 {
                let what = format!("{left} notifications still wait");
                let remedy = if delivered.waited >= MOST_TRIED {
                    "run it again: at most twenty of each target are tried at once"
                } else {
                    "see why by landfall notify list"
                };
                finished
                    .problems
                    .push(Problem::new("LF-NOTIFY-WAITS", Class::Transient, what).with_remedy(remedy));
            }
            Ok(finished)
        })
    }
}
