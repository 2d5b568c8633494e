//! Who the keys belong to.

use aws_sdk_sts::Client;
use landfall_run::Run;

use crate::{AwsConfig, AwsFailure, Call, Nature, Service, call};

/// How often keys of a new user are tried until all of AWS knows them.
const TRIES_OF_FRESH_KEYS: u32 = 5;

/// Whose keys these are (AWS STS, GetCallerIdentity).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account, twelve digits.
    pub account: String,
    /// The ARN, such as `arn:aws:sts::123456789012:assumed-role/deployer/session`.
    pub arn: String,
    /// The unique id of the user or role session.
    pub user_id: String,
}

/// Asks STS whose keys these are. Needs no permission.
///
/// Keys of a user that was just made (they have no session token) are not known everywhere at once: for them
/// `InvalidClientTokenId` is tried a few times before it is believed.
///
/// # Errors
/// What STS says, as [`AwsFailure`]; a configuration that cannot be used becomes one of kind
/// [`FailureKind::Endpoint`](crate::FailureKind::Endpoint).
pub async fn caller_identity(config: &AwsConfig, run: &Run) -> Result<Identity, AwsFailure> {
    let sdk = config
        .sdk_config(Service::Sts)
        .map_err(|cause| crate::failure::unusable(Service::Sts, "GetCallerIdentity", cause))?;
    let client = Client::new(&sdk);
    let mut left = if config.is_temporary() { 1 } else { TRIES_OF_FRESH_KEYS };
    let what =
        Call { service: Service::Sts, operation: "GetCallerIdentity", nature: Nature::Read, limiter: None };
    let answer = loop {
        match call(run, what, || client.get_caller_identity().send()).await {
            Ok(answer) => break answer,
            Err(failed) if failed.code.as_deref() == Some("InvalidClientTokenId") && left > 1 => {
                left -= 1;
                tokio::select! {
                    () = run.clock().sleep(std::time::Duration::from_secs(2)) => {}
                    () = run.stop().wait() => return Err(failed),
                }
            }
            Err(failed) => return Err(failed),
        }
    };
    let text = |value: Option<String>| landfall_secret::escape(&value.unwrap_or_default(), 200);
    Ok(Identity { account: text(answer.account), arn: text(answer.arn), user_id: text(answer.user_id) })
}
