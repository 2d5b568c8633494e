//! Serving one router, with the journal and the faults in front of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::child::Child;
use crate::fault::{Faults, What};
use crate::journal::{Journal, Service};

/// The largest request body, in bytes.
const MAX_BODY: usize = 1024 * 1024 * 1024;
/// How long a connection of a killed child may linger.
const LINGER: Duration = Duration::from_secs(2);

/// What all services of one sandbox share.
#[derive(Debug, Default)]
pub(crate) struct Core {
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    pub(crate) child: Child,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// Accepts connections until the sandbox stops.
pub(crate) fn serve(core: &Arc<Core>, service: Service, listener: TcpListener, router: Router) {
    let core = Arc::clone(core);
    core.tasks.clone().spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = core.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    core.tasks.spawn(connection(Arc::clone(&core), service, stream, router.clone()));
                }
                // Out of file descriptors: the connections that exist must end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
}

/// Serves one connection. `cut` closes it at once, whatever was to be sent.
async fn connection(core: Arc<Core>, service: Service, stream: TcpStream, router: Router) {
    let cut = CancellationToken::new();
    // Without it small answers wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let handler = service_fn(|request: Request<Incoming>| {
        let (core, router, cut) = (Arc::clone(&core), router.clone(), cut.clone());
        async move { Ok::<_, Infallible>(handle(core, service, router, cut, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new());
    tokio::select! {
        () = core.stop.cancelled() => {}
        () = cut.cancelled() => {}
        // A peer that breaks off is its own business; the journal has what arrived.
        _ = builder.serve_connection(TokioIo::new(stream), handler) => {}
    }
}

async fn handle(
    core: Arc<Core>,
    service: Service,
    router: Router,
    cut: CancellationToken,
    request: Request<Incoming>,
) -> Response<Body> {
    let (parts, incoming) = request.into_parts();
    let global = core.journal.arrive(service, &parts);
    let fault = core.faults.strike(service, &parts);
    if let Some(what) = &fault {
        core.journal.note(global, |entry| entry.fault = Some(what.describe()));
    }
    match &fault {
        Some(What::CutBefore) => return never(&cut).await,
        Some(What::KillBefore) => {
            core.child.kill().await;
            return gone(&cut).await;
        }
        Some(What::CutRequestAfter(count)) => {
            let arrived = collect(incoming, usize::try_from(*count).unwrap_or(MAX_BODY)).await.0;
            core.journal.note_body(global, &arrived);
            return never(&cut).await;
        }
        Some(What::Delay(time)) => tokio::time::sleep(*time).await,
        Some(
            What::Status { .. }
            | What::DelayAnswer(_)
            | What::CutAfterBytes(_)
            | What::LoseAnswer
            | What::KillAfter,
        )
        | None => {}
    }
    let (body, end) = collect(incoming, MAX_BODY).await;
    core.journal.note_body(global, &body);
    match end {
        End::Whole => {}
        // The peer left in the middle of its body: as with a real server, nothing was asked.
        End::Broken => return never(&cut).await,
        End::TooLong => return answer(&core, global, plain(StatusCode::PAYLOAD_TOO_LARGE)),
    }
    if let Some(What::Status { code, headers, body }) = fault {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = code;
        *response.headers_mut() = headers;
        return answer(&core, global, response);
    }
    let request = Request::from_parts(parts, Body::from(body));
    // A task of its own: the effect happens even if the caller hangs up now.
    let journal = Arc::clone(&core);
    let task = tokio::spawn(async move {
        let response = router.oneshot(request).await;
        journal.journal.note(global, |entry| entry.effect = true);
        response
    });
    let response = match task.await {
        Ok(Ok(response)) => response,
        Ok(Err(impossible)) => match impossible {},
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR),
    };
    match fault {
        Some(What::LoseAnswer) => return never(&cut).await,
        Some(What::KillAfter) => {
            core.child.kill().await;
            return gone(&cut).await;
        }
        Some(What::DelayAnswer(time)) => tokio::time::sleep(time).await,
        Some(What::CutAfterBytes(count)) => {
            core.journal.note(global, |entry| entry.status = Some(response.status().as_u16()));
            return truncated(response, usize::try_from(count).unwrap_or(usize::MAX), cut).await;
        }
        Some(
            What::Status { .. }
            | What::Delay(_)
            | What::CutBefore
            | What::CutRequestAfter(_)
            | What::KillBefore,
        )
        | None => {}
    }
    answer(&core, global, response)
}

fn answer(core: &Core, global: u64, response: Response<Body>) -> Response<Body> {
    core.journal.note(global, |entry| entry.status = Some(response.status().as_u16()));
    response
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Closes the connection and never answers.
async fn never(cut: &CancellationToken) -> Response<Body> {
    cut.cancel();
    std::future::pending().await
}

/// Lets the connection end with the killed process; closing it first would give the process a moment to see the end.
async fn gone(cut: &CancellationToken) -> Response<Body> {
    tokio::time::sleep(LINGER).await;
    never(cut).await
}

enum End {
    Whole,
    Broken,
    TooLong,
}

/// Reads a body, up to `limit` bytes.
async fn collect(mut incoming: Incoming, limit: usize) -> (Bytes, End) {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut end = End::Whole;
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else {
            end = End::Broken;
            break;
        };
        let Ok(data) = frame.into_data() else { continue };
        let length = first.len() + rest.len();
        let room = limit - length;
        if data.len() > room {
            end = End::TooLong;
        }
        let data = data.slice(..data.len().min(room));
        if length == 0 {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
                first = Bytes::new();
            }
            rest.extend_from_slice(&data);
        }
        if matches!(end, End::TooLong) {
            break;
        }
    }
    (if rest.is_empty() { first } else { rest.freeze() }, end)
}

/// The same head, the first `count` bytes of the body, then the end of the connection.
async fn truncated(response: Response<Body>, count: usize, cut: CancellationToken) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    // The length of the whole body stays announced, so that the peer can see what is missing.
    if !parts.headers.contains_key(http::header::CONTENT_LENGTH) {
        parts.headers.insert(http::header::CONTENT_LENGTH, bytes.len().into());
    }
    let head = bytes.slice(..count.min(bytes.len()));
    let start = futures_util::stream::once(async move { Ok::<_, std::io::Error>(head) });
    let end = futures_util::stream::once(async move {
        // Hyper flushes what it has when the body is not ready; only then may the connection go.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        cut.cancel();
        Err(std::io::Error::other("cut on cue"))
    });
    Response::from_parts(parts, Body::from_stream(start.chain(end)))
}
