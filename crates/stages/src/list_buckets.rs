//! `list-buckets`: says whose the credentials are, and which buckets that account has.

use landfall_aws::{AwsConfig, caller_identity};
use landfall_run::Run;
use landfall_s3_sync::tree::{Bucket, buckets};

use crate::table::table;
use crate::{Finished, Item, Outcome};

/// Asks STS who the caller is, and S3 for the account's buckets. Changes nothing.
///
/// # Errors
/// Credentials that are not accepted, or may not list buckets.
pub async fn run(aws: &AwsConfig, run: &Run) -> Outcome {
    let identity = caller_identity(aws, run).await?;
    let found = buckets(aws, run).await?;
    let mut finished = Finished::new(format!(
        "{} buckets in account {}, asked in {} as {}",
        found.len(),
        identity.account,
        aws.region(),
        identity.arn
    ));
    let region = |bucket: &Bucket| bucket.region.clone().unwrap_or_else(|| "-".to_owned());
    let rows: Vec<[String; 2]> = found.iter().map(|bucket| [bucket.name.clone(), region(bucket)]).collect();
    finished.lines = table(&rows, 0);
    finished.items = found
        .iter()
        .map(|bucket| Item::new(bucket.name.clone(), "found").with("region", bucket.region.clone()))
        .collect();
    Ok(finished)
}
