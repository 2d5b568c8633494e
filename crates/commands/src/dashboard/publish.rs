//! `landfall dashboard publish`.

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::AccountId;
use landfall_cli::Opt;
use landfall_s3_sync::tree::{Tree, TreeAddress};
use landfall_stages::{Outcome, Refusal};

use super::reading::{OPTIONS, Reader};
use crate::every_stage::{DEADLINE, DRY_RUN, QUIET, RATE_SHARE};
use crate::{Context, Effects, Shared, aws};

/// The command.
#[derive(Debug)]
pub(super) struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "landfall dashboard publish";
    const SUMMARY: &'static str = "Draw the pages into a prefix of a bucket";
    const EFFECTS: Effects = Effects::Files;
    const READS_LEDGER: bool = true;
    const SHARED: Shared = Shared::View;

    fn options() -> Vec<Opt> {
        let own = vec![
            Opt::positional(
                "target",
                "s3://BUCKET/PREFIX",
                "where the pages go; index.html stands right below",
            ),
            Opt::value("bucket-owner", "ID", "the AWS account that the bucket must belong to"),
        ];
        let how = [DRY_RUN, DEADLINE, RATE_SHARE, QUIET];
        [own, OPTIONS.to_vec(), how.to_vec(), aws::OPTIONS.to_vec()].concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let reader = Reader::of(context, &values);
            let target: Option<TreeAddress> = values.required_parsed("target");
            let owner: Option<AccountId> = values.parsed("bucket-owner");
            values.finish().map_err(Refusal)?;
            let Some(target) = target else { return Err(Refusal(Vec::new())) };
            let site = reader.site(context.run().clock().now()).await?;
            let aws = aws::config(context, &context.http()?).await?;
            let tree = Tree::new(&aws, target, owner, context.run().share())?;
            landfall_stages::dashboard::publish(&site, &tree, context.output(), context.run()).await
        })
    }
}
