//! UpdateFunctionCode and PublishVersion.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Shared};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::Lambda;
use super::function::{Code, Function, Package};
use super::read::query;
use super::reply::{Answer, Refusal, flag, json_reply, object, text};
use crate::image_facts::ImageFacts;

/// Members of `UpdateFunctionCodeRequest` (service model 2015-03-31).
const MEMBERS: &[&str] = &[
    "ZipFile",
    "S3Bucket",
    "S3Key",
    "S3ObjectVersion",
    "S3ObjectStorageMode",
    "ImageUri",
    "Architectures",
    "Publish",
    "PublishTo",
    "DryRun",
    "RevisionId",
    "SourceKMSKeyArn",
];

/// `PUT /2015-03-31/functions/{FunctionName}/code`.
pub(super) async fn code(
    Shared(lambda): Shared<Arc<Lambda>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    let account = lambda.enter(&headers, "UpdateFunctionCode")?;
    query(raw.as_deref(), &[])?;
    let body = object(&bytes, MEMBERS)?;
    let (publish, dry_run) = (flag(&body, "Publish")?, flag(&body, "DryRun")?);
    let guard = text(&body, "RevisionId")?;
    lambda.with_function(&account, &name, None, |function, qualifier| {
        let arn = lambda.arn(&function.name);
        writable(function, &arn, qualifier)?;
        if guard.is_some_and(|guard| guard != function.revision) {
            return Err(Refusal::precondition());
        }
        let new = new_code(&lambda, function, &body)?;
        if dry_run {
            return Ok(json_reply(StatusCode::OK, &function.latest(&arn, false)));
        }
        let before = function.last_version;
        let version = publish.then(|| function.publish(&new, ""));
        // A version that was there already does not wait for this update, nor fail with it.
        function.begin(new, version.filter(|number| *number > before));
        let mut answer = function.latest(&arn, true);
        if let Some(number) = version
            && let Some(map) = answer.as_object_mut()
        {
            map.insert("Version".to_owned(), json!(number.to_string()));
            map.insert("FunctionArn".to_owned(), json!(format!("{arn}:{number}")));
        }
        Ok(json_reply(StatusCode::OK, &answer))
    })
}

/// Refuses anything but `$LATEST`, and everything while an update is under way.
fn writable(function: &Function, arn: &str, qualifier: Option<&str>) -> Result<(), Refusal> {
    if let Some(other) = qualifier.filter(|qualifier| *qualifier != "$LATEST") {
        return Err(Refusal::parameter(format!("{other} is not supported: only $LATEST can be changed")));
    }
    if function.pending.is_some() {
        let message = format!(
            "The operation cannot be performed at this time. An update is in progress for resource: {arn}"
        );
        return Err(Refusal::conflict(message));
    }
    Ok(())
}

fn new_code(lambda: &Lambda, function: &Function, body: &Map<String, Value>) -> Result<Code, Refusal> {
    let architecture = match body.get("Architectures") {
        None | Some(Value::Null) => function.live.architecture.clone(),
        Some(Value::Array(list)) => match list.as_slice() {
            [Value::String(one)] if one == "x86_64" || one == "arm64" => one.clone(),
            _ => return Err(Refusal::parameter("Architectures must hold one of: x86_64, arm64")),
        },
        Some(_) => return Err(Refusal::parameter("Architectures must be a list")),
    };
    let sources = ["ImageUri", "ZipFile", "S3Bucket"].iter().filter(|name| body.contains_key(**name)).count();
    if sources != 1 {
        return Err(Refusal::parameter("Please provide a source for function code."));
    }
    let Some(uri) = text(body, "ImageUri")? else {
        if matches!(function.live.package, Package::Image { .. }) {
            return Err(Refusal::parameter(
                "Please provide ImageUri when updating a function with packageType Image.",
            ));
        }
        let package = Package::Zip { sha256: archive(lambda, body)? };
        return Ok(Code { package, architecture });
    };
    if !matches!(function.live.package, Package::Image { .. }) {
        return Err(Refusal::parameter(
            "Please do not provide ImageUri when updating a function with packageType Zip.",
        ));
    }
    if let Some(host) = &lambda.config.registry_host
        && uri.split_once('/').map(|(before, _)| before) != Some(host)
    {
        // The image must be in ECR of the function's Region.
        return Err(Refusal::parameter(format!(
            "Source image {uri} is not valid. Provide a valid source image."
        )));
    }
    match (lambda.images)(&uri) {
        ImageFacts::Missing => Err(Refusal::parameter(format!(
            "Source image {uri} does not exist. Provide a valid source image."
        ))),
        ImageFacts::Index => {
            let message = format!(
                "The image manifest, config or layer media type for the source image {uri} is not supported."
            );
            Err(Refusal::parameter(message))
        }
        // The real service takes an image of the wrong architecture and the function breaks when it is invoked; nothing is invoked here,
        // so the mistake is refused at once.
        ImageFacts::Image { architecture: found, .. } if super::architecture_name(&found) != architecture => {
            Err(Refusal::parameter(format!(
                "The architecture of the source image {uri} is {found}, but the function's is {architecture}."
            )))
        }
        ImageFacts::Image { digest, .. } => {
            Ok(Code { package: Package::Image { uri, digest }, architecture })
        }
    }
}

/// The base64 of the SHA-256 of the archive that a request names.
fn archive(lambda: &Lambda, body: &Map<String, Value>) -> Result<String, Refusal> {
    let (Some(bucket), Some(key)) = (text(body, "S3Bucket")?, text(body, "S3Key")?) else {
        return Err(Refusal::new(
            StatusCode::NOT_IMPLEMENTED,
            "ServiceException",
            "this stand-in takes archives from buckets only",
        ));
    };
    let found = lambda.archives.get().and_then(|lookup| lookup(&bucket, &key));
    found.ok_or_else(|| {
        Refusal::parameter(
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
        )
    })
}

/// `POST /2015-03-31/functions/{FunctionName}/versions`.
pub(super) async fn publish(
    Shared(lambda): Shared<Arc<Lambda>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    let account = lambda.enter(&headers, "PublishVersion")?;
    query(raw.as_deref(), &[])?;
    let body = object(&bytes, &["CodeSha256", "Description", "RevisionId"])?;
    let (guard, sha256) = (text(&body, "RevisionId")?, text(&body, "CodeSha256")?);
    let description = text(&body, "Description")?.unwrap_or_default();
    if description.chars().count() > 256 {
        return Err(Refusal::parameter("Description must have length less than or equal to 256"));
    }
    lambda.with_function(&account, &name, None, |function, qualifier| {
        let arn = lambda.arn(&function.name);
        writable(function, &arn, qualifier)?;
        if guard.is_some_and(|guard| guard != function.revision) {
            return Err(Refusal::precondition());
        }
        let current = function.live.sha256();
        if let Some(wanted) = sha256.filter(|wanted| wanted != current) {
            return Err(Refusal::parameter(format!(
                "CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({current}). Please try again with the CodeSHA256 in $LATEST."
            )));
        }
        let live = function.live.clone();
        let before = function.last_version;
        let number = function.publish(&live, &description);
        if number > before {
            function.touch();
        }
        let version = function.version(&number.to_string()).ok_or_else(|| Refusal::not_found(format!("Function not found: {arn}:{number}")))?;
        Ok(json_reply(StatusCode::CREATED, &function.published(version, &arn)))
    })
}
