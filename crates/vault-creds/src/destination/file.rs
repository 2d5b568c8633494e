//! A file for the jobs that it is passed on to.

use std::path::Path;

use landfall_artifacts::{AwsAuthEnv, WrittenFile};
use landfall_aws::AwsKeys;
use landfall_secret::Secret;

use super::DestinationError;

/// Writes the file whole, mode 0600.
pub(super) fn write(path: &Path, keys: &AwsKeys) -> Result<WrittenFile, DestinationError> {
    let session_token = keys.session_token.clone().ok_or(DestinationError::NotTemporary)?;
    let file = AwsAuthEnv {
        access_key_id: Secret::new(keys.access_key_id.clone()),
        secret_access_key: keys.secret_access_key.clone(),
        session_token,
        expiration: keys.expires_at,
    };
    file.write(path).map_err(|cause| DestinationError::File { cause: Box::new(cause) })
}
