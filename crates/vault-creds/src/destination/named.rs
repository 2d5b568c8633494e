//! The keys as variables.

use landfall_aws::AwsKeys;
use landfall_run::rfc3339;
use landfall_secret::Secret;

use super::DestinationError;

/// The variables, in the order in which they are set: who sees the last one sees all.
pub(super) const NAMES: [&str; 4] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"];

/// A variable and its value.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) name: &'static str,
    pub(super) value: Secret,
    /// Whether it is to be masked. The time at which keys end is not.
    pub(super) is_secret: bool,
}

/// The keys as variables, each on one line of printable ASCII: nothing that could become a second variable.
///
/// # Errors
/// [`DestinationError::NotTemporary`], [`DestinationError::Value`].
pub(super) fn named(keys: &AwsKeys) -> Result<Vec<Named>, DestinationError> {
    let token = keys.session_token.clone().ok_or(DestinationError::NotTemporary)?;
    let ends = keys.expires_at.map(|at| Secret::new(rfc3339(at)));
    let values = [
        Some(Secret::new(keys.access_key_id.clone())),
        Some(keys.secret_access_key.clone()),
        Some(token),
        ends,
    ];
    let mut all = Vec::new();
    for (name, value) in NAMES.into_iter().zip(values) {
        let Some(value) = value else { continue };
        if value.is_empty() || !value.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(DestinationError::Value { name });
        }
        all.push(Named { name, value, is_secret: name != "AWS_CREDENTIAL_EXPIRATION" });
    }
    Ok(all)
}
