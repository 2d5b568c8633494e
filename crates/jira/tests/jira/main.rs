//! The client against documented exchanges. Source of the bodies: Jira Cloud platform REST API v3.

mod adf;
mod claims;
mod comments;
mod errors;
mod instructions;
mod limits;
mod support;
mod tickets;
mod transitions;
