//! Every failure that has a page, in the order of a pipeline.

mod any;
mod configuration;
mod credentials;
mod functions;
mod images;
mod ledger;
mod logins;
mod promotion;
mod tickets;

use super::Failure;

/// All failures, part by part.
pub const FAILURES: &[&[Failure]] = &[
    any::FAILURES,
    ledger::FAILURES,
    credentials::FAILURES,
    logins::FAILURES,
    images::FAILURES,
    functions::FAILURES,
    tickets::FAILURES,
    promotion::FAILURES,
    configuration::FAILURES,
];

#[cfg(test)]
mod tests;
