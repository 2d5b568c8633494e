//! A relay that counts requests by what they do.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex as AsyncMutex;

/// Requests by what they do: `list`, `put`, `get`, `head`, `delete`.
pub(super) type Requests = BTreeMap<&'static str, u64>;

/// A relay that runs. It ends with this value.
pub(super) struct Relay {
    address: SocketAddr,
    counted: Arc<Mutex<Requests>>,
    task: tokio::task::JoinHandle<()>,
}

impl Relay {
    pub(super) async fn start(to: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let counted = Arc::new(Mutex::new(Requests::new()));
        let counts = Arc::clone(&counted);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(relay(stream, to, Arc::clone(&counts)));
            }
        });
        Ok(Self { address, counted, task })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was counted since the last time.
    pub(super) fn take(&self) -> Requests {
        std::mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection, passed on over one of its own. The host that was signed stays in the request.
async fn relay(stream: TcpStream, to: SocketAddr, counted: Arc<Mutex<Requests>>) -> Option<()> {
    let backend = TcpStream::connect(to).await.ok()?;
    let (sender, connection) = client::handshake(TokioIo::new(backend)).await.ok()?;
    tokio::spawn(connection);
    let sender = Arc::new(AsyncMutex::new(sender));
    let service = service_fn(move |request: Request<Incoming>| {
        let (sender, counted) = (Arc::clone(&sender), Arc::clone(&counted));
        async move {
            *counted.lock().unwrap_or_else(PoisonError::into_inner).entry(kind(&request)).or_default() += 1;
            let mut sender = sender.lock().await;
            sender.ready().await?;
            let answer: Response<Incoming> = sender.send_request(request).await?;
            Ok::<_, hyper::Error>(answer.map(Incoming::boxed))
        }
    });
    server::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok()
}

/// What a request does. `s3s-fs` is addressed by paths: a bucket alone is listed, or asked to delete many.
fn kind(request: &Request<Incoming>) -> &'static str {
    let query = request.uri().query().unwrap_or_default();
    let is_bucket = !request.uri().path().trim_matches('/').contains('/');
    match *request.method() {
        Method::GET if is_bucket => "list",
        Method::GET => "get",
        Method::HEAD => "head",
        Method::PUT => "put",
        Method::DELETE => "delete",
        Method::POST if query.starts_with("delete") => "delete",
        _ => "other",
    }
}
