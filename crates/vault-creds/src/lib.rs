//! A login to temporary AWS keys, and where they may be put.
//!
//! At HashiCorp Vault in one go: log in by AppRole, by a JWT of the CI or by a given token, take one set of keys, give the token
//! back. Or at AWS itself, by a JWT of the CI ([`AwsLogin`] is either). The keys go to a file, to variables of GitLab, to
//! GitHub's file of variables, or to whoever started the program ([`Destination`]).
//!
//! Speaks Vault's HTTP API (`/v1`, AppRole and JWT auth methods, response wrapping, AWS secrets engine). The requests are those of `vaultrs`; they are
//! sent on a `transport` site, so that ids and tokens go to the configured server alone: a redirect is
//! refused, never followed. Answers are types of our own, because the lease and the newer `session_token` matter here.
//! Not done here: asking STS whose keys they are.
//!
//! ```no_run
//! # async fn f(run: &landfall_run::Run, http: &landfall_transport::Http) -> Result<(), landfall_vault_creds::Error> {
//! use landfall_secret::Secret;
//! use landfall_vault_creds::{VaultConfig, VaultLogin, fetch};
//!
//! let login = VaultLogin::app_role("role-id", Secret::new("..."));
//! let config = VaultConfig::new("https://vault.example.com", login, "aws/sts/deployer");
//! let fetched = fetch(&config, http, run).await?;
//! println!("{} until {:?}", fetched.keys.access_key_id, fetched.keys.expires_at);
//! # Ok(()) }
//! ```

mod answer;
mod aws_login;
mod config;
mod destination;
mod error;
mod exchange;
mod fetch;
mod github_oidc;
mod jwt;
mod log_in;
mod login;
mod look;
mod web_identity;

pub use aws_login::{AwsLogin, Renewal};
pub use config::{AwsPath, Endpoint, VaultConfig};
pub use destination::{Change, Destination, DestinationError, GitLabVariables, Owner, Put};
pub use error::{Error, Step};
pub use fetch::{Fetched, Revocation, fetch};
pub use github_oidc::GitHubOidc;
pub use login::{SecretId, VaultLogin};
pub use look::{health, wrapping};
pub use web_identity::{IdToken, WebIdentityConfig};
