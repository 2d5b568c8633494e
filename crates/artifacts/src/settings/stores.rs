//! `[ledger]` and `[releases]` of `landfall.toml`: where records and releases are kept.

use schemars::JsonSchema;

use super::table::table;
use crate::file_error::Problems;
use crate::json::{At, FromJson};
use crate::text_name::{AccountId, AwsRegion};

/// The ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct LedgerSettings {
    /// `s3://bucket/prefix` or a folder. Default `.landfall/ledger`.
    pub store: Option<String>,
    /// The AWS region of the bucket. Default: that of the environment.
    pub region: Option<AwsRegion>,
    /// The AWS account that the bucket must belong to.
    pub account: Option<AccountId>,
}

/// The store of releases of archives.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct ReleaseSettings {
    /// The bucket.
    pub bucket: Option<String>,
    /// The AWS account that the bucket must belong to.
    pub owner: Option<AccountId>,
}

table!(LedgerSettings { store: field, region: field, account: field });
table!(ReleaseSettings { bucket: field, owner: field });
