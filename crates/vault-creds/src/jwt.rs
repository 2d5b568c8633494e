//! What a signed token says, for people: whether it is right is for Vault to say.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use landfall_secret::Secret;
use serde_json::Value;

/// Claims that say why a role may not take a token (RFC 7519, section 4.1).
const TOLD: [&str; 4] = ["iss", "aud", "sub", "exp"];

/// Whether it has the shape of a signed JWT: header, claims and signature (RFC 7519, RFC 7515 section 3.1).
pub(crate) fn is_signed(token: &Secret) -> bool {
    let parts: Vec<&str> = token.expose().split('.').collect();
    parts.len() == 3
        && parts.iter().all(|part| !part.is_empty() && URL_SAFE_NO_PAD.decode(part).is_ok())
        && claims(token).is_some()
}

/// The claims that Vault holds against its role, on one line and escaped.
pub(crate) fn told(token: &Secret) -> String {
    let claims = claims(token).unwrap_or_default();
    let shown = |name: &&str| {
        let value = claims.get(*name)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some(format!("{name} {}", landfall_secret::escape(&text, 200)))
    };
    TOLD.iter().filter_map(shown).collect::<Vec<_>>().join(", ")
}

fn claims(token: &Secret) -> Option<serde_json::Map<String, Value>> {
    let claims = token.expose().split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use landfall_secret::Secret;

    use super::{is_signed, told};

    fn token(claims: &str) -> Secret {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        Secret::new(format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(claims), part("signature")))
    }

    #[test]
    fn claims_are_told_and_nothing_else() {
        let jwt = token(
            r#"{"iss":"https://gitlab.example.com","aud":["https://vault.example.com"],"sub":"project_path:a/b","user_email":"ada@example.com","exp":1}"#,
        );
        assert!(is_signed(&jwt));
        assert_eq!(
            told(&jwt),
            r#"iss https://gitlab.example.com, aud ["https://vault.example.com"], sub project_path:a/b, exp 1"#
        );
    }

    #[test]
    fn others_are_none() {
        for text in
            ["", "a.b", "a.b.c", "hvs.abc", "..", "eyJhIjoxfQ.eyJhIjoxfQ", "eyJhIjoxfQ.W10.eyJhIjoxfQ"]
        {
            assert!(!is_signed(&Secret::new(text)), "{text}");
        }
    }
}
