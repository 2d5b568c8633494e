//! The client against loopback servers: copying, logging in, and hosts that mean harm.

mod auth;
mod batches;
mod copying;
mod errors;
mod faults;
mod helpers;
mod hostile;
mod hostile_answers;
mod hostile_documents;
mod hostile_logins;
mod hostile_manifests;
mod hostile_server;
mod lambda;
mod logins;
mod realm;
mod server;

#[cfg(feature = "ecr")]
mod ecr;
mod promotion;
