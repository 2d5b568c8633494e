//! Where logins come from: sources in an order, and the first that has a login for a host decides.
//!
//! Nothing is read here that was not handed over: which files, variables and keys there are is the caller's to say.

mod chain;
mod ecr_end;
mod helper;
mod helper_fault;
mod source;
mod step;

pub use chain::{FoundLogin, LoginChain};
pub use helper::Helpers;
pub use helper_fault::HelperFault;
pub use source::LoginSource;
pub use step::{Finds, LoginStep, Verdict};
