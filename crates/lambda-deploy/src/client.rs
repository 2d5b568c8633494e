//! The two calls of Lambda that are made, each under its limit.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_sdk_lambda::Client;
use landfall_artifacts::{LambdaName, PinnedReference};
use landfall_aws::{AwsConfig, AwsFailure, Call, FailureKind, Nature, Service, call};
use landfall_run::{RateLimiter, Run, Share};

use crate::{Error, Function, Place};

/// GetFunction may be called so often a second (Lambda quotas, "API requests"; an account and region, cannot be raised).
const READS_PER_SECOND: f64 = 100.0;

/// All other control-plane calls together.
const WRITES_PER_SECOND: f64 = 15.0;

/// Lambda in one region, under the account's rate limits. Clones share connections and limits.
#[derive(Clone, Debug)]
pub struct LambdaClient {
    sdk: Client,
    place: Place,
    reads: RateLimiter,
    writes: RateLimiter,
}

/// Calls by operation, of one function.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<BTreeMap<String, u64>>);

impl Calls {
    fn count(&self, operation: &str) {
        let mut calls = match self.0.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        };
        *calls.entry(operation.to_owned()).or_default() += 1;
    }

    pub(crate) fn taken(self) -> BTreeMap<String, u64> {
        self.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl LambdaClient {
    /// A client that takes its share of the account's rate. Nothing is sent.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(config: &AwsConfig, share: Share) -> Result<Self, landfall_aws::Error> {
        let sdk = Client::new(&config.sdk_config(Service::Lambda)?);
        let place =
            Place { region: config.region().to_owned(), any_registry: config.is_loopback(Service::Lambda) };
        Ok(Self {
            sdk,
            place,
            reads: RateLimiter::new(READS_PER_SECOND, 20, share),
            writes: RateLimiter::new(WRITES_PER_SECOND, 3, share),
        })
    }

    /// Where the functions are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Reads a function. `nature` says whether it is a reading before or after a change.
    pub(crate) async fn get(
        &self,
        name: &LambdaName,
        nature: Nature,
        calls: &Calls,
        run: &Run,
    ) -> Result<Function, Error> {
        let what =
            Call { service: Service::Lambda, operation: "GetFunction", nature, limiter: Some(&self.reads) };
        let request = || {
            calls.count("GetFunction");
            self.sdk.get_function().function_name(name.as_str()).send()
        };
        let function = || name.clone();
        match call(run, what, request).await {
            Ok(answer) => Function::of(&answer).ok_or_else(|| Error::Unreadable { function: function() }),
            Err(failure) if failure.is_code("ResourceNotFoundException") => {
                Err(Error::Missing { function: function(), region: self.place.region.clone() })
            }
            Err(failure) => Err(Error::Unread { function: function(), failure: Box::new(failure) }),
        }
    }

    /// Sends an image by digest, guarded by the revision that was seen.
    pub(crate) async fn update(
        &self,
        name: &LambdaName,
        image: &PinnedReference,
        revision: Option<&str>,
        calls: &Calls,
        run: &Run,
    ) -> Result<(), AwsFailure> {
        let what = Call {
            service: Service::Lambda,
            operation: "UpdateFunctionCode",
            nature: Nature::Write,
            limiter: Some(&self.writes),
        };
        let request = || async {
            // Counted when its turn has come: before that nothing is sent.
            calls.count("UpdateFunctionCode");
            self.sdk
                .update_function_code()
                .function_name(name.as_str())
                .image_uri(image.to_string())
                .set_revision_id(revision.map(str::to_owned))
                .send()
                .await
        };
        call(run, what, request).await.map(|_| ())
    }
}

/// Whether a failed reading is worth another one later.
pub(crate) fn is_passing(error: &Error) -> bool {
    match error {
        Error::Unread { failure, .. } => match failure.kind {
            FailureKind::NotConnected
            | FailureKind::Unanswered
            | FailureKind::Throttled
            | FailureKind::Server
            | FailureKind::Answer => true,
            FailureKind::Untrusted
            | FailureKind::Expired
            | FailureKind::Keys
            | FailureKind::Denied
            | FailureKind::Refused
            | FailureKind::Endpoint
            | FailureKind::Request
            | FailureKind::Stopped => false,
        },
        _ => false,
    }
}
