//! A server over bare TCP whose answers are written byte by byte, so that they may break every rule of HTTP.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use landfall_registry::{Registry, RegistryOptions};
use landfall_transport::Http;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::server::login;

/// What a connection holds on its way, at both ends together: more than this is not sent to somebody who does not read.
pub(crate) const IN_FLIGHT: u64 = 16 << 20;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method, path and query.
    pub(crate) line: String,
    /// The whole head.
    pub(crate) head: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    bytes: Vec<u8>,
    /// What follows for as long as somebody reads.
    endless: Option<Vec<u8>>,
}

impl Reply {
    /// These bytes, and the end of the connection.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), endless: None }
    }

    /// A status line, header lines, and a body of the length that it has.
    pub(crate) fn with(status: u16, headers: &[&str], body: impl AsRef<[u8]>) -> Self {
        let length = format!("content-length: {}", body.as_ref().len());
        let mut reply = Self::head(status, &[headers, &[length.as_str()]].concat());
        reply.bytes.extend_from_slice(body.as_ref());
        reply
    }

    /// A status line and header lines; what follows is the body until the connection ends.
    pub(crate) fn head(status: u16, headers: &[&str]) -> Self {
        let mut head = format!("HTTP/1.1 {status} Odd\r\nconnection: close\r\n");
        for header in headers {
            head += &format!("{header}\r\n");
        }
        Self::raw(head + "\r\n")
    }

    /// And this after it, again and again.
    pub(crate) fn then_endless(mut self, piece: impl Into<Vec<u8>>) -> Self {
        self.endless = Some(piece.into());
        self
    }
}

type Answering = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

struct State {
    answering: Answering,
    seen: Mutex<Vec<Asked>>,
    sent_bytes: AtomicU64,
    open: AtomicUsize,
}

/// A listening server; it ends with the test's runtime.
pub(crate) struct Hostile {
    pub(crate) host: String,
    state: Arc<State>,
}

impl Hostile {
    /// Listens on 127.0.0.1. The answers are made by a function of the request and of the server's host and port.
    pub(crate) async fn start(answering: impl Fn(&Asked, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let host = listener.local_addr().expect("an address").to_string();
        let own = host.clone();
        let state = Arc::new(State {
            answering: Box::new(move |asked| answering(asked, &own)),
            seen: Mutex::default(),
            sent_bytes: AtomicU64::new(0),
            open: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                state.open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    serve(stream, &state).await;
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { host, state }
    }

    /// A client of this server with a login.
    pub(crate) fn registry(&self, http: &Http) -> Registry {
        Registry::new(http, &self.host, Some(login()), RegistryOptions::default()).expect("a registry")
    }

    pub(crate) fn seen(&self) -> Vec<Asked> {
        self.state.seen.lock().expect("no test panics while it holds the lock").clone()
    }

    /// Bytes of answers that somebody took.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.state.sent_bytes.load(Ordering::SeqCst)
    }

    /// Returns when no connection is open any more: a client that keeps one would make this wait for ever.
    pub(crate) async fn closed(&self) {
        while self.state.open.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

async fn serve(mut stream: TcpStream, state: &State) {
    let Some(asked) = read_request(&mut stream).await else { return };
    let reply = (state.answering)(&asked);
    state.seen.lock().expect("unpoisoned").push(asked);
    let send = async |stream: &mut TcpStream, bytes: &[u8]| {
        let taken = stream.write_all(bytes).await.is_ok();
        state.sent_bytes.fetch_add(if taken { bytes.len() as u64 } else { 0 }, Ordering::SeqCst);
        taken
    };
    if !send(&mut stream, &reply.bytes).await {
        return;
    }
    if let Some(piece) = reply.endless {
        let block = piece.repeat((16 << 10) / piece.len() + 1);
        while send(&mut stream, &block).await {}
        return;
    }
    // What closes with unread bytes resets, and takes the answer along.
    let _ = stream.shutdown().await;
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
}

/// Reads the head and the body, the latter by `content-length`, as our client sends it.
async fn read_request(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8 << 10];
    loop {
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
        let everything = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = everything.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |text| text.parse().expect("our own length")) {
            let line = head.lines().next().unwrap_or_default().replace(" HTTP/1.1", "");
            return Some(Asked { line, head: head.to_owned() });
        }
    }
}
