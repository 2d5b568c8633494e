//! Runs a pipeline on this machine: each job a child process in a folder and an environment of its own.
//!
//! What may run next is decided by [`landfall_pipeline::Progress`]; here it is done. [`Source`] makes the folder of a job: a clean
//! checkout of one commit, which shares nothing with other jobs but the objects of git, which nobody writes to. Files go from job to job
//! by declaration only. [`Runs`] is the folder of all runs; each has a [`RunReport`](landfall_artifacts::RunReport) that is written after
//! every change. [`execute`] does the whole; [`keep_job`] is the main of the process that stands over each job, and ends it with us.
//!
//! No queue, no agents: at scale the CI system is the engine.

mod claim;
mod engine;
mod environment;
mod error;
mod hold;
mod keeper;
mod kept;
mod log;
mod part;
mod process;
mod record;
mod runs;
mod source;

pub use claim::Earlier;
pub use engine::{Asking, Deps, Order, Tell, Told, execute};
pub use environment::{Surroundings, job_variables};
pub use error::RunError;
pub use keeper::keep_job;
pub use runs::{RunFolder, Runs};
pub use source::{Placed, Source};
