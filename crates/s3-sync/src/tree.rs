//! A folder of files and the prefix of a bucket that is to hold the same: observe, plan, apply.

mod address;
mod apply;
mod buckets;
mod bytes_md5;
mod delete;
mod delete_answer;
mod error;
mod etag;
mod folder;
mod guards;
mod hash;
mod headers;
mod in_turn;
mod intents;
mod join;
mod keep;
mod kept;
mod listing;
mod look;
mod manifest;
mod page_size;
mod pages;
mod patterns;
mod plan;
mod put;
mod record;
mod record_copy;
mod remembered;
mod rules;
mod source;
mod spool;
mod standing;
mod starts;
mod stored;
mod undo;
mod walk;
mod written_manifest;

pub use address::{TreeAddress, TreeAddressError};
pub use apply::{Applied, Change, ChangeResult, Labels};
pub use buckets::{Bucket, buckets, one_bucket};
pub use bytes_md5::BytesMd5;
pub use error::TreeError;
pub use etag::{Etag, Listed};
pub use guards::{Guards, MaxDeletes, MaxDeletesError};
pub use headers::{Headers, SharedHeaders};
pub use join::Extra;
pub use keep::Keep;
pub use manifest::MANIFEST_NAME;
pub use page_size::{PageSize, PageSizeError};
pub use patterns::PatternError;
pub use plan::{Plan, PlanOptions, Put, Why};
pub use record::{After, Before, KeptIn, Outline, ReadChanges, RecordedChange, SyncRecord};
pub use record_copy::RecordCopy;
pub use rules::{HIDDEN, PRODUCTION, RuleError, RuleTexts, Rules};
pub use source::Source;
pub use undo::{Restore, Undo};

use aws_sdk_s3::Client;
use landfall_artifacts::AccountId;
use landfall_aws::{AwsConfig, Service};
use landfall_run::{RateLimiter, Share};

/// Requests a second that write or delete: below what S3 takes of each prefix (S3 User Guide, "Best practices design patterns", 3,500).
const WRITES_PER_SECOND: f64 = 3000.0;

/// Requests a second that look at single objects (the same page, 5,500).
const READS_PER_SECOND: f64 = 5000.0;

/// A prefix of a bucket in one region. Clones share connections and limits.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(crate) sdk: Client,
    address: TreeAddress,
    owner: Option<AccountId>,
    region: String,
    writes: RateLimiter,
    reads: RateLimiter,
}

impl Tree {
    /// A prefix. Nothing is sent. With `owner` S3 refuses where the bucket belongs to another account. Of S3's rates it has this share.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(
        config: &AwsConfig,
        address: TreeAddress,
        owner: Option<AccountId>,
        share: Share,
    ) -> Result<Self, landfall_aws::Error> {
        Ok(Self {
            sdk: client(config)?,
            address,
            owner,
            region: config.region().to_owned(),
            writes: RateLimiter::new(WRITES_PER_SECOND, 100, share),
            reads: RateLimiter::new(READS_PER_SECOND, 100, share),
        })
    }

    /// The same for another prefix of this or another bucket.
    pub fn at(&self, address: TreeAddress) -> Self {
        Self { address, ..self.clone() }
    }

    /// The bucket and the prefix.
    pub fn address(&self) -> &TreeAddress {
        &self.address
    }

    /// The region that is asked.
    pub fn region(&self) -> &str {
        &self.region
    }

    pub(crate) fn owner(&self) -> Option<String> {
        self.owner.as_ref().map(ToString::to_string)
    }
}

/// A client for addresses in path style: a bucket in the host name would be another origin than the endpoint's.
fn client(config: &AwsConfig) -> Result<Client, landfall_aws::Error> {
    let settings = aws_sdk_s3::config::Builder::from(&config.sdk_config(Service::S3)?);
    Ok(Client::from_conf(settings.force_path_style(true).build()))
}
