//! One call of a service: its turn, its count, its repetition.

use std::future::Future;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use landfall_run::{Hint, RateLimiter, Run};

use crate::failure::{failure, stopped, unanswered_after_stop};
use crate::{AwsFailure, FailureKind, Service, spent};

/// How long after a stop an answer is waited for that says what a change did.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Whether a call may change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// It only reads: any passing fault is repeated, and a stop of the run ends it at once.
    Read,
    /// It reads what a change did: as [`Nature::Read`], but seen to its end at a stop.
    Confirm,
    /// It changes something: repeated only where it surely was not taken (no connection, throttled), not begun after a stop,
    /// seen to its end when it was begun before (for ten seconds), and unknown where no answer came.
    Write,
}

/// What a call is, for counters, limits and messages.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The service.
    pub service: Service,
    /// The operation as AWS names it, such as `GetFunction`.
    pub operation: &'static str,
    /// Whether it may change something.
    pub nature: Nature,
    /// The limit that it shares with others, where there is one.
    pub limiter: Option<&'a RateLimiter>,
}

/// Makes a call, waiting for its turn, counting it as `service.Operation`, and repeating it as its nature, the failure and
/// the run allow. What the service asks to wait is waited, by all who share the limiter. Where the service says that the keys are
/// over and they can be renewed, they are, once, and the call is made again: it was refused before it did anything.
///
/// # Errors
/// The last failure.
pub async fn call<T, E, F, A>(run: &Run, what: Call<'_>, mut attempt: F) -> Result<T, AwsFailure>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let failed = match repeated(run, what, &mut attempt).await {
        Ok(value) => return Ok(value),
        Err(failed) => spent::told(failed, run).await,
    };
    if failed.kind != FailureKind::Expired {
        return Err(failed);
    }
    let Some(signed) = failed.signed_with.clone() else { return Err(failed) };
    let Some(keys) = signed.config.keys().filter(|keys| keys.can_renew()) else { return Err(failed) };
    match keys.renew(&signed.access_key_id).await {
        Ok(_) => repeated(run, what, &mut attempt).await,
        Err(refused) => Err(failed.not_renewed(refused.problem)),
    }
}

async fn repeated<T, E, F, A>(run: &Run, what: Call<'_>, attempt: &mut F) -> Result<T, AwsFailure>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let kind = format!("{}.{}", what.service, what.operation);
    let hint = |failed: &AwsFailure| failed.hint();
    run.retry(&kind, hint, || {
        // The SDK's futures are large; boxed, they do not make every caller's large too.
        let once = Box::pin(attempt());
        let kind = &kind;
        async move {
            if let Some(limiter) = what.limiter {
                tokio::select! {
                    biased;
                    // What confirms a change is asked for after a stop too.
                    () = run.stop().wait(), if what.nature != Nature::Confirm => {
                        return Err(stopped(what.service, what.operation));
                    }
                    () = limiter.turn() => {}
                }
            }
            let exchange = async {
                run.counters().request(kind);
                once.await
            };
            let grace_is_over = async {
                run.stop().wait().await;
                run.clock().sleep(STOP_GRACE).await;
            };
            let result = tokio::select! {
                result = exchange => result,
                () = run.stop().wait(), if what.nature == Nature::Read => {
                    return Err(stopped(what.service, what.operation));
                }
                () = grace_is_over, if what.nature != Nature::Read => {
                    return Err(unanswered_after_stop(what.service, what.operation, what.nature));
                }
            };
            let failed = match result {
                Ok(value) => return Ok(value),
                Err(error) => failure(run, what.service, what.operation, what.nature, &error),
            };
            if failed.kind == FailureKind::Throttled {
                run.counters().throttle();
                if let Some(limiter) = what.limiter {
                    let pause = match failed.hint() {
                        Hint::After(pause) => Some(pause.min(std::time::Duration::from_secs(120))),
                        Hint::Again | Hint::Stop => None,
                    };
                    limiter.throttled(pause);
                }
            }
            Err(failed)
        }
    })
    .await
}
