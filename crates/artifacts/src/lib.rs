//! The files that pass between stages: types, reading, writing, schemas; kinds of outcome; stage descriptors.
//!
//! No network, no clock, no environment. Readers refuse what breaks a format and say every problem of a file at once;
//! every file is written whole or not at all. Two groups of formats: the contract with other teams' scripts, whose keys and
//! shapes are fixed, and Landfall's own, which carry `"formatVersion": 1`.
//!
//! ```
//! use landfall_artifacts::{Digest, Reference, Versions};
//! let reference: Reference = "registry.example.com/app:OrderServiceFunction-1.4.2".parse()?;
//! assert_eq!(reference.repository().path(), "app");
//! assert_eq!(Digest::of(b"abc").short(), "sha256:ba7816bf8f01");
//!
//! let text = br#"{ "orderService": { "version": "v1.4.2", "folder": "../x" } }"#;
//! let errors = Versions::parse(text, "versions.json").unwrap_err();
//! assert_eq!(errors.problems().len(), 2);
//! # Ok::<(), landfall_artifacts::ReferenceError>(())
//! ```

mod aws_auth_env;
mod bucket_name;
mod changed_images;
mod copy_plan;
mod deploy_report;
mod deployment_file;
mod digest;
mod docker_config;
mod dot_env;
mod env_lines;
mod file;
mod file_error;
mod freeze_window;
mod gate_settings;
mod image_lock;
mod instant;
mod jira_tickets;
mod json;
mod ledger_checkpoint;
mod ledger_event;
mod mappings;
mod name;
mod notification;
mod notify_settings;
mod outcome;
mod path_names;
mod pipeline_plan;
mod pipeline_settings;
mod pipeline_settings_read;
mod placed;
mod project_json;
mod promotion_log;
mod queued_notification;
mod reference;
mod release_manifest;
mod report;
mod resolved_path;
mod run_report;
mod schema;
mod settings;
mod smoke;
mod stage;
mod sync_schemas;
mod text_name;
mod text_template;
mod text_types;
mod toml_node;
mod versions;
mod write;

pub use aws_auth_env::AwsAuthEnv;
pub use bucket_name::{BucketName, BucketNameError};
pub use changed_images::{CauseWay, ChangedImages, ListedCause, ListedImage};
pub use copy_plan::{BlobPlan, BlobWay, CopyPlanFile, ImagePlan, PlanTotals, TargetStateWord};
pub use deploy_report::{AliasState, DeployOutcome, DeployReport, DeployedFunction, FunctionState};
pub use deployment_file::{DeploymentFile, LambdaNames, MissingName};
pub use digest::{Digest, DigestError, Hasher};
pub use docker_config::{DockerConfig, HelperEntry, Login, LoginEntry};
pub use dot_env::DotEnv;
pub use file::{FORMAT_VERSION, read_bounded};
pub use file_error::{FileError, FileErrors, FileProblem};
pub use freeze_window::{Freeze, FreezeWindow, WeekSpan, WeekTime, ZoneName};
pub use gate_settings::{
    AfterRule, IdentitySettings, PersonName, ProjectPath, RoleName, UnverifiedApprovals, one_each,
};
pub use image_lock::{ImageLock, LockedImage, Platform};
pub use instant::text as instant_text;
pub use jira_tickets::{JiraTicket, JiraTickets};
pub use json::{Kind as PlacedKind, Limits, Member as PlacedMember, Node as PlacedNode, strict_value};
pub use ledger_checkpoint::LedgerCheckpoint;
pub use ledger_event::{Actor, EffectResult, EventKind, LedgerEvent, LedgerItem};
pub use mappings::{ImageTag, Mappings, image_tag};
pub use name::{EnvironmentName, Folder, LambdaName, NameError, ProjectName, ReleaseId, Tag};
pub use notification::{Notification, NotifyEvent};
pub use notify_settings::{NOTIFY_PLACEHOLDERS, NotifyKind, NotifyTarget, TargetName, VariableName};
pub use outcome::{Class, Explain, OutcomeKind, Problem, gravest};
pub use path_names::{Spellings, folded, path_fault};
pub use pipeline_plan::{PipelinePlan, PlanObstacle, PlanVerdict, PlannedJob, PlannedKeys, PlannedState};
pub use pipeline_settings::{
    CiSettings, CredentialJobs, JobAt, JobCondition, JobEach, JobSettings, JobWhen, KeepWhen, MayFail,
    NeedOf, NeedSettings, OnBranches, PartName, PipelineSettings, PipelineStart,
};
pub use placed::{placed_json, placed_toml};
pub use project_json::{PackageJson, ProjectJson, with_version};
pub use promotion_log::{HttpStatus, Promotion, PromotionLog, PromotionLogWriter};
pub use queued_notification::QueuedNotification;
pub use reference::{PinnedReference, Reference, ReferenceError, Repository, Version};
pub use release_manifest::{CodeSha256, CommitId, ObjectKey, ReleaseArtifact, ReleaseManifest, ServiceName};
pub use report::{Report, ReportItem, ReportTraffic};
pub use resolved_path::resolved;
pub use run_report::{RunId, RunInput, RunJob, RunJobState, RunPart, RunReport, RunState};
pub use schema::schemas;
pub use settings::{
    ConfigSettings, EnvironmentKind, EnvironmentSettings, ImageSettings, JiraFieldValue, JiraSettings,
    LedgerSettings, OnFailure, Registries, ReleaseSettings, Settings, SyncSettings, SyncTarget,
    VaultSettings, VersioningSettings,
};
pub use smoke::SmokeCheck;
pub use stage::{FileUse, STAGES, Stage, stage};
pub use text_name::{
    AccountId, Address, AliasName, AwsRegion, NameTemplate, ProjectVersion, ReasonCode, RegionKey, Shard,
    TextError, TicketKey,
};
pub use text_template::{TemplateError, TextTemplate};
pub use versions::{BuildProject, BuildVersions, VersionedProject, Versions};
pub use write::{Mode, WrittenFile, write_atomic, write_atomic_by};
