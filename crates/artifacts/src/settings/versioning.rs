//! `[versioning]` of `landfall.toml`.

use schemars::JsonSchema;

use super::table::table;
use crate::file_error::Problems;
use crate::json::{At, FromJson};

/// How versions are counted, and who commits them.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct VersioningSettings {
    /// How tags name versions: a text with `{version}` once and `{project}` at most once. Default `{project}-{version}`.
    pub tag_format: Option<String>,
    /// What types of commits move, as `type=bump,...`. Default: `feat` minor, `fix`, `perf` and `revert` patch.
    pub types: Option<String>,
    /// The first version of a project that has none in its files. Default 0.1.0.
    pub first_version: Option<String>,
    /// Who makes the commit of a release. Default: as git's settings have it.
    pub committer_name: Option<String>,
    /// The address of who makes it.
    pub committer_email: Option<String>,
}

table!(VersioningSettings {
    tag_format: field,
    types: field,
    first_version: field,
    committer_name: field,
    committer_email: field,
});
