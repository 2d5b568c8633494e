//! `[environment.*.vault]` of `landfall.toml`.

use std::time::Duration;

use schemars::JsonSchema;

use crate::file_error::Problems;
use crate::json::{At, FromJson};
use crate::text_name::Address;

/// Where an environment's AWS credentials come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct VaultSettings {
    /// Vault's address.
    pub address: Option<Address>,
    /// How to log in: `approle`, `jwt`, `token`, or `web-identity` at AWS itself. Default `approle`.
    pub login: Option<String>,
    /// Path of the auth mount. Default `approle`, or `jwt`.
    pub login_path: Option<String>,
    /// The role of a login by JWT. Default: that of the method.
    pub role: Option<String>,
    /// Who a token that GitHub is asked for is to be for. Default: Vault's address, or `sts.amazonaws.com`.
    pub audience: Option<String>,
    /// Path of the AWS role, such as `aws/sts/deployer`.
    pub aws_path: Option<String>,
    /// The AWS role to assume.
    pub role_arn: Option<String>,
    /// Vault's namespace.
    pub namespace: Option<String>,
    /// How long the credentials are to live: a number and `s`, `m` or `h`.
    #[schemars(with = "Option<String>")]
    pub ttl: Option<Duration>,
    /// How long they must live at least.
    #[schemars(with = "Option<String>")]
    pub min_ttl: Option<Duration>,
}

impl FromJson for VaultSettings {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        at.members(problems)?;
        let address = at.field("address", problems);
        let login = at.field("login", problems);
        let login_path = at.field("login_path", problems);
        let role = at.field("role", problems);
        let audience = at.field("audience", problems);
        let aws_path = at.field("aws_path", problems);
        let role_arn = at.field("role_arn", problems);
        let namespace = at.field("namespace", problems);
        let ttl: Option<Option<Ttl>> = at.field("ttl", problems);
        let min_ttl: Option<Option<Ttl>> = at.field("min_ttl", problems);
        Some(Self {
            address: address?,
            login: login?,
            login_path: login_path?,
            role: role?,
            audience: audience?,
            aws_path: aws_path?,
            role_arn: role_arn?,
            namespace: namespace?,
            ttl: ttl?.map(|ttl| ttl.0),
            min_ttl: min_ttl?.map(|ttl| ttl.0),
        })
    }
}

/// A length of time as settings write it.
pub(crate) struct Ttl(pub(crate) Duration);

impl FromJson for Ttl {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let expected = "a time such as 1h, 30m or 900s, at most 36h";
        let text = at.text(expected, problems)?;
        let seconds = [("h", 3600), ("m", 60), ("s", 1)].iter().find_map(|(unit, seconds)| {
            let number = text.strip_suffix(unit)?;
            let digits = (1..=6).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            number.parse::<u64>().ok().filter(|_| digits).map(|n| n * seconds)
        });
        let ttl = seconds.filter(|s| (1..=36 * 3600).contains(s)).map(Duration::from_secs);
        if ttl.is_none() {
            problems.wrong(at, expected);
        }
        ttl.map(Self)
    }
}
