//! A target with its secrets: sends one notification, once.

use std::time::Duration;

use landfall_artifacts::{Notification, NotifyKind, NotifyTarget, TargetName, VariableName};
use landfall_run::{Run, root_cause};
use landfall_secret::{Credential, CredentialKind, Origin, Redactor, Secret};
use landfall_transport::{Cap, Error as TransportError, Http, Location, Method, Site};
use serde_json::json;
use url::Url;

use crate::Error;
use crate::signature::signature;

/// How long one notification may take.
pub const LONGEST_SENDING: Duration = Duration::from_secs(5);

/// What is read of an answer, which nobody looks at.
const ANSWER: Cap = Cap::of(64 << 10, "answer of a webhook");

/// Parts of an address that are as long as this, in bytes, are learned as secrets by themselves: a log may show its end alone.
const LONG_PART: usize = 12;

/// What the variables of a target hold.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The address.
    pub url: Secret,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<Secret>,
    /// Notifications are signed with it.
    pub signature: Option<Secret>,
}

/// A target that can be told.
#[derive(Clone, Debug)]
pub struct Sender {
    target: TargetName,
    kind: NotifyKind,
    site: Site,
    place: Location,
    signature: Option<Secret>,
}

impl Secrets {
    /// What the target's variables hold, by `variable`, without line ends.
    ///
    /// # Errors
    /// [`Error::Unset`] with the first that is not set.
    pub fn of<'a>(
        name: &TargetName,
        target: &NotifyTarget,
        variable: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Self, Error> {
        let get = |wanted: &VariableName| {
            let value = variable(wanted.as_str()).map(str::trim).filter(|value| !value.is_empty());
            let unset = || Error::Unset { target: name.clone(), variable: wanted.clone() };
            value.map(Secret::new).ok_or_else(unset)
        };
        Ok(Self {
            url: get(&target.url_variable)?,
            token: target.token_variable.as_ref().map(get).transpose()?,
            signature: target.signature_variable.as_ref().map(get).transpose()?,
        })
    }

    /// Teaches the redactor all of them, as [`teach_address`] the address.
    pub fn teach(&self, redactor: &Redactor) {
        for secret in [self.token.as_ref(), self.signature.as_ref()].into_iter().flatten() {
            redactor.learn(secret);
        }
        teach_address(&self.url, redactor);
    }
}

/// Teaches the redactor an address that only those may know who may write there: the whole, and by itself its path and what in it is long
/// and looks like chance. Of one that is a host alone nothing is secret.
pub fn teach_address(address: &Secret, redactor: &Redactor) {
    let parsed = Url::parse(address.expose()).ok();
    let is_host = |url: &Url| url.path() == "/" && url.query().is_none() && url.username().is_empty();
    if parsed.as_ref().is_some_and(is_host) {
        return;
    }
    redactor.learn(address);
    let Some(url) = parsed else { return };
    let path = url.path().trim_start_matches('/');
    let values: Vec<String> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
    // A word of a language is no secret, and our own messages would lose it.
    let is_chance = |part: &&str| part.chars().any(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    let parts = path.split('/').chain(values.iter().map(String::as_str)).filter(is_chance);
    let wholes = [path, url.as_str(), url.query().unwrap_or_default()];
    for part in parts.chain(wholes).filter(|part| part.len() >= LONG_PART) {
        redactor.learn(&Secret::new(part));
    }
}

impl Sender {
    /// A target that is reached by `http`: over TLS, save on this machine and at hosts that the client may speak plainly to.
    ///
    /// # Errors
    /// [`Error::Unusable`].
    pub fn new(
        http: &Http,
        name: &TargetName,
        target: &NotifyTarget,
        secrets: &Secrets,
    ) -> Result<Self, Error> {
        let unusable =
            |why| Error::Unusable { target: name.clone(), variable: target.url_variable.clone(), why };
        let no_address = "it is no http(s) address without user and password";
        let address = Url::parse(secrets.url.expose()).map_err(|_| unusable(no_address))?;
        let origin = Origin::of(&address).map_err(|_| unusable(no_address))?;
        let token = secrets.token.clone().map(CredentialKind::Bearer);
        let credential = token.map(|token| Credential::new(origin.clone(), token));
        let site = http
            .site("notify", &origin.to_string(), credential)
            .map_err(|error| unusable(refused(&error)))?;
        let place = site.accept(&address, address.as_str(), "webhook").map_err(|_| unusable(no_address))?;
        Ok(Self {
            target: name.clone(),
            kind: target.kind,
            site,
            place,
            signature: secrets.signature.clone(),
        })
    }

    /// Sends a notification once and waits at most so long, and at most [`LONGEST_SENDING`]. Redirects are not followed, and of the
    /// answer its status alone counts. Doing it twice tells it twice, with the same id.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send(&self, notification: &Notification, limit: Duration, run: &Run) -> Result<(), Error> {
        let body = match self.kind {
            NotifyKind::Slack => json!({ "text": notification.text }).to_string().into_bytes(),
            NotifyKind::Webhook => notification.to_bytes(),
        };
        let mut request =
            self.site.request_at(Method::POST, &self.place).once().timeout(limit.min(LONGEST_SENDING));
        if self.kind == NotifyKind::Webhook {
            let seconds = run.clock().now().unix_timestamp();
            request = request
                .header("webhook-id", &notification.id)
                .header("webhook-timestamp", &seconds.to_string());
            if let Some(key) = &self.signature {
                let signature = signature(key, &notification.id, seconds, &body);
                request = request.header("webhook-signature", &signature);
            }
        }
        let sent = request.body("application/json", body).send(run, ANSWER).await;
        let answer = sent.map_err(|error| self.failed(&error, run))?;
        if answer.status().is_success() {
            return Ok(());
        }
        let (status, excerpt) = (answer.status().as_u16(), answer.excerpt(120));
        Err(Error::Status { target: self.target.clone(), status, excerpt })
    }

    /// The error without the address, which transport's own would show.
    fn failed(&self, error: &TransportError, run: &Run) -> Error {
        let target = self.target.clone();
        let why = landfall_secret::escape(&run.redactor().redact(&root_cause(error)), 200);
        match error {
            TransportError::Connect { .. } | TransportError::Untrusted { .. } => {
                Error::Unreachable { target, why }
            }
            TransportError::Unanswered { .. } => Error::Unanswered { target, why },
            TransportError::Stopped { .. } => Error::Late { target },
            _ => Error::Unanswered { target, why: refused(error).to_owned() },
        }
    }
}

fn refused(error: &TransportError) -> &'static str {
    match error {
        TransportError::PlainHttp { .. } => "plain http is spoken to this machine alone; it must be https",
        TransportError::LinkLocal { .. } => "it is a link-local address",
        TransportError::NoCertificates { .. } => "there are no certificates to know servers by",
        TransportError::ForeignCredential { .. } => "its token is for another server",
        TransportError::Header { .. } => "its token has a line break or control character",
        TransportError::TooLarge { .. } => "the answer is larger than one of a webhook",
        TransportError::NotAsAsked { .. } => "the answer is not what was asked for",
        _ => "it is no address that can be spoken to",
    }
}
