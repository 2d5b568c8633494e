//! From the history of a monorepo to the versions of its projects: what changed, whom it concerns, what number it gets, and why.

mod graph;
mod tree;

pub use graph::{Cause, Edge, EdgeKind, PackageChange, Project, ProjectGraph};
pub use tree::{FolderTree, Tree};
