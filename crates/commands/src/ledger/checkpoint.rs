//! `landfall ledger checkpoint`: the newest record's number and digest in a second place.

use std::future::Future;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_stages::{Outcome, Refusal, checkpoint};

use super::second::{OWNER, PUSHED, SHOWN, for_writing, place};
use crate::{Context, Effects, aws};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall ledger checkpoint";
    const SUMMARY: &'static str =
        "Keep the newest record's number and digest in a second place, so that a removal is seen";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        let to = Opt::value(
            "to",
            SHOWN,
            "where they are kept, apart from the ledger: s3://bucket/prefix, a folder, or git-notes: (git-notes:COMMIT; else HEAD)",
        )
        .env(&["LANDFALL_CHECKPOINTS"]);
        [vec![to, OWNER], PUSHED.to_vec(), aws::OPTIONS.to_vec()].concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let to = values.required("to").and_then(|text| place(&mut values, "to", &text));
            values.finish().map_err(Refusal)?;
            let Some(to) = to else { return Err(Refusal(Vec::new())) };
            let second = for_writing(context, &to).await?;
            checkpoint::run(&second, &context.ledger, context.output(), context.run()).await
        })
    }
}
