//! Secrets, the origins they belong to, and text that is safe to print.
//!
//! A [`Secret`] cannot be printed; a [`Credential`] knows the one [`Origin`] that it may be sent to; a [`Redactor`]
//! removes known secrets from text in the spellings they commonly leak in; [`escape()`] makes foreign text harmless to a
//! terminal and to a CI log.
//!
//! ```
//! use landfall_secret::{Secret, escape};
//! assert_eq!(format!("{:?}", Secret::new("hunter2")), "<redacted>");
//! assert_eq!(escape("a\u{1b}[2Jb", 100), "a\\u{1b}[2Jb");
//! ```

mod credential;
mod escape;
mod markdown;
mod origin;
mod redact;
mod secret;

pub use credential::{Credential, CredentialKind};
pub use escape::{escape, escape_lines};
pub use markdown::markdown;
pub use origin::{Origin, OriginError, shown_address, user_info};
pub use redact::Redactor;
pub use secret::Secret;
