//! The floor: every distinct blob once, over connections that are open already, and nothing else: no manifest, no hash, no question.
//!
//! No copy that keeps to the registry API can take less time; how near one comes to it is what counts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::fill::upload;
use super::http::{Connection, expect, has_size, nothing, passed_on};
use super::measure::processor_seconds;

/// What the process is to do; it reads this from standard input.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Work {
    /// The registry that has the blobs, or the link to it.
    pub(crate) source: SocketAddr,
    /// The empty registry, or the link to it.
    pub(crate) target: SocketAddr,
    /// Where in the target they go.
    pub(crate) target_repository: String,
    /// The blobs.
    pub(crate) blobs: Vec<Piece>,
    /// How many are on their way at once, each over two connections of its own.
    pub(crate) at_a_time: usize,
}

/// One blob.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Piece {
    /// A repository that has it.
    pub(crate) repository: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
}

/// What it took; the process writes this to standard output.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Took {
    pub(crate) seconds: f64,
    pub(crate) processor_seconds: f64,
    /// Requests to each registry that only opened connections, before the clock started.
    pub(crate) warming_requests: usize,
}

/// Does the work that standard input describes.
pub(crate) fn serve() -> Result<()> {
    let mut work: Work = serde_json::from_reader(std::io::stdin().lock()).context("the floor's work")?;
    // What takes longest goes first, so that it is not what is waited for in the end.
    work.blobs.sort_by_key(|piece| std::cmp::Reverse(piece.size));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let took = runtime.block_on(copy(work))?;
    println!("{}", serde_json::to_string(&took)?);
    Ok(())
}

async fn copy(work: Work) -> Result<Took> {
    let mut pairs = Vec::new();
    for _ in 0..work.at_a_time.min(work.blobs.len()) {
        pairs.push(tokio::spawn(async move {
            tokio::try_join!(Connection::open_warm(work.source), Connection::open_warm(work.target))
        }));
    }
    let mut warm = Vec::new();
    for pair in pairs {
        warm.push(pair.await??);
    }
    let warming_requests = warm.len();
    let (work, next) = (Arc::new(work), Arc::new(AtomicUsize::new(0)));
    let (began, processor) = (Instant::now(), processor_seconds()?);
    let mut workers = JoinSet::new();
    for (mut source, mut target) in warm {
        let (work, next) = (Arc::clone(&work), Arc::clone(&next));
        workers.spawn(async move {
            while let Some(piece) = work.blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                copy_one(&mut source, &mut target, piece, &work.target_repository).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(Took { seconds, processor_seconds: processor_seconds()? - processor, warming_requests })
}

async fn copy_one(source: &mut Connection, target: &mut Connection, piece: &Piece, to: &str) -> Result<()> {
    let (from, begin) =
        (format!("/v2/{}/blobs/{}", piece.repository, piece.digest), format!("/v2/{to}/blobs/uploads/"));
    let (blob, place) = tokio::try_join!(
        async {
            let answer = source.send(Method::GET, &from, &[], nothing()).await?;
            ensure!(
                answer.status() == StatusCode::OK && has_size(&answer, piece.size),
                "{from} is not there"
            );
            Ok(answer)
        },
        async {
            let answer = target.send(Method::POST, &begin, &[], nothing()).await?;
            let place = upload(&answer, &piece.digest)?;
            expect(answer, StatusCode::ACCEPTED).await?;
            Ok(place)
        },
    )?;
    let headers = [(CONTENT_TYPE, "application/octet-stream")];
    let answer = target.send(Method::PUT, &place, &headers, passed_on(blob.into_body())).await?;
    expect(answer, StatusCode::CREATED).await?;
    Ok(())
}
