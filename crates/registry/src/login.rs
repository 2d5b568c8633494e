//! Logins at registries.

use landfall_secret::{CredentialKind, Secret};

/// How to log in at a registry. `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// User and password (or access token as the password).
    Basic {
        /// The user, which is not a secret.
        user: String,
        /// The password.
        password: Secret,
    },
    /// An access token that the server takes as it is, such as Artifactory's.
    Bearer(Secret),
    /// A token that the registry's token server exchanges for access tokens (distribution docs, "OAuth2 Token
    /// Authentication"), as `docker login` keeps it. It is sent to the token server alone.
    IdentityToken(Secret),
}

impl Login {
    /// User and password.
    pub fn basic(user: impl Into<String>, password: Secret) -> Self {
        Self::Basic { user: user.into(), password }
    }

    /// The password or token.
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Basic { password: secret, .. } | Self::Bearer(secret) | Self::IdentityToken(secret) => {
                secret
            }
        }
    }

    /// How a request carries it; `None` where it has to be exchanged first.
    pub(crate) fn kind(&self) -> Option<CredentialKind> {
        match self {
            Self::Basic { user, password } => {
                Some(CredentialKind::Basic { user: user.clone(), password: password.clone() })
            }
            Self::Bearer(token) => Some(CredentialKind::Bearer(token.clone())),
            Self::IdentityToken(_) => None,
        }
    }

    pub(crate) fn user(&self) -> &str {
        match self {
            Self::Basic { user, .. } => user,
            Self::Bearer(_) => "an access token",
            Self::IdentityToken(_) => "an identity token",
        }
    }
}

impl From<&landfall_artifacts::Login> for Login {
    fn from(login: &landfall_artifacts::Login) -> Self {
        match login {
            landfall_artifacts::Login::Password { username, password } => {
                Self::basic(username, password.clone())
            }
            landfall_artifacts::Login::IdentityToken { token, .. } => Self::IdentityToken(token.clone()),
        }
    }
}
