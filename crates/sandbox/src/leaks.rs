//! A search for secrets that shares nothing with the redactor that it is to prove.
//!
//! The redactor writes every secret in the spellings that it knows and looks for those. The [`Finder`] here goes the other way: it reads a text
//! back from each of eight [`Encoding`]s, one inside the other where need be, and looks for the secrets as they are. What it finds it names,
//! and never shows: its words end up in logs too.
//!
//! ```
//! use landfall_sandbox::leaks::{Canary, Finder};
//!
//! let finder = Finder::new([Canary::new("TOKEN", "s3cret-0123456789")]);
//! assert!(finder.find(b"nothing to see").is_empty());
//! let found = finder.find(b"{\"header\": \"Basic bWU6czNjcmV0LTAxMjM0NTY3ODk=\"}");
//! assert_eq!(found[0].to_string(), "TOKEN (base64)");
//! ```

mod canary;
mod encoding;
mod finder;
mod reading;
mod traffic;

pub use canary::Canary;
pub use encoding::Encoding;
pub use finder::{Finder, Found};
