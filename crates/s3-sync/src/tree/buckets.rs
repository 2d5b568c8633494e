//! The buckets of an account, and the one that is meant.

use landfall_aws::{AwsConfig, Call, Nature, Service, call};
use landfall_run::Run;

use super::{TreeError, client};
use crate::BucketName;

/// Buckets of one answer.
const PAGE: i32 = 1000;

/// Most buckets of an account (S3 quotas: 10,000, on request more).
const MOST_BUCKETS: u64 = 100_000;

/// A bucket as its account's list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its region, where S3 tells it.
    pub region: Option<String>,
}

/// All buckets that the keys' account has, in the order of their names (S3 API, ListBuckets).
///
/// # Errors
/// [`TreeError::Call`], [`TreeError::Listing`] where a page leads back, [`TreeError::TooMany`].
pub async fn buckets(config: &AwsConfig, run: &Run) -> Result<Vec<Bucket>, TreeError> {
    let sdk = client(config).map_err(|cause| TreeError::Listing {
        address: "the account's buckets".to_owned(),
        what: landfall_secret::escape(&cause.to_string(), 200),
    })?;
    let mut found: Vec<Bucket> = Vec::new();
    let mut token: Option<String> = None;
    let mut seen = std::collections::BTreeSet::new();
    loop {
        let what =
            Call { service: Service::S3, operation: "ListBuckets", nature: Nature::Read, limiter: None };
        let request = || sdk.list_buckets().max_buckets(PAGE).set_continuation_token(token.clone()).send();
        let page = call(run, what, request).await.map_err(|failure| TreeError::Call {
            what: "cannot list",
            address: "the account's buckets".to_owned(),
            failure: Box::new(failure),
        })?;
        for bucket in page.buckets() {
            let text = |text: &str| landfall_secret::escape(text, 100);
            let name = bucket.name().map(text).unwrap_or_default();
            found.push(Bucket { name, region: bucket.bucket_region().map(text) });
        }
        if found.len() as u64 > MOST_BUCKETS {
            return Err(TreeError::TooMany { what: "buckets".to_owned(), most: MOST_BUCKETS });
        }
        token = page.continuation_token().filter(|token| !token.is_empty()).map(str::to_owned);
        match &token {
            None => break,
            Some(token) if !seen.insert(token.clone()) => {
                let what = "a page leads back to one that was there before".to_owned();
                return Err(TreeError::Listing { address: "the account's buckets".to_owned(), what });
            }
            Some(_) => {}
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The one bucket whose name contains a text.
///
/// # Errors
/// [`TreeError::NoOneBucket`] where none does or several do, naming these, and the account and region that were asked.
pub fn one_bucket(
    buckets: &[Bucket],
    contains: &str,
    account: &str,
    region: &str,
) -> Result<BucketName, TreeError> {
    let found: Vec<&Bucket> = buckets.iter().filter(|bucket| bucket.name.contains(contains)).collect();
    let parsed = match &found[..] {
        [one] => one.name.parse::<BucketName>().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| TreeError::NoOneBucket {
        contains: landfall_secret::escape(contains, 100),
        candidates: found.iter().map(|bucket| bucket.name.clone()).collect(),
        account: account.to_owned(),
        region: region.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Bucket, one_bucket};

    fn found(names: &[&str]) -> Result<String, String> {
        let bucket = |name: &&str| Bucket { name: (*name).to_owned(), region: None };
        let buckets: Vec<Bucket> = names.iter().map(bucket).collect();
        one_bucket(&buckets, "native-config", "111122223333", "eu-west-1")
            .map(|name| name.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn one_bucket_is_meant_or_nobody_knows_which() {
        assert_eq!(found(&["logs", "app-native-config-stg"]).as_deref(), Ok("app-native-config-stg"));
        insta::assert_snapshot!(found(&["logs"]).expect_err("none"), @"no bucket in account 111122223333 (asked in eu-west-1) has `native-config` in its name");
        insta::assert_snapshot!(found(&["a-native-config", "b-native-config", "c"]).expect_err("two"), @"2 buckets in account 111122223333 (asked in eu-west-1) have `native-config` in their names: a-native-config, b-native-config");
    }
}
