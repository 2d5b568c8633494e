//! The CI files: that those in `docs/ci` are current, follow the published schemas, hang together, and say nothing to a shell that
//! was not meant.

mod actionlint;
mod current;
mod github;
mod gitlab;
mod hostile;
mod support;
