//! Ways to log in, and what can be wrong with them before anything is sent.

use landfall_secret::Secret;

use crate::{Error, GitHubOidc, jwt};

/// How to log in. Printable: secrets show as `<redacted>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultLogin {
    /// The AppRole auth method (Vault API, "AppRole auth method").
    AppRole {
        /// The role id.
        role_id: String,
        /// The secret id.
        secret_id: SecretId,
    },
    /// The JWT auth method, by a token that the CI signed (Vault API, "JWT/OIDC auth method", "JWT login"). Nothing has to be stored for
    /// it, and it may be made again.
    Jwt {
        /// The role; `None` takes the default role of the method.
        role: Option<String>,
        /// The signed token, such as one of GitLab's `id_tokens`.
        token: Secret,
    },
    /// The same, by a token that GitHub is asked for when it is needed.
    GitHub {
        /// The role; `None` takes the default role of the method.
        role: Option<String>,
        /// Where GitHub gives the token.
        oidc: GitHubOidc,
    },
    /// A token that was made elsewhere. It is left as it is: who made it gives it back.
    Token(Secret),
}

/// The secret half of an AppRole login. It may be good for one login alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretId {
    /// The secret id itself.
    Plain(Secret),
    /// A token that holds it once (Vault API, "/sys/wrapping/unwrap"): that it was unwrapped before shows that somebody else saw it.
    Wrapped(Secret),
}

impl VaultLogin {
    /// AppRole by a plain secret id.
    pub fn app_role(role_id: &str, secret_id: Secret) -> Self {
        Self::AppRole { role_id: role_id.to_owned(), secret_id: SecretId::Plain(secret_id) }
    }

    /// The secrets of the login, for a redactor to learn.
    pub(crate) fn secret(&self) -> &Secret {
        match self {
            Self::AppRole { secret_id: SecretId::Plain(secret) | SecretId::Wrapped(secret), .. }
            | Self::Jwt { token: secret, .. }
            | Self::Token(secret) => secret,
            Self::GitHub { oidc, .. } => &oidc.bearer,
        }
    }

    /// Where the method is mounted unless something else is said.
    pub(crate) fn usual_mount(&self) -> &'static str {
        match self {
            Self::AppRole { .. } | Self::Token(_) => "approle",
            Self::Jwt { .. } | Self::GitHub { .. } => "jwt",
        }
    }

    /// Whether the same login may be made a second time, when the keys of the first end.
    pub fn can_repeat(&self) -> bool {
        match self {
            Self::AppRole { secret_id: SecretId::Wrapped(_), .. } => false,
            Self::AppRole { secret_id: SecretId::Plain(_), .. }
            | Self::Jwt { .. }
            | Self::GitHub { .. }
            | Self::Token(_) => true,
        }
    }

    /// What is used, in a few words for reports: which class of login it is decides what a leak would cost.
    pub fn told(&self) -> &'static str {
        match self {
            Self::AppRole { secret_id: SecretId::Plain(_), .. } => "AppRole by a stored secret id",
            Self::AppRole { secret_id: SecretId::Wrapped(_), .. } => "AppRole by a wrapped secret id",
            Self::Jwt { .. } => "JWT that the CI signed",
            Self::GitHub { .. } => "JWT that GitHub signed",
            Self::Token(_) => "given token",
        }
    }

    pub(crate) fn problems(&self) -> Vec<Error> {
        let missing = match self {
            Self::AppRole { role_id, secret_id } => {
                let (what, secret) = match secret_id {
                    SecretId::Plain(secret) => ("the secret id", secret),
                    SecretId::Wrapped(token) => ("the token that wraps the secret id", token),
                };
                vec![(role_id.is_empty(), "the role id"), (secret.is_empty(), what)]
            }
            Self::Jwt { token, .. } => vec![(token.is_empty(), "the id token")],
            Self::GitHub { oidc, .. } => return oidc.problems(),
            Self::Token(token) => vec![(token.is_empty(), "the token")],
        };
        let mut found: Vec<Error> = missing
            .into_iter()
            .filter_map(|(missing, what)| missing.then_some(Error::Missing { what }))
            .collect();
        match self {
            Self::Jwt { token, .. } if !token.is_empty() && !jwt::is_signed(token) => {
                found.push(Error::IdToken);
            }
            // It is sent as a header.
            Self::Token(token) | Self::AppRole { secret_id: SecretId::Wrapped(token), .. }
                if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) =>
            {
                found.push(Error::TokenText);
            }
            Self::AppRole { .. } | Self::Jwt { .. } | Self::GitHub { .. } | Self::Token(_) => {}
        }
        found
    }
}
