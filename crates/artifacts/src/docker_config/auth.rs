//! One entry of `auths`: the login of a host, and what else stands there.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use landfall_secret::Secret;
use serde_json::{Map, Value};

use crate::file_error::Problems;
use crate::json::{At, FromJson};

/// Docker writes padded base64; others leave the padding out.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Clone, Default, PartialEq)]
pub(super) struct Auth {
    pub(super) login: Option<Login>,
    /// Every key save those that make the login.
    rest: Map<String, Value>,
}

/// How to log in at a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// User and password, for Basic and for token requests.
    Password {
        /// The user; never holds a colon.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A token that is exchanged for access tokens (OAuth2 refresh token), with the user where one is named.
    IdentityToken {
        /// The user that was written beside it, often `<token>` or none.
        username: Option<String>,
        /// The token.
        token: Secret,
    },
}

impl Auth {
    pub(super) fn object(&self) -> Map<String, Value> {
        let mut object = self.rest.clone();
        let mut put = |key: &str, text: String| object.insert(key.to_owned(), Value::String(text));
        match &self.login {
            None => {}
            Some(Login::Password { username, password }) => {
                put("auth", BASE64.encode(format!("{username}:{}", password.expose())));
            }
            Some(Login::IdentityToken { username, token }) => {
                if let Some(username) = username {
                    put("auth", BASE64.encode(format!("{username}:")));
                }
                put("identitytoken", token.expose().to_owned());
            }
        }
        object
    }
}

impl FromJson for Auth {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let mut auth = Self::default();
        for member in at.members(problems)? {
            if !matches!(member.key.as_str(), "auth" | "username" | "password" | "identitytoken") {
                auth.rest.insert(member.key.clone(), member.value.to_value());
            }
        }
        let basic: Option<String> = at.field("auth", problems)?;
        let pair = match basic.filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => {
                let Some(pair) = user_and_password(&text) else {
                    problems.at_field(at, "auth", "base64 of `user:password`");
                    return None;
                };
                Some(pair)
            }
        };
        let username: Option<String> = at.field("username", problems)?;
        let password: Option<String> = at.field("password", problems)?;
        let token: Option<String> = at.field("identitytoken", problems)?;
        let filled = |text: Option<String>| text.filter(|t| !t.is_empty());
        let (named, word) = if let Some((user, word)) = pair {
            (Some(user), Some(word))
        } else {
            let username = filled(username);
            if !fits_auth(at, username.as_deref(), password.as_deref(), problems) {
                return None;
            }
            (username, password)
        };
        auth.login = match (filled(token), named, word) {
            (Some(token), username, _) => Some(Login::IdentityToken { username, token: Secret::new(token) }),
            (None, Some(username), Some(password)) => {
                Some(Login::Password { username, password: Secret::new(password) })
            }
            (None, ..) => None,
        };
        Some(auth)
    }
}

fn user_and_password(text: &str) -> Option<(String, String)> {
    let plain = String::from_utf8(BASE64.decode(text.trim()).ok()?).ok()?;
    let (user, password) = plain.split_once(':')?;
    // Old Docker versions pad the password with NUL.
    let password = password.trim_matches('\0');
    (is_user(user) && is_password(password)).then(|| (user.to_owned(), password.to_owned()))
}

/// Whether a login that stands there as user and password is read the same from `auth`, where it is written.
fn fits_auth(at: At<'_>, user: Option<&str>, password: Option<&str>, problems: &mut Problems<'_>) -> bool {
    let (key, expected) = match (user, password) {
        (Some(user), _) if !is_user(user) => ("username", "a user name without colon and control characters"),
        (_, Some(word)) if !is_password(word) => ("password", "a password without control characters"),
        (None, Some(word)) if !word.is_empty() => ("username", "the user of the password"),
        _ => return true,
    };
    problems.at_field(at, key, expected);
    false
}

/// Whether a user can stand before the colon of `auth` (RFC 7617, 2).
pub(super) fn is_user(text: &str) -> bool {
    !text.is_empty() && !text.contains(':') && !text.chars().any(char::is_control)
}

/// Whether a password can stand behind the colon of `auth` (RFC 7617, 2).
pub(super) fn is_password(text: &str) -> bool {
    !text.chars().any(char::is_control)
}
