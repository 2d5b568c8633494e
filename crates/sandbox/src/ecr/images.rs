//! Images of a repository.

use serde_json::{Value, json};

use super::input::{Body, ImageId, image_ids, optional_texts, page};
use super::{Answer, Ecr, Refusal};
use crate::registry::{RepositoryView, is_tag};

/// A code and a reason.
type Failure = (&'static str, &'static str);

const NOT_FOUND: Failure = ("ImageNotFound", "Requested image not found");

impl Ecr {
    /// BatchGetImage. Images and failures come in the reverse order of the request: the model promises none. Nothing is converted: an image whose
    /// type is not among `acceptedMediaTypes` is not found.
    pub(super) fn batch_get_image(&self, body: &Body) -> Answer {
        let repository = self.find(body)?;
        let accepted = optional_texts(body, "acceptedMediaTypes")?;
        let (mut images, mut failures) = (Vec::new(), Vec::new());
        for id in image_ids(body)?.iter().rev() {
            let found = resolve(&repository, id).and_then(|(reference, tag)| {
                let view = self.registry.manifest_view(&repository.name, &reference).ok_or(NOT_FOUND)?;
                let is_accepted = accepted.as_ref().is_none_or(|types| types.contains(&view.media_type));
                if is_accepted { Ok((view, tag)) } else { Err(NOT_FOUND) }
            });
            match found {
                Ok((view, tag)) => images.push(json!({
                    "registryId": self.config.account, "repositoryName": repository.name,
                    "imageId": image_id(&view.digest, tag.as_deref()),
                    "imageManifest": String::from_utf8_lossy(&view.bytes), "imageManifestMediaType": view.media_type,
                })),
                Err((code, reason)) => failures
                    .push(json!({"imageId": id.shown, "failureCode": code, "failureReason": reason})),
            }
        }
        Ok(json!({"images": images, "failures": failures}))
    }

    /// BatchDeleteImage by digest takes the image with all its tags; by tag the tag alone, and the image with its last tag. An image that an
    /// index of the repository lists stays.
    pub(super) fn batch_delete_image(&self, body: &Body) -> Answer {
        let repository = self.find(body)?;
        let (mut gone, mut failures) = (Vec::new(), Vec::new());
        for id in image_ids(body)? {
            let fails = |(code, reason): Failure| json!({"imageId": id.shown, "failureCode": code, "failureReason": reason});
            let (reference, tag) = match resolve(&repository, &id) {
                Ok(found) => found,
                Err(failure) => {
                    failures.push(fails(failure));
                    continue;
                }
            };
            let Some(view) = self.registry.manifest_view(&repository.name, &reference) else {
                failures.push(fails(NOT_FOUND));
                continue;
            };
            let lists = |digest: &String| {
                let index = self.registry.manifest_view(&repository.name, digest);
                index.is_some_and(|index| {
                    *digest != view.digest && String::from_utf8_lossy(&index.bytes).contains(&view.digest)
                })
            };
            if repository.digests.iter().any(lists) {
                let reason = "Requested image referenced by manifest list";
                failures.push(fails(("ImageReferencedByManifestList", reason)));
                continue;
            }
            match &tag {
                Some(tag) if repository.tags.values().filter(|named| **named == view.digest).count() > 1 => {
                    self.registry.remove_tag(&repository.name, tag);
                }
                Some(_) | None => self.registry.remove_image(&repository.name, &view.digest),
            }
            gone.push(image_id(&view.digest, tag.as_deref()));
        }
        Ok(json!({"imageIds": gone, "failures": failures}))
    }

    pub(super) fn describe_images(&self, body: &Body) -> Answer {
        let repository = self.find(body)?;
        let digests = if body.get("imageIds").is_some_and(|ids| !ids.is_null()) {
            let mut digests = Vec::new();
            for id in image_ids(body)? {
                let found = resolve(&repository, &id).ok();
                let view = found
                    .and_then(|(reference, _)| self.registry.manifest_view(&repository.name, &reference));
                let message = || {
                    format!(
                        "The image with imageId {} does not exist within the repository with name '{}' in the registry with id '{}'",
                        id.shown, repository.name, self.config.account
                    )
                };
                digests.push(view.ok_or_else(|| Refusal::new("ImageNotFoundException", message()))?.digest);
            }
            digests
        } else {
            repository.digests.clone()
        };
        let details = digests.iter().filter_map(|digest| self.detail(&repository, digest)).collect();
        page(body, "imageDetails", details)
    }

    fn detail(&self, repository: &RepositoryView, digest: &str) -> Option<Value> {
        let view = self.registry.manifest_view(&repository.name, digest)?;
        let manifest: Value = serde_json::from_slice(&view.bytes).ok()?;
        let layers = manifest.get("layers").and_then(Value::as_array).into_iter().flatten();
        let size: u64 = layers.filter_map(|layer| layer.get("size").and_then(Value::as_u64)).sum();
        let tags: Vec<&String> =
            repository.tags.iter().filter(|(_, named)| *named == digest).map(|(tag, _)| tag).collect();
        let mut detail = json!({
            "registryId": self.config.account, "repositoryName": repository.name, "imageDigest": digest,
            "imageSizeInBytes": size, "imagePushedAt": view.pushed_at as f64, "imageManifestMediaType": view.media_type,
        });
        if !tags.is_empty() {
            detail["imageTags"] = json!(tags);
        }
        Some(detail)
    }

    pub(super) fn list_images(&self, body: &Body) -> Answer {
        let repository = self.find(body)?;
        let tagged = repository.tags.iter().map(|(tag, digest)| image_id(digest, Some(tag)));
        let bare = repository
            .digests
            .iter()
            .filter(|digest| !repository.tags.values().any(|named| named == *digest));
        let ids = tagged.chain(bare.map(|digest| image_id(digest, None))).collect();
        page(body, "imageIds", ids)
    }
}

/// The reference to read by, and the tag to show.
fn resolve(repository: &RepositoryView, id: &ImageId) -> Result<(String, Option<String>), Failure> {
    if id.digest.as_ref().is_some_and(|digest| !is_any_digest(digest)) {
        let pattern = "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
        return Err(("InvalidImageDigest", pattern));
    }
    if id.tag.as_ref().is_some_and(|tag| !is_tag(tag)) {
        return Err(("InvalidImageTag", "Invalid request parameters: image tag should satisfy the regex"));
    }
    match (id.digest.clone(), id.tag.clone()) {
        (None, None) => {
            Err(("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"))
        }
        (Some(digest), None) => Ok((digest, None)),
        (None, Some(tag)) => match repository.tags.get(&tag) {
            Some(digest) => Ok((digest.clone(), Some(tag))),
            None => Err(NOT_FOUND),
        },
        (Some(digest), Some(tag)) if repository.tags.get(&tag) == Some(&digest) => Ok((digest, Some(tag))),
        (Some(digest), Some(tag))
            if repository.tags.contains_key(&tag) || repository.digests.contains(&digest) =>
        {
            Err(("ImageTagDoesNotMatchDigest", "The tag does not match the digest"))
        }
        (Some(_), Some(_)) => Err(NOT_FOUND),
    }
}

/// The model's pattern of a digest, which is wider than SHA-256.
fn is_any_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+.".contains(&byte);
        !algorithm.is_empty()
            && algorithm.bytes().all(word)
            && !hex.is_empty()
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn image_id(digest: &str, tag: Option<&str>) -> Value {
    match tag {
        Some(tag) => json!({"imageDigest": digest, "imageTag": tag}),
        None => json!({"imageDigest": digest}),
    }
}
