//! The form in which the AWS CLI and SDKs take keys from a program (AWS SDKs and Tools Reference Guide, "Process credential provider").

use landfall_aws::AwsKeys;
use landfall_run::rfc3339;
use landfall_secret::Secret;
use serde_json::json;

use super::{DestinationError, named};

/// One line of JSON. Without an expiration the keys would be taken for ones that last.
pub(super) fn text(keys: &AwsKeys) -> Result<Secret, DestinationError> {
    let _printable = named::named(keys)?;
    let token = keys.session_token.as_ref().ok_or(DestinationError::NotTemporary)?;
    let mut said = json!({
        "Version": 1,
        "AccessKeyId": keys.access_key_id,
        "SecretAccessKey": keys.secret_access_key.expose(),
        "SessionToken": token.expose(),
    });
    if let (Some(at), Some(members)) = (keys.expires_at, said.as_object_mut()) {
        members.insert("Expiration".to_owned(), rfc3339(at).into());
    }
    Ok(Secret::new(format!("{said}\n")))
}
