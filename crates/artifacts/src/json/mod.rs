//! Strict reading of JSON (RFC 8259), with the place of everything that was read.
//!
//! Stricter than `serde_json::Value`: a key that stands twice in an object, a byte-order mark, and bytes after the value
//! are refused; bytes, depth and the number of values are bounded; numbers keep their text, so nothing is rounded unseen.

mod node;
mod parse;
mod read;

pub use node::{Kind, Member, Node};
pub use parse::{Limits, strict_value};

pub(crate) use node::without_login;
pub(crate) use parse::{escape_step, parse};
pub(crate) use read::{At, FromJson, FromKey, one_of, record, record_fields, text_form};
