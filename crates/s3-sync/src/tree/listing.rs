//! All objects below a prefix, page by page, and whether that is all of them.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use landfall_aws::{Call, FailureKind, Nature, Service, call};
use landfall_run::Run;

use super::etag::Listed;
use super::page_size::PageSize;
use super::pages::Ask;
use super::walk::{Foretold, MOST_OBJECTS, Stopped, walk};
use super::{Tree, TreeError};

impl Tree {
    /// Hands on every object below the prefix by its name below it, in the order of the names' bytes, and gives their number. Where it is
    /// foretold which keys there are, several pages are asked for at a time.
    ///
    /// # Errors
    /// [`TreeError::Call`]; [`TreeError::LargePages`]; [`TreeError::Listing`] where pages contradict themselves or each other, so that nobody can say whether that
    /// was all: a page out of order, a key beyond the prefix, a count that is not that of the keys, a token that was there before
    /// or is missing.
    pub(super) async fn list(
        &self,
        (foretold, size): (Foretold, PageSize),
        run: &Run,
        take: impl FnMut(&str, Listed) + Send,
    ) -> Result<u64, TreeError> {
        let prefix = self.address().prefix();
        let listed = walk(prefix, foretold, size.at_once(), |ask| self.page(ask, size, run), take).await;
        listed.map_err(|stopped| match stopped {
            // An answer that is longer than is read is none that is understood.
            Stopped::Failed(TreeError::Call { failure, .. })
                if size.is_large() && failure.kind == FailureKind::Answer =>
            {
                TreeError::LargePages { address: self.address().to_string(), objects: size.keys(), failure }
            }
            Stopped::Failed(error) => error,
            Stopped::Contradicts(what) => TreeError::Listing { address: self.address().to_string(), what },
            Stopped::TooMany => {
                let what = format!("objects below {}", self.address());
                TreeError::TooMany { what, most: MOST_OBJECTS }
            }
        })
    }

    async fn page(&self, ask: Ask, size: PageSize, run: &Run) -> Result<ListObjectsV2Output, TreeError> {
        let what =
            Call { service: Service::S3, operation: "ListObjectsV2", nature: Nature::Read, limiter: None };
        let (after, token) = match ask {
            Ask::Start => (None, None),
            Ask::After(key) => (Some(key.into_string()), None),
            Ask::Token(token) => (None, Some(token)),
        };
        let request = || {
            self.sdk
                .list_objects_v2()
                .bucket(self.address().bucket().as_str())
                .prefix(self.address().prefix())
                .encoding_type(EncodingType::Url)
                .max_keys(size.max_keys())
                .set_start_after(after.clone())
                .set_continuation_token(token.clone())
                .set_expected_bucket_owner(self.owner())
                .send()
        };
        call(run, what, request).await.map_err(|failure| TreeError::Call {
            what: "cannot list",
            address: self.address().to_string(),
            failure: Box::new(failure),
        })
    }
}
