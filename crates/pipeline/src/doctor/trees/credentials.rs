//! The checks of credentials and logins.

use super::{ACCOUNT, KEYS, SETTINGS, stage_itself};
use crate::doctor::{Check, Evidence};

pub(super) const AWS_CREDENTIALS: &[Check] = &[
    SETTINGS,
    Check {
        id: "login-settings",
        asks: "are role id, secret id or token, addresses and paths there, and of their form?",
        by: Evidence::LoginSettings,
        after: &["settings"],
        failures: &[
            "login-setting-missing",
            "login-setting-invalid",
            "id-token-refused",
            "setting-missing",
            "settings-invalid",
            "certificate-untrusted",
        ],
    },
    Check {
        id: "vault",
        asks: "does Vault answer, initialised and unsealed?",
        by: Evidence::Vault,
        after: &["login-settings"],
        failures: &[
            "vault-sealed",
            "vault-not-initialised",
            "vault-redirects",
            "vault-unreachable",
            "certificate-untrusted",
            "service-unreachable",
        ],
    },
    Check {
        id: "wrapping",
        asks: "is the secret id still in its wrapping?",
        by: Evidence::Wrapping,
        after: &["vault"],
        failures: &["wrapped-secret-id-gone", "vault-redirects"],
    },
    Check {
        id: "login",
        asks: "does Vault accept the login?",
        by: Evidence::Session,
        after: &["vault", "wrapping"],
        failures: &[
            "vault-login-refused",
            "id-token-refused",
            "wrapped-secret-id-gone",
            "vault-mount-missing",
            "vault-sealed",
            "vault-redirects",
            "vault-unreachable",
        ],
    },
    Check {
        id: "policy",
        asks: "do its policies allow the path of the AWS role, and is that there?",
        by: Evidence::Session,
        after: &["login"],
        failures: &["vault-policy-denies", "vault-role-missing"],
    },
    Check {
        id: "role",
        asks: "does Vault's role take the role ARN, and AWS let Vault assume it for long enough?",
        by: Evidence::Session,
        after: &["policy"],
        failures: &["role-arn-refused", "trust-policy-refuses", "credentials-too-short"],
    },
    Check {
        id: "sts",
        asks: "does STS answer for the keys?",
        by: Evidence::Session,
        after: &["role"],
        failures: &["aws-keys-refused", "service-unreachable", "certificate-untrusted"],
    },
    Check {
        id: "account",
        asks: "are the keys of the expected account and role?",
        by: Evidence::Session,
        after: &["sts"],
        failures: &["account-differs", "role-differs"],
    },
];

pub(super) const PREPARE_DOCKER_CONFIG: &[Check] = &[
    SETTINGS,
    Check {
        id: "logins",
        asks: "is DOCKER_AUTH_CONFIG there, and of its shape?",
        by: Evidence::DockerLogins,
        after: &["settings"],
        failures: &["docker-auth-missing", "docker-auth-invalid"],
    },
    Check {
        id: "region",
        asks: "are registry and region named, and the same?",
        by: Evidence::Region,
        after: &["settings"],
        failures: &["region-differs", "setting-missing", "settings-invalid"],
    },
    KEYS,
    ACCOUNT,
    Check {
        id: "registry",
        asks: "does the registry that images come from accept the login?",
        by: Evidence::RegistryLogin,
        after: &["logins"],
        failures: &[
            "registry-login-missing",
            "registry-login-refused",
            "registry-denied",
            "registry-unreachable",
            "docker-auth-invalid",
            "service-unreachable",
            "certificate-untrusted",
        ],
    },
    Check {
        id: "ecr-token",
        asks: "does ECR give a token?",
        by: Evidence::EcrToken,
        after: &["account", "region"],
        failures: &["ecr-token-denied", "aws-keys-refused", "aws-keys-expired", "service-unreachable"],
    },
    stage_itself(&["logins", "region", "keys", "account"]),
];
