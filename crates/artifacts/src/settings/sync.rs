//! `[sync]` of `landfall.toml`, and what of it environments have of their own.

use schemars::JsonSchema;

use super::table::table;
use crate::file_error::Problems;
use crate::json::{At, FromJson};

/// Where configuration is published.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct SyncTarget {
    /// The bucket.
    pub bucket: Option<String>,
    /// The prefix of its keys.
    pub prefix: Option<String>,
}

/// Where configuration is published, and what of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct SyncSettings {
    /// The bucket. Default: the one whose name contains `bucket_contains`.
    pub bucket: Option<String>,
    /// The prefix of its keys.
    pub prefix: Option<String>,
    /// What the bucket's name contains, where none is named. Default `native-config`.
    pub bucket_contains: Option<String>,
    /// Where old bytes are kept: a folder, `s3://bucket/prefix`, or `versions`.
    pub keep_old: Option<String>,
    /// Patterns of what is neither uploaded nor deleted.
    #[schemars(default)]
    pub exclude: Vec<String>,
    /// Patterns of what is taken in again that an exclusion leaves out.
    #[schemars(default)]
    pub include: Vec<String>,
    /// Patterns of what is never deleted.
    #[schemars(default)]
    pub protect: Vec<String>,
    /// Headers by pattern: `PATTERN=Name: value`.
    #[schemars(default)]
    pub headers: Vec<String>,
}

table!(SyncTarget { bucket: field, prefix: field });
table!(SyncSettings {
    bucket: field,
    prefix: field,
    bucket_contains: field,
    keep_old: field,
    exclude: field_or_default,
    include: field_or_default,
    protect: field_or_default,
    headers: field_or_default,
});
