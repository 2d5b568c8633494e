//! Logins at registries, and how they are found in a Docker configuration.

use landfall_artifacts::DockerConfig;
use landfall_secret::{CredentialKind, Secret};

use crate::Error;

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
}

impl Login {
    /// User and password.
    pub fn basic(user: impl Into<String>, password: Secret) -> Self {
        Self::Basic { user: user.into(), password }
    }

    pub(crate) fn kind(&self) -> CredentialKind {
        match self {
            Self::Basic { user, password } => {
                CredentialKind::Basic { user: user.clone(), password: password.clone() }
            }
            Self::Bearer(token) => CredentialKind::Bearer(token.clone()),
        }
    }

    pub(crate) fn user(&self) -> &str {
        match self {
            Self::Basic { user, .. } => user,
            Self::Bearer(_) => "an access token",
        }
    }
}

/// The login for a host (with its port, where it has one); `None` where the configuration names nothing for it.
///
/// # Errors
/// [`Error::LoginKind`] where it names an identity token, or only a credential helper: no program is started from here.
pub fn login_for(config: &DockerConfig, host: &str) -> Result<Option<Login>, Error> {
    let refused = |kind: String| Err(Error::LoginKind { host: landfall_secret::escape(host, 120), kind });
    match config.login_for(host) {
        Some(landfall_artifacts::Login::Password { username, password }) => {
            Ok(Some(Login::basic(username, password.clone())))
        }
        Some(landfall_artifacts::Login::IdentityToken { .. }) => refused("an identity token".to_owned()),
        None => match config.helper_for(host) {
            Some(helper) => {
                refused(format!("with the credential helper `{}`", landfall_secret::escape(helper, 60)))
            }
            None => Ok(None),
        },
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{DockerConfig, Explain as _};

    use super::{Login, login_for};

    #[test]
    fn a_host_gets_its_own_login_or_none() {
        let text = br#"{"auths":{"a.example.com":{"auth":"dTpjYW5hcnk="},"b.example.com":{"identitytoken":"canary"}},"credHelpers":{"c.example.com":"ecr-login"}}"#;
        let config = DockerConfig::parse(text, "x").expect("valid");
        let found = login_for(&config, "a.example.com").expect("usable");
        assert!(
            matches!(&found, Some(Login::Basic { user, password }) if user == "u" && password.expose() == "canary")
        );
        assert!(!format!("{found:?}").contains("canary"));
        assert_eq!(login_for(&config, "d.example.com").expect("usable"), None);
        for host in ["b.example.com", "c.example.com"] {
            let error = login_for(&config, host).expect_err("not usable");
            assert_eq!(error.code(), "LF-REG-LOGIN-KIND");
            assert!(!error.to_string().contains("canary"));
        }
    }
}
