//! Serving one router, with the journal and the faults in front of it.

mod damage;
mod wire;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
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
use damage::damaged;
use wire::{Line, Wire};

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
                () = core.stop.cancelled() => return close(&listener),
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

/// Ends the listening. Closing the socket does not where a process that is being started in another thread has a copy of it: that
/// goes only when the other program begins.
fn close(listener: &TcpListener) {
    // Not every system can; there the end of the socket has to do.
    let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Both);
}

/// Serves one connection until either side ends it, or a fault does.
async fn connection(core: Arc<Core>, service: Service, stream: TcpStream, router: Router) {
    let line = Line::default();
    // Without it small answers wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let handler = service_fn(|request: Request<Incoming>| {
        let (core, router, line) = (Arc::clone(&core), router.clone(), line.clone());
        async move { Ok::<_, Infallible>(handle(core, service, router, line, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new());
    tokio::select! {
        () = core.stop.cancelled() => {}
        () = line.is_cut() => {}
        // A peer that breaks off is its own business; the journal has what arrived.
        _ = builder.serve_connection(TokioIo::new(Wire::new(stream, &line)), handler) => {}
    }
}

async fn handle(
    core: Arc<Core>,
    service: Service,
    router: Router,
    line: Line,
    request: Request<Incoming>,
) -> Response<Body> {
    let (mut parts, mut incoming) = request.into_parts();
    let global = core.journal.arrive(service, &parts);
    let _under_way = core.journal.under_way(service);
    let fault = core.faults.strike(service, &parts);
    if let Some(what) = &fault {
        core.journal.note(global, |entry| entry.fault = Some(what.describe()));
    }
    match &fault {
        Some(What::CutBefore) => return never(&line).await,
        Some(What::KillBefore) => {
            core.child.kill().await;
            return gone(&line).await;
        }
        Some(What::CutRequestAfter(count)) => {
            let arrived = collect(&mut incoming, limit(*count)).await.0;
            core.journal.note_body(global, &arrived);
            return never(&line).await;
        }
        Some(What::StallRequestAfter(count)) => {
            if *count > 0 {
                let arrived = collect(&mut incoming, limit(*count)).await.0;
                core.journal.note_body(global, &arrived);
            }
            return std::future::pending().await;
        }
        Some(What::Delay(time)) => tokio::time::sleep(*time).await,
        Some(What::DropAuthorization) => drop(parts.headers.remove(header::AUTHORIZATION)),
        // The others strike when the service has been asked, or in its place.
        Some(_) | None => {}
    }
    let (body, end) = collect(&mut incoming, MAX_BODY).await;
    core.journal.note_body(global, &body);
    match end {
        End::Whole => {}
        // The peer left in the middle of its body: as with a real server, nothing was asked.
        End::Broken => return never(&line).await,
        End::TooLong => return answer(&core, global, plain(StatusCode::PAYLOAD_TOO_LARGE)),
    }
    let method = parts.method.clone();
    match &fault {
        Some(What::Status { code, headers, body }) => {
            let mut response = Response::new(Body::from(body.clone()));
            *response.status_mut() = *code;
            *response.headers_mut() = headers.clone();
            return answer(&core, global, response);
        }
        Some(What::RedirectToItself) => return answer(&core, global, redirect_to_itself(&parts)),
        Some(_) | None => {}
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
    match &fault {
        None => answer(&core, global, response),
        Some(What::LoseAnswer) => never(&line).await,
        Some(What::StallAnswer) => std::future::pending().await,
        Some(What::KillAfter) => {
            core.child.kill().await;
            gone(&line).await
        }
        Some(What::DelayAnswer(time)) => {
            tokio::time::sleep(*time).await;
            answer(&core, global, response)
        }
        Some(what) => {
            let (response, sent) = damaged(what, &method, response, &line).await;
            core.journal.note_answer(global, response.status(), sent);
            response
        }
    }
}

fn answer(core: &Core, global: u64, response: Response<Body>) -> Response<Body> {
    // No service streams: the whole body is at hand and its length known.
    let length = response.body().size_hint().exact().unwrap_or_default();
    core.journal.note_answer(global, response.status(), length);
    response
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// 307 with the address that was asked for.
fn redirect_to_itself(parts: &http::request::Parts) -> Response<Body> {
    let host = parts.headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = plain(StatusCode::TEMPORARY_REDIRECT);
    if let Ok(value) = HeaderValue::from_str(&format!("http://{host}{}", parts.uri)) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// Closes the connection and never answers.
async fn never(line: &Line) -> Response<Body> {
    line.cut();
    std::future::pending().await
}

/// Lets the connection end with the killed process; closing it first would give the process a moment to see the end.
async fn gone(line: &Line) -> Response<Body> {
    tokio::time::sleep(LINGER).await;
    never(line).await
}

fn limit(count: u64) -> usize {
    usize::try_from(count).map_or(MAX_BODY, |count| count.min(MAX_BODY))
}

enum End {
    Whole,
    Broken,
    TooLong,
}

/// Reads a body, up to `limit` bytes.
async fn collect(incoming: &mut Incoming, limit: usize) -> (Bytes, End) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_copy_of_the_socket_in_another_process_does_not_keep_the_port_open() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        // As a process has it between fork and exec.
        let copy = listener.try_clone().unwrap();
        let core = Arc::<Core>::default();
        serve(&core, Service::Foreign, TcpListener::from_std(listener).unwrap(), Router::new());
        assert!(TcpStream::connect(address).await.is_ok());
        core.stop.cancel();
        core.tasks.close();
        core.tasks.wait().await;
        assert!(TcpStream::connect(address).await.is_err());
        drop(copy);
    }
}
