//! The published JSON Schemas, draft 2020-12.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::changed_images::ChangedImages;
use crate::copy_plan::CopyPlanFile;
use crate::deploy_report::DeployReport;
use crate::file::{FORMAT_VERSION, Shape};
use crate::image_lock::ImageLock;
use crate::jira_tickets::JiraTickets;
use crate::ledger_checkpoint::LedgerCheckpoint;
use crate::ledger_event::LedgerEvent;
use crate::mappings::Mappings;
use crate::notification::Notification;
use crate::pipeline_plan::PipelinePlan;
use crate::promotion_log::PromotionLog;
use crate::queued_notification::QueuedNotification;
use crate::release_manifest::ReleaseManifest;
use crate::report::Report;
use crate::run_report::RunReport;
use crate::settings::Settings;
use crate::sync_schemas;
use crate::versions::Versions;

/// Stands for `semver::Version` in schemas.
pub(crate) struct SemVer;

/// Stands for `time::OffsetDateTime` in schemas.
pub(crate) struct Time;

impl JsonSchema for SemVer {
    fn schema_name() -> Cow<'static, str> {
        "SemVer".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A version as SemVer 2.0.0 writes it, without `v`.",
            "maxLength": 128,
            "pattern": "^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(\\+[0-9A-Za-z.-]+)?$",
        })
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A time as RFC 3339 writes it; Landfall writes UTC and at most milliseconds.",
            "format": "date-time",
        })
    }
}

/// The schema of every format, by the name of its file without extension, in the order of the documentation. A reader
/// accepts keys that a schema does not name, except where that says so: in `landfall`, `sync-manifest` and `s3-sync-record`.
///
/// Formats that are not JSON have the schema of what they say: `aws_auth.env` and `.env` of their variables, `.deployment`
/// of its one text, `landfall.toml` of its tables.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("versions", of::<Versions>(Shape::Contract)),
        (
            "deployment",
            text_schema(
                "functions/<folder>/.deployment",
                "The Lambda function's name or ARN, on the first line that is neither blank nor a comment.",
            ),
        ),
        ("lambda-ecr-mappings", of::<Mappings>(Shape::Contract)),
        (
            "aws-auth-env",
            variables_schema(
                "aws_auth.env",
                &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
                &["AWS_CREDENTIAL_EXPIRATION"],
            ),
        ),
        ("docker-config", docker_config()),
        ("promotion-log", of::<PromotionLog>(Shape::Contract)),
        ("project", project_json()),
        ("package", package_json()),
        ("dot-env", variables_schema(".env", &[], &["AWS_REGION", "AWS_ACCOUNT_ID", "AWS_PROFILE"])),
        ("copy-plan", of::<CopyPlanFile>(Shape::Own)),
        ("changed-images", of::<ChangedImages>(Shape::Own)),
        ("pipeline-plan", of::<PipelinePlan>(Shape::Own)),
        ("image-lock", of::<ImageLock>(Shape::Own)),
        ("jira-tickets", of::<JiraTickets>(Shape::Own)),
        ("release-manifest", of::<ReleaseManifest>(Shape::Own)),
        ("deploy-report", of::<DeployReport>(Shape::Own)),
        ("report", of::<Report>(Shape::Own)),
        ("run-report", of::<RunReport>(Shape::Own)),
        ("ledger-event", of::<LedgerEvent>(Shape::Own)),
        ("ledger-checkpoint", of::<LedgerCheckpoint>(Shape::Own)),
        ("notification", of::<Notification>(Shape::Own)),
        ("queued-notification", of::<QueuedNotification>(Shape::Own)),
        ("sync-manifest", sync_schemas::sync_manifest()),
        ("s3-sync-record", sync_schemas::sync_record()),
        ("landfall", of::<Settings>(Shape::Contract)),
    ]
}

fn of<T: JsonSchema>(shape: Shape) -> Value {
    let mut schema = schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    if shape == Shape::Own {
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("formatVersion".to_owned(), json!({ "const": FORMAT_VERSION }));
        }
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.insert(0, json!("formatVersion"));
        }
    }
    schema
}

pub(crate) const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

fn text_schema(title: &str, description: &str) -> Value {
    json!({ "$schema": DRAFT, "title": title, "description": description, "type": "string", "maxLength": 256 })
}

fn variables_schema(title: &str, required: &[&str], optional: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> = required
        .iter()
        .chain(optional)
        .map(|name| ((*name).to_owned(), json!({ "type": "string" })))
        .collect();
    json!({ "$schema": DRAFT, "title": title, "type": "object", "properties": properties, "required": required })
}

fn docker_config() -> Value {
    json!({
        "$schema": DRAFT,
        "title": "docker-config.json",
        "description": "Registry logins in the shape of Docker's config.json.",
        "type": "object",
        "properties": {
            "auths": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {
                        "auth": { "type": ["string", "null"], "description": "Base64 of `user:password`." },
                        "username": { "type": ["string", "null"] },
                        "password": { "type": ["string", "null"] },
                        "identitytoken": { "type": ["string", "null"] }
                    }
                }
            },
            "credHelpers": { "type": "object", "additionalProperties": { "type": "string" } },
            "credsStore": { "type": "string" }
        }
    })
}

fn project_json() -> Value {
    json!({
        "$schema": DRAFT,
        "title": "project.json",
        "description": "What is read of an Nx project.json.",
        "type": "object",
        "properties": {
            "name": { "type": ["string", "null"] },
            "version": { "type": ["string", "null"] },
            "targets": { "type": "object" },
            "tags": { "type": "array", "items": { "type": "string" } },
            "implicitDependencies": { "type": "array", "items": { "type": "string" } },
            "namedInputs": { "type": "object" }
        }
    })
}

fn package_json() -> Value {
    json!({
        "$schema": DRAFT,
        "title": "package.json",
        "description": "What is read of a package.json.",
        "type": "object",
        "properties": {
            "name": { "type": ["string", "null"], "maxLength": 214 },
            "version": { "type": ["string", "null"] }
        }
    })
}
