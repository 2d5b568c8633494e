//! The pages over HTTP, for one person on this machine.

use std::collections::HashMap;
use std::future::{Future, IntoFuture as _};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::Page;

/// How long pages are shown before they are made anew: one look at a page asks for three files.
const FRESH: Duration = Duration::from_secs(2);

/// How long answers that are under way are waited for at the end.
const LAST: Duration = Duration::from_secs(1);

/// Pages by their paths.
#[derive(Debug, Default)]
pub struct Pages(HashMap<String, Page>);

impl FromIterator<Page> for Pages {
    fn from_iter<I: IntoIterator<Item = Page>>(pages: I) -> Self {
        Self(pages.into_iter().map(|page| (page.path.clone(), page)).collect())
    }
}

/// What was made last.
struct Made {
    /// When it was there.
    at: Instant,
    result: Result<Arc<Pages>, String>,
}

impl Made {
    /// Whether it answers who asked at that time. What was made meanwhile does in any case: of many that wait, one asks for all. A failure
    /// answers nobody else, since who asks again may have mended it.
    fn answers(&self, asked: Instant) -> bool {
        self.at >= asked || (self.result.is_ok() && self.at.elapsed() < FRESH)
    }
}

struct Shown<F> {
    make: F,
    /// One maker at a time: who comes meanwhile waits for what it makes.
    last: Mutex<Option<Made>>,
}

impl<F, T> Shown<F>
where
    F: Fn() -> T,
    T: Future<Output = Result<Arc<Pages>, String>>,
{
    async fn pages(&self, asked: Instant) -> Result<Arc<Pages>, String> {
        let mut last = self.last.lock().await;
        if let Some(made) = last.as_ref().filter(|made| made.answers(asked)) {
            return made.result.clone();
        }
        let result = (self.make)().await;
        *last = Some(Made { at: Instant::now(), result: result.clone() });
        result
    }
}

/// Answers requests for pages until `until` is there, and for at most a second more what was asked before. `make` is asked for the pages
/// when those that it gave last are older than two seconds, and may give the same again; what it fails with is shown to all who wait for it, and
/// the next request asks it again.
///
/// Only requests that name this machine are answered (`Host`: an address of loopback, or `localhost`), so that a page from
/// elsewhere cannot read them under a name of its own.
///
/// # Errors
/// What the listener fails with.
pub async fn serve<F, T>(
    listener: TcpListener,
    make: F,
    until: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()>
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = Result<Arc<Pages>, String>> + Send + 'static,
{
    let shown = Arc::new(Shown { make, last: Mutex::new(None) });
    let app = Router::new().fallback(answer::<F, T>).with_state(shown);
    let (ask, asked) = tokio::sync::oneshot::channel();
    let stopped = async move {
        until.await;
        // Nobody waits for it where the server has ended by itself.
        let _ = ask.send(());
    };
    // A connection on which half a request stands would be waited for without end.
    let last = async move {
        let _ = asked.await;
        tokio::time::sleep(LAST).await;
    };
    tokio::select! {
        served = axum::serve(listener, app).with_graceful_shutdown(stopped).into_future() => served,
        () = last => Ok(()),
    }
}

async fn answer<F, T>(State(shown): State<Arc<Shown<F>>>, request: Request) -> Response
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = Result<Arc<Pages>, String>> + Send + 'static,
{
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_here(host) {
        return text(StatusCode::MISDIRECTED_REQUEST, "this server is for this machine alone\n");
    }
    let pages = match shown.pages(Instant::now()).await {
        Ok(pages) => pages,
        Err(problem) => return text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{problem}\n")),
    };
    let path = request.uri().path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    match pages.0.get(path) {
        Some(page) => {
            let mut response = page.bytes.clone().into_response();
            dress(&mut response, page.content_type);
            response
        }
        None => text(StatusCode::NOT_FOUND, "there is no such page\n"),
    }
}

/// Whether a `Host` header names this machine.
fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    matches!(name, "localhost" | "::1")
        || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

fn text(status: StatusCode, text: &str) -> Response {
    let mut response = (status, text.to_owned()).into_response();
    dress(&mut response, "text/plain; charset=utf-8");
    response
}

fn dress(response: &mut Response, content_type: &'static str) {
    let headers: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Mutex;
    use tokio::time::Instant;

    use super::{Pages, Shown, is_here};

    #[tokio::test]
    async fn of_many_that_wait_for_what_fails_one_asks() {
        let made = &AtomicUsize::new(0);
        let make = || async {
            match made.fetch_add(1, Ordering::SeqCst) {
                0 => Err("the ledger is damaged".to_owned()),
                _ => Ok(Arc::new(Pages::default())),
            }
        };
        let shown = Shown { make, last: Mutex::new(None) };
        let asked = Instant::now();
        for _ in 0..3 {
            let failed = shown.pages(asked).await.expect_err("it is damaged");
            assert_eq!(failed, "the ledger is damaged");
        }
        assert_eq!(made.load(Ordering::SeqCst), 1, "all of them had asked before it failed");
        let pages = shown.pages(Instant::now()).await.expect("it was mended");
        assert!(Arc::ptr_eq(&pages, &shown.pages(Instant::now()).await.expect("fresh")));
        assert_eq!(
            made.load(Ordering::SeqCst),
            2,
            "who asks later asks anew, until there is something to show"
        );
    }

    #[test]
    fn only_this_machine_is_answered() {
        for host in ["127.0.0.1:8080", "localhost", "localhost:1", "[::1]:80", "127.9.9.9"] {
            assert!(is_here(host), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example:80", "10.0.0.1", "127.0.0.1.evil.example"] {
            assert!(!is_here(host), "{host}");
        }
    }
}
