//! Where a command gets keys for as long as it runs: the endpoint that the AWS SDKs and the CLI ask in containers (AWS SDKs and Tools
//! Reference Guide, "Container credential provider"), on the loopback address and for those who know its token.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use landfall_aws::{AwsKeys, HeldKeys, NotRenewed};
use landfall_run::{Run, rfc3339};
use landfall_secret::Secret;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

const PATH: &str = "/credentials";

/// Who connects and says nothing for so long is sent away.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that is there until this is dropped.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// What `AWS_CONTAINER_CREDENTIALS_FULL_URI` is to be.
    pub(super) uri: String,
    /// What `AWS_CONTAINER_AUTHORIZATION_TOKEN` is to be: without it nobody gets anything.
    pub(super) token: Secret,
    tasks: [AbortHandle; 2],
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

struct Served {
    keys: HeldKeys,
    token: Secret,
    run: Run,
}

impl Endpoint {
    /// Serves the keys, which are renewed before they end, on a port of the loopback address that nobody else has.
    ///
    /// # Errors
    /// What the system says.
    pub(super) async fn serve(keys: HeldKeys, run: &Run) -> io::Result<Self> {
        let mut chance = [0; 32];
        getrandom::fill(&mut chance).map_err(io::Error::other)?;
        let token = Secret::new(URL_SAFE_NO_PAD.encode(chance));
        run.redactor().learn(&token);
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let uri = format!("http://{}{PATH}", listener.local_addr()?);
        let served = Arc::new(Served { keys: keys.clone(), token: token.clone(), run: run.clone() });
        let accepting = tokio::spawn(accept(listener, served)).abort_handle();
        // Who asks late asks for keys that are good for a while.
        let keeping = tokio::spawn(async move { keys.keep_fresh().await }).abort_handle();
        Ok(Self { uri, token, tasks: [accepting, keeping] })
    }
}

async fn accept(listener: TcpListener, served: Arc<Served>) {
    // Connections end with this task.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors: connections that exist must end first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let served = Arc::clone(&served);
        connections.spawn(async move {
            let handler = service_fn(|request| {
                let served = Arc::clone(&served);
                async move { Ok::<_, Infallible>(served.answer(&request).await) }
            });
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
            // Who asks and does not wait for the answer asks again.
            let _ = server.serve_connection(TokioIo::new(stream), handler).await;
        });
    }
}

impl Served {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() != PATH || request.method() != Method::GET {
            return refusal(StatusCode::NOT_FOUND, "NotFound", "there is nothing here");
        }
        let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if given.map(Secret::new).as_ref() != Some(&self.token) {
            return refusal(
                StatusCode::FORBIDDEN,
                "AccessDenied",
                "the authorization token is missing or wrong",
            );
        }
        let keys = self.keys.current().await;
        let is_over =
            |keys: &AwsKeys| keys.time_left(self.run.clock().now()).is_some_and(|left| left.is_zero());
        if !is_over(&keys) {
            return document(&keys);
        }
        match self.keys.renew(&keys.access_key_id).await {
            Ok(keys) => document(&keys),
            Err(refused) => over(&refused),
        }
    }
}

fn document(keys: &AwsKeys) -> Response<Full<Bytes>> {
    let mut said = json!({
        "AccessKeyId": keys.access_key_id,
        "SecretAccessKey": keys.secret_access_key.expose(),
        "Token": keys.session_token.as_ref().map(Secret::expose),
    });
    if let (Some(at), Some(members)) = (keys.expires_at, said.as_object_mut()) {
        members.insert("Expiration".to_owned(), rfc3339(at).into());
    }
    respond(StatusCode::OK, &said)
}

/// The SDKs ask again after a status of 5xx and show the message of others.
fn over(refused: &NotRenewed) -> Response<Full<Bytes>> {
    let status = if refused.is_passing { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST };
    refusal(status, &refused.problem.code, &refused.problem.told())
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Full<Bytes>> {
    respond(status, &json!({"code": code, "message": message}))
}

fn respond(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
