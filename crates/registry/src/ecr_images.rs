//! Images and layers at Amazon ECR, a hundred in one call (BatchGetImage, BatchCheckLayerAvailability).

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecr::operation::batch_get_image::BatchGetImageOutput;
use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier, LayerAvailability};
use bytes::Bytes;
use landfall_artifacts::{Digest, Tag};
use landfall_aws::{AwsFailure, call};
use landfall_run::Run;

use crate::ecr::{MOST_AT_ONCE, failed, is_missing, reading};
use crate::manifest::MANIFEST_MEDIA_TYPES;
use crate::{EcrClient, Error, Manifest};

/// An image that a tag names at ECR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcrImage {
    /// Its digest.
    pub digest: Digest,
    /// Its manifest, where ECR gave the very bytes of the digest: by tag it may convert what is stored.
    pub manifest: Option<Manifest>,
}

impl EcrClient {
    /// The digests that tags of a repository name; a tag that is not there is left out.
    ///
    /// # Errors
    /// As for [`Self::images_by_tag`].
    pub async fn digests_by_tag(
        &self,
        repository: &str,
        tags: &[Tag],
        run: &Run,
    ) -> Result<BTreeMap<Tag, Digest>, Error> {
        let images = self.images_by_tag(repository, tags, run).await?;
        Ok(images.into_iter().map(|(tag, image)| (tag, image.digest)).collect())
    }

    /// The images that tags of a repository name, a hundred a call; a tag that is not there is left out.
    ///
    /// # Errors
    /// [`Error::EcrRepositories`] where there is no such repository, [`Error::EcrImage`] where ECR cannot show an image,
    /// [`Error::EcrCall`].
    pub async fn images_by_tag(
        &self,
        repository: &str,
        tags: &[Tag],
        run: &Run,
    ) -> Result<BTreeMap<Tag, EcrImage>, Error> {
        let mut images = BTreeMap::new();
        for part in tags.chunks(MOST_AT_ONCE) {
            let ids = part.iter().map(|tag| ImageIdentifier::builder().image_tag(tag.as_str()).build());
            let answer = self.batch_get_image(repository, ids.collect(), run).await?;
            for image in answer.images() {
                let id = image.image_id();
                let tag = id.and_then(ImageIdentifier::image_tag).and_then(|text| text.parse().ok());
                let digest = id.and_then(ImageIdentifier::image_digest).and_then(|text| text.parse().ok());
                if let (Some(tag), Some(digest)) = (tag, digest) {
                    let manifest =
                        manifest(image.image_manifest(), image.image_manifest_media_type(), digest);
                    images.insert(tag, EcrImage { digest, manifest });
                }
            }
        }
        Ok(images)
    }

    /// Which of these images a repository has, tagged or not, a hundred a call.
    ///
    /// # Errors
    /// As for [`Self::images_by_tag`].
    pub async fn digests_there(
        &self,
        repository: &str,
        digests: &[Digest],
        run: &Run,
    ) -> Result<BTreeSet<Digest>, Error> {
        let mut there = BTreeSet::new();
        for part in digests.chunks(MOST_AT_ONCE) {
            let ids =
                part.iter().map(|digest| ImageIdentifier::builder().image_digest(digest.to_string()).build());
            let answer = self.batch_get_image(repository, ids.collect(), run).await?;
            let found = answer.images().iter().filter_map(|image| image.image_id()?.image_digest());
            there.extend(found.filter_map(|text| text.parse().ok()).filter(|digest| part.contains(digest)));
        }
        Ok(there)
    }

    /// Asks for images; those that are not there are left out of the answer.
    async fn batch_get_image(
        &self,
        repository: &str,
        ids: Vec<ImageIdentifier>,
        run: &Run,
    ) -> Result<BatchGetImageOutput, Error> {
        let answer = call(run, reading("BatchGetImage"), || {
            self.client
                .batch_get_image()
                .set_registry_id(self.account.as_ref().map(ToString::to_string))
                .repository_name(repository)
                .set_image_ids(Some(ids.clone()))
                .set_accepted_media_types(Some(MANIFEST_MEDIA_TYPES.map(str::to_owned).to_vec()))
                .send()
        })
        .await
        .map_err(|failure| in_repository(repository, "look for images", failure))?;
        let is_other = |code: Option<&ImageFailureCode>| code != Some(&ImageFailureCode::ImageNotFound);
        if let Some(failure) = answer.failures().iter().find(|failure| is_other(failure.failure_code())) {
            let id = failure.image_id();
            let reference = match (id.and_then(|id| id.image_tag()), id.and_then(|id| id.image_digest())) {
                (Some(tag), _) => format!("{repository}:{tag}"),
                (None, digest) => format!("{repository}@{}", digest.unwrap_or_default()),
            };
            let code = failure.failure_code().map_or("no code", ImageFailureCode::as_str);
            return Err(Error::EcrImage {
                reference: landfall_secret::escape(&reference, 300),
                code: landfall_secret::escape(code, 60),
            });
        }
        Ok(answer)
    }

    /// Which of these blobs a repository has, a hundred a call. What was archived counts as not there: it cannot be pulled.
    ///
    /// # Errors
    /// [`Error::EcrRepositories`] where there is no such repository, [`Error::EcrCall`].
    pub async fn available_layers(
        &self,
        repository: &str,
        digests: &[Digest],
        run: &Run,
    ) -> Result<BTreeSet<Digest>, Error> {
        let mut there = BTreeSet::new();
        for part in digests.chunks(MOST_AT_ONCE) {
            let names: Vec<String> = part.iter().map(ToString::to_string).collect();
            let answer = call(run, reading("BatchCheckLayerAvailability"), || {
                self.client
                    .batch_check_layer_availability()
                    .set_registry_id(self.account.as_ref().map(ToString::to_string))
                    .repository_name(repository)
                    .set_layer_digests(Some(names.clone()))
                    .send()
            })
            .await
            .map_err(|failure| in_repository(repository, "look for layers", failure))?;
            for layer in answer.layers() {
                let digest = layer.layer_digest().and_then(|text| text.parse::<Digest>().ok());
                if let Some(digest) = digest.filter(|digest| part.contains(digest))
                    && layer.layer_availability() == Some(&LayerAvailability::Available)
                {
                    there.insert(digest);
                }
            }
        }
        Ok(there)
    }
}

pub(crate) fn in_repository(repository: &str, doing: &str, failure: AwsFailure) -> Error {
    if is_missing(&failure) {
        Error::EcrRepositories { names: vec![repository.to_owned()] }
    } else {
        failed(doing, failure)
    }
}

fn manifest(text: Option<&str>, media_type: Option<&str>, digest: Digest) -> Option<Manifest> {
    let bytes = Bytes::copy_from_slice(text?.as_bytes());
    if Digest::of(&bytes) != digest {
        return None;
    }
    Manifest::read(bytes, media_type).ok()
}
