//! Artifactory's Docker promotion (JFrog REST API, "Promote Docker Image").
//!
//! Stricter than the real thing: without `copy: true` the real one moves, without `tag` it takes the whole repository, and it overwrites silently.
//! A release tool wants none of these, so they are refused here. As with the real thing, a virtual repository's key is refused.

use axum::response::IntoResponse;
use bytes::Bytes;
use http::{StatusCode, header};
use serde_json::{Map, Value};

use super::Registry;
use super::call::Call;
use super::digest::is_tag;
use super::reply::{Answer, Refusal};
use super::store::StoredManifest;
use crate::strict_body;

const KEYS: [&str; 7] =
    ["targetRepo", "dockerRepository", "targetDockerRepository", "tag", "targetTag", "copy", "overwrite"];

impl Registry {
    pub(super) fn promote(&self, source_key: &str, call: &Call, body: &Bytes) -> Answer {
        let bad = |text: String| Refusal::artifactory(StatusCode::BAD_REQUEST, text);
        if call.header(header::CONTENT_TYPE).is_none_or(|text| !text.starts_with("application/json")) {
            return Err(Refusal::artifactory(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type"));
        }
        let document = strict_body::parse_object(body, &KEYS).map_err(bad)?;
        let target_key = required(&document, "targetRepo")?;
        let image = required(&document, "dockerRepository")?;
        let target_image = text(&document, "targetDockerRepository")?.unwrap_or(image);
        let tag = required(&document, "tag")?;
        let target_tag = text(&document, "targetTag")?.unwrap_or(tag);
        if document.get("copy") != Some(&Value::Bool(true)) {
            return Err(bad("copy must be true: without it the image would be moved".to_owned()));
        }
        if !is_tag(target_tag) {
            return Err(bad(format!("targetTag '{target_tag}' is not a tag")));
        }
        let overwrite = match document.get("overwrite") {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => return Err(bad("overwrite must be true or false".to_owned())),
        };

        let mut inner = self.lock();
        let missing = |text: String| Refusal::artifactory(StatusCode::NOT_FOUND, text);
        for key in [source_key, target_key] {
            if inner.is_virtual(key) {
                return Err(bad(format!("Repository '{key}' is not a local repository")));
            }
            if !inner.keys.contains(key) {
                return Err(missing(format!(
                    "Repository '{key}' does not exist or is not a local Docker repository"
                )));
            }
        }
        if (source_key, image, tag) == (target_key, target_image, target_tag) {
            return Err(bad("Skipping promote since destination and source are the same".to_owned()));
        }
        let package = image.rsplit('/').next().unwrap_or(image);
        if inner.unpromotable.contains(image) || inner.unpromotable.contains(package) {
            let message = format!("Promotion of '{image}' to '{target_key}' is forbidden for this user");
            return Err(Refusal::artifactory(StatusCode::FORBIDDEN, message));
        }
        let source = inner.store.repositories.get(&format!("{source_key}/{image}"));
        let source = source.ok_or_else(|| missing(format!("Unable to find '{image}' in '{source_key}'")))?;
        let digest = source.tags.get(tag).cloned();
        let digest = digest
            .ok_or_else(|| missing(format!("Unable to find tag '{tag}' of '{image}' in '{source_key}'")))?;
        let mut copied: Vec<(String, StoredManifest)> = Vec::new();
        let mut queue = vec![digest.clone()];
        while let Some(next) = queue.pop() {
            if let Some(stored) = source.manifests.get(&next) {
                queue.extend(stored.children.iter().cloned());
                copied.push((next, stored.clone()));
            }
        }
        let target = inner.store.repository(&format!("{target_key}/{target_image}"));
        if target.tags.get(target_tag).is_some_and(|held| *held != digest) && !overwrite {
            let message = format!(
                "Tag '{target_tag}' of '{target_image}' exists in '{target_key}' with another digest"
            );
            return Err(Refusal::artifactory(StatusCode::CONFLICT, message));
        }
        for (name, stored) in copied {
            target.blobs.extend(stored.blobs.iter().cloned());
            target.manifests.entry(name).or_insert(stored);
        }
        target.tags.insert(target_tag.to_owned(), digest);
        Ok("Promotion ended successfully".into_response())
    }

    /// Promotion of this package (the image's path, or its last segment) is answered with 403 from now on.
    pub fn refuse_promotion(&self, package: &str) {
        self.lock().unpromotable.insert(package.to_owned());
    }

    /// Promotion of this package works again.
    pub fn allow_promotion(&self, package: &str) {
        self.lock().unpromotable.remove(package);
    }
}

fn text<'a>(document: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Refusal> {
    match document.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(Refusal::artifactory(StatusCode::BAD_REQUEST, format!("{name} must be a text"))),
    }
}

fn required<'a>(document: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    text(document, name)?
        .ok_or_else(|| Refusal::artifactory(StatusCode::BAD_REQUEST, format!("{name} is required")))
}
