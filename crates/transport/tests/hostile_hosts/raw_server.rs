//! A server over bare TCP that does what no well-behaved one would, and remembers what it was sent.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A whole answer.
    Whole { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// A head that promises a hundred bytes more than these, and the end of the connection.
    Cut(String),
    /// As `Cut`, with the connection left open.
    HalfThenSilence(String),
    /// A body for as long as anybody reads, under this status.
    Endless(u16),
    /// No byte, the connection left open.
    Silence,
    /// No byte, the connection closed.
    Nothing,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::Whole { status, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn body(body: &str) -> Self {
        Self::Whole { status: 200, headers: Vec::new(), body: body.to_owned() }
    }

    pub(crate) fn json(body: &str) -> Self {
        Self::body(body).with_header("content-type", "application/json")
    }

    pub(crate) fn redirect(status: u16, to: &str) -> Self {
        Self::status(status).with_header("location", to)
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Whole { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

/// A request as it came in.
#[derive(Clone)]
pub(crate) struct Seen {
    /// The request line.
    pub(crate) line: String,
    /// Head and body.
    pub(crate) everything: String,
}

impl Seen {
    fn headers(&self) -> impl Iterator<Item = (String, &str)> {
        let head = self.everything.split("\r\n\r\n").next().unwrap_or_default();
        head.lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .map(|(n, v)| (n.to_ascii_lowercase(), v))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The names of all headers, sorted, in lower case.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.headers().map(|(name, _)| name).collect();
        names.sort();
        names
    }
}

type Usual = Box<dyn Fn(&Seen) -> Reply + Send + Sync>;

struct State {
    usual: Usual,
    next: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
}

/// A listening server; it ends with the test's runtime.
pub(crate) struct Server {
    address: std::net::SocketAddr,
    state: Arc<State>,
}

impl Server {
    /// Listens on a loopback address and a free port.
    pub(crate) async fn at(host: &str, usual: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((host, 0)).await.expect("a free port");
        Self::listening(listener, usual)
    }

    /// A server at 127.0.0.1 and one at 127.0.0.2 on the same port, so that only the host tells them apart.
    pub(crate) async fn pair(usual: fn(&Seen) -> Reply) -> (Self, Self) {
        loop {
            let home = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
            let port = home.local_addr().expect("an address").port();
            // Somebody else may have the port on the other address.
            if let Ok(foreign) = TcpListener::bind(("127.0.0.2", port)).await {
                return (Self::listening(home, usual), Self::listening(foreign, usual));
            }
        }
    }

    fn listening(listener: TcpListener, usual: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            usual: Box::new(usual),
            next: Mutex::default(),
            seen: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let state = Arc::clone(&shared);
                tokio::spawn(async move { serve(stream, &state).await });
            }
        });
        Self { address, state }
    }

    /// The server that we were told of.
    pub(crate) async fn home(usual: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1", usual).await
    }

    /// A host that nothing should reach.
    pub(crate) async fn foreign() -> Self {
        Self::at("127.0.0.2", |_| Reply::body("you should not be here")).await
    }

    /// The next reply, before the usual ones.
    pub(crate) fn then(&self, reply: Reply) {
        self.state.next.lock().expect("no panic holds it").push_back(reply);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().expect("no panic holds it").clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, state: &State) {
    let Some(seen) = read_request(&mut stream).await else { return };
    let reply = state.next.lock().expect("no panic holds it").pop_front();
    let reply = reply.unwrap_or_else(|| (state.usual)(&seen));
    state.seen.lock().expect("no panic holds it").push(seen);
    let promised = |body: &str| {
        let length = body.len() + 100;
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
    };
    match reply {
        Reply::Whole { status, headers, body } => {
            let mut head =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
            for (name, value) in headers {
                head += &format!("{name}: {value}\r\n");
            }
            let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes()).await;
        }
        Reply::Cut(body) => {
            let _ = stream.write_all(promised(&body).as_bytes()).await;
        }
        Reply::HalfThenSilence(body) => {
            let _ = stream.write_all(promised(&body).as_bytes()).await;
            wait_for_the_other_side(&mut stream).await;
        }
        Reply::Endless(status) => {
            let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(&[b'x'; 16 << 10]).await.is_ok() {}
        }
        Reply::Silence => wait_for_the_other_side(&mut stream).await,
        Reply::Nothing => {}
    }
}

async fn wait_for_the_other_side(stream: &mut TcpStream) {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
}

/// Reads head and body, the latter by `content-length` as our client sends it.
async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8 << 10];
    loop {
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
        let everything = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = everything.split_once("\r\n\r\n") else { continue };
        let line = head.lines().next().unwrap_or_default().to_owned();
        let seen = Seen { line, everything: everything.clone() };
        let length: usize = seen.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        if body.len() >= length {
            return Some(seen);
        }
    }
}
