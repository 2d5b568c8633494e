//! Configuration files and their overlays, merged, with the place of every value.
//!
//! [`Tree`] reads a folder without ever leaving it. [`plan`] decides from the names alone which base each overlay belongs to and
//! which version of a component is taken. [`read`] gives a document of JSON, YAML or TOML as a tree in which every value
//! knows its file, line and column and keeps how it was written; [`merge`] lays overlays over it; [`write()`] gives the
//! document again. [`Folder`] puts a whole tree in the place of another.
//!
//! ```
//! use landfall_config_merge::{Format, Limits, MergeOptions, Purpose, merge, read, write};
//!
//! let document = |text: &str, file| read(text.as_bytes(), file, Format::Yaml, Purpose::Merge, Limits::default());
//! let base = document("host: db.example.com\nport: 0x1F90\n", "db.yaml")?.unwrap();
//! let stg = document("host: db.stg.example.com\n", "db.stg.yaml")?.unwrap();
//! let merged = merge(base, vec![("stg".to_owned(), stg)], &MergeOptions::default());
//! assert!(merged.errors.is_empty());
//! assert_eq!(write(&merged.root, Format::Yaml), "host: db.stg.example.com\nport: 0x1F90\n");
//! # Ok::<(), landfall_artifacts::FileErrors>(())
//! ```

mod append;
mod assemble;
mod components;
mod error;
mod explain;
mod folder;
mod format;
mod json;
mod layers;
mod limits;
mod lines;
mod merge;
mod plan;
mod secrets;
mod toml;
mod tree;
mod unread;
mod value;
mod yaml;

pub use append::{Append, AppendError};
pub use assemble::{Assembled, Made, Way, assemble};
pub use components::{Choice, Pins, Reason};
pub use error::Error;
pub use explain::{Told, explain};
pub use folder::{Folder, Fresh, OutState, tree_digest};
pub use format::{Format, Purpose, read, read_all, write};
pub use layers::{Layer, LayerKind, Layers};
pub use limits::Limits;
pub use merge::{Change, Changed, MergeOptions, Merged, NewKeys, merge};
pub use plan::{Laid, Plan, PlannedFile, VersionFolders, plan, plan_as_is};
pub use secrets::{Suspect, suspects_of_document, suspects_of_text};
pub use tree::{Listed, Tree};
pub use unread::{Unread, UnreadError};
pub use value::{Member, Node, Place, Scalar, ScalarKind, Style, Value};
