//! Answers that say no, told apart (OCI distribution-spec 1.1, "Error Codes").

use landfall_run::Run;
use landfall_transport::{Answer, HeaderMap, StatusCode, retry_after};
use serde::Deserialize;

use crate::Error;

/// What a registry said when it said no.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    /// The first error's code; Artifactory's own API gives none.
    pub(crate) code: Option<String>,
    /// The messages, or the beginning of a body that is no error document; escaped and redacted.
    pub(crate) said: String,
}

#[derive(Deserialize)]
struct Envelope {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// What a request was about, for messages.
#[derive(Clone, Debug)]
pub(crate) struct About<'a> {
    pub(crate) host: &'a str,
    pub(crate) user: &'a str,
    pub(crate) doing: &'a str,
}

pub(crate) fn read(answer: &Answer, run: &Run) -> Refusal {
    let clean = |text: &str| landfall_secret::escape(&run.redactor().redact(text), 400);
    match serde_json::from_slice::<Envelope>(answer.body()) {
        Ok(envelope) => {
            let code = envelope.errors.first().and_then(|error| error.code.as_deref()).map(clean);
            let texts: Vec<&str> = envelope
                .errors
                .iter()
                .filter_map(|error| error.message.as_deref().filter(|text| !text.is_empty()))
                .take(4)
                .collect();
            let said =
                if texts.is_empty() { code.clone().unwrap_or_default() } else { clean(&texts.join("; ")) };
            Refusal { code, said }
        }
        Err(_) => Refusal { code: None, said: answer.excerpt(300) },
    }
}

/// The error that an unwanted answer is. `repository` is the repository with its host.
pub(crate) fn error(about: &About<'_>, repository: &str, answer: &Answer, run: &Run) -> Error {
    let refusal = read(answer, run);
    let (host, user, doing) = (about.host.to_owned(), about.user.to_owned(), about.doing.to_owned());
    let said = refusal.said;
    match (answer.status(), refusal.code.as_deref()) {
        (StatusCode::UNAUTHORIZED, _) => Error::LoginRefused { host, user, doing, said },
        // ECR says 403 DENIED for a login whose twelve hours are over.
        (StatusCode::FORBIDDEN, _) if said.contains("token has expired") => {
            Error::LoginExpired { host, user, said }
        }
        (StatusCode::FORBIDDEN, _) => Error::Denied { host, user, doing, said },
        (StatusCode::NOT_FOUND, Some("NAME_UNKNOWN")) => {
            Error::RepositoryMissing { repository: repository.to_owned() }
        }
        (status, code) => Error::Answer {
            host,
            doing,
            status: status.as_u16(),
            code: code.map(str::to_owned),
            said,
            retry_after: wait(answer.headers(), run),
        },
    }
}

fn wait(headers: &HeaderMap, run: &Run) -> Option<std::time::Duration> {
    retry_after(headers, run.clock().now())
}
