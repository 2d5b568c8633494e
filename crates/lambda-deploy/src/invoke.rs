//! One synchronous invocation of a function, as checks of a deployment make it.

use std::time::Duration;

use aws_sdk_lambda::config::Config;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use landfall_artifacts::LambdaName;
use landfall_aws::{AwsFailure, Call, Nature, Service, call};
use landfall_run::Run;

use crate::LambdaClient;

/// What a function answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// What the function returned; where it failed, its error as Lambda writes it (`errorMessage`, `errorType`).
    pub payload: Vec<u8>,
    /// `Handled` or `Unhandled` where the function failed (Lambda API, Invoke, `X-Amz-Function-Error`).
    pub function_error: Option<String>,
    /// The version that ran, such as `7` or `$LATEST`.
    pub executed_version: Option<String>,
}

impl LambdaClient {
    /// Invokes a function and waits for its answer. The payload is at most 6 MB of JSON (Lambda quotas, "Invocation payload").
    /// The answer may take as long as `longest`, which a function may for 15 minutes (Lambda quotas, "Function timeout"). Sent once: only a request that surely was not taken is repeated, since a function may do something each time.
    ///
    /// # Errors
    /// What Lambda said where the function was not run; a function that ran and failed is an [`Invocation`].
    pub async fn invoke(
        &self,
        name: &LambdaName,
        qualifier: Option<&str>,
        payload: &[u8],
        longest: Duration,
        run: &Run,
    ) -> Result<Invocation, AwsFailure> {
        // Invocations do not count against the limits of the control plane (Lambda quotas, "API requests").
        let what =
            Call { service: Service::Lambda, operation: "Invoke", nature: Nature::Write, limiter: None };
        let request = || {
            let patience = TimeoutConfig::builder().operation_attempt_timeout(longest).build();
            self.sdk
                .invoke()
                .function_name(name.as_str())
                .set_qualifier(qualifier.map(str::to_owned))
                .invocation_type(InvocationType::RequestResponse)
                .payload(Blob::new(payload))
                .customize()
                .config_override(Config::builder().timeout_config(patience))
                .send()
        };
        let answer = call(run, what, request).await?;
        Ok(Invocation {
            function_error: answer.function_error().map(|kind| landfall_secret::escape(kind, 60)),
            executed_version: answer.executed_version().map(|version| landfall_secret::escape(version, 60)),
            payload: answer.payload.map(Blob::into_inner).unwrap_or_default(),
        })
    }
}
