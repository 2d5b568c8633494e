//! The sandbox from outside, over sockets.

mod artifactory;
mod aws_cli;
mod client;
mod conformance;
mod core;
mod ecr;
mod ecr_api;
mod faults;
mod leaks;
mod oci_crate;
mod oras;
mod quirks;
mod skopeo;
mod uploads;
