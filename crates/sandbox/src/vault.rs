//! HashiCorp Vault: AppRole and JWT login, tokens, the AWS secrets engine, health, response wrapping.
//!
//! Bodies follow Vault's API pages ("HTTP API", "AppRole auth method", "AWS secrets engine", "/sys/health", "/sys/seal-status",
//! "/sys/wrapping/unwrap") and its source where the pages are silent about texts. Stricter than the real thing: a request without
//! `X-Vault-Request: true` is refused (a real server does so behind a proxy with `require_request_header`, with 412), so are unknown and
//! duplicate keys of a body, an unexpected namespace header, and a body of another type than JSON.

mod aws;
mod jwt;
mod reply;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use serde_json::{Map, Value, json};

pub use aws::{AwsRole, TokenNames};
pub(crate) use jwt::{Flaw, audiences, claims};
pub use jwt::{JwtRole, id_token};
pub use tokens::{AppRole, SecretUses, TokenKind};

use crate::issued::Issued;
use crate::strict_body::{self, BodyKind, body_kind};
use reply::{Answer, Refusal, envelope, json_reply};
use tokens::{SecretId, Tokens, Wrapped, random_text};

const MAX_BODY_BYTES: usize = 64 * 1024;

/// How the reply of the AWS engine tells the lifetime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeaseShape {
    /// `lease_id` and `lease_duration`.
    #[default]
    Leased,
    /// `lease_duration` 0 and `data.ttl` (roles without lease).
    DataTtl,
    /// `lease_duration` 0 and nothing else (Vault 1.13.0).
    Nothing,
}

/// How the server is set up. May be changed while it runs ([`Vault::configure`]).
#[derive(Clone, Debug)]
pub struct VaultConfig {
    /// Mount of the AppRole method, without slashes at the ends. Default `approle`.
    pub approle_mount: String,
    /// Mount of the JWT method. Default `jwt`.
    pub jwt_mount: String,
    /// The role of a JWT login that names none.
    pub jwt_default_role: Option<String>,
    /// Mount of the AWS engine. Default `aws`.
    pub aws_mount: String,
    /// The namespace that holds both; it must then be given by header or path. Default: none.
    pub namespace: Option<String>,
    /// Every request but the two status pages is refused with 503.
    pub sealed: bool,
    /// Base address of another host; every request but the two status pages is answered 307 to it.
    pub redirect_to: Option<String>,
    /// Names of the token member.
    pub token_names: TokenNames,
    /// Where the lifetime stands.
    pub lease: LeaseShape,
    /// How long credentials really work, whatever the reply says. Default: as long as the reply says.
    pub credential_lifetime: Option<Duration>,
    /// What the reply says of the lifetime. Default: what was granted.
    pub told_lifetime: Option<Duration>,
}

impl Default for VaultConfig {
    fn default() -> Self {
        Self {
            approle_mount: "approle".to_owned(),
            jwt_mount: "jwt".to_owned(),
            jwt_default_role: None,
            aws_mount: "aws".to_owned(),
            namespace: None,
            sealed: false,
            redirect_to: None,
            token_names: TokenNames::Both,
            lease: LeaseShape::Leased,
            credential_lifetime: None,
            told_lifetime: None,
        }
    }
}

struct State {
    config: VaultConfig,
    tokens: Tokens,
    jwt_roles: Vec<JwtRole>,
    aws_roles: Vec<AwsRole>,
}

/// The server.
pub struct Vault {
    issued: Arc<Issued>,
    state: Mutex<State>,
}

impl Vault {
    /// A server without roles.
    pub fn new(config: VaultConfig, issued: Arc<Issued>) -> Arc<Self> {
        Arc::new(Self {
            issued,
            state: Mutex::new(State {
                config,
                tokens: Tokens::default(),
                jwt_roles: Vec::new(),
                aws_roles: Vec::new(),
            }),
        })
    }

    /// All routes. Mounts are configurable, so one handler looks at the path.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        axum::Router::new()
            .fallback(handle)
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(Arc::clone(self))
    }

    /// Changes the setup, such as sealing.
    pub fn configure(&self, change: impl FnOnce(&mut VaultConfig)) {
        change(&mut self.lock().config);
    }

    /// Adds a role of the AppRole method.
    pub fn add_app_role(&self, role: AppRole) {
        self.lock().tokens.roles.push(role);
    }

    /// Adds a secret id of a role.
    pub fn add_secret_id(&self, role_id: &str, secret: &str, uses: SecretUses) {
        self.lock().tokens.add_secret(SecretId {
            secret: secret.to_owned(),
            role_id: role_id.to_owned(),
            uses,
        });
    }

    /// Adds a role of the JWT method.
    pub fn add_jwt_role(&self, role: JwtRole) {
        self.lock().jwt_roles.push(role);
    }

    /// Adds a role of the AWS engine.
    pub fn add_aws_role(&self, role: AwsRole) {
        self.lock().aws_roles.push(role);
    }

    /// Wraps a new secret id of one use and gives the wrapping token.
    pub fn wrap_secret_id(&self, role_id: &str) -> String {
        let mount = self.lock().config.approle_mount.clone();
        self.wrap_secret_id_at(role_id, &format!("auth/{mount}/role/ci/secret-id"))
    }

    /// The same, for a wrapping that says it was made at another path, as one that somebody slipped in does.
    pub fn wrap_secret_id_at(&self, role_id: &str, creation_path: &str) -> String {
        let (secret, token) = (reply::uuid(), format!("hvs.{}", random_text(90)));
        self.add_secret_id(role_id, &secret, SecretUses::Times(1));
        let data = json!({"secret_id": secret, "secret_id_accessor": reply::uuid(), "secret_id_num_uses": 1, "secret_id_ttl": 600});
        self.lock().tokens.wrap(&token, Wrapped { creation_path: creation_path.to_owned(), data });
        token
    }

    /// The tokens that still work: after a clean run there are none.
    pub fn live_tokens(&self) -> Vec<String> {
        self.lock().tokens.live()
    }

    /// Every secret that there is or was: secret ids, wrapping tokens, tokens, those that ended among them; for tests that look for leaks.
    pub fn secrets(&self) -> Vec<String> {
        self.lock().tokens.every_secret()
    }

    /// How many logins were tried, good and bad.
    pub fn logins(&self) -> u64 {
        self.lock().tokens.logins
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn handle(
    Shared(vault): Shared<Arc<Vault>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    answer(&vault, &method, &uri, &headers, &bytes).unwrap_or_else(IntoResponse::into_response)
}

fn answer(vault: &Vault, method: &Method, uri: &Uri, headers: &HeaderMap, bytes: &[u8]) -> Answer {
    if header_text(headers, "x-vault-request") != Some("true") {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "missing 'X-Vault-Request' header"));
    }
    let path = uri.path();
    let Some(path) = path.strip_prefix("/v1/").filter(|path| !path.ends_with('.')) else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "404 page not found"));
    };
    let mut state = vault.lock();
    let State { config, tokens, jwt_roles, aws_roles } = &mut *state;
    match path {
        "sys/health" if *method == Method::GET || *method == Method::HEAD => {
            return Ok(health(config.sealed));
        }
        "sys/seal-status" if *method == Method::GET => {
            return Ok(json_reply(StatusCode::OK, &seal_status(config.sealed)));
        }
        _ => {}
    }
    if let Some(other) = &config.redirect_to {
        let whole = uri.path_and_query().map_or(uri.path(), |whole| whole.as_str());
        let target = format!("{}{whole}", other.trim_end_matches('/'));
        return Ok((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, target)]).into_response());
    }
    if config.sealed {
        return Err(Refusal::sealed());
    }
    let path = in_namespace(config, headers, path)?;
    let writes = matches!(*method, Method::POST | Method::PUT);
    if writes && body_kind(headers) == BodyKind::Other {
        return Err(Refusal::bad("Content-Type must be application/json"));
    }
    if path == format!("auth/{}/login", config.approle_mount) {
        return if writes { login(config, tokens, bytes) } else { Err(Refusal::unsupported()) };
    }
    if path == format!("auth/{}/login", config.jwt_mount) {
        if !writes {
            return Err(Refusal::unsupported());
        }
        let body = body(bytes, &["role", "jwt"])?;
        let role = jwt::role_of(jwt_roles, config.jwt_default_role.as_deref(), &body);
        let (value, token) = tokens.make(role.map(|role| role.tokens.clone()), &config.jwt_mount)?;
        return Ok(envelope(Value::Null, token.auth_json(&value), None));
    }
    if path == "sys/wrapping/lookup" {
        return if writes { look_up_wrapping(tokens, headers, bytes) } else { Err(Refusal::unsupported()) };
    }
    if path == "sys/wrapping/unwrap" {
        return if writes { unwrap(tokens, headers, bytes) } else { Err(Refusal::unsupported()) };
    }
    let value = token_text(headers).ok_or_else(Refusal::no_token)?;
    let token = tokens.get(&value)?;
    match (path, writes) {
        ("auth/token/lookup-self", false) if *method == Method::GET => {
            return Ok(envelope(token.lookup_json(&value), Value::Null, None));
        }
        ("auth/token/revoke-self", true) => {
            body(bytes, &[])?;
            tokens.revoke(&value)?;
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        ("auth/token/lookup-self" | "auth/token/revoke-self", _) => return Err(Refusal::unsupported()),
        _ => {}
    }
    let role = path.strip_prefix(&format!("{}/", config.aws_mount)).and_then(|rest| rest.split_once('/'));
    let Some(name) = role
        .filter(|(kind, name)| matches!(*kind, "sts" | "creds") && !name.contains('/'))
        .map(|(_, name)| name)
    else {
        return Err(Refusal::no_route(path));
    };
    if !writes && *method != Method::GET {
        return Err(Refusal::unsupported());
    }
    if !token.role.aws_roles.iter().any(|allowed| allowed == name) {
        return Err(Refusal::no_capability());
    }
    let role = aws_roles.iter().find(|role| role.name == name);
    let role = role.ok_or_else(|| Refusal::bad(format!("Role \"{name}\" not found")))?;
    let known = ["name", "role_arn", "role_session_name", "ttl"];
    let parameters = if writes { body(bytes, &known)? } else { query(uri.query(), &known)? };
    // The engine's schema has the role's name as a field, too, and some clients send it twice. Vault lets the path win; here they must agree.
    if parameters.get("name").is_some_and(|given| given != name) {
        return Err(Refusal::bad("field \"name\" differs from the role in the path"));
    }
    aws::read(vault, config, role, &token.role.name, method, &parameters)
}

/// Takes the namespace, given by header, by path or half and half, off the path.
fn in_namespace<'a>(config: &VaultConfig, headers: &HeaderMap, path: &'a str) -> Result<&'a str, Refusal> {
    let unknown = || Refusal::new(StatusCode::NOT_FOUND, "namespace not found");
    let given = header_text(headers, "x-vault-namespace").unwrap_or_default().trim_matches('/');
    let wanted = config.namespace.as_deref().unwrap_or_default().trim_matches('/');
    if given == wanted {
        return Ok(path);
    }
    let rest = if given.is_empty() {
        Some(wanted)
    } else {
        wanted.strip_prefix(given).and_then(|rest| rest.strip_prefix('/'))
    };
    rest.and_then(|rest| path.strip_prefix(rest)).and_then(|path| path.strip_prefix('/')).ok_or_else(unknown)
}

fn login(config: &VaultConfig, tokens: &mut Tokens, bytes: &[u8]) -> Answer {
    let body = body(bytes, &["role_id", "secret_id"])?;
    let text = |name: &str| match body.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => {
            Err(Refusal::bad(format!("error converting input for field \"{name}\": expected type 'string'")))
        }
    };
    let (role_id, secret_id) = (text("role_id")?, text("secret_id")?);
    // A missing role id is an internal error on the real server, too.
    let role_id =
        role_id.ok_or_else(|| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "missing role_id"))?;
    let secret_id = secret_id.ok_or_else(|| Refusal::bad("missing secret_id"))?;
    let (value, token) = tokens.login(role_id, secret_id, &config.approle_mount)?;
    Ok(envelope(Value::Null, token.auth_json(&value), None))
}

/// One unwrap only: a second one is the alarm that somebody else was first.
fn unwrap(tokens: &mut Tokens, headers: &HeaderMap, bytes: &[u8]) -> Answer {
    let token = wrapping_token(headers, bytes)?;
    let wrapped = tokens.wrapped.remove(&token).ok_or_else(no_wrapping)?;
    Ok(envelope(wrapped.data, Value::Null, None))
}

/// What a wrapping is for. It takes nothing out.
fn look_up_wrapping(tokens: &Tokens, headers: &HeaderMap, bytes: &[u8]) -> Answer {
    let token = wrapping_token(headers, bytes)?;
    let wrapped = tokens.wrapped.get(&token).ok_or_else(no_wrapping)?;
    let data = json!({"creation_path": wrapped.creation_path, "creation_time": "2026-11-20T12:00:00Z", "creation_ttl": 600});
    Ok(envelope(data, Value::Null, None))
}

fn no_wrapping() -> Refusal {
    Refusal::bad("wrapping token is not valid or does not exist")
}

fn wrapping_token(headers: &HeaderMap, bytes: &[u8]) -> Result<String, Refusal> {
    let from_body = match body(bytes, &["token"])?.remove("token") {
        Some(Value::String(token)) => Some(token),
        Some(_) => {
            return Err(Refusal::bad("error converting input for field \"token\": expected type 'string'"));
        }
        None => None,
    };
    from_body.or_else(|| token_text(headers)).ok_or_else(Refusal::no_token)
}

fn body(bytes: &[u8], known: &[&str]) -> Result<Map<String, Value>, Refusal> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    strict_body::parse_object(bytes, known)
        .map_err(|problem| Refusal::bad(format!("failed to parse JSON input: {problem}")))
}

fn query(raw: Option<&str>, known: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let mut map = Map::new();
    for (name, value) in url::form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
        if !known.contains(&&*name) {
            return Err(Refusal::bad(format!("unknown parameter \"{name}\"")));
        }
        map.insert(name.into_owned(), Value::String(value.into_owned()));
    }
    Ok(map)
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// `X-Vault-Token`, or `Authorization: Bearer`.
fn token_text(headers: &HeaderMap) -> Option<String> {
    let bearer = || header_text(headers, "authorization").and_then(|text| text.strip_prefix("Bearer "));
    header_text(headers, "x-vault-token").or_else(bearer).map(str::to_owned)
}

/// `sys/health`: 200 when active, 503 when sealed.
fn health(sealed: bool) -> Response {
    let status = if sealed { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let body = json!({
        "initialized": true, "sealed": sealed, "standby": sealed, "performance_standby": false, "replication_performance_mode": "disabled",
        "replication_dr_mode": "disabled", "server_time_utc": time::OffsetDateTime::now_utc().unix_timestamp(), "version": "1.16.2",
        "enterprise": false, "cluster_name": "sandbox", "cluster_id": "00000000-0000-4000-8000-000000000000"
    });
    json_reply(status, &body)
}

fn seal_status(sealed: bool) -> Value {
    json!({
        "type": "shamir", "initialized": true, "sealed": sealed, "t": 3, "n": 5, "progress": 0, "nonce": "", "version": "1.16.2",
        "build_date": "2024-04-22T16:25:54Z", "migration": false, "recovery_seal": false, "storage_type": "inmem"
    })
}
