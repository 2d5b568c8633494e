//! Whether keys are over, where an answer does not say what is wrong.

use std::future::Future;
use std::pin::Pin;

use landfall_run::Run;

use crate::connector::SignedWith;
use crate::{AwsFailure, FailureKind, Service, caller_identity};

/// The same failure, as one of keys that are over where that is what a bare answer hides.
///
/// S3 answers HEAD without a body (HeadObject, "Errors"), so that of `400 ExpiredToken` the 400 is left, as of any other bad request.
/// Such an answer is taken for dead keys where their time has passed, or where STS says of the same keys that they are over.
pub(crate) async fn told(failed: AwsFailure, run: &Run) -> AwsFailure {
    let is_bare = failed.service == Service::S3
        && failed.kind == FailureKind::Refused
        && failed.status == Some(400)
        && failed.code.is_none()
        && failed.message.is_empty();
    match &failed.signed_with {
        Some(signed) if is_bare && are_over(signed.clone(), run.clone()).await => failed.of_dead_keys(),
        Some(_) | None => failed,
    }
}

/// The future is boxed, since a request waits for it, and it makes a request.
fn are_over(signed: SignedWith, run: Run) -> Pin<Box<dyn Future<Output = bool> + Send>> {
    Box::pin(async move {
        let Some(keys) = signed.config.keys().map(crate::HeldKeys::held) else { return false };
        if keys.access_key_id != signed.access_key_id {
            // There are others meanwhile, which nothing is known against.
            return true;
        }
        if keys.time_left(run.clock().now()).is_some_and(|left| left.is_zero()) {
            return true;
        }
        let asked = caller_identity(&signed.config.with_fixed(keys), &run).await;
        asked.is_err_and(|failed| failed.kind == FailureKind::Expired)
    })
}
