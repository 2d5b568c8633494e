//! Which blobs a repository holds.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::input::{Body, texts};
use super::{Answer, Ecr, Refusal};
use crate::registry::{BlobState, is_digest};

/// The longest text that may stand in place of a digest.
const MAX_DIGEST: usize = 1000;

impl Ecr {
    /// BatchCheckLayerAvailability: each digest that was asked for once, in the order of the digests; the model promises none.
    pub(super) fn batch_check_layers(&self, body: &Body) -> Answer {
        let repository = self.find(body)?;
        let digests: BTreeSet<String> = texts(body, "layerDigests")?.into_iter().collect();
        if digests.iter().any(|digest| digest.len() > MAX_DIGEST) {
            return Err(Refusal::parameter("Invalid parameter at 'layerDigests': more than 1000 characters"));
        }
        let (mut layers, mut failures) = (Vec::new(), Vec::new());
        let failure = |digest: &str, code: &str, reason: String| json!({"layerDigest": digest, "failureCode": code, "failureReason": reason});
        for digest in &digests {
            if digest.is_empty() {
                let reason = "Layer digest is missing".to_owned();
                failures.push(failure(digest, "MissingLayerDigest", reason));
                continue;
            }
            if !is_digest(digest) {
                failures.push(failure(
                    digest,
                    "InvalidLayerDigest",
                    format!("Invalid layer digest '{digest}'"),
                ));
                continue;
            }
            match self.registry.blob_state(&repository.name, digest) {
                BlobState::Present { size, media_type } => {
                    layers.push(layer(digest, "AVAILABLE", size, media_type));
                }
                BlobState::Archived { size } => layers.push(layer(digest, "ARCHIVED", size, None)),
                // A peer has it like this (moto); AWS's own pusher for containerd would take it for the end of a push.
                BlobState::Absent if self.registry.tells_absent_layers_as_failures() => {
                    let reason = format!("Layer digest '{digest}' could not be found");
                    failures.push(failure(digest, "MissingLayerDigest", reason));
                }
                BlobState::Absent => layers.push(layer(digest, "UNAVAILABLE", 0, None)),
            }
        }
        Ok(json!({"layers": layers, "failures": failures}))
    }
}

fn layer(digest: &str, availability: &str, size: usize, media_type: Option<String>) -> Value {
    let mut layer = json!({"layerDigest": digest, "layerAvailability": availability, "layerSize": size});
    if let Some(media_type) = media_type {
        layer["mediaType"] = media_type.into();
    }
    layer
}
