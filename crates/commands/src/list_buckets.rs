//! `list-buckets` as a command.

use std::future::Future;
use std::pin::Pin;

use landfall_cli::Opt;
use landfall_stages::{Outcome, list_buckets};

use crate::{Context, Effects, aws};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "list-buckets";
    const SUMMARY: &'static str = "Say whose the AWS credentials are, and which buckets that account has";
    const EFFECTS: Effects = Effects::Files;

    fn options() -> Vec<Opt> {
        aws::OPTIONS.to_vec()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let aws = aws::config(context, &context.http()?).await?;
            list_buckets::run(&aws, context.run()).await
        })
    }
}
