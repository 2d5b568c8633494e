//! Keys of a role for a token that an identity provider signed.

use std::time::Duration;

use aws_sdk_sts::Client;
use landfall_run::Run;
use landfall_secret::Secret;
use time::OffsetDateTime;

use crate::{AwsConfig, AwsFailure, AwsKeys, Call, Nature, Service, call};

const OPERATION: &str = "AssumeRoleWithWebIdentity";

/// What STS is asked for (AWS STS API, AssumeRoleWithWebIdentity). The bounds are AWS's to check. `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// The role, `arn:<partition>:iam::<account>:role/<path and name>`.
    pub role_arn: String,
    /// Name of the session, 2 to 64 of `[A-Za-z0-9_+=,.@-]`; seen in the ARN and in CloudTrail.
    pub session_name: String,
    /// The signed token.
    pub token: Secret,
    /// How long the keys are to live: 900 s to the role's `MaxSessionDuration`, at most 43,200 s.
    pub ttl: Duration,
}

/// The keys, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumedRole {
    /// The keys, with the time at which they end.
    pub keys: AwsKeys,
    /// The ARN of the session; empty where STS does not say it.
    pub arn: String,
}

/// Asks STS for keys of a role. The request is not signed: the keys of `config`, where it has any, are not used.
///
/// Passing faults are repeated as the run allows; asking twice does no harm. The keys are taught to the run's redactor.
///
/// # Errors
/// What STS says. `ExpiredTokenException` is about the token here, and a refused token is told by `InvalidIdentityToken`,
/// `IDPRejectedClaim` or `AccessDenied`. `Ok(None)` where the answer holds no keys that could be AWS's.
pub async fn assume_role_with_web_identity(
    config: &AwsConfig,
    asked: &WebIdentity,
    run: &Run,
) -> Result<Option<AssumedRole>, AwsFailure> {
    run.redactor().learn(&asked.token);
    let sdk = config
        .sdk_config(Service::Sts)
        .map_err(|cause| crate::failure::unusable(Service::Sts, OPERATION, cause))?;
    let client = Client::new(&sdk);
    let what = Call { service: Service::Sts, operation: OPERATION, nature: Nature::Read, limiter: None };
    let seconds = i32::try_from(asked.ttl.as_secs()).unwrap_or(i32::MAX);
    let answer = call(run, what, || {
        client
            .assume_role_with_web_identity()
            .role_arn(&asked.role_arn)
            .role_session_name(&asked.session_name)
            .web_identity_token(asked.token.expose())
            .duration_seconds(seconds)
            .send()
    })
    .await?;
    let arn = answer.assumed_role_user().map(|user| landfall_secret::escape(user.arn(), 200));
    let Some(given) = answer.credentials else { return Ok(None) };
    let printable =
        |text: &str| !text.is_empty() && text.len() <= 4096 && text.bytes().all(|b| b.is_ascii_graphic());
    let parts = [&given.access_key_id, &given.secret_access_key, &given.session_token];
    if !parts.iter().all(|part| printable(part)) {
        return Ok(None);
    }
    let ends = OffsetDateTime::from_unix_timestamp(given.expiration.secs()).ok();
    let token = Some(Secret::new(given.session_token));
    let keys = AwsKeys::new(given.access_key_id, Secret::new(given.secret_access_key), token).expiring(ends);
    keys.teach(run.redactor());
    Ok(Some(AssumedRole { keys, arn: arn.unwrap_or_default() }))
}
