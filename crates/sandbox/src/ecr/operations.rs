//! The operations.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Answer, Ecr, Refusal};
use crate::issued::Identity;
use crate::registry::RepositoryView;
use crate::strict_body;

/// Digests or image ids in one batch call.
const MAX_BATCH: usize = 100;
const MAX_RESULTS: u64 = 1000;

type Body = Map<String, Value>;

impl Ecr {
    pub(super) fn operate(&self, operation: &str, identity: &Identity, bytes: &Bytes) -> Answer {
        let read = |known: &[&str]| {
            strict_body::parse_object(bytes, known)
                .map_err(|text| Refusal::new("SerializationException", text))
        };
        if operation == "GetAuthorizationToken" {
            read(&["registryIds"])?;
            return Ok(self.authorization_token(identity));
        }
        if identity.account != self.config.account {
            let message = format!("User: {} is not authorized to perform: ecr:{operation}", identity.arn);
            return Err(Refusal::new("AccessDeniedException", message));
        }
        match operation {
            "DescribeRepositories" => self.describe_repositories(&read(&[
                "registryId",
                "repositoryNames",
                "maxResults",
                "nextToken",
            ])?),
            "CreateRepository" => {
                let known = [
                    "registryId",
                    "repositoryName",
                    "tags",
                    "imageTagMutability",
                    "imageScanningConfiguration",
                ];
                self.create_repository(&read(&known)?)
            }
            "BatchGetImage" => self.batch_get_image(&read(&[
                "registryId",
                "repositoryName",
                "imageIds",
                "acceptedMediaTypes",
            ])?),
            "BatchCheckLayerAvailability" => {
                self.batch_check_layers(&read(&["registryId", "repositoryName", "layerDigests"])?)
            }
            "DescribeImages" => {
                let known = ["registryId", "repositoryName", "imageIds", "maxResults", "nextToken", "filter"];
                self.describe_images(&read(&known)?)
            }
            "ListImages" => self.list_images(&read(&[
                "registryId",
                "repositoryName",
                "maxResults",
                "nextToken",
                "filter",
            ])?),
            _ => Err(Refusal::new("UnknownOperationException", format!("{operation} is not built"))),
        }
    }

    fn authorization_token(&self, identity: &Identity) -> Value {
        let (password, expires_at) = self.tokens.issue(&identity.access_key_id, self.config.token_lifetime);
        let token = STANDARD.encode(format!("AWS:{password}"));
        // JSON 1.1 timestamps are seconds since 1970, with a fraction.
        let expires_at = expires_at.unix_timestamp_nanos() as f64 / 1e9;
        let endpoint = format!("http://{}", self.registry.host());
        json!({"authorizationData": [{"authorizationToken": token, "expiresAt": (expires_at * 1e3).round() / 1e3, "proxyEndpoint": endpoint}]})
    }

    fn describe_repositories(&self, body: &Body) -> Answer {
        let names = match body.get("repositoryNames") {
            None | Some(Value::Null) => self.registry.repositories(),
            Some(_) => texts(body, "repositoryNames")?,
        };
        let found: Result<Vec<Value>, Refusal> =
            names.iter().map(|name| self.find(name).map(|found| self.repository_json(&found))).collect();
        page(body, "repositories", found?)
    }

    fn create_repository(&self, body: &Body) -> Answer {
        let name = text(body, "repositoryName")?;
        let immutable = match body.get("imageTagMutability").and_then(Value::as_str) {
            None | Some("MUTABLE") => false,
            Some("IMMUTABLE") => true,
            Some(_) => return Err(Refusal::parameter("imageTagMutability must be MUTABLE or IMMUTABLE")),
        };
        if self.registry.repository(name).is_some() {
            let message = format!(
                "The repository with name '{name}' already exists in the registry with id '{}'",
                self.config.account
            );
            return Err(Refusal::new("RepositoryAlreadyExistsException", message));
        }
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte);
        if name.len() < 2 || name.len() > 256 || !name.bytes().all(good) {
            return Err(Refusal::parameter(
                "Invalid parameter at 'repositoryName' failed to satisfy constraint",
            ));
        }
        self.registry.create_repository(name, immutable);
        let made = self.find(name)?;
        Ok(json!({"repository": self.repository_json(&made)}))
    }

    fn batch_get_image(&self, body: &Body) -> Answer {
        let repository = self.find(text(body, "repositoryName")?)?;
        let (mut images, mut failures) = (Vec::new(), Vec::new());
        for id in image_ids(body)? {
            match resolve(&repository, &id) {
                Ok((reference, tag)) => match self.registry.manifest_view(&repository.name, &reference) {
                    Some(view) => images.push(json!({
                        "registryId": self.config.account, "repositoryName": repository.name,
                        "imageId": image_id(&view.digest, tag.as_deref()),
                        "imageManifest": String::from_utf8_lossy(&view.bytes), "imageManifestMediaType": view.media_type,
                    })),
                    None => failures.push(failure(&id, "ImageNotFound", "Requested image not found")),
                },
                Err((code, reason)) => failures.push(failure(&id, code, reason)),
            }
        }
        Ok(json!({"images": images, "failures": failures}))
    }

    fn batch_check_layers(&self, body: &Body) -> Answer {
        let repository = self.find(text(body, "repositoryName")?)?;
        let digests = texts(body, "layerDigests")?;
        if digests.is_empty() || digests.len() > MAX_BATCH {
            return Err(Refusal::parameter("layerDigests must have 1 to 100 members"));
        }
        let (mut layers, mut failures) = (Vec::new(), Vec::new());
        for digest in digests {
            if !digest.starts_with("sha256:") || digest.len() != 71 {
                let reason = "Invalid layer digest";
                failures.push(json!({"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason}));
                continue;
            }
            layers.push(match self.registry.blob(&repository.name, &digest) {
                Some(bytes) => {
                    json!({"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": bytes.len()})
                }
                None => json!({"layerDigest": digest, "layerAvailability": "UNAVAILABLE", "layerSize": 0}),
            });
        }
        Ok(json!({"layers": layers, "failures": failures}))
    }

    fn describe_images(&self, body: &Body) -> Answer {
        let repository = self.find(text(body, "repositoryName")?)?;
        let digests = if body.get("imageIds").is_some_and(|ids| !ids.is_null()) {
            let mut digests = Vec::new();
            for id in image_ids(body)? {
                let found = resolve(&repository, &id).ok();
                let view = found
                    .and_then(|(reference, _)| self.registry.manifest_view(&repository.name, &reference));
                let message = || {
                    format!(
                        "The image with imageId {id} does not exist within the repository with name '{}' in the registry with id '{}'",
                        repository.name, self.config.account
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

    fn list_images(&self, body: &Body) -> Answer {
        let repository = self.find(text(body, "repositoryName")?)?;
        let tagged = repository.tags.iter().map(|(tag, digest)| image_id(digest, Some(tag)));
        let bare = repository
            .digests
            .iter()
            .filter(|digest| !repository.tags.values().any(|named| named == *digest));
        let ids = tagged.chain(bare.map(|digest| image_id(digest, None))).collect();
        page(body, "imageIds", ids)
    }

    fn find(&self, name: &str) -> Result<RepositoryView, Refusal> {
        self.registry.repository(name).ok_or_else(|| {
            let message = format!(
                "The repository with name '{name}' does not exist in the registry with id '{}'",
                self.config.account
            );
            Refusal::new("RepositoryNotFoundException", message)
        })
    }

    fn repository_json(&self, found: &RepositoryView) -> Value {
        let (account, region) = (&self.config.account, &self.config.region);
        json!({
            "repositoryArn": format!("arn:aws:ecr:{region}:{account}:repository/{}", found.name),
            "registryId": account, "repositoryName": found.name,
            "repositoryUri": format!("{}/{}", self.registry.host(), found.name),
            "createdAt": 1_761_955_200.0,
            "imageTagMutability": if found.immutable { "IMMUTABLE" } else { "MUTABLE" },
        })
    }
}

/// The reference to read by, and the tag to show.
fn resolve(
    repository: &RepositoryView,
    id: &Value,
) -> Result<(String, Option<String>), (&'static str, &'static str)> {
    let member = |name: &str| id.get(name).and_then(Value::as_str).map(str::to_owned);
    match (member("imageDigest"), member("imageTag")) {
        (None, None) => Err(("MissingDigestAndTag", "Both digest and tag are missing")),
        (Some(digest), None) => Ok((digest, None)),
        (None, Some(tag)) => Ok((tag.clone(), Some(tag))),
        (Some(digest), Some(tag)) if repository.tags.get(&tag) == Some(&digest) => Ok((digest, Some(tag))),
        (Some(_), Some(_)) => Err(("ImageTagDoesNotMatchDigest", "The tag does not match the digest")),
    }
}

fn image_id(digest: &str, tag: Option<&str>) -> Value {
    match tag {
        Some(tag) => json!({"imageDigest": digest, "imageTag": tag}),
        None => json!({"imageDigest": digest}),
    }
}

fn failure(id: &Value, code: &str, reason: &str) -> Value {
    json!({"imageId": id, "failureCode": code, "failureReason": reason})
}

fn text<'a>(body: &'a Body, name: &str) -> Result<&'a str, Refusal> {
    body.get(name).and_then(Value::as_str).ok_or_else(|| Refusal::parameter(format!("{name} is required")))
}

fn texts(body: &Body, name: &str) -> Result<Vec<String>, Refusal> {
    let wrong = || Refusal::parameter(format!("{name} must be a list of texts"));
    let items = body.get(name).and_then(Value::as_array).ok_or_else(wrong)?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

fn image_ids(body: &Body) -> Result<Vec<Value>, Refusal> {
    let ids = body.get("imageIds").and_then(Value::as_array).cloned().unwrap_or_default();
    let known = |id: &Value| {
        id.as_object().is_some_and(|id| strict_body::unknown_key(id, &["imageDigest", "imageTag"]).is_none())
    };
    if ids.is_empty() || ids.len() > MAX_BATCH || !ids.iter().all(known) {
        return Err(Refusal::parameter("imageIds must have 1 to 100 members with imageDigest or imageTag"));
    }
    Ok(ids)
}

/// A page of the items, from `nextToken` on.
fn page(body: &Body, name: &str, items: Vec<Value>) -> Answer {
    let limit = match body.get("maxResults") {
        None | Some(Value::Null) => 100,
        Some(value) => value
            .as_u64()
            .filter(|limit| (1..=MAX_RESULTS).contains(limit))
            .ok_or_else(|| Refusal::parameter("maxResults must be between 1 and 1000"))?,
    } as usize;
    let start = match body.get("nextToken").and_then(Value::as_str) {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|text| text.parse::<usize>().ok())
            .ok_or_else(|| Refusal::parameter("Invalid parameter at 'nextToken'"))?,
    };
    let end = start.saturating_add(limit);
    let mut answer = Map::new();
    if end < items.len() {
        answer.insert("nextToken".to_owned(), json!(format!("page-{end}")));
    }
    answer.insert(name.to_owned(), items.into_iter().skip(start).take(limit).collect());
    Ok(Value::Object(answer))
}
