//! `[environment.*]` of `landfall.toml`.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;

use super::stores::ReleaseSettings;
use super::sync::SyncTarget;
use super::table::table;
use super::vault::VaultSettings;
use crate::env_lines::is_variable;
use crate::file_error::Problems;
use crate::freeze_window::Freeze;
use crate::gate_settings::{AfterRule, RoleName, UnverifiedApprovals};
use crate::json::{At, FromJson, one_of};
use crate::name::EnvironmentName;
use crate::reference::Repository;
use crate::smoke::SmokeCheck;
use crate::text_name::{AccountId, AwsRegion, NameTemplate, RegionKey};

/// One environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct EnvironmentSettings {
    /// `production` turns the careful defaults on. Default `other`.
    #[schemars(default)]
    pub kind: EnvironmentKind,
    /// What stands at the end of job names.
    pub suffix: Option<String>,
    /// What tells its tickets from those of other regions. Default: the letters of the last part of the name.
    pub region_key: Option<RegionKey>,
    /// The AWS region.
    pub aws_region: Option<AwsRegion>,
    /// The AWS account.
    pub account: Option<AccountId>,
    /// The repository that Lambda's images are in.
    pub ecr: Option<Repository>,
    /// What it makes of function names, such as `{name}-{env}`.
    pub function_name: Option<NameTemplate>,
    /// Where its credentials come from.
    #[schemars(default)]
    pub vault: VaultSettings,
    /// Environments that come before.
    #[schemars(default)]
    pub after: Vec<EnvironmentName>,
    /// How many of those must be passed. Default: `all`.
    #[schemars(default)]
    pub after_rule: AfterRule,
    /// How long a release must have run without a break in the environment before: a number and `s`, `m`, `h` or `d`, at most
    /// `90d`. Default: no time.
    #[schemars(with = "Option<String>")]
    pub soak: Option<Duration>,
    /// Roles of which each must let a release come here, a person of its own for each.
    #[schemars(default)]
    pub approvals: Vec<RoleName>,
    /// How long an approval holds, in the same form. Default: `72h`.
    #[schemars(with = "Option<String>")]
    pub approval_expires: Option<Duration>,
    /// What approvals are worth whose giver stands in variables alone, which a job may set as it likes. Default: `refuse` for
    /// production, else `count`.
    pub unverified_approvals: Option<UnverifiedApprovals>,
    /// Times in which nothing is deployed here, but rollbacks are.
    #[schemars(default, with = "Vec<crate::freeze_window::FreezeTable>")]
    pub freeze: Vec<Freeze>,
    /// Handed to command jobs.
    #[schemars(default)]
    pub variables: BTreeMap<String, String>,
    /// What a failed deployment leads to. Default: `rollback` for staging and production, else `stop`.
    pub on_failure: Option<OnFailure>,
    /// Checks of a deployment here.
    #[schemars(default)]
    pub smoke: Vec<SmokeCheck>,
    /// Its own store of releases, as in another region.
    #[schemars(default)]
    pub releases: ReleaseSettings,
    /// Names of its overlays of configuration, later ones winning. Default: its own name.
    #[schemars(default)]
    pub overlays: Vec<String>,
    /// Where its configuration is published.
    #[schemars(default)]
    pub sync: SyncTarget,
}

/// What an environment is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum EnvironmentKind {
    /// The last one before production.
    Staging,
    /// Customers are on it.
    Production,
    /// Anything else.
    #[default]
    Other,
}

/// What a failed deployment leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Nothing further is changed.
    Stop,
    /// The other functions are updated all the same.
    Continue,
    /// What was changed is put back.
    Rollback,
}

one_of!(EnvironmentKind { "staging" => Staging, "production" => Production, "other" => Other });
one_of!(OnFailure { "stop" => Stop, "continue" => Continue, "rollback" => Rollback });

impl EnvironmentSettings {
    /// What a failed deployment leads to here.
    pub fn on_failure(&self) -> OnFailure {
        self.on_failure.unwrap_or(match self.kind {
            EnvironmentKind::Staging | EnvironmentKind::Production => OnFailure::Rollback,
            EnvironmentKind::Other => OnFailure::Stop,
        })
    }
}

table!(EnvironmentSettings {
    kind: field_or_default,
    suffix: field,
    region_key: field,
    aws_region: field,
    account: field,
    ecr: field,
    function_name: field,
    vault: field_or_default,
    after: field_or_default,
    after_rule: field_or_default,
    soak: days,
    approvals: field_or_default,
    approval_expires: days,
    unverified_approvals: field,
    freeze: field_or_default,
    variables: field_or_default,
    on_failure: field,
    smoke: field_or_default,
    releases: field_or_default,
    overlays: field_or_default,
    sync: field_or_default,
} then check_environment);

fn check_environment(environment: &EnvironmentSettings, at: At<'_>, problems: &mut Problems<'_>) {
    for variable in environment.variables.keys().filter(|key| !is_variable(key)) {
        let shown = landfall_secret::escape(variable, 60);
        problems.at_field(at, "variables", format!("names of environment variables; `{shown}` is none"));
    }
}
