//! One connection to a registry, used for one request after the other.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{HOST, HeaderName};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a request sends.
pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Bytes that are received or sent at once. Larger than hyper's own bound, since layers are larger, too.
const BUFFER: usize = 512 * 1024;

/// Nothing.
pub(crate) fn nothing() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// These bytes.
pub(crate) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// What another registry is sending.
pub(crate) fn passed_on(body: Incoming) -> Body {
    body.map_err(Into::into).boxed_unsync()
}

/// A connection.
pub(crate) struct Connection {
    sender: SendRequest<Body>,
    address: SocketAddr,
}

impl Connection {
    /// Connects. The connection lives as long as this value.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("no connection to {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            Builder::new().max_buf_size(BUFFER).handshake(TokioIo::new(stream)).await?;
        // It ends when the sender is dropped; an error of it is seen by the request that waits.
        tokio::spawn(connection);
        Ok(Self { sender, address })
    }

    /// Connects and makes one request, so that the next one finds everything set up.
    pub(crate) async fn open_warm(address: SocketAddr) -> Result<Self> {
        let mut connection = Self::open(address).await?;
        let answer = connection.send(Method::GET, "/v2/", &[], nothing()).await?;
        expect(answer, StatusCode::OK).await?;
        Ok(connection)
    }

    /// Sends a request and waits for the head of the answer, whose body must be read before the next request.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path_and_query: &str,
        headers: &[(HeaderName, &str)],
        body: Body,
    ) -> Result<Response<Incoming>> {
        let mut request =
            Request::builder().method(method).uri(path_and_query).header(HOST, self.address.to_string());
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.sender.ready().await?;
        Ok(self.sender.send_request(request.body(body)?).await?)
    }
}

/// Reads the body of an answer that must have this status.
pub(crate) async fn expect(answer: Response<Incoming>, status: StatusCode) -> Result<Bytes> {
    let got = answer.status();
    let bytes = answer.into_body().collect().await?.to_bytes();
    ensure!(got == status, "{got} in place of {status}: {}", String::from_utf8_lossy(&bytes));
    Ok(bytes)
}

/// Whether the answer's body has exactly this size, as far as its head says.
pub(crate) fn has_size(answer: &Response<Incoming>, size: u64) -> bool {
    answer.body().size_hint().exact() == Some(size)
}
