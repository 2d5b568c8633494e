//! `landfall notify test`: whether a target can be told.

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::{Class, Problem, TargetName};
use landfall_cli::Opt;
use landfall_notify::{LONGEST_SENDING, test_notification};
use landfall_stages::notify::fresh_id;
use landfall_stages::{Finished, Item, Outcome, Refusal};

use super::senders::senders;
use crate::nearest::nearest;
use crate::{Context, Effects, Shared, report};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall notify test";
    const SUMMARY: &'static str = "Send a target a message that says that it is only a test";
    const EFFECTS: Effects = Effects::Files;
    const READS_LEDGER: bool = false;
    const SHARED: Shared = Shared::View;

    fn options() -> Vec<Opt> {
        vec![Opt::positional(
            "target",
            "TARGET",
            "the target, as [notify.<target>] of landfall.toml names it",
        )]
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let target: Option<TargetName> = values.required_parsed("target");
            values.finish().map_err(Refusal)?;
            let Some(target) = target else { return Err(Refusal(Vec::new())) };
            let Some(sender) = senders(context).remove(&target) else {
                return Err(unknown(context, &target));
            };
            let run = context.run();
            let actor = report::actor(context.environment());
            let notification = test_notification(&target, run.clock().now(), actor, fresh_id());
            sender?.send(&notification, LONGEST_SENDING, run).await?;
            let mut finished = Finished::new(format!("{target} was told; look whether it arrived"));
            finished.items.push(Item::new(target.to_string(), "told").changed());
            Ok(finished)
        })
    }
}

fn unknown(context: &Context, target: &TargetName) -> Refusal {
    let names = context.settings.notify.keys().map(TargetName::as_str);
    let remedy = match nearest(target.as_str(), names) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("add [notify.{target}] to landfall.toml"),
    };
    let what = format!("no target {target} is in landfall.toml");
    Refusal::one(Problem::new("LF-NOTIFY-TARGET", Class::Input, what).with_remedy(remedy))
}
