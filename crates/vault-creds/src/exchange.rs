//! vaultrs requests on a transport site, through rustify's client trait.

use std::future::Future;
use std::pin::Pin;

use http::{Request, Response};
use landfall_run::Run;
use landfall_transport::{Cap, Repeat, Site};
use rustify::client::Client;
use rustify::endpoint::{Endpoint, MiddleWare};
use rustify::errors::ClientError;

use crate::answer::{Envelope, is_vaults, said};
use crate::{Error, Step};

/// One step at one server. The token, where there is one, is the site's credential.
pub(crate) struct Exchange<'a> {
    pub(crate) site: &'a Site,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) run: &'a Run,
    pub(crate) step: Step,
    pub(crate) repeat: Repeat,
}

/// A status of 300 or above.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) said: String,
    /// Whether it has the form of Vault's refusals, and is not somebody else's who stands before it.
    pub(crate) is_vaults: bool,
}

/// What came of an exchange that got as far as an answer.
pub(crate) type Answered = Result<Envelope, Refusal>;

impl Exchange<'_> {
    /// Makes a request and reads the envelope of its answer; an empty answer is an empty envelope.
    pub(crate) async fn ask<E: Endpoint>(&self, endpoint: E) -> Result<Answered, Error> {
        let headers = OwnHeaders { namespace: self.namespace };
        let bytes = match endpoint.with_middleware(&headers).exec(self).await {
            Ok(result) => result.raw(),
            Err(ClientError::ServerResponseError { code, content }) => {
                let body = content.as_deref().unwrap_or_default();
                let (text, is_vaults) = (said(body), is_vaults(body));
                let said = landfall_secret::escape(&self.run.redactor().redact(&text), 400);
                return Ok(Err(Refusal { status: code, said, is_vaults }));
            }
            // Our own errors travel through rustify's as the source of a failed request.
            Err(ClientError::RequestError { source, .. }) => {
                return Err(source.downcast::<Error>().unwrap_or_else(|cause| self.unmade(cause)));
            }
            Err(other) => return Err(self.unmade(other)),
        };
        if bytes.is_empty() {
            return Ok(Ok(Envelope::default()));
        }
        match (serde_json::from_slice(&bytes), self.step) {
            (Ok(envelope), _) => Ok(Ok(envelope)),
            // A login that was taken may have used up the secret id, whatever stands between here and Vault made of the answer.
            (Err(_), Step::Login) if self.repeat == Repeat::Never => Err(Error::LoginUnknown {
                mount: String::new(),
                said: "an answer that is not Vault's".to_owned(),
                cause: None,
            }),
            (Err(_), Step::Unwrap) => Err(Error::UnwrapUnknown { cause: None }),
            (
                Err(_),
                step @ (Step::Health | Step::Login | Step::LookAtWrapping | Step::Keys | Step::Revoke),
            ) => Err(Error::Answer { step, what: "JSON that Vault would send" }),
        }
    }

    fn unmade(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Request { step: self.step, cause: cause.into() }
    }

    async fn transfer(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Error> {
        let (head, body) = request.into_parts();
        let mut sending = self.site.request(head.method, &format!("/v1{}", head.uri.path()));
        for (name, value) in &head.headers {
            sending = sending.header(name.as_str(), value.to_str().unwrap_or("\n"));
        }
        if !body.is_empty() {
            sending = sending.body("application/json", body);
        }
        sending = match self.repeat {
            Repeat::Idempotent => sending.idempotent(),
            Repeat::Never => sending.never_repeated(),
        };
        let answer = sending.send(self.run, Cap::JSON).await.map_err(|cause| self.unsent(cause))?;
        if answer.status().is_redirection() {
            let to = answer.header("location").unwrap_or("nowhere");
            return Err(Error::Redirected {
                address: self.site.origin().clone(),
                step: self.step,
                to: landfall_secret::escape(to.split(['?', '#']).next().unwrap_or_default(), 200),
            });
        }
        let mut response = Response::new(answer.body().to_vec());
        *response.status_mut() = answer.status();
        Ok(response)
    }

    fn unsent(&self, cause: landfall_transport::Error) -> Error {
        let (address, step) = (self.site.origin().clone(), self.step);
        let cause = Box::new(cause);
        let lost = match *cause {
            landfall_transport::Error::Unanswered { .. } | landfall_transport::Error::Stalled { .. } => {
                Some("no answer")
            }
            landfall_transport::Error::TooLarge { .. } | landfall_transport::Error::NotAsAsked { .. } => {
                Some("an answer that cannot be taken")
            }
            _ => None,
        };
        match (step, lost) {
            (Step::Login, Some(said)) if self.repeat == Repeat::Never => {
                return Error::LoginUnknown {
                    mount: String::new(),
                    said: said.to_owned(),
                    cause: Some(cause),
                };
            }
            (Step::Unwrap, Some(_)) => return Error::UnwrapUnknown { cause: Some(cause) },
            _ => {}
        }
        match *cause {
            landfall_transport::Error::Connect { .. }
            | landfall_transport::Error::Stalled { .. }
            | landfall_transport::Error::Unanswered { .. } => Error::Unreachable { address, step, cause },
            _ => Error::Transport { step, cause },
        }
    }
}

impl Client for Exchange<'_> {
    fn send<'a, 'b>(
        &'a self,
        request: Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, ClientError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let (url, method) = (request.uri().path().to_owned(), request.method().to_string());
            self.transfer(request).await.map_err(|error| ClientError::RequestError {
                source: error.into(),
                url,
                method,
            })
        })
    }

    /// A root to hang paths on: the server is the site's and no part of this.
    fn base(&self) -> &'static str {
        "http://vault.invalid"
    }
}

/// Sets what Vault wants on every request, and nothing secret.
struct OwnHeaders<'a> {
    namespace: Option<&'a str>,
}

impl MiddleWare for OwnHeaders<'_> {
    fn request<E: Endpoint>(&self, _: &E, request: &mut Request<Vec<u8>>) -> Result<(), ClientError> {
        // Parameters go in a body, which a GET does not carry everywhere; Vault takes POST at the same paths.
        if *request.method() == http::Method::GET && !request.body().is_empty() {
            *request.method_mut() = http::Method::POST;
        }
        let headers = request.headers_mut();
        headers.insert("x-vault-request", http::HeaderValue::from_static("true"));
        if let Some(namespace) = self.namespace.filter(|namespace| !namespace.is_empty()) {
            let value = http::HeaderValue::from_str(namespace)
                .map_err(|cause| ClientError::GenericError { source: cause.into() })?;
            headers.insert("x-vault-namespace", value);
        }
        Ok(())
    }

    fn response<E: Endpoint>(&self, _: &E, _: &mut Response<Vec<u8>>) -> Result<(), ClientError> {
        Ok(())
    }
}
