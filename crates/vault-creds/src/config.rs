//! What a fetch is told, and what can be wrong with it before anything is sent.

use std::time::Duration;

use crate::{Error, VaultLogin};

/// Bounds of a time to live that AWS accepts (STS, AssumeRole, DurationSeconds).
pub(crate) const TTL: std::ops::RangeInclusive<u64> = 900..=43_200;

/// Where to log in, as whom, and which AWS keys to ask for. Printable: secrets show as `<redacted>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultConfig {
    /// The server, such as `https://vault.example.com:8200`; a path before `/v1` is kept, `/v1` itself may be there or not.
    pub address: String,
    /// The namespace (Vault Enterprise), such as `team/delivery`; an empty one is none.
    pub namespace: Option<String>,
    /// How to log in.
    pub login: VaultLogin,
    /// Where the auth method is mounted (default `approle`, or `jwt`).
    pub login_mount: String,
    /// Path of the AWS role: `<mount>/sts/<role>` or `<mount>/creds/<role>`, such as `aws/sts/deployer`.
    pub aws_path: String,
    /// The AWS role to assume, where Vault's role allows several.
    pub role_arn: Option<String>,
    /// How long the keys are asked to live: 900 s to 43,200 s (default 3,600 s, the most where Vault itself runs on a role).
    pub ttl: Duration,
    /// How long they have to live at least, or the fetch fails (default: no bound).
    pub least_ttl: Duration,
    /// Name of the session, seen in the ARN and in CloudTrail; characters that AWS refuses become `_`, 64 are kept.
    pub session_name: Option<String>,
}

/// Where the AWS secrets engine gives keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsPath {
    /// Where the engine is mounted.
    pub mount: String,
    /// Which of its two endpoints.
    pub endpoint: Endpoint,
    /// The role.
    pub role: String,
}

/// The endpoints of the AWS secrets engine that give keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `sts`: always temporary keys; asking twice does no harm.
    Sts,
    /// `creds`: temporary keys or a new user, as the role says.
    Creds,
}

impl VaultConfig {
    /// A configuration with the defaults.
    pub fn new(address: &str, login: VaultLogin, aws_path: &str) -> Self {
        Self {
            address: address.to_owned(),
            namespace: None,
            login_mount: login.usual_mount().to_owned(),
            login,
            aws_path: aws_path.to_owned(),
            role_arn: None,
            ttl: Duration::from_secs(3600),
            least_ttl: Duration::ZERO,
            session_name: None,
        }
    }

    /// Everything that is wrong with it, all at once; empty where it is fine. Nothing is sent.
    pub fn problems(&self) -> Vec<Error> {
        let mut found = Vec::new();
        if self.address.is_empty() {
            found.push(Error::Missing { what: "the address of Vault" });
        }
        found.extend(self.login.problems());
        found.extend(self.path().err());
        found.extend(self.mount().err());
        if let Some(namespace) = self.namespace.as_ref().filter(|namespace| !is_namespace(namespace)) {
            found.push(Error::Namespace { shown: landfall_secret::escape(namespace, 200) });
        }
        if let Some(arn) = self.role_arn.as_ref().filter(|arn| !is_role_arn(arn)) {
            found.push(Error::RoleArn { shown: landfall_secret::escape(arn, 200) });
        }
        if !TTL.contains(&self.ttl.as_secs()) {
            found.push(Error::Ttl { asked: self.ttl });
        }
        found
    }

    /// The parts of the AWS path.
    ///
    /// # Errors
    /// [`Error::AwsPath`] where it is not `<mount>/sts/<role>` or `<mount>/creds/<role>`.
    pub fn path(&self) -> Result<AwsPath, Error> {
        let refused = || Error::AwsPath { shown: landfall_secret::escape(&self.aws_path, 200) };
        let text = self.aws_path.trim_matches('/');
        let text = text.strip_prefix("v1/").unwrap_or(text);
        let (rest, role) = text.rsplit_once('/').ok_or_else(refused)?;
        let (mount, endpoint) = rest.rsplit_once('/').ok_or_else(refused)?;
        let endpoint = match endpoint {
            "sts" => Endpoint::Sts,
            "creds" => Endpoint::Creds,
            _ => return Err(refused()),
        };
        if !mount.split('/').chain([role]).all(is_segment) {
            return Err(refused());
        }
        Ok(AwsPath { mount: mount.to_owned(), endpoint, role: role.to_owned() })
    }

    /// The mount of the auth method, also where it was given as `auth/<mount>/login`.
    pub(crate) fn mount(&self) -> Result<&str, Error> {
        let text = self.login_mount.trim_matches('/');
        let text = text.strip_prefix("auth/").unwrap_or(text);
        let text = text.strip_suffix("/login").unwrap_or(text);
        if text.split('/').all(is_segment) {
            Ok(text)
        } else {
            Err(Error::Mount { shown: landfall_secret::escape(&self.login_mount, 200) })
        }
    }

    /// The address without a trailing `/v1`, which every path brings.
    pub(crate) fn base(&self) -> &str {
        let address = self.address.trim_end_matches('/');
        address.strip_suffix("/v1").unwrap_or(address)
    }

    /// The session name as AWS accepts it.
    pub(crate) fn session(&self) -> Option<String> {
        session(self.session_name.as_deref()?)
    }
}

/// A session name as AWS accepts it; `None` where too little is left of it.
pub(crate) fn session(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    let name: String = text.chars().take(64).map(|c| if allowed(c) { c } else { '_' }).collect();
    (name.len() >= 2).then_some(name)
}

fn is_segment(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !text.is_empty() && text.len() <= 128 && text != "." && text != ".." && text.bytes().all(allowed)
}

/// Segments between slashes, of which one may stand at either end; an empty text is none at all.
fn is_namespace(text: &str) -> bool {
    let is_part = |part: &str| {
        let odd = |b: u8| !b.is_ascii_graphic() || b"\\?#%\"".contains(&b);
        !part.is_empty() && part.len() <= 128 && part != "." && part != ".." && !part.bytes().any(odd)
    };
    let inner = text.strip_prefix('/').unwrap_or(text);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    text.is_empty() || inner.split('/').all(is_part)
}

/// `arn:<partition>:iam::<account>:role/<path and name>`.
pub(crate) fn is_role_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (arn, partition, service, region, account, rest) = (next(), next(), next(), next(), next(), next());
    arn == "arn"
        && partition.starts_with("aws")
        && service == "iam"
        && region.is_empty()
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && rest.strip_prefix("role/").is_some_and(|name| !name.is_empty())
        && text.len() <= 2048
        && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use landfall_artifacts::{Class, Explain as _};
    use landfall_secret::Secret;

    use super::{Endpoint, VaultConfig, VaultLogin};
    use crate::SecretId;

    fn config() -> VaultConfig {
        let login = VaultLogin::app_role("role", Secret::new("secret"));
        VaultConfig::new("https://vault.example.com", login, "aws/sts/deployer")
    }

    #[test]
    fn paths_have_mount_endpoint_and_role() {
        let path =
            VaultConfig { aws_path: "/v1/team/aws/creds/ci".into(), ..config() }.path().expect("a path");
        assert_eq!(
            (path.mount.as_str(), path.endpoint, path.role.as_str()),
            ("team/aws", Endpoint::Creds, "ci")
        );
        for bad in [
            "",
            "aws",
            "aws/deployer",
            "aws/roles/deployer",
            "aws/sts/",
            "../sts/x",
            "a b/sts/x",
            "a/sts/x?y",
        ] {
            assert!(VaultConfig { aws_path: bad.into(), ..config() }.path().is_err(), "{bad}");
        }
    }

    #[test]
    fn mounts_may_be_given_whole() {
        for given in ["approle", "auth/approle", "/auth/approle/login"] {
            assert_eq!(VaultConfig { login_mount: given.into(), ..config() }.mount().ok(), Some("approle"));
        }
        assert_eq!(
            VaultConfig { address: "https://v/vault/v1/".into(), ..config() }.base(),
            "https://v/vault"
        );
    }

    #[test]
    fn all_problems_are_found_at_once() {
        assert!(config().problems().is_empty());
        let bad = VaultConfig {
            login: VaultLogin::app_role("", Secret::new("")),
            aws_path: "x".into(),
            role_arn: Some("deployer".into()),
            ttl: Duration::from_secs(60),
            ..config()
        };
        assert_eq!(bad.problems().len(), 5);
        let good =
            VaultConfig { role_arn: Some("arn:aws:iam::123456789012:role/a/deployer".into()), ..config() };
        assert!(good.problems().is_empty());
        let by = |login: VaultLogin| VaultConfig { login, ..config() }.problems().len();
        let wrapped = |text: &str| VaultLogin::AppRole {
            role_id: "role".to_owned(),
            secret_id: SecretId::Wrapped(Secret::new(text)),
        };
        let id_token = |text: &str| VaultLogin::Jwt { role: None, token: Secret::new(text) };
        assert_eq!((by(wrapped("hvs.a")), by(wrapped("")), by(wrapped("a\nb"))), (0, 1, 1));
        assert_eq!((by(id_token("")), by(id_token("hvs.a"))), (1, 1));
        assert_eq!(
            (by(VaultLogin::Token(Secret::new("hvs.a"))), by(VaultLogin::Token(Secret::new("")))),
            (0, 1)
        );
    }

    #[test]
    fn a_namespace_is_a_path_of_plain_segments() {
        let problems =
            |namespace: &str| VaultConfig { namespace: Some(namespace.into()), ..config() }.problems();
        for good in ["", "root", "team/delivery", "team/delivery/", "/team", "a_b-c.d/e@f"] {
            assert!(problems(good).is_empty(), "{good}");
        }
        for bad in [
            "a\nb",
            "a\r\nx-vault-token: y",
            "team//delivery",
            "team/../other",
            ".",
            "a b",
            "a?b",
            "//",
            "t\u{e9}am",
        ] {
            let found = problems(bad);
            assert!(
                found.len() == 1 && found.iter().all(|problem| problem.class() == Class::Input),
                "{bad:?}: {found:?}"
            );
        }
    }

    #[test]
    fn session_names_are_made_to_fit() {
        let name = |text: &str| VaultConfig { session_name: Some(text.into()), ..config() }.session();
        assert_eq!(name("gl 1/2"), Some("gl_1_2".into()));
        assert_eq!(name(&"x".repeat(90)).map(|text| text.len()), Some(64));
        assert_eq!(name("x"), None);
    }
}
