//! From the history of a monorepo to the versions of its projects: what changed, whom it concerns, what number it gets, and why.

mod content;
mod graph;
mod graph_error;
mod lockfile;
mod packages;
mod tree;
mod ways;
mod workspace;

pub use graph::{Cause, Edge, EdgeKind, Project, ProjectGraph};
pub use graph_error::GraphError;
pub use lockfile::{LOCKFILES, PackageChange, package_changes};
pub use tree::{FolderTree, Tree};
pub use workspace::WorkspaceOptions;
