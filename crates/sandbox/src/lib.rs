//! In-process stand-ins of every outside system that Landfall talks to: what the demo runs on and what the tests use.
//!
//! Vault, STS, ECR (API and registry), Artifactory, a plain registry, Lambda, S3, Jira, GitLab's variables and GitHub's id tokens, each on a loopback port of its own, and each stricter than
//! the real thing. One core stands before all of them: it writes every request into a [`Journal`] and makes [`Fault`]s happen (status, delay, stall,
//! cut, a changed or lost answer, a head without measure, the calling child killed). Nothing is kept on disk, nothing leaves the machine. No client crate is used, so client
//! and double never share a parser.
//!
//! ```
//! use landfall_sandbox::{Fault, Sandbox, SandboxOptions, Service, What, images};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), landfall_sandbox::Error> {
//! let sandbox = Sandbox::start(SandboxOptions::default()).await?;
//! let repository = sandbox.source_repository(landfall_sandbox::BUILD_KEY, "cart");
//! let digest = sandbox.artifactory.put_image(&repository, "1.0.0", &images::function_image("cart", "1.0.0", "amd64", 1000));
//! sandbox.faults().add(Fault::new(What::LoseAnswer).on(Service::EcrRegistry).matching("/manifests/"));
//! // Run the code under test with `sandbox.env()`, then look at the end state:
//! assert_eq!(sandbox.artifactory.digest_of(&repository, "1.0.0"), Some(digest));
//! assert_eq!(sandbox.journal().count(), 0);
//! # sandbox.stop().await;
//! # Ok(())
//! # }
//! ```

pub mod actions_oidc;
mod child;
pub mod ecr;
mod env;
mod fault;
mod foreign;
pub mod gitlab;
pub mod image_facts;
pub mod images;
pub mod issued;
pub mod jira;
mod journal;
pub mod lambda;
pub mod leaks;
mod options;
pub mod registry;
pub mod s3;
pub mod sample;
mod sandbox;
mod serve;
mod strict_body;
pub mod sts;
#[cfg(test)]
mod test_call;
pub mod vault;

pub use fault::{Fault, Faults, Strikes, What};
pub use journal::{Content, Entry, Journal, Service};
pub use options::SandboxOptions;
pub use sandbox::{BUILD_KEY, Error, RC_KEY, RELEASE_BUCKET, RELEASE_KEY, Sandbox, VIRTUAL_KEY};
