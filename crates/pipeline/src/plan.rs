//! What a run would do: from the dry runs of its stages to a plan with a verdict. Nothing is started here.
//!
//! Each job is judged by what its own stages foretold and by what the jobs before it would make: an image that is not there is no
//! obstacle where the run builds it first.

mod before;
mod credentials;
mod judge;
mod verdict;

pub use before::{before, givers, hands_on, maker};
pub use credentials::{AtHand, keys, minutes};
pub use judge::{DryRun, FOLLOWS, judge};
pub use verdict::{Asked, plan};

#[cfg(test)]
mod tests;
