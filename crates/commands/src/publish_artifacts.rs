//! `publish-artifacts` as a command.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use landfall_artifacts::AccountId;
use landfall_cli::Opt;
use landfall_s3_sync::{BucketName, ReleaseStore};
use landfall_stages::publish_artifacts::{Config, run};
use landfall_stages::{Outcome, Refusal};

use crate::package_artifacts::OUT;
use crate::{Context, Effects, Held, aws};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "publish-artifacts";
    const SUMMARY: &'static str = "Put the archives of a release into its store, once and for all";
    const EFFECTS: Effects = Effects::Recorded;

    fn options() -> Vec<Opt> {
        [
            vec![
                Opt::value("from", "DIR", "the folder of the archives and manifest.json").default(OUT),
                Opt::value("bucket", "NAME", "the bucket of releases")
                    .env(&["LANDFALL_RELEASE_BUCKET"])
                    .key("releases.bucket"),
                Opt::value("bucket-owner", "ID", "the AWS account that the bucket must belong to")
                    .env(&["LANDFALL_RELEASE_BUCKET_OWNER"])
                    .key("releases.owner"),
            ],
            aws::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn held(_: &Context) -> Held {
        Held::Dead
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let bucket: Option<BucketName> = values.required_parsed("bucket");
            let owner: Option<AccountId> = values.parsed("bucket-owner");
            let folder = PathBuf::from(values.text("from").unwrap_or_default());
            values.finish().map_err(Refusal)?;
            let Some(bucket) = bucket else { return Err(Refusal(Vec::new())) };
            let aws = aws::config(context, &context.http()?).await?;
            let store = ReleaseStore::new(&aws, bucket, owner)?;
            let config = Config { release: context.target().release.clone(), folder };
            run(&config, &store, context.output(), context.run()).await
        })
    }
}
