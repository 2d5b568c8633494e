//! A secret together with the origin it may be sent to.

use crate::{Origin, Secret};

/// How a credential presents itself in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// `Authorization: Basic` of user and password (RFC 7617).
    Basic {
        /// The user name, which is not a secret.
        user: String,
        /// The password or token.
        password: Secret,
    },
    /// `Authorization: Bearer` (RFC 6750).
    Bearer(Secret),
    /// A header of the service's own, such as `X-Vault-Token`.
    Header {
        /// The header's name in lower case.
        name: &'static str,
        /// Its value.
        value: Secret,
    },
}

/// A credential and the only origin that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    origin: Origin,
    kind: CredentialKind,
}

impl Credential {
    /// Binds a credential to its origin.
    pub fn new(origin: Origin, kind: CredentialKind) -> Self {
        Self { origin, kind }
    }

    /// The only origin that the credential may be sent to.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How the credential presents itself.
    pub fn kind(&self) -> &CredentialKind {
        &self.kind
    }
}
