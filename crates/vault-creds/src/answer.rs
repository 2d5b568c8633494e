//! Vault's answers, as far as they matter here. Every field may be missing or null.

use serde::Deserialize;

/// The envelope of an answer (Vault HTTP API).
#[derive(Deserialize, Default)]
pub(crate) struct Envelope {
    pub(crate) lease_duration: Option<u64>,
    data: Option<serde_json::Value>,
    pub(crate) auth: Option<Auth>,
    pub(crate) warnings: Option<Vec<String>>,
}

impl Envelope {
    /// What was asked for; `None` where it is missing or of another shape.
    pub(crate) fn data<T: serde::de::DeserializeOwned>(self) -> Option<T> {
        serde_json::from_value(self.data?).ok()
    }
}

/// What is known of a wrapping token (Vault API, "/sys/wrapping/lookup").
#[derive(Deserialize)]
pub(crate) struct WrapFacts {
    pub(crate) creation_path: Option<String>,
}

/// What the wrapping of a secret id holds.
#[derive(Deserialize)]
pub(crate) struct Unwrapped {
    pub(crate) secret_id: Option<String>,
}

/// What a login gives.
#[derive(Deserialize)]
pub(crate) struct Auth {
    pub(crate) client_token: Option<String>,
    pub(crate) token_type: Option<String>,
}

/// What the AWS secrets engine gives. `session_token` came with Vault 1.16; `security_token` is its older name.
#[derive(Deserialize)]
pub(crate) struct AwsData {
    pub(crate) access_key: Option<String>,
    pub(crate) secret_key: Option<String>,
    pub(crate) security_token: Option<String>,
    pub(crate) session_token: Option<String>,
    pub(crate) arn: Option<String>,
    pub(crate) ttl: Option<u64>,
}

/// What every status of 400 and above carries.
#[derive(Deserialize)]
struct Refusal {
    errors: Option<Vec<String>>,
}

/// Whether a refusal is Vault's own: all of them have a list of errors.
pub(crate) fn is_vaults(body: &str) -> bool {
    serde_json::from_str::<Refusal>(body).is_ok_and(|refusal| refusal.errors.is_some())
}

/// What Vault said of a refusal: its `errors` on one line, else the beginning of the body.
pub(crate) fn said(body: &str) -> String {
    let text = match serde_json::from_str::<Refusal>(body) {
        Ok(Refusal { errors: Some(errors) }) if !errors.is_empty() => errors.join("; "),
        Ok(Refusal { errors: Some(_) }) => "no reason given".to_owned(),
        Ok(Refusal { errors: None }) | Err(_) => body.trim().to_owned(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "no reason given".to_owned() } else { line }
}

#[cfg(test)]
mod tests {
    use super::{Envelope, said};

    #[test]
    fn refusals_are_put_on_one_line() {
        assert_eq!(
            said(r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#),
            "1 error occurred: * permission denied"
        );
        assert_eq!(said(r#"{"errors":[]}"#), "no reason given");
        assert_eq!(said("<html>no</html>"), "<html>no</html>");
        assert_eq!(said(""), "no reason given");
    }

    #[test]
    fn nulls_are_taken() {
        let all_null = r#"{"lease_duration":null,"data":null,"auth":null,"warnings":null,"wrap_info":null}"#;
        assert!(serde_json::from_str::<Envelope>(all_null).is_ok_and(|envelope| envelope.auth.is_none()));
    }
}
