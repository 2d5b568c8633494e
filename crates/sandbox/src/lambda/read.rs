//! GetFunction, GetFunctionConfiguration, ListFunctions, ListVersionsByFunction.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Shared};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::Lambda;
use super::function::{Code, Function};
use super::reply::{Answer, Refusal, json_reply};

/// ListFunctions and ListVersionsByFunction give at most 50 items a page, whatever is asked.
const MAX_PAGE: usize = 50;

/// Parses the query string; a parameter that the operation does not have is refused.
pub(super) fn query(raw: Option<&str>, known: &[&str]) -> Result<Vec<(String, String)>, Refusal> {
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned().collect();
    match pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(Refusal::parameter(format!("unknown query parameter {name}"))),
        None => Ok(pairs),
    }
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The wanted stretch of `items` and the marker of the next one.
fn page(pairs: &[(String, String)], items: Vec<Value>, limit: usize) -> Result<(Vec<Value>, Value), Refusal> {
    let size: usize = match value(pairs, "MaxItems") {
        None => limit,
        Some(text) => text
            .parse()
            .ok()
            .filter(|size| (1..=10_000).contains(size))
            .ok_or_else(|| Refusal::parameter("MaxItems must be between 1 and 10000"))?,
    };
    let start: usize = match value(pairs, "Marker") {
        None => 0,
        Some(marker) => marker
            .strip_prefix("m-")
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Refusal::parameter("Invalid marker"))?,
    };
    let size = size.min(limit);
    let end = start.saturating_add(size);
    let next = if end < items.len() { json!(format!("m-{end}")) } else { Value::Null };
    Ok((items.into_iter().skip(start).take(size).collect(), next))
}

/// Configuration and code of what a qualifier names.
fn qualified<'a>(
    lambda: &Lambda,
    function: &'a Function,
    qualifier: Option<&str>,
) -> Result<(Value, &'a Code), Refusal> {
    let arn = lambda.arn(&function.name);
    match qualifier {
        None | Some("$LATEST") => {
            let early = lambda.config.show_pending_code;
            Ok((function.latest(&arn, early), function.shown(early)))
        }
        Some(qualifier) => {
            let version = function.version(qualifier);
            let version = version
                .ok_or_else(|| Refusal::not_found(format!("Function not found: {arn}:{qualifier}")))?;
            Ok((function.published(version, &arn), &version.code))
        }
    }
}

/// `GET /2015-03-31/functions/{FunctionName}`.
pub(super) async fn function(
    Shared(lambda): Shared<Arc<Lambda>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let account = lambda.enter(&headers, "GetFunction")?;
    let pairs = query(raw.as_deref(), &["Qualifier"])?;
    lambda.with_function(&account, &name, value(&pairs, "Qualifier"), |function, qualifier| {
        let (configuration, code) = qualified(&lambda, function, qualifier)?;
        Ok(json_reply(StatusCode::OK, &json!({"Configuration": configuration, "Code": code.location()})))
    })
}

/// `GET /2015-03-31/functions/{FunctionName}/configuration`: without the image's address, as on the real service.
pub(super) async fn configuration(
    Shared(lambda): Shared<Arc<Lambda>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let account = lambda.enter(&headers, "GetFunctionConfiguration")?;
    let pairs = query(raw.as_deref(), &["Qualifier"])?;
    lambda.with_function(&account, &name, value(&pairs, "Qualifier"), |function, qualifier| {
        qualified(&lambda, function, qualifier)
            .map(|(configuration, _)| json_reply(StatusCode::OK, &configuration))
    })
}

/// `GET /2015-03-31/functions`.
pub(super) async fn functions(
    Shared(lambda): Shared<Arc<Lambda>>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let account = lambda.enter(&headers, "ListFunctions")?;
    let pairs = query(raw.as_deref(), &["Marker", "MaxItems", "MasterRegion", "FunctionVersion"])?;
    let with_versions = match value(&pairs, "FunctionVersion") {
        None => false,
        Some("ALL") => true,
        Some(_) => return Err(Refusal::parameter("FunctionVersion must be ALL")),
    };
    let mut state = lambda.lock();
    let mut items = Vec::new();
    if account == lambda.config.account {
        for function in state.functions.values_mut() {
            function.settle(std::time::Instant::now());
            let configuration = function.latest(&lambda.arn(&function.name), lambda.config.show_pending_code);
            let arn = lambda.arn(&function.name);
            let published = function.versions.iter().filter(|_| with_versions);
            let published = published.map(|version| function.published(version, &arn));
            let all: Vec<Value> = std::iter::once(configuration).chain(published).collect();
            // "The ListFunctions operation returns a subset of the FunctionConfiguration fields": to get these, use GetFunction.
            for mut configuration in all {
                if let Some(map) = configuration.as_object_mut() {
                    map.retain(|key, _| !key.starts_with("State") && !key.starts_with("LastUpdateStatus"));
                }
                items.push(configuration);
            }
        }
    }
    let (functions, next) = page(&pairs, items, MAX_PAGE)?;
    Ok(json_reply(StatusCode::OK, &json!({"Functions": functions, "NextMarker": next})))
}

/// `GET /2015-03-31/functions/{FunctionName}/versions`.
pub(super) async fn versions(
    Shared(lambda): Shared<Arc<Lambda>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let account = lambda.enter(&headers, "ListVersionsByFunction")?;
    let pairs = query(raw.as_deref(), &["Marker", "MaxItems"])?;
    lambda.with_function(&account, &name, None, |function, _| {
        let arn = lambda.arn(&function.name);
        let mut items = vec![function.latest(&format!("{arn}:$LATEST"), lambda.config.show_pending_code)];
        items.extend(function.versions.iter().map(|version| function.published(version, &arn)));
        let (versions, next) = page(&pairs, items, MAX_PAGE)?;
        Ok(json_reply(StatusCode::OK, &json!({"Versions": versions, "NextMarker": next})))
    })
}
