//! What the AWS clients share: configuration, the guarded connector, error classes, and the identity check.
//!
//! An [`AwsConfig`] gives each service an SDK configuration in which everything is an argument: region, endpoint, keys,
//! certificates, proxy. Nothing is read from the environment or from a machine's metadata service; a profile only where it is named ([`profile`]).
//! Keys may be renewed while a run goes on ([`HeldKeys`]). The SDK makes one attempt; repeating is the run's ([`call`]). Its connector speaks to the one endpoint of its service and
//! refuses every other origin before a connection is made.
//!
//! ```no_run
//! # async fn f(run: &landfall_run::Run, http: landfall_transport::Http) -> Result<(), Box<dyn std::error::Error>> {
//! use landfall_aws::{AwsConfig, AwsKeys, Endpoints, Service};
//! use landfall_secret::Secret;
//!
//! let keys = AwsKeys::new("AKIDEXAMPLE", Secret::new("..."), None);
//! let config = AwsConfig::new("eu-west-2", keys, Endpoints::default(), http)?;
//! let identity = landfall_aws::caller_identity(&config, run).await?;
//! println!("{}", identity.account);
//! let _for_a_client = config.sdk_config(Service::Ecr)?;
//! # Ok(()) }
//! ```

mod call;
mod config;
mod connector;
mod credential_process;
mod error;
mod expected;
mod failure;
mod held;
mod keys;
mod pool;
mod profile;
mod service;
mod spent;
mod sts;
mod web_identity;

pub use call::{Call, Nature, call};
pub use config::{AwsConfig, Endpoints};
pub use credential_process::keys_of_process;
pub use error::Error;
pub use expected::{Expected, KeyCheck, mismatch};
pub use failure::{AwsFailure, FailureKind, failure};
pub use held::{HeldKeys, KeySource, NotRenewed, Readers, Renewed, Renewing};
pub use keys::AwsKeys;
pub use profile::{Profile, ProfileFiles, profile};
pub use service::Service;
pub use sts::{Identity, caller_identity};
pub use web_identity::{AssumedRole, WebIdentity, assume_role_with_web_identity};
