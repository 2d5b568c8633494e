//! Either way to AWS keys, and the same way once more when they end.

use landfall_artifacts::Problem;
use landfall_aws::{KeySource, NotRenewed, Renewed};
use landfall_run::Run;
use landfall_transport::Http;

use crate::{Error, Fetched, IdToken, VaultConfig, WebIdentityConfig, fetch};

/// A way to AWS keys. Printable: secrets show as `<redacted>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsLogin {
    /// By a login at Vault, whose AWS secrets engine gives the keys.
    Vault(VaultConfig),
    /// By a token of the CI at AWS itself.
    WebIdentity(WebIdentityConfig),
}

impl AwsLogin {
    /// Everything that is wrong with it, all at once; empty where it is fine. Nothing is sent.
    pub fn problems(&self) -> Vec<Error> {
        match self {
            Self::Vault(config) => config.problems(),
            Self::WebIdentity(config) => config.problems(),
        }
    }

    /// The role that is asked for, where it is named here.
    pub fn role_arn(&self) -> Option<&str> {
        match self {
            Self::Vault(config) => config.role_arn.as_deref(),
            Self::WebIdentity(config) => Some(&config.role_arn),
        }
    }

    /// Who gives the keys, for messages.
    pub fn giver(&self) -> &'static str {
        match self {
            Self::Vault(_) => "Vault",
            Self::WebIdentity(_) => "AWS",
        }
    }

    /// Where the login goes, for messages; not escaped.
    pub fn place(&self) -> &str {
        match self {
            Self::Vault(config) => &config.address,
            Self::WebIdentity(config) => &config.role_arn,
        }
    }

    /// What is used, in a few words for reports.
    pub fn told(&self) -> &'static str {
        match self {
            Self::Vault(config) => config.login.told(),
            Self::WebIdentity(WebIdentityConfig { token: IdToken::GitHub(_), .. }) => {
                "JWT that GitHub signed, at AWS"
            }
            Self::WebIdentity(_) => "JWT that the CI signed, at AWS",
        }
    }

    /// Whether the same login may be made a second time, when the keys of the first end. A wrapped secret id is opened once.
    pub fn can_repeat(&self) -> bool {
        match self {
            Self::Vault(config) => config.login.can_repeat(),
            Self::WebIdentity(_) => true,
        }
    }

    /// Takes one set of keys by one login.
    ///
    /// # Errors
    /// The first of [`AwsLogin::problems`]; then what Vault, GitHub or STS say, see [`Error`].
    pub async fn fetch(&self, http: &Http, run: &Run) -> Result<Fetched, Error> {
        match self {
            Self::Vault(config) => fetch(config, http, run).await,
            Self::WebIdentity(config) => config.fetch(http, run).await,
        }
    }
}

/// The same login once more, when keys end. For logins that may be repeated ([`AwsLogin::can_repeat`]).
#[derive(Clone, Debug)]
pub struct Renewal {
    login: AwsLogin,
    http: Http,
    run: Run,
}

impl Renewal {
    /// A source of keys by this login.
    pub fn new(login: AwsLogin, http: &Http, run: &Run) -> Self {
        Self { login, http: http.clone(), run: run.clone() }
    }
}

impl Renewal {
    /// Whether it is the file with the id token that is not there, or holds one that is over: whoever keeps it puts another in its place.
    fn is_of_a_file(&self, error: &Error) -> bool {
        let is_of_token = match error {
            Error::TokenFile { .. } | Error::IdToken => true,
            Error::WebIdentity { aws_code, .. } => aws_code == "ExpiredTokenException",
            _ => false,
        };
        is_of_token
            && matches!(&self.login, AwsLogin::WebIdentity(WebIdentityConfig { token: IdToken::File(_), .. }))
    }
}

impl KeySource for Renewal {
    fn renew(&self) -> Renewed<'_> {
        Box::pin(async {
            let fetched = self.login.fetch(&self.http, &self.run).await;
            fetched.map(|fetched| fetched.keys).map_err(|error| {
                let refused = NotRenewed::from(Problem::of(&error));
                let is_passing = refused.is_passing || self.is_of_a_file(&error);
                NotRenewed { is_passing, ..refused }
            })
        })
    }
}
