//! Copying images: plan a batch, then apply the plan.

mod apply;
mod at_once;
mod blob;
mod choose;
mod document;
mod elsewhere;
mod image;
mod intents;
mod lanes;
mod left_behind;
mod look;
mod one;
mod plan;
mod presence;
mod registries;
mod report;
mod request;
mod schedule;
mod targets;
mod ways;

pub use apply::{apply, apply_each};
pub use look::plan_copies;
pub use one::copy_image;
pub use plan::{CopyPlan, PlanProblem, PlannedBlob, PlannedCopy, TargetState};
pub use registries::Registries;
pub use report::{CopyOutcome, CopyReport, CopyResult, CopyTotals, Moved};
pub use request::{Choose, CopyLimits, CopyOptions, CopyRequest};
pub use ways::BlobState;
