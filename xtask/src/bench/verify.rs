//! Whether a copy is one: what is not there or differs makes a fast run worthless.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use hyper::header::ACCEPT;
use hyper::{Method, StatusCode};

use super::family::{Family, MANIFEST, TARGET};
use super::http::{Connection, expect, nothing};

/// All blobs are in the target, in their sizes.
pub(crate) async fn blobs(registry: SocketAddr, family: &Family) -> Result<()> {
    let mut connection = Connection::open(registry).await?;
    for blob in family.blobs.values() {
        let path = format!("/v2/{TARGET}/blobs/{}", blob.digest);
        let answer = connection.send(Method::HEAD, &path, &[], nothing()).await?;
        let size = answer.headers().get(hyper::header::CONTENT_LENGTH).cloned();
        expect(answer, StatusCode::OK).await.with_context(|| format!("{} was not copied", blob.digest))?;
        let size: Option<u64> = size.and_then(|size| size.to_str().ok()?.parse().ok());
        ensure!(size == Some(blob.size), "{} has {size:?} bytes in place of {}", blob.digest, blob.size);
    }
    Ok(())
}

/// All blobs are in the target, and under every tag the manifest of the source, byte by byte.
pub(crate) async fn images(registry: SocketAddr, family: &Family) -> Result<()> {
    blobs(registry, family).await?;
    let mut connection = Connection::open(registry).await?;
    for image in &family.images {
        let path = format!("/v2/{TARGET}/manifests/{}", image.tag());
        let answer = connection.send(Method::GET, &path, &[(ACCEPT, MANIFEST)], nothing()).await?;
        let manifest = expect(answer, StatusCode::OK).await.with_context(|| image.tag())?;
        ensure!(manifest == image.manifest, "the manifest of {} is not that of the source", image.tag());
    }
    Ok(())
}
