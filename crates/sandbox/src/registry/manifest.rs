//! Reading a manifest as strictly as a registry can.

use serde_json::{Map, Value};

use super::digest::is_digest;
use crate::strict_body;

/// OCI image manifest.
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image index.
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker manifest, schema 2.
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker manifest list.
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// What a manifest points to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pointers {
    /// Blobs with their sizes; the first is the config.
    pub(super) blobs: Vec<(String, u64)>,
    /// Manifests with their sizes.
    pub(super) children: Vec<(String, u64)>,
    /// The manifest that this one is about; it need not exist.
    pub(super) subject: Option<String>,
}

pub(super) fn is_index(media_type: &str) -> bool {
    media_type == OCI_INDEX || media_type == DOCKER_LIST
}

/// Reads a manifest that came with this `Content-Type`. The error is a sentence.
pub(super) fn read(bytes: &[u8], content_type: &str) -> Result<Pointers, String> {
    if ![OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST].contains(&content_type) {
        return Err(format!("manifest media type {content_type:?} is not supported"));
    }
    let Value::Object(document) = strict_body::parse(bytes)? else {
        return Err("a manifest must be a JSON object".to_owned());
    };
    if document.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
        return Err("schemaVersion must be 2".to_owned());
    }
    match document.get("mediaType") {
        Some(Value::String(own)) if own == content_type => {}
        None if content_type == OCI_MANIFEST || content_type == OCI_INDEX => {}
        other => return Err(format!("mediaType {other:?} and Content-Type {content_type:?} differ")),
    }
    let subject = match document.get("subject") {
        None => None,
        Some(subject) => Some(descriptor(subject.as_object().ok_or("subject must be an object")?)?.0),
    };
    if is_index(content_type) {
        if document.contains_key("config") || document.contains_key("layers") {
            return Err("an index has neither config nor layers".to_owned());
        }
        return Ok(Pointers { blobs: Vec::new(), children: list(&document, "manifests")?, subject });
    }
    if document.contains_key("manifests") {
        return Err("an image manifest has no list of manifests".to_owned());
    }
    let config = document.get("config").and_then(Value::as_object).ok_or("config is missing")?;
    let mut blobs = vec![descriptor(config)?];
    blobs.extend(list(&document, "layers")?);
    Ok(Pointers { blobs, children: Vec::new(), subject })
}

fn list(document: &Map<String, Value>, name: &str) -> Result<Vec<(String, u64)>, String> {
    let items = document.get(name).and_then(Value::as_array).ok_or_else(|| format!("{name} is missing"))?;
    items
        .iter()
        .map(|item| descriptor(item.as_object().ok_or_else(|| format!("{name} must hold objects"))?))
        .collect()
}

fn descriptor(map: &Map<String, Value>) -> Result<(String, u64), String> {
    let digest = map.get("digest").and_then(Value::as_str).filter(|text| is_digest(text));
    let size = map.get("size").and_then(Value::as_u64);
    let media_type = map.get("mediaType").and_then(Value::as_str).filter(|text| !text.is_empty());
    match (digest, size, media_type) {
        (Some(digest), Some(size), Some(_)) => Ok((digest.to_owned(), size)),
        _ => Err("a descriptor needs mediaType, digest (sha256) and size".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_could_be_read_in_two_ways_is_refused() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let descriptor = format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":1}}"#);
        let image = format!(r#"{{"schemaVersion":2,"config":{descriptor},"layers":[{descriptor}]}}"#);
        assert_eq!(read(image.as_bytes(), OCI_MANIFEST).unwrap().blobs.len(), 2);
        assert!(read(image.as_bytes(), DOCKER_MANIFEST).unwrap_err().contains("differ"));
        let both = format!(r#"{{"schemaVersion":2,"config":{descriptor},"layers":[],"manifests":[]}}"#);
        assert!(read(both.as_bytes(), OCI_MANIFEST).is_err());
        assert!(read(both.as_bytes(), OCI_INDEX).is_err());
        assert!(
            read(br#"{"schemaVersion":2,"schemaVersion":2}"#, OCI_MANIFEST)
                .unwrap_err()
                .contains("duplicate")
        );
    }
}
