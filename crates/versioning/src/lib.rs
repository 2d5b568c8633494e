//! From the history of a monorepo to the versions of its projects: what changed, whom it concerns, what number it gets, and why.

mod changes;
mod content;
mod git_diff;
mod graph;
mod graph_error;
mod images;
mod lockfile;
mod packages;
mod tree;
mod ways;
mod workspace;

pub use changes::ReadAt;
pub use git_diff::{Git, GitError};
pub use graph::{Cause, Edge, EdgeKind, Project, ProjectGraph};
pub use graph_error::GraphError;
pub use images::{BuildContext, ChangedImage, Image, ImageCause, ImageWay, changed_images, find_images};
pub use lockfile::{LOCKFILES, PackageChange, package_changes};
pub use tree::{FolderTree, Tree};
pub use workspace::WorkspaceOptions;
