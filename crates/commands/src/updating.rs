//! What stages that update functions are told, alike for all of them.

use std::time::Duration;

use landfall_artifacts::AccountId;
use landfall_cli::{Opt, Values};
use landfall_lambda_deploy::{ApplyOptions, Rates};
use landfall_s3_sync::BucketName;

/// Options of stages that update functions.
pub(crate) fn updating() -> Vec<Opt> {
    vec![
        Opt::value("jobs", "N", "functions at a time, 1 to 1000; Lambda's rates bound them besides")
            .env(&["LANDFALL_JOBS"])
            .default("1000"),
        Opt::value("looks-per-second", "N", "calls of GetFunction, of the account's 100 a second")
            .default("100"),
        Opt::value("calls-per-second", "N", "all other calls in sum, of the account's 15 a second")
            .default("15"),
        Opt::value("settle-timeout", "DURATION", "how long one update may take").default("5m"),
        Opt::value("bucket", "NAME", "the bucket of releases, for functions of archives")
            .env(&["LANDFALL_RELEASE_BUCKET"])
            .key("releases.bucket"),
        Opt::value("bucket-owner", "ID", "the AWS account that the bucket must belong to")
            .env(&["LANDFALL_RELEASE_BUCKET_OWNER"])
            .key("releases.owner"),
        Opt::switch(
            "skip-verify",
            "do not ask ECR whether it has what is to run, where the role may not read ECR",
        ),
    ]
}

/// The values of [`updating`].
pub(crate) struct Updating {
    pub(crate) rates: Rates,
    pub(crate) options: ApplyOptions,
    pub(crate) bucket: Option<BucketName>,
    pub(crate) bucket_owner: Option<AccountId>,
    pub(crate) skip_verify: bool,
}

impl Updating {
    pub(crate) fn of(values: &mut Values<'_>) -> Self {
        let jobs: usize = values.parsed("jobs").unwrap_or(1000);
        if !(1..=1000).contains(&jobs) {
            values.problem("LF-CONFIG", "--jobs is not a number from 1 to 1000", None);
        }
        let usual = Rates::default();
        let mut rate = |name: &str, usual: f64| {
            let rate: f64 = values.parsed(name).unwrap_or(usual);
            if !(0.1..=10_000.0).contains(&rate) {
                let what = format!("--{name} is not a number from 0.1 to 10000");
                values.problem("LF-CONFIG", &what, None);
            }
            rate
        };
        let rates = Rates {
            get_function: rate("looks-per-second", usual.get_function),
            others: rate("calls-per-second", usual.others),
        };
        Self {
            rates,
            options: ApplyOptions {
                concurrency: jobs,
                settle_timeout: values.duration("settle-timeout").unwrap_or(Duration::from_secs(300)),
                ..ApplyOptions::default()
            },
            bucket: values.parsed("bucket"),
            bucket_owner: values.parsed("bucket-owner"),
            skip_verify: values.is_on("skip-verify"),
        }
    }
}
