//! The calls of Lambda that are made, each under its limit.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_lambda::Client;
use landfall_artifacts::{AliasName, LambdaName};
use landfall_aws::{AwsConfig, AwsFailure, Call, FailureKind, Nature, Service, call};
use landfall_run::{RateLimiter, Run, Share};

use crate::alias::Pointing;
use crate::{Alias, Code, Error, Function, Place};

/// Calls a second that an account may make in a region, all its pipelines together (Lambda quotas, "API requests"; they cannot
/// be raised).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// GetFunction (default 100).
    pub get_function: f64,
    /// All other control-plane calls in sum (default 15).
    pub others: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self { get_function: 100.0, others: 15.0 }
    }
}

/// Lambda in one region, under the account's rate limits. Clones share connections and limits.
#[derive(Clone, Debug)]
pub struct LambdaClient {
    pub(crate) sdk: Client,
    place: Place,
    reads: RateLimiter,
    writes: RateLimiter,
    reads_per_second: f64,
    watchers: Arc<AtomicUsize>,
}

/// Calls by operation, of one function.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<BTreeMap<String, u64>>);

impl Calls {
    fn count(&self, operation: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(operation.to_owned()).or_default() += 1;
    }

    /// Adds the calls of an earlier phase.
    pub(crate) fn add(&self, earlier: &BTreeMap<String, u64>) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (operation, count) in earlier {
            *calls.entry(operation.clone()).or_default() += count;
        }
    }

    pub(crate) fn taken(self) -> BTreeMap<String, u64> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who looks at a function again and again; dropped when that ends.
#[derive(Debug)]
pub(crate) struct Watch(Arc<AtomicUsize>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is done to one function: counted, and within a run.
#[derive(Clone, Copy)]
pub(crate) struct On<'a> {
    pub(crate) function: &'a LambdaName,
    pub(crate) calls: &'a Calls,
    pub(crate) run: &'a Run,
}

impl LambdaClient {
    /// A client that takes its share of the account's rate. Nothing is sent.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(config: &AwsConfig, share: Share) -> Result<Self, landfall_aws::Error> {
        Self::with_rates(config, Rates::default(), share)
    }

    /// As [`Self::new`], where the account's rates are other than usual, or part of them is to be left to others.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn with_rates(config: &AwsConfig, rates: Rates, share: Share) -> Result<Self, landfall_aws::Error> {
        let sdk = Client::new(&config.sdk_config(Service::Lambda)?);
        let place =
            Place { region: config.region().to_owned(), any_registry: config.is_loopback(Service::Lambda) };
        Ok(Self {
            sdk,
            place,
            reads: RateLimiter::new(rates.get_function, 20, share),
            writes: RateLimiter::new(rates.others, 3, share),
            reads_per_second: rates.get_function * share.fraction(),
            watchers: Arc::default(),
        })
    }

    /// Where the functions are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Counts one that looks again and again.
    pub(crate) fn watch(&self) -> Watch {
        self.watchers.fetch_add(1, Ordering::Relaxed);
        Watch(Arc::clone(&self.watchers))
    }

    /// The shortest pause between two looks at which all who watch keep within nine tenths of the rate.
    pub(crate) fn fair_pause(&self) -> Duration {
        let watchers = self.watchers.load(Ordering::Relaxed) as f64;
        Duration::from_secs_f64(watchers / (self.reads_per_second * 0.9).max(0.001))
    }

    /// Reads a function, or one of its versions. `nature` says whether it is a reading before or after a change.
    pub(crate) async fn get(
        &self,
        on: On<'_>,
        version: Option<&str>,
        nature: Nature,
    ) -> Result<Function, Error> {
        let what =
            Call { service: Service::Lambda, operation: "GetFunction", nature, limiter: Some(&self.reads) };
        let request = || {
            on.calls.count("GetFunction");
            let call = self.sdk.get_function().function_name(on.function.as_str());
            call.set_qualifier(version.map(str::to_owned)).send()
        };
        let function = || on.function.clone();
        match call(on.run, what, request).await {
            Ok(answer) => Function::of(&answer).ok_or_else(|| Error::Unreadable { function: function() }),
            Err(failure) if failure.is_code("ResourceNotFoundException") => {
                Err(Error::Missing { function: function(), region: self.place.region.clone() })
            }
            Err(failure) => Err(Error::Unread { function: function(), failure: Box::new(failure) }),
        }
    }

    /// Sends code, guarded by the revision that was seen.
    pub(crate) async fn update(
        &self,
        on: On<'_>,
        code: &Code,
        revision: Option<&str>,
    ) -> Result<(), AwsFailure> {
        let request = || async {
            // Counted when its turn has come: before that nothing is sent.
            on.calls.count("UpdateFunctionCode");
            let update = self.sdk.update_function_code().function_name(on.function.as_str());
            let update = match code {
                Code::Image { image, .. } => update.image_uri(image.to_string()),
                Code::Archive(archive) => update.s3_bucket(&archive.bucket).s3_key(&archive.key),
            };
            update.set_revision_id(revision.map(str::to_owned)).send().await
        };
        call(on.run, self.other("UpdateFunctionCode", Nature::Write), request).await.map(|_| ())
    }

    /// Publishes what the function runs, where it is this code at this revision. The version's number; the one of before where
    /// nothing has changed since.
    pub(crate) async fn publish(
        &self,
        on: On<'_>,
        code: &Code,
        revision: Option<&str>,
    ) -> Result<Option<String>, AwsFailure> {
        let request = || async {
            on.calls.count("PublishVersion");
            let publish = self.sdk.publish_version().function_name(on.function.as_str());
            let publish = publish.code_sha256(code.code_sha256());
            publish.set_revision_id(revision.map(str::to_owned)).send().await
        };
        let published = call(on.run, self.other("PublishVersion", Nature::Write), request).await?;
        Ok(published.version().map(|version| landfall_secret::escape(version, 40)))
    }

    /// Reads an alias; `None` where there is none.
    pub(crate) async fn alias(
        &self,
        on: On<'_>,
        name: &AliasName,
        nature: Nature,
    ) -> Result<Option<Alias>, AwsFailure> {
        let request = || async {
            on.calls.count("GetAlias");
            self.sdk.get_alias().function_name(on.function.as_str()).name(name.as_str()).send().await
        };
        match call(on.run, self.other("GetAlias", nature), request).await {
            Ok(found) => {
                Ok(Alias::new(name, found.function_version(), found.routing_config(), found.revision_id()))
            }
            Err(failure) if failure.is_code("ResourceNotFoundException") => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Makes an alias; as it is now.
    pub(crate) async fn create_alias(
        &self,
        on: On<'_>,
        name: &AliasName,
        version: &str,
    ) -> Result<Option<Alias>, AwsFailure> {
        let request = || async {
            on.calls.count("CreateAlias");
            let create = self.sdk.create_alias().function_name(on.function.as_str());
            create.name(name.as_str()).function_version(version).send().await
        };
        let made = call(on.run, self.other("CreateAlias", Nature::Write), request).await?;
        Ok(Alias::new(name, made.function_version(), made.routing_config(), made.revision_id()))
    }

    /// Points an alias somewhere, guarded by the revision that was seen; as it is now.
    pub(crate) async fn update_alias(
        &self,
        on: On<'_>,
        seen: &Alias,
        wanted: &Pointing,
    ) -> Result<Option<Alias>, AwsFailure> {
        let request = || async {
            on.calls.count("UpdateAlias");
            let update = self.sdk.update_alias().function_name(on.function.as_str()).name(seen.name.as_str());
            let update = update.function_version(&wanted.version).routing_config(wanted.routing());
            update.set_revision_id(seen.revision_id.clone()).send().await
        };
        let now = call(on.run, self.other("UpdateAlias", Nature::Write), request).await?;
        Ok(Alias::new(&seen.name, now.function_version(), now.routing_config(), now.revision_id()))
    }

    /// Removes an alias.
    pub(crate) async fn delete_alias(&self, on: On<'_>, name: &AliasName) -> Result<(), AwsFailure> {
        let request = || async {
            on.calls.count("DeleteAlias");
            self.sdk.delete_alias().function_name(on.function.as_str()).name(name.as_str()).send().await
        };
        call(on.run, self.other("DeleteAlias", Nature::Write), request).await.map(|_| ())
    }

    pub(crate) fn other(&self, operation: &'static str, nature: Nature) -> Call<'_> {
        Call { service: Service::Lambda, operation, nature, limiter: Some(&self.writes) }
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
