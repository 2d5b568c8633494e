//! HashiCorp Vault login (AppRole) to temporary AWS keys, in one go: log in, take one set of keys, give the token back.
//!
//! Speaks Vault's HTTP API (`/v1`, AppRole auth method, AWS secrets engine). The requests are those of `vaultrs`; they are
//! sent on a `transport` site, so that role id, secret id and token go to the configured server alone: a redirect is
//! refused, never followed. Answers are types of our own, because the lease and the newer `session_token` matter here.
//! Not done here: asking STS whose keys they are, and writing them anywhere.
//!
//! ```no_run
//! # async fn f(run: &landfall_run::Run, http: &landfall_transport::Http) -> Result<(), landfall_vault_creds::Error> {
//! use landfall_secret::Secret;
//! use landfall_vault_creds::{VaultConfig, fetch};
//!
//! let config = VaultConfig::new("https://vault.example.com", "role-id", Secret::new("..."), "aws/sts/deployer");
//! let fetched = fetch(&config, http, run).await?;
//! println!("{} until {:?}", fetched.keys.access_key_id, fetched.keys.expires_at);
//! # Ok(()) }
//! ```

mod answer;
mod config;
mod error;
mod exchange;
mod fetch;

pub use config::{AwsPath, Endpoint, VaultConfig};
pub use error::{Error, Step};
pub use fetch::{Fetched, Revocation, fetch};
