//! The files that pass between stages: types, reading, writing, schemas; kinds of outcome; stage descriptors.
//!
//! No network, no clock, no environment. Readers refuse what breaks a format and say every problem of a file at once.
//!
//! ```
//! use landfall_artifacts::{Digest, Reference};
//! let reference: Reference = "registry.example.com/app:OrderServiceFunction-1.4.2".parse()?;
//! assert_eq!(reference.repository().path(), "app");
//! assert_eq!(Digest::of(b"abc").short(), "sha256:ba7816bf8f01");
//! # Ok::<(), landfall_artifacts::ReferenceError>(())
//! ```

mod digest;
mod name;
mod outcome;
mod reference;

pub use digest::{Digest, DigestError, Hasher};
pub use name::{EnvironmentName, Folder, LambdaName, NameError, ProjectName, ReleaseId, Tag};
pub use outcome::{Class, Explain, OutcomeKind, Problem, gravest};
pub use reference::{PinnedReference, Reference, ReferenceError, Repository, Version};
