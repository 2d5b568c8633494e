//! Pipelines as data: what they are for a repo's environments, what may run next, and the CI files that say the same.
//!
//! [`Pipelines`] takes the definitions that come with Landfall and what `landfall.toml` makes of them, checks them as a whole, and
//! gives a [`Pipeline`]: jobs with everything decided. [`Progress`] says which of its jobs may start, which are skipped, and how it
//! ends; it starts nothing itself. [`plan`] makes of what stages foretell a plan with a verdict. [`gitlab`] and [`github`] write CI
//! files.
//!
//! ```
//! use landfall_artifacts::Settings;
//! use landfall_pipeline::{Pipelines, Progress};
//!
//! let text = "[environment.stg_eu00]\nkind = \"staging\"\nsuffix = \"staging-eu\"\n";
//! let settings = Settings::parse(text.as_bytes(), "landfall.toml", &[])?;
//! let staging = Pipelines::new(&settings, text).pipeline(&"staging".parse().expect("a name"))?;
//! assert!(staging.job("deploy-lambda-staging-eu").is_some());
//! assert_eq!(Progress::new(&staging).decide().start, ["build"]);
//! # Ok::<(), landfall_artifacts::FileErrors>(())
//! ```

mod check;
mod choice;
mod credentials;
mod definitions;
pub mod doctor;
mod expand;
mod files;
pub mod github;
pub mod gitlab;
mod inputs;
mod model;
mod order;
mod pipelines;
mod places;
pub mod plan;
mod progress;
mod release;
mod rendered;
mod row;
mod shell;
mod split;
mod targets;
mod variables;
mod yaml;

pub use choice::{Choice, jobs_to_run};
pub use definitions::is_built_in;
pub use files::is_secret;
pub use model::{Job, Login, Need, Pipeline, Work};
pub use pipelines::Pipelines;
pub use progress::{Decision, Ended, Progress, Skip, Verdict};
pub use release::{ReleaseError, release_variables};
pub use rendered::{RenderError, Rendered};
pub use row::Row;
pub use shell::{line, quoted};
pub use targets::{KnownTargets, Targets, targets};
pub use variables::common as common_variables;
