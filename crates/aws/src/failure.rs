//! What a service answered when it did not do what was asked, in classes.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use landfall_artifacts::{Class, Explain, Problem};
use landfall_run::{Hint, Run};
use landfall_transport::{HeaderMap, HeaderName, HeaderValue};

use crate::connector::{ForeignOrigin, LongAnswer, NotConnected, SignedWith};
use crate::{Nature, Service};

/// The kinds of failure that call for different next steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection came about: nothing was sent.
    NotConnected,
    /// The server could not prove who it is: nothing was sent.
    Untrusted,
    /// The connection broke or went silent after the request was sent.
    Unanswered,
    /// Too many requests: it was not taken.
    Throttled,
    /// The service failed (5xx).
    Server,
    /// The keys are over.
    Expired,
    /// The keys are wrong or not known to AWS.
    Keys,
    /// The keys are right and may not do this.
    Denied,
    /// The service refused for a reason of its own, which `code` and `message` say.
    Refused,
    /// The request was for another origin than the service's endpoint, or the endpoint cannot be used: nothing was sent.
    Endpoint,
    /// The answer is not one that the service gives.
    Answer,
    /// The request could not be made.
    Request,
    /// The run was asked to stop.
    Stopped,
}

/// A call that did not do what was asked. Texts are escaped and without known secrets.
#[derive(Debug)]
pub struct AwsFailure {
    /// The service.
    pub service: Service,
    /// The operation as AWS names it.
    pub operation: &'static str,
    /// Whether it could have changed something.
    pub nature: Nature,
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// The error code as AWS names it, such as `AccessDeniedException`.
    pub code: Option<String>,
    /// What the service said, its first line; empty where it said nothing.
    pub message: String,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The id to give to AWS support.
    pub request_id: Option<String>,
    /// How long the service asks us to wait.
    pub retry_after: Option<Duration>,
    /// The keys of the request, where it was signed and answered.
    pub(crate) signed_with: Option<SignedWith>,
    /// Why keys that are over were not renewed.
    not_renewed: Option<Box<Problem>>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

/// The cause of a failure as text: the SDK's errors hold whole requests and cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Cause {
    text: String,
    #[source]
    cause: Option<Box<Cause>>,
}

/// Classifies what an SDK call returned.
pub fn failure<E>(
    run: &Run,
    service: Service,
    operation: &'static str,
    nature: Nature,
    error: &SdkError<E, HttpResponse>,
) -> AwsFailure
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let clean = |text: &str, max| landfall_secret::escape(&run.redactor().redact(text), max);
    let mut failed = bare(service, operation, nature, FailureKind::Request);
    if let Some(raw) = error.raw_response() {
        failed.status = Some(raw.status().as_u16());
        failed.request_id = ["x-amzn-requestid", "x-amz-request-id"]
            .iter()
            .find_map(|name| raw.headers().get(name))
            .map(|id| clean(id, 80));
        failed.signed_with = raw.extension::<SignedWith>().cloned();
        failed.retry_after = landfall_transport::retry_after(&waiting(raw), run.clock().now());
    }
    match error {
        SdkError::ServiceError(context) => {
            let meta = context.err().meta();
            failed.code = meta.code().map(|code| clean(code, 100));
            // The lines after the first repeat the signed request, session token included.
            failed.message =
                clean(meta.message().unwrap_or_default().lines().next().unwrap_or_default(), 600);
            failed.kind = by_code(meta.code().unwrap_or_default(), failed.status.unwrap_or_default());
        }
        SdkError::DispatchFailure(context) => {
            let cause = context.as_connector_error();
            failed.kind = cause.map_or(FailureKind::Unanswered, by_connector);
            failed.cause = cause.and_then(|error| chain(error.source(), &clean));
        }
        SdkError::TimeoutError(_) => {
            failed.kind = FailureKind::Unanswered;
            failed.cause = chain(error.source(), &clean);
        }
        SdkError::ResponseError(_) => {
            failed.kind = match failed.status {
                Some(500..) => FailureKind::Server,
                Some(429) => FailureKind::Throttled,
                Some(_) | None => FailureKind::Answer,
            };
            failed.cause = chain(error.source(), &clean);
        }
        SdkError::ConstructionFailure(_) => failed.cause = chain(error.source(), &clean),
        // The enum may grow; an unknown kind of failure is treated as the least certain one.
        _ => failed.kind = FailureKind::Unanswered,
    }
    failed
}

pub(crate) fn stopped(service: Service, operation: &'static str) -> AwsFailure {
    bare(service, operation, Nature::Read, FailureKind::Stopped)
}

/// A call that was begun before a stop and not answered soon enough after it.
pub(crate) fn unanswered_after_stop(service: Service, operation: &'static str, nature: Nature) -> AwsFailure {
    bare(service, operation, nature, FailureKind::Unanswered)
}

pub(crate) fn unusable(service: Service, operation: &'static str, cause: crate::Error) -> AwsFailure {
    AwsFailure { cause: Some(cause.into()), ..bare(service, operation, Nature::Read, FailureKind::Endpoint) }
}

fn bare(service: Service, operation: &'static str, nature: Nature, kind: FailureKind) -> AwsFailure {
    AwsFailure {
        service,
        operation,
        nature,
        kind,
        code: None,
        message: String::new(),
        status: None,
        request_id: None,
        retry_after: None,
        signed_with: None,
        not_renewed: None,
        cause: None,
    }
}

/// The headers that say how long to wait, as the one parser of them takes them.
fn waiting(raw: &HttpResponse) -> HeaderMap {
    ["retry-after", "x-amz-retry-after"]
        .into_iter()
        .filter_map(|name| {
            let value = raw.headers().get(name)?;
            Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
        })
        .collect()
}

/// The codes are those of the AWS "Common errors" page and of the services' models.
fn by_code(code: &str, status: u16) -> FailureKind {
    match code {
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "EC2ThrottledException"
        | "PriorRequestNotComplete"
        | "BandwidthLimitExceeded" => FailureKind::Throttled,
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired" => {
            FailureKind::Expired
        }
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "InvalidAccessKeyId"
        | "InvalidToken"
        | "AuthFailure" => FailureKind::Keys,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "UnauthorizedException"
        | "NotAuthorized"
        | "OptInRequired" => FailureKind::Denied,
        // The identity provider could not be asked by STS; it may be the next time (AssumeRoleWithWebIdentity, "Errors").
        "IDPCommunicationError" => FailureKind::Server,
        _ if status == 429 => FailureKind::Throttled,
        // What a service does not know it will not know the next time (RFC 9110, 15.6.2).
        _ if status == 501 => FailureKind::Refused,
        _ if status >= 500 || status == 408 => FailureKind::Server,
        _ if status == 401 => FailureKind::Keys,
        _ if status == 403 => FailureKind::Denied,
        _ => FailureKind::Refused,
    }
}

fn by_connector(error: &ConnectorError) -> FailureKind {
    let mut untrusted = false;
    let mut source = error.source();
    let mut not_connected = false;
    while let Some(inner) = source {
        if inner.is::<ForeignOrigin>() {
            return FailureKind::Endpoint;
        }
        if inner.is::<LongAnswer>() {
            return FailureKind::Answer;
        }
        not_connected |= inner.is::<NotConnected>();
        untrusted |= inner.is::<rustls::Error>();
        // The payload of an I/O error is not among its sources.
        source = match inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(payload) => Some(payload),
            None => inner.source(),
        };
    }
    match (not_connected, untrusted) {
        (true, true) => FailureKind::Untrusted,
        (true, false) => FailureKind::NotConnected,
        (false, _) => FailureKind::Unanswered,
    }
}

fn chain(
    error: Option<&(dyn StdError + 'static)>,
    clean: &dyn Fn(&str, usize) -> String,
) -> Option<Box<dyn StdError + Send + Sync>> {
    let mut texts = Vec::new();
    let mut source = error;
    while let Some(inner) = source.filter(|_| texts.len() < 6) {
        let text = clean(&inner.to_string(), 300);
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        source = inner.source();
    }
    let mut built = None;
    for text in texts.into_iter().rev() {
        built = Some(Box::new(Cause { text, cause: built }));
    }
    built.map(|cause| cause as Box<dyn StdError + Send + Sync>)
}

impl AwsFailure {
    /// The same, of keys that are over and for which no others could be had.
    pub(crate) fn not_renewed(mut self, problem: Problem) -> Self {
        let texts = std::iter::once(&problem.what).chain(&problem.cause).rev();
        let cause = texts.fold(None, |cause, text| Some(Box::new(Cause { text: text.clone(), cause })));
        self.cause = cause.map(|cause| cause as Box<dyn StdError + Send + Sync>);
        self.not_renewed = Some(Box::new(problem));
        self
    }

    /// The same, where it turned out that the keys are over.
    pub(crate) fn of_dead_keys(mut self) -> Self {
        self.kind = FailureKind::Expired;
        self
    }

    /// Whether the service answered with this error code.
    pub fn is_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Whether the same call may simply be made again.
    pub fn is_retryable(&self) -> bool {
        self.hint() != Hint::Stop
    }

    /// Whether it is unknown if the call did what was asked: read back before anything else.
    pub fn is_unknown(&self) -> bool {
        self.class() == Class::Unknown
    }

    /// What this says about repeating the call.
    pub fn hint(&self) -> Hint {
        let again = self.retry_after.map_or(Hint::Again, Hint::After);
        match (self.kind, self.nature) {
            (FailureKind::NotConnected | FailureKind::Throttled, _) => again,
            (FailureKind::Unanswered | FailureKind::Server, Nature::Read | Nature::Confirm) => again,
            (FailureKind::Unanswered | FailureKind::Server, Nature::Write) => Hint::Stop,
            (
                FailureKind::Untrusted
                | FailureKind::Expired
                | FailureKind::Keys
                | FailureKind::Denied
                | FailureKind::Refused
                | FailureKind::Endpoint
                | FailureKind::Answer
                | FailureKind::Request
                | FailureKind::Stopped,
                _,
            ) => Hint::Stop,
        }
    }
}

impl fmt::Display for AwsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (service, operation) = (self.service, self.operation);
        match self.kind {
            FailureKind::NotConnected => write!(f, "cannot connect to {service} for {operation}")?,
            FailureKind::Untrusted => write!(f, "{service} could not prove who it is for {operation}")?,
            FailureKind::Unanswered => write!(f, "{service} {operation} got no complete answer")?,
            FailureKind::Throttled => write!(f, "{service} {operation} was throttled")?,
            FailureKind::Server => write!(f, "{service} failed at {operation}")?,
            FailureKind::Expired => {
                let renewed = if self.not_renewed.is_some() { " and could not be renewed" } else { "" };
                write!(f, "{service} {operation}: the AWS keys have expired{renewed}")?;
            }
            FailureKind::Keys => write!(f, "{service} {operation}: the AWS keys were not accepted")?,
            FailureKind::Denied => write!(f, "{service} {operation} was denied")?,
            FailureKind::Refused => write!(f, "{service} {operation} was refused")?,
            FailureKind::Endpoint => write!(f, "{service} {operation} was not sent")?,
            FailureKind::Answer => write!(f, "{service} {operation} got an answer that cannot be read")?,
            FailureKind::Request => write!(f, "{service} {operation} could not be put together")?,
            FailureKind::Stopped => write!(f, "stopped before {service} {operation} was answered")?,
        }
        match (self.status, &self.code) {
            (Some(status), Some(code)) => write!(f, " ({status} {code})")?,
            (Some(status), None) => write!(f, " ({status})")?,
            (None, _) => {}
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        match &self.request_id {
            Some(id) => write!(f, " [request {id}]"),
            None => Ok(()),
        }
    }
}

impl StdError for AwsFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| cause.as_ref() as &(dyn StdError + 'static))
    }
}

impl Explain for AwsFailure {
    fn code(&self) -> &'static str {
        match self.kind {
            FailureKind::NotConnected => "LF-AWS-UNREACHABLE",
            FailureKind::Untrusted => "LF-AWS-TLS",
            FailureKind::Unanswered => "LF-AWS-UNANSWERED",
            FailureKind::Throttled => "LF-AWS-THROTTLED",
            FailureKind::Server => "LF-AWS-SERVER",
            FailureKind::Expired => "LF-AWS-EXPIRED",
            FailureKind::Keys => "LF-AWS-KEYS-REFUSED",
            FailureKind::Denied => "LF-AWS-DENIED",
            FailureKind::Refused => "LF-AWS-REFUSED",
            FailureKind::Endpoint => "LF-AWS-ENDPOINT",
            FailureKind::Answer => "LF-AWS-ANSWER",
            FailureKind::Request => "LF-AWS-REQUEST",
            FailureKind::Stopped => "LF-STOPPED",
        }
    }

    fn class(&self) -> Class {
        // The request itself was refused before it did anything; what comes next depends on why there were no other keys. Where even
        // that is unknown, a login is: the service was not changed.
        if let Some(problem) = &self.not_renewed {
            return if problem.class == Class::Transient { Class::Transient } else { Class::Refused };
        }
        match (self.kind, self.nature) {
            (FailureKind::NotConnected | FailureKind::Throttled, _) => Class::Transient,
            (
                FailureKind::Unanswered | FailureKind::Server | FailureKind::Answer,
                Nature::Read | Nature::Confirm,
            ) => Class::Transient,
            (FailureKind::Unanswered | FailureKind::Server | FailureKind::Answer, Nature::Write) => {
                Class::Unknown
            }
            (
                FailureKind::Untrusted
                | FailureKind::Expired
                | FailureKind::Keys
                | FailureKind::Denied
                | FailureKind::Refused,
                _,
            ) => Class::Refused,
            (FailureKind::Endpoint, _) => Class::Input,
            (FailureKind::Request, _) => Class::Defect,
            (FailureKind::Stopped, _) => Class::Interrupted,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        if let Some(remedy) = self.not_renewed.as_ref().and_then(|problem| problem.remedy.clone()) {
            return Some(remedy.into());
        }
        let (service, operation) = (self.service, self.operation);
        match self.kind {
            FailureKind::NotConnected => Some(
                format!("check AWS_REGION, the endpoint of {service}, the network and the proxy, then run again: nothing was sent")
                    .into(),
            ),
            FailureKind::Untrusted => Some(
                "look at who answers for that host; a proxy that opens TLS needs its certificate in --ca-file or SSL_CERT_FILE"
                    .into(),
            ),
            FailureKind::Unanswered | FailureKind::Server => Some(match self.nature {
                Nature::Read | Nature::Confirm => "the service or the network is slow or failing; run again".into(),
                Nature::Write => "the change may have been made; run again, which reads back first".into(),
            }),
            FailureKind::Throttled => Some(
                "other work uses up the account's rate; run again later, or share the rate with --rate-share".into(),
            ),
            FailureKind::Expired => {
                Some("run aws-credentials again, with a time to live that covers the pipeline".into())
            }
            FailureKind::Keys => Some(match self.code.as_deref() {
                Some("SignatureDoesNotMatch" | "InvalidSignatureException") => {
                    "look for a cut or changed secret key in aws_auth.env, and check this machine's clock".into()
                }
                Some(_) | None => "run aws-credentials again, and look whether all its lines reach this job".into(),
            }),
            FailureKind::Denied => {
                Some(format!("allow {service}:{operation} in the role's policy, or use the right role").into())
            }
            FailureKind::Refused => None,
            FailureKind::Endpoint => {
                Some(format!("nothing was sent; correct AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_{} or unset them", service.name().to_uppercase()).into())
            }
            FailureKind::Answer => Some(
                "something between here and AWS answers in its place (a proxy, a login page); check the endpoint".into(),
            ),
            FailureKind::Request => None,
            FailureKind::Stopped => Some("run again: it does what is left".into()),
        }
    }
}
