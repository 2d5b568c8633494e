//! Files in S3: trees of configuration, which a prefix follows, and the immutable release store.
//!
//! [`tree`] publishes a folder to a prefix of a bucket: [`tree::Tree::plan`] compares by one listing, [`tree::Guards`] forbid what deletes too
//! much, [`tree::Tree::apply`] uploads, then deletes, each under a condition.
//!
//! The rest is the release store: archives of a release in a bucket, put there once and never changed.
//!
//! [`ReleaseStore::observe`] reads what is there. [`ReleaseStore::publish`] puts archives there that are not, several at a time,
//! streaming from the disk, each created only where its key is free and with its SHA-256, which S3 verifies; the manifest
//! comes last. The same bytes there already are success, other bytes an integrity error that names both. A write whose answer
//! was lost is read back. [`ReleaseStore::find`] looks for archives by their content in all releases, and [`ReleaseStore::verify`]
//! whether they still are what a manifest says. [`ReleaseStore::copy_to`] brings a release to another bucket, also in another region.
//!
//! Source: Amazon S3 API 2006-03-01, PutObject (conditional writes, additional checksums), HeadObject, GetObject; S3 User Guide,
//! "How to prevent object overwrites with conditional writes". Addresses are in path style, so that one origin is spoken to.
//!
//! ```no_run
//! # async fn f(aws: &landfall_aws::AwsConfig, run: &landfall_run::Run, manifest: landfall_artifacts::ReleaseManifest)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! use landfall_s3_sync::ReleaseStore;
//!
//! let store = ReleaseStore::new(aws, "acme-releases".parse()?, None)?;
//! let published = store.publish(&manifest, "dist/release".as_ref(), run).await;
//! assert!(published.is_complete());
//! let read = store.read_manifest(&manifest.release, None, run).await?;
//! assert_eq!(read, manifest);
//! # Ok(()) }
//! ```

mod archives;
mod copy;
mod download;
mod error;
mod intents;
mod local;
mod presence;
mod publish;
mod store;
pub mod tree;
mod upload;

pub use error::Error;
pub use landfall_artifacts::{BucketName, BucketNameError};
pub use local::verify_local;
pub use presence::{Observed, Presence, WantedObject};
pub use publish::{ObjectOutcome, ObjectResult, Published};
pub use store::ReleaseStore;
