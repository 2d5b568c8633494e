//! Stages and pipelines as child processes, on the sandbox and on real servers.

mod git_repo;
mod harness;
mod prepared;
mod rollback;
mod scan;
mod snapshot;
mod world;

mod archives;
mod bad_input;
mod configs;
mod contract;
mod copy_plan;
mod dry_run;
mod exit_codes;
mod faults;
mod hostile;
mod image_flow;
mod images;
mod jira_specs;
mod kills;
mod like;
mod logins;
mod mended;
mod pipeline;
mod promotion;
mod promotion_copy;
mod real;
mod refusals;
mod releases;
mod signals;
mod sync;
mod versioning;
mod versioning_http;
mod versioning_kills;
mod versioning_refusals;
