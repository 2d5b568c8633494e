//! YAML 1.2.

mod anchors;
mod read;
mod resolve;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;
