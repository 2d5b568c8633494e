//! One module a stage, where clients that must cooperate meet.
//!
//! Every stage is `run(config, ..., run) -> Outcome`: it checks, plans, acts, confirms and reports, and does the first two
//! alone on a dry run.

mod address;
pub mod aws_credentials;
pub mod build_docker_images;
pub mod changed_images;
pub mod checkpoint;
mod child;
pub mod cleanup_images;
pub mod dashboard;
pub mod deploy_lambda;
mod deploy_parts;
mod deploy_record;
mod digests;
pub mod gate;
pub mod generate_mappings;
pub mod generate_versions;
#[cfg(test)]
mod git_world;
pub mod image_flow;
mod inputs;
pub mod jira;
pub mod ledger_drift;
pub mod list_buckets;
pub mod merge_configs;
pub mod notify;
mod outcome;
mod output;
pub mod package_artifacts;
pub mod prepare_docker_config;
pub mod promote_artifacts;
pub mod publish_artifacts;
mod recorded;
pub mod retag_push_ecr;
pub mod rollback_lambda;
pub mod s3_sync;
pub mod semantic_versioning;
pub mod smoke_test;
mod stored_archives;
pub mod sync_project_versions;
mod table;
pub mod update_version_dashboard;
mod verify_tags;

pub use inputs::{Places, Target, locked};
pub use outcome::{Finished, Item, Outcome, Refusal, ToCaller};
pub use output::{FORETOLD_MARK, Output};
pub use recorded::Recorded;
