//! Whose the keys are, and whose they must be.

use std::future::Future;
use std::pin::Pin;

use landfall_artifacts::{Class, Problem};
use landfall_run::Run;
use landfall_transport::Http;

use crate::{AwsConfig, AwsKeys, Endpoints, Identity, caller_identity};

/// What the keys are held against before anything is done with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The account, twelve digits; `None` takes it from the role, and where there is none, any will do.
    pub account: Option<String>,
    /// The role, `arn:<partition>:iam::<account>:role/<path and name>`; `None` where any will do.
    pub role_arn: Option<String>,
}

/// What is expected of an identity and not so; `whose` names the keys, such as `Vault's credentials`.
///
/// The ARN of a session has the role's name without its path (IAM User Guide, "IAM identifiers"), so names are compared.
pub fn mismatch(expected: &Expected, found: &Identity, whose: &str) -> Option<Problem> {
    let role = expected.role_arn.as_deref().and_then(Role::of_arn);
    let account = expected.account.as_deref().or(role.as_ref().map(|role| role.account));
    if let Some(account) = account.filter(|account| *account != found.account) {
        let what = format!("{whose} belong to account {}, not {account}", found.account);
        return Some(Problem::new("LF-AWS-ACCOUNT", Class::Refused, what).with_remedy(
            "check AWS_ROLE_ARN and VAULT_AWS_PATH, and the role's trust policy; no file was written",
        ));
    }
    let role = role?;
    if Role::of_session(&found.arn).as_ref() == Some(&role) {
        return None;
    }
    let what = format!("{whose} are those of {}, not of the role {}", found.arn, role.name);
    Some(
        Problem::new("LF-AWS-ROLE", Class::Refused, what)
            .with_remedy("check AWS_ROLE_ARN, and which role VAULT_AWS_PATH stands for; nothing was written"),
    )
}

/// Holds keys against what is expected of them, by asking STS whose they are.
#[derive(Clone, Debug)]
pub struct KeyCheck {
    expected: Expected,
    region: String,
    endpoints: Endpoints,
    http: Http,
}

impl KeyCheck {
    /// A check at the STS of a region. Where nothing is expected, STS is not asked.
    pub fn new(expected: Expected, region: &str, endpoints: Endpoints, http: &Http) -> Self {
        Self { expected, region: region.to_owned(), endpoints, http: http.clone() }
    }

    /// Whether renewed keys are those of the account and role that are expected.
    ///
    /// The future is boxed, since a request that finds its keys over waits for it, and it makes a request.
    pub(crate) fn check<'a>(
        &'a self,
        keys: &'a AwsKeys,
        run: &'a Run,
    ) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'a>> {
        Box::pin(async move {
            if self.expected == Expected::default() {
                return Ok(());
            }
            let config =
                AwsConfig::new(&self.region, keys.clone(), self.endpoints.clone(), self.http.clone())
                    .map_err(|error| Problem::of(&error))?;
            let identity = caller_identity(&config, run).await.map_err(|failure| Problem::of(&failure))?;
            match mismatch(&self.expected, &identity, "the renewed AWS credentials") {
                Some(problem) => Err(problem.with_remedy(
                    "the old ones are used until they end; look what changed at the role, its trust policy or the file since",
                )),
                None => Ok(()),
            }
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Role<'a> {
    partition: &'a str,
    account: &'a str,
    name: &'a str,
}

impl<'a> Role<'a> {
    fn of_arn(arn: &'a str) -> Option<Self> {
        let (partition, account, rest) = parts(arn, "iam")?;
        let name = rest.strip_prefix("role/")?.rsplit('/').next()?;
        Some(Self { partition, account, name })
    }

    fn of_session(arn: &'a str) -> Option<Self> {
        let (partition, account, rest) = parts(arn, "sts")?;
        let (name, _session) = rest.strip_prefix("assumed-role/")?.split_once('/')?;
        Some(Self { partition, account, name })
    }
}

fn parts<'a>(arn: &'a str, service: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let mut parts = arn.splitn(6, ':');
    match (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?) {
        ("arn", partition, of, "", account, rest) if of == service => Some((partition, account, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Expected, mismatch};
    use crate::Identity;

    fn code(account: Option<&str>, role: Option<&str>, arn: &str) -> Option<String> {
        let expected = Expected { account: account.map(str::to_owned), role_arn: role.map(str::to_owned) };
        let found = Identity {
            account: arn.split(':').nth(4).unwrap_or_default().to_owned(),
            arn: arn.to_owned(),
            user_id: String::new(),
        };
        mismatch(&expected, &found, "Vault's credentials").map(|problem| problem.code)
    }

    #[test]
    fn account_and_role_must_be_those_that_are_configured() {
        let session = "arn:aws:sts::111122223333:assumed-role/Deployer/gl-1";
        let role = Some("arn:aws:iam::111122223333:role/ci/team/Deployer");
        assert_eq!(code(None, None, session), None);
        assert_eq!(code(Some("111122223333"), role, session), None);
        assert_eq!(code(Some("999999999999"), role, session).as_deref(), Some("LF-AWS-ACCOUNT"));
        let other_account = Some("arn:aws:iam::999999999999:role/Deployer");
        assert_eq!(code(None, other_account, session).as_deref(), Some("LF-AWS-ACCOUNT"));
        for other in [
            "arn:aws:sts::111122223333:assumed-role/Reader/gl-1",
            "arn:aws:sts::111122223333:assumed-role/Deployer2/gl-1",
            "arn:aws:sts::111122223333:assumed-role/deployer/gl-1",
            "arn:aws-cn:sts::111122223333:assumed-role/Deployer/gl-1",
            "arn:aws:iam::111122223333:user/Deployer",
            "arn:aws:sts::111122223333:federated-user/Deployer",
        ] {
            assert_eq!(code(None, role, other).as_deref(), Some("LF-AWS-ROLE"), "{other}");
        }
    }
}
