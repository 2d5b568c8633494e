//! From the history of a monorepo to the versions of its projects: what changed, whom it concerns, what number it gets, and why.
//!
//! [`ProjectGraph`] reads an Nx workspace without Node and says whom a path, a change of content or a change of packages concerns,
//! by which way, and whether that is a guess. [`changed_images`] decides which images are to be built again. [`GitDiff`] asks git what
//! changed since a branch was left.
//!
//! ```
//! use landfall_versioning::{FolderTree, ProjectGraph, WorkspaceOptions};
//!
//! # let repo = tempfile::tempdir()?;
//! # for (path, text) in [
//! #     ("functions/orders/project.json", r#"{"name":"orders"}"#),
//! #     ("functions/orders/main.ts", "import '../../libs/money/add'"),
//! #     ("libs/money/project.json", r#"{"name":"money"}"#),
//! # ] {
//! #     std::fs::create_dir_all(repo.path().join(path).parent().ok_or("a parent")?)?;
//! #     std::fs::write(repo.path().join(path), text)?;
//! # }
//! # let paths = ["functions/orders/project.json", "functions/orders/main.ts", "libs/money/project.json"];
//! let tree = FolderTree::new(repo.path(), paths.map(str::to_owned).to_vec());
//! let graph = ProjectGraph::read(&tree, &WorkspaceOptions::default()).map_err(|mut errors| errors.remove(0))?;
//! let concerned = graph.affected("libs/money/add.ts");
//! assert_eq!(concerned["orders"].through.len(), 2);
//! assert!(!concerned["orders"].is_guess);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bump;
mod changelog;
mod changes;
mod content;
mod error;
mod files;
mod git;
mod git_diff;
mod graph;
mod graph_error;
mod images;
mod lockfile;
mod message;
mod packages;
mod plan;
mod publish;
mod settle;
mod situation;
mod tag;
mod tree;
mod ways;
mod workspace;
mod written;

pub use bump::{Bump, BumpError, PreId, Rules};
pub use changes::ReadAt;
pub use error::Error;
pub use files::{release_files, release_message};
pub use git::{
    Access, Commit, CommitText, CommitTree, FileChange, Git, History, NOTES, NewTag, Note, Person, Pushed,
    Remote, RemoteRefs, Tag,
};
pub use git_diff::{GitDiff, GitDiffError};
pub use graph::{Cause, Edge, EdgeKind, Project, ProjectGraph};
pub use graph_error::GraphError;
pub use images::{
    BuildContext, ChangedImage, Excluded, ExcludedError, Image, ImageCause, ImageWay, changed_images,
    find_images,
};
pub use lockfile::{LOCKFILES, PackageChange, package_changes};
pub use message::{Change, Message};
pub use plan::{
    Counted, Counting, Forced, Plan, Planned, ReadAtCommit, Request, Sources, TaggedVersion, plan, unreleased,
};
pub use publish::{Published, Release, publish};
pub use settle::{Settled, later_releases, settled_by, settled_on_base};
pub use situation::{Ground, Situation, Target, Wishes};
pub use tag::{Scheme, TagFormat, TagFormatError};
pub use tree::{FolderTree, Tree};
pub use workspace::WorkspaceOptions;
pub use written::written_versions;
