//! AWS Security Token Service, query protocol of 2011-06-15: GetCallerIdentity, AssumeRole and AssumeRoleWithWebIdentity.
//!
//! Bodies follow the STS API reference (the actions' pages and "Common Errors"). Stricter than the real thing: a parameter that the
//! action does not have is refused, a GET, and a signature or another credential on the action that takes a token in their place.

mod web_identity;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use time::format_description::well_known::Rfc3339;

use crate::issued::{AuthRefusal, Identity, Issued};
pub use web_identity::TrustedRole;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const VERSION: &str = "2011-06-15";
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The service.
pub struct Sts {
    region: String,
    issued: Arc<Issued>,
    calls: Mutex<Vec<String>>,
    trusted: Mutex<Vec<TrustedRole>>,
}

struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }
}

impl From<AuthRefusal> for Refusal {
    fn from(refusal: AuthRefusal) -> Self {
        Self { status: StatusCode::FORBIDDEN, code: refusal.query_code(), message: refusal.message() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (code, message) = (self.code, escape(&self.message));
        let error =
            format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
        let body = format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\">{error}<RequestId>{}</RequestId></ErrorResponse>",
            request_id()
        );
        (self.status, [(header::CONTENT_TYPE, "text/xml")], body).into_response()
    }
}

impl Sts {
    /// The service of one region; requests must be signed for it.
    pub fn new(region: &str, issued: Arc<Issued>) -> Arc<Self> {
        Arc::new(Self {
            region: region.to_owned(),
            issued,
            calls: Mutex::new(Vec::new()),
            trusted: Mutex::default(),
        })
    }

    /// `POST /`.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        axum::Router::new()
            .route("/", post(handle))
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(Arc::clone(self))
    }

    /// The actions asked for so far, oldest first.
    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer(&self, headers: &HeaderMap, bytes: &[u8]) -> Result<Response, Refusal> {
        let form =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if form.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
            return Err(Refusal::bad(
                "InvalidParameterValue",
                "Content-Type must be application/x-www-form-urlencoded",
            ));
        }
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(bytes).into_owned().collect();
        let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let action = value("Action").ok_or_else(|| Refusal::bad("MissingAction", "Missing Action"))?;
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(action.to_owned());
        let known: &[&str] = match action {
            "GetCallerIdentity" => &["Action", "Version"],
            web_identity::ACTION => &web_identity::PARAMETERS,
            "AssumeRole" => &["Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds"],
            other => {
                let message = format!("Could not find operation {other} for version {VERSION}");
                return Err(Refusal::bad("InvalidAction", message));
            }
        };
        if value("Version") != Some(VERSION) {
            return Err(Refusal::bad("InvalidAction", format!("Version must be {VERSION}")));
        }
        if action == web_identity::ACTION {
            Self::unknown_parameter(action, known, &pairs)?;
            let result = self.with_web_identity(headers, &|name| value(name).map(str::to_owned))?;
            return Ok(success(action, &result));
        }
        let identity = self.issued.authorize(headers, &self.region, "sts", action)?;
        Self::unknown_parameter(action, known, &pairs)?;
        let result = if action == "AssumeRole" {
            self.assume(value("RoleArn"), value("RoleSessionName"), value("DurationSeconds"))?
        } else {
            caller(&identity)
        };
        Ok(success(action, &result))
    }

    fn unknown_parameter(action: &str, known: &[&str], pairs: &[(String, String)]) -> Result<(), Refusal> {
        match pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => {
                Err(Refusal::bad("ValidationError", format!("{action} has no parameter {name}")))
            }
            None => Ok(()),
        }
    }

    /// New keys for another role. Who may assume it is not asked: no trust policies are kept.
    fn assume(
        &self,
        role: Option<&str>,
        session: Option<&str>,
        duration: Option<&str>,
    ) -> Result<String, Refusal> {
        let wrong = |text: String| Refusal::bad("ValidationError", text);
        let role = role.ok_or_else(|| wrong("RoleArn is required".to_owned()))?;
        let parts: Vec<&str> = role.split(':').collect();
        let ["arn", "aws", "iam", "", account, name] = parts[..] else {
            return Err(wrong(format!("{role} is invalid")));
        };
        let name = name.strip_prefix("role/").and_then(|name| name.rsplit('/').next());
        let name = name.ok_or_else(|| wrong(format!("{role} is invalid")))?;
        let allowed = |part: char| part.is_ascii_alphanumeric() || "+=,.@_-".contains(part);
        let session = session.filter(|text| (2..=64).contains(&text.len()) && text.chars().all(allowed));
        let session =
            session.ok_or_else(|| wrong("RoleSessionName failed to satisfy constraint".to_owned()))?;
        let seconds: u64 = duration.map_or(Ok(3_600), str::parse).unwrap_or_default();
        if !(900..=43_200).contains(&seconds) {
            return Err(wrong("DurationSeconds must be between 900 and 43200".to_owned()));
        }
        let arn = format!("arn:aws:sts::{account}:assumed-role/{name}/{session}");
        let keys = self.issued.temporary(account, &arn, Duration::from_secs(seconds));
        let expiration = keys.expires_at.and_then(|end| end.format(&Rfc3339).ok()).unwrap_or_default();
        Ok(format!(
            "<AssumedRoleUser><AssumedRoleId>{}:{session}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>{expiration}</Expiration></Credentials>",
            role_id(account, name),
            escape(&arn),
            keys.access_key_id,
            escape(&keys.secret_access_key),
            escape(keys.session_token.as_deref().unwrap_or_default()),
        ))
    }
}

async fn handle(Shared(sts): Shared<Arc<Sts>>, headers: HeaderMap, bytes: Bytes) -> Response {
    sts.answer(&headers, &bytes).unwrap_or_else(IntoResponse::into_response)
}

/// Result of GetCallerIdentity. An assumed role's `UserId` is the role's id, a colon and the session's name.
fn caller(identity: &Identity) -> String {
    let path: Vec<&str> = identity.arn.rsplit(':').next().unwrap_or_default().split('/').collect();
    let user = match path.as_slice() {
        ["assumed-role", role, session] => format!("{}:{session}", role_id(&identity.account, role)),
        _ => format!("AIDA{}", identity.access_key_id.get(4..).unwrap_or_default()),
    };
    let (arn, account) = (escape(&identity.arn), escape(&identity.account));
    format!("<Arn>{arn}</Arn><UserId>{}</UserId><Account>{account}</Account>", escape(&user))
}

fn success(action: &str, result: &str) -> Response {
    let id = request_id();
    let metadata = format!("<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>");
    let body = format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result>{metadata}</{action}Response>"
    );
    (
        [
            (header::CONTENT_TYPE, "text/xml"),
            (header::HeaderName::from_static("x-amzn-requestid"), id.as_str()),
        ],
        body,
    )
        .into_response()
}

/// A role's unique id: the same for the same role.
fn role_id(account: &str, role: &str) -> String {
    let sum = account
        .bytes()
        .chain(role.bytes())
        .fold(7_u64, |sum, byte| sum.wrapping_mul(1_099_511_628_211) ^ u64::from(byte));
    format!("AROA{sum:016X}0")
}

fn request_id() -> String {
    let hex = format!("{:032x}", fastrand::u128(..));
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issued::IssuedKeys;
    use crate::test_call::{Answer, call, signed};

    const ARN: &str = "arn:aws:sts::111122223333:assumed-role/Deployer/gl-1";

    async fn ask(sts: &Arc<Sts>, keys: &IssuedKeys, region: &str, body: &str) -> Answer {
        let headers = signed(keys, region, "sts");
        let mut headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("content-type", "application/x-www-form-urlencoded; charset=utf-8"));
        call(&sts.router(), "POST", "/", &headers, body).await
    }

    fn bench() -> (Arc<Sts>, Arc<Issued>, IssuedKeys) {
        let issued = Arc::new(Issued::new());
        let keys = issued.temporary("111122223333", ARN, Duration::from_secs(900));
        (Sts::new("eu-west-1", Arc::clone(&issued)), issued, keys)
    }

    #[tokio::test]
    async fn the_caller_is_told_who_it_is() {
        let (sts, _, keys) = bench();
        let answer = ask(&sts, &keys, "eu-west-1", "Action=GetCallerIdentity&Version=2011-06-15").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.text.contains(&format!("<GetCallerIdentityResult><Arn>{ARN}</Arn><UserId>AROA")));
        assert!(
            answer.text.contains(":gl-1</UserId><Account>111122223333</Account></GetCallerIdentityResult>")
        );
        assert_eq!(sts.calls(), ["GetCallerIdentity"]);
    }

    #[tokio::test]
    async fn bad_keys_and_requests_get_their_codes() {
        let (sts, issued, keys) = bench();
        let good = "Action=GetCallerIdentity&Version=2011-06-15";
        for (region, body, status, code) in [
            ("us-east-1", good, 403, "SignatureDoesNotMatch"),
            ("eu-west-1", "Action=Nothing&Version=2011-06-15", 400, "InvalidAction"),
            ("eu-west-1", "Action=GetCallerIdentity", 400, "InvalidAction"),
            ("eu-west-1", "Version=2011-06-15", 400, "MissingAction"),
            ("eu-west-1", "Action=GetCallerIdentity&Version=2011-06-15&X=1", 400, "ValidationError"),
        ] {
            let answer = ask(&sts, &keys, region, body).await;
            assert_eq!(answer.status.as_u16(), status, "{body}");
            assert!(answer.text.contains(&format!("<Code>{code}</Code>")), "{body}: {}", answer.text);
        }
        issued.expire_all();
        assert!(ask(&sts, &keys, "eu-west-1", good).await.text.contains("<Code>ExpiredToken</Code>"));
        issued.revoke(&keys.access_key_id);
        let unknown = ask(&sts, &keys, "eu-west-1", good).await;
        assert_eq!(unknown.status, StatusCode::FORBIDDEN);
        assert!(unknown.text.contains("<Code>InvalidClientTokenId</Code>"));
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let bare = call(&sts.router(), "POST", "/", &form, good).await;
        assert!(bare.text.contains("<Code>MissingAuthenticationToken</Code>"));
        assert_eq!(
            call(&sts.router(), "GET", "/?Action=GetCallerIdentity", &[], "").await.status,
            StatusCode::METHOD_NOT_ALLOWED
        );
    }

    #[tokio::test]
    async fn an_assumed_role_gets_keys_that_work() {
        let (sts, issued, keys) = bench();
        let role = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::999999999999:role/x/Other&RoleSessionName=gl-2";
        let answer = ask(&sts, &keys, "eu-west-1", role).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert!(answer.text.contains("<Arn>arn:aws:sts::999999999999:assumed-role/Other/gl-2</Arn>"));
        assert_eq!(issued.count(), 2);
        let short = ask(&sts, &keys, "eu-west-1", &format!("{role}&DurationSeconds=60")).await;
        assert!(short.text.contains("<Code>ValidationError</Code>"));
    }
}
