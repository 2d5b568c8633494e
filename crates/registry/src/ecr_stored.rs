//! What a repository of Amazon ECR holds, and taking images away (DescribeImages, BatchDeleteImage).

use std::collections::BTreeMap;

use aws_sdk_ecr::operation::batch_delete_image::BatchDeleteImageOutput;
use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier};
use landfall_artifacts::Digest;
use landfall_aws::{Call, Nature, Service, call};
use landfall_run::Run;
use time::OffsetDateTime;

use crate::ecr::{MOST_AT_ONCE, reading};
use crate::ecr_images::in_repository;
use crate::{EcrClient, Error};

/// Images of one page (model limit of DescribeImages).
const PAGE: i32 = 1000;
/// Pages that are read at most: ECR's quota is 20,000 images a repository, and may be raised.
const MOST_PAGES: usize = 1000;
/// How often a deletion is sent whose answer is lost.
const TRIES: u32 = 3;

/// An image that a repository holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredImage {
    /// Its digest.
    pub digest: Digest,
    /// Its tags, in no order.
    pub tags: Vec<String>,
    /// When it was pushed.
    pub pushed_at: OffsetDateTime,
    /// Its layers as they are stored, in bytes; those that other images share count at each.
    pub size_bytes: u64,
}

/// Why ECR did not take an image away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDeleted {
    /// ECR's code, such as `ImageReferencedByManifestList`.
    pub code: String,
    /// ECR's words.
    pub said: String,
}

impl EcrClient {
    /// Every image of a repository.
    ///
    /// # Errors
    /// [`Error::EcrRepositories`] where there is no such repository, [`Error::EcrCall`].
    pub async fn stored_images(&self, repository: &str, run: &Run) -> Result<Vec<StoredImage>, Error> {
        let mut images = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = call(run, reading("DescribeImages"), || {
                self.client
                    .describe_images()
                    .set_registry_id(self.account.as_ref().map(ToString::to_string))
                    .repository_name(repository)
                    .max_results(PAGE)
                    .set_next_token(next.clone())
                    .send()
            })
            .await
            .map_err(|failure| in_repository(repository, "list images", failure))?;
            images.extend(page.image_details().iter().filter_map(|detail| {
                Some(StoredImage {
                    digest: detail.image_digest()?.parse().ok()?,
                    tags: detail.image_tags().iter().map(|tag| landfall_secret::escape(tag, 300)).collect(),
                    // What is of no known age counts as new: it stays.
                    pushed_at: detail
                        .image_pushed_at()
                        .and_then(|at| OffsetDateTime::from_unix_timestamp(at.secs()).ok())
                        .unwrap_or_else(|| run.clock().now()),
                    size_bytes: detail
                        .image_size_in_bytes()
                        .and_then(|size| u64::try_from(size).ok())
                        .unwrap_or(0),
                })
            }));
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        Ok(images)
    }

    /// Takes images away with all their tags, at most a hundred in a call; what was not taken away is in the answer. Repeating it is
    /// harmless: what is gone already is gone.
    ///
    /// # Errors
    /// [`Error::EcrRepositories`] where there is no such repository, [`Error::EcrCall`].
    pub async fn delete_images(
        &self,
        repository: &str,
        digests: &[Digest],
        run: &Run,
    ) -> Result<BTreeMap<Digest, NotDeleted>, Error> {
        let mut failed = BTreeMap::new();
        for part in digests.chunks(MOST_AT_ONCE) {
            let answer = self.delete(repository, part, run).await?;
            let is_other = |code: Option<&ImageFailureCode>| code != Some(&ImageFailureCode::ImageNotFound);
            for failure in answer.failures().iter().filter(|failure| is_other(failure.failure_code())) {
                let digest = failure.image_id().and_then(|id| id.image_digest()?.parse().ok());
                let Some(digest) = digest else { continue };
                let code = failure.failure_code().map_or("no code", ImageFailureCode::as_str);
                let said = failure.failure_reason().unwrap_or_default();
                failed.insert(
                    digest,
                    NotDeleted {
                        code: landfall_secret::escape(code, 60),
                        said: landfall_secret::escape(said, 300),
                    },
                );
            }
        }
        Ok(failed)
    }

    /// One call. Where its answer was lost it is made again: what is gone is not found then, and that is no failure.
    async fn delete(
        &self,
        repository: &str,
        digests: &[Digest],
        run: &Run,
    ) -> Result<BatchDeleteImageOutput, Error> {
        let ids: Vec<ImageIdentifier> = digests
            .iter()
            .map(|digest| ImageIdentifier::builder().image_digest(digest.to_string()).build())
            .collect();
        let what = Call {
            service: Service::Ecr,
            operation: "BatchDeleteImage",
            nature: Nature::Write,
            limiter: None,
        };
        let mut tries = 0;
        loop {
            let answer = call(run, what, || {
                self.client
                    .batch_delete_image()
                    .set_registry_id(self.account.as_ref().map(ToString::to_string))
                    .repository_name(repository)
                    .set_image_ids(Some(ids.clone()))
                    .send()
            })
            .await;
            tries += 1;
            match answer {
                Err(failure) if failure.is_unknown() && tries < TRIES => {}
                answer => {
                    return answer.map_err(|failure| in_repository(repository, "delete images", failure));
                }
            }
        }
    }
}
