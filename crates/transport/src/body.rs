//! Bodies as streams, guarded against silence.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use landfall_run::Run;
use tokio::time::Instant;

use crate::{Error, HttpConfig};

/// Bytes as they arrive.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// Over how long the throughput of a body is looked at.
const WINDOW: Duration = Duration::from_secs(30);

/// Counts the bytes of a body and ends it with [`Error::Stalled`] when too few of them come.
pub(crate) fn guarded(
    response: reqwest::Response,
    shown: String,
    config: &HttpConfig,
    run: &Run,
) -> BodyStream {
    let idle = config.idle_timeout;
    let least = config.least_bytes_per_second * WINDOW.as_secs();
    let run = run.clone();
    let source = Box::pin(response.bytes_stream());
    let begun = Instant::now();
    let stream = futures_util::stream::unfold(Some((source, begun, 0u64)), move |state| {
        let (shown, run) = (shown.clone(), run.clone());
        async move {
            let (mut source, mut since, mut received) = state?;
            let stalled = |received, waited| Error::Stalled { url: shown.clone(), received, waited };
            let next = tokio::time::timeout(idle, source.next()).await;
            match next {
                Err(_) => Some((Err(stalled(0, idle)), None)),
                Ok(None) => None,
                Ok(Some(Err(cause))) => Some((
                    Err(Error::Unanswered {
                        method: "GET".to_owned(),
                        url: shown.clone(),
                        changes: false,
                        cause: cause.without_url().into(),
                    }),
                    None,
                )),
                Ok(Some(Ok(bytes))) => {
                    run.counters().received(bytes.len() as u64);
                    received += bytes.len() as u64;
                    let waited = since.elapsed();
                    if waited >= WINDOW {
                        if received < least {
                            return Some((Err(stalled(received, waited)), None));
                        }
                        (since, received) = (Instant::now(), 0);
                    }
                    Some((Ok(bytes), Some((source, since, received))))
                }
            }
        }
    });
    Box::pin(stream)
}
