//! Which operation a request is, and logins for the registry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Answer, Ecr, Refusal};
use crate::issued::Identity;
use crate::strict_body;

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
            "BatchDeleteImage" => {
                self.batch_delete_image(&read(&["registryId", "repositoryName", "imageIds"])?)
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
}
