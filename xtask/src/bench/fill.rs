//! Pushing the family to the source registry, straight, layer by layer as it is made.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use hyper::{Method, Response, StatusCode};

use super::contents::Contents;
use super::family::{Blob, Family, MANIFEST, Source, VERSION};
use super::http::{Body, Connection, expect, nothing, whole};

/// Pushes every image to its repository. A blob is sent once; further repositories mount it.
pub(crate) async fn fill(registry: SocketAddr, family: &Family) -> Result<()> {
    let mut connection = Connection::open(registry).await?;
    let mut sent: std::collections::BTreeMap<&str, String> = std::collections::BTreeMap::new();
    for image in &family.images {
        let repository = image.repository();
        for digest in &image.blobs {
            if let Some(from) = sent.get(digest.as_str()) {
                let path = format!("/v2/{repository}/blobs/uploads/?mount={digest}&from={from}");
                let answer = connection.send(Method::POST, &path, &[], nothing()).await?;
                expect(answer, StatusCode::CREATED).await.context("mounting a blob")?;
                continue;
            }
            let blob = family.blobs.get(digest).context("an image names a blob that was not made")?;
            push_blob(&mut connection, &repository, blob).await.context("pushing a blob")?;
            sent.insert(digest, repository.clone());
        }
        let path = format!("/v2/{repository}/manifests/{VERSION}");
        let body = whole(image.manifest.clone());
        let answer = connection.send(Method::PUT, &path, &[(CONTENT_TYPE, MANIFEST)], body).await?;
        expect(answer, StatusCode::CREATED).await.context("pushing a manifest")?;
    }
    Ok(())
}

async fn push_blob(connection: &mut Connection, repository: &str, blob: &Blob) -> Result<()> {
    let path = format!("/v2/{repository}/blobs/uploads/");
    let answer = connection.send(Method::POST, &path, &[], nothing()).await?;
    let place = upload(&answer, &blob.digest)?;
    expect(answer, StatusCode::ACCEPTED).await?;
    let size = blob.size.to_string();
    let headers = [(CONTENT_LENGTH, size.as_str()), (CONTENT_TYPE, "application/octet-stream")];
    let answer = connection.send(Method::PUT, &place, &headers, body(blob)).await?;
    expect(answer, StatusCode::CREATED).await?;
    Ok(())
}

fn body(blob: &Blob) -> Body {
    match &blob.source {
        Source::Here(bytes) => whole(bytes.clone()),
        Source::Made(seed, inside) => {
            let frames = Contents::new(seed, *inside).map(|chunk| Ok(Frame::data(chunk)));
            StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
        }
    }
}

/// Path and query of the request that ends an upload, from the answer to the one that begins it.
pub(crate) fn upload<B>(answer: &Response<B>, digest: &str) -> Result<String> {
    let location =
        answer.headers().get(LOCATION).with_context(|| format!("no upload, but {}", answer.status()))?;
    let location: hyper::Uri = location.to_str()?.parse()?;
    let path = location.path_and_query().context("an upload without a path")?.as_str();
    let joint = if location.query().is_some() { '&' } else { '?' };
    Ok(format!("{path}{joint}digest={digest}"))
}
