//! Why a job failed: the decision tree as data, and the order in which its checks are made.
//!
//! [`FAILURES`] says of each failure why it happens and how it is mended; the pages of `docs/failures` are made of it. [`tree`] gives
//! the checks of a stage, in order, each with what it may find. [`Examination`] decides which look comes next, what follows from what was
//! seen, and which checks are not reached; it looks at nothing itself.
//!
//! ```
//! use landfall_artifacts::{Class, Problem};
//! use landfall_pipeline::doctor::{Evidence, Examination, Seen, Verdict, named, tree};
//!
//! let mut examination = Examination::new(tree("aws-credentials"));
//! assert_eq!(examination.next(), Some(Evidence::Settings));
//! let problem = Problem::new("LF-CONFIG-ENVIRONMENT", Class::Input, "environment x is not in landfall.toml");
//! examination.saw(Evidence::Settings, Seen::Looked { at: "landfall.toml".to_owned(), problems: vec![problem.clone()] });
//! assert_eq!(examination.next(), None, "nothing can be said of what depends on it");
//! let findings = examination.findings();
//! assert!(matches!(findings[0].verdict, Verdict::Failed { .. }) && matches!(findings[1].verdict, Verdict::NotReached { .. }));
//! assert_eq!(named("aws-credentials", &problem).map(|failure| failure.id), Some("environment-unknown"));
//! ```

mod check;
mod examination;
mod failure;
mod failures;
mod page;
mod trees;

pub use check::{Check, Evidence, Reach};
pub use examination::{Examination, Finding, Named, Seen, Verdict};
pub use failure::{Failure, failure, named};
pub use failures::FAILURES;
pub use page::{index, page, place};
pub use trees::{TREES, tree};
