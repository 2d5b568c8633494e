//! The floor of publishing what is published already: every page of the list, asked for at once, and nothing done with them.
//!
//! No tool that lists the bucket by pages as S3 gives them can take less time; how near one comes to it is what counts.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Result;
use hyper::{Method, StatusCode};

use super::server::{BUCKET, PREFIX, Server};
use crate::bench::http::{Connection, expect, nothing};
use crate::real_servers::S3Programs;

/// Keys of a page.
const PAGE: usize = 1000;

/// Seconds until all pages are there.
pub(super) async fn alone(server: &Server, programs: &S3Programs) -> Result<f64> {
    let names = server.objects()?.into_keys();
    let keys: Vec<String> = names.map(|name| format!("{PREFIX}/{name}")).collect();
    let (_process, address) = server.open_to_all(programs).await?;
    let first = format!("list-type=2&prefix={PREFIX}%2F");
    // What the tree writes has no characters that a query must escape, but the separators.
    let after = |key: &String| format!("{first}&start-after={}", key.replace('/', "%2F"));
    let ends = (PAGE..keys.len()).step_by(PAGE).map(|next| after(&keys[next - 1]));
    let queries: Vec<String> = std::iter::once(first.clone()).chain(ends).collect();
    let begin = Instant::now();
    let mut pages = tokio::task::JoinSet::new();
    for query in queries {
        pages.spawn(page(address, query));
    }
    let mut found = 0;
    while let Some(keys) = pages.join_next().await {
        found += keys??;
    }
    let seconds = begin.elapsed().as_secs_f64();
    anyhow::ensure!(found == keys.len(), "{found} keys are listed, {} are there", keys.len());
    Ok(seconds)
}

/// How many keys a page has.
async fn page(address: SocketAddr, query: String) -> Result<usize> {
    let mut connection = Connection::open(address).await?;
    let answer = connection.send(Method::GET, &format!("/{BUCKET}?{query}"), &[], nothing()).await?;
    let body = expect(answer, StatusCode::OK).await?;
    Ok(String::from_utf8_lossy(&body).matches("<Key>").count())
}
