//! CreateAlias, GetAlias, UpdateAlias, DeleteAlias, ListAliases.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Shared};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::Lambda;
use super::function::{Alias, Function, revision};
use super::name::is_alias;
use super::read::query;
use super::reply::{Answer, Refusal, json_reply, object, text};

/// `AliasConfiguration`.
fn bean(name: &str, alias: &Alias, arn: &str) -> Value {
    let mut value = json!({
        "AliasArn": format!("{arn}:{name}"), "Name": name, "FunctionVersion": alias.version, "Description": alias.description,
        "RevisionId": alias.revision
    });
    if let (Some(routing), Some(map)) = (&alias.routing, value.as_object_mut()) {
        map.insert("RoutingConfig".to_owned(), routing.clone());
    }
    value
}

fn missing(arn: &str, name: &str) -> Refusal {
    Refusal::not_found(format!("Cannot find alias arn: {arn}:{name}"))
}

/// The version must be published; `$LATEST` is allowed without weights only.
fn check_version(function: &Function, arn: &str, version: &str) -> Result<(), Refusal> {
    let numbered = version.bytes().all(|byte| byte.is_ascii_digit()) && function.version(version).is_some();
    if version == "$LATEST" || numbered {
        Ok(())
    } else {
        Err(Refusal::not_found(format!("Function not found: {arn}:{version}")))
    }
}

/// What a request says of the traffic's split.
enum Routing {
    Keep,
    Clear,
    Set(Value),
}

impl Routing {
    fn over(self, before: Option<Value>) -> Option<Value> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// `AdditionalVersionWeights`: one further version with a weight from 0 to 1; empty takes the routing away.
fn routing(
    function: &Function,
    arn: &str,
    version: &str,
    body: &Map<String, Value>,
) -> Result<Routing, Refusal> {
    let Some(config) = body.get("RoutingConfig").filter(|config| !config.is_null()) else {
        return Ok(Routing::Keep);
    };
    let wrong = |text: &str| Refusal::parameter(format!("RoutingConfig: {text}"));
    let config = config.as_object().ok_or_else(|| wrong("must be an object"))?;
    if config.keys().any(|key| key != "AdditionalVersionWeights") {
        return Err(wrong("takes AdditionalVersionWeights only"));
    }
    let weights = match config.get("AdditionalVersionWeights") {
        None | Some(Value::Null) => return Ok(Routing::Clear),
        Some(weights) => {
            weights.as_object().ok_or_else(|| wrong("AdditionalVersionWeights must be an object"))?
        }
    };
    if weights.len() > 1 {
        return Err(wrong("at most one additional version"));
    }
    let Some((other, weight)) = weights.iter().next() else { return Ok(Routing::Clear) };
    if version == "$LATEST" || other == "$LATEST" || other == version {
        return Err(wrong("needs two different published versions"));
    }
    check_version(function, arn, other)?;
    if !weight.as_f64().is_some_and(|weight| (0.0..=1.0).contains(&weight)) {
        return Err(wrong("a weight must be from 0.0 to 1.0"));
    }
    Ok(Routing::Set(json!({"AdditionalVersionWeights": weights})))
}

/// `POST /2015-03-31/functions/{FunctionName}/aliases`.
pub(super) async fn create(
    Shared(lambda): Shared<Arc<Lambda>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    let account = lambda.enter(&headers, "CreateAlias")?;
    query(raw.as_deref(), &[])?;
    let body = object(&bytes, &["Name", "FunctionVersion", "Description", "RoutingConfig"])?;
    let alias_name = text(&body, "Name")?
        .filter(|name| is_alias(name))
        .ok_or_else(|| Refusal::parameter("Name is not a valid alias"))?;
    let version =
        text(&body, "FunctionVersion")?.ok_or_else(|| Refusal::parameter("FunctionVersion is required"))?;
    let description = text(&body, "Description")?.unwrap_or_default();
    lambda.with_function(&account, &name, None, |function, _| {
        let arn = lambda.arn(&function.name);
        if function.aliases.contains_key(&alias_name) {
            return Err(Refusal::conflict(format!("Alias already exists: {arn}:{alias_name}")));
        }
        check_version(function, &arn, &version)?;
        let routing = routing(function, &arn, &version, &body)?.over(None);
        let alias = Alias { version, description, routing, revision: revision() };
        let answer = bean(&alias_name, &alias, &arn);
        function.aliases.insert(alias_name, alias);
        Ok(json_reply(StatusCode::CREATED, &answer))
    })
}

/// `PUT /2015-03-31/functions/{FunctionName}/aliases/{Name}`: what is not given stays, weights included.
pub(super) async fn update(
    Shared(lambda): Shared<Arc<Lambda>>,
    Path((name, alias_name)): Path<(String, String)>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Answer {
    let account = lambda.enter(&headers, "UpdateAlias")?;
    query(raw.as_deref(), &[])?;
    let body = object(&bytes, &["FunctionVersion", "Description", "RoutingConfig", "RevisionId"])?;
    let (version, description, guard) =
        (text(&body, "FunctionVersion")?, text(&body, "Description")?, text(&body, "RevisionId")?);
    lambda.with_function(&account, &name, None, |function, _| {
        let arn = lambda.arn(&function.name);
        let mut alias =
            function.aliases.get(&alias_name).cloned().ok_or_else(|| missing(&arn, &alias_name))?;
        if guard.is_some_and(|guard| guard != alias.revision) {
            return Err(Refusal::precondition());
        }
        if let Some(version) = version {
            check_version(function, &arn, &version)?;
            alias.version = version;
        }
        alias.routing = routing(function, &arn, &alias.version, &body)?.over(alias.routing);
        alias.description = description.unwrap_or(alias.description);
        alias.revision = revision();
        let answer = bean(&alias_name, &alias, &arn);
        function.aliases.insert(alias_name, alias);
        Ok(json_reply(StatusCode::OK, &answer))
    })
}

/// `GET /2015-03-31/functions/{FunctionName}/aliases/{Name}`.
pub(super) async fn read(
    Shared(lambda): Shared<Arc<Lambda>>,
    Path((name, alias_name)): Path<(String, String)>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let account = lambda.enter(&headers, "GetAlias")?;
    query(raw.as_deref(), &[])?;
    lambda.with_function(&account, &name, None, |function, _| {
        let arn = lambda.arn(&function.name);
        let alias = function.aliases.get(&alias_name).ok_or_else(|| missing(&arn, &alias_name))?;
        Ok(json_reply(StatusCode::OK, &bean(&alias_name, alias, &arn)))
    })
}

/// `DELETE /2015-03-31/functions/{FunctionName}/aliases/{Name}`: 204, also when it was not there.
pub(super) async fn delete(
    Shared(lambda): Shared<Arc<Lambda>>,
    Path((name, alias_name)): Path<(String, String)>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let account = lambda.enter(&headers, "DeleteAlias")?;
    query(raw.as_deref(), &[])?;
    lambda.with_function(&account, &name, None, |function, _| {
        function.aliases.remove(&alias_name);
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

/// `GET /2015-03-31/functions/{FunctionName}/aliases`.
pub(super) async fn list(
    Shared(lambda): Shared<Arc<Lambda>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Answer {
    let account = lambda.enter(&headers, "ListAliases")?;
    query(raw.as_deref(), &["FunctionVersion", "Marker", "MaxItems"])?;
    lambda.with_function(&account, &name, None, |function, _| {
        let arn = lambda.arn(&function.name);
        let beans: Vec<Value> =
            function.aliases.iter().map(|(name, alias)| bean(name, alias, &arn)).collect();
        Ok(json_reply(StatusCode::OK, &json!({"Aliases": beans, "NextMarker": null})))
    })
}
