//! Copying images from registry to registry by digest: observe, plan, apply.

mod apply;
mod blob;
mod plan;
mod request;

pub use apply::{CopyOutcome, CopyResult, apply};
pub use plan::{BlobState, CopyPlan, PlanProblem, PlannedBlob, PlannedCopy, TargetState, plan_copies};
pub use request::{CopyOptions, CopyRequest, Registries};
