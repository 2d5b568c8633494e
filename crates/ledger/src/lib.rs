//! The append-only ledger of a product: one chain of events, its stores, and what it tells.
//!
//! A [`Ledger`] keeps each event in a file or object of its own that is whole or absent, also after a kill; it is the
//! [`Journal`](landfall_run::Journal) of a run, and keeps events of other kinds that stages [`append`](Ledger::append).
//! Each event holds the SHA-256 of the bytes of the one before, so [`verify`](Ledger::verify) names the first that
//! was changed, removed or moved. Only a removal of the newest events needs a [`Head`] that was
//! kept elsewhere, as [`Checkpoints`] keep it.
//!
//! No stage needs the ledger to converge: each finds out from the services what is left to do. The [`gate`]s do need it. Deaths, freezes,
//! approvals and the order of environments are known from its events alone, and are lost with them.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use landfall_artifacts::{Actor, EventKind};
//! use landfall_ledger::{Context, Draft, Ledger};
//! use landfall_run::Clock;
//!
//! let folder = tempfile::tempdir()?;
//! let actor = Actor { name: "ada".into(), source: "GITLAB_USER_LOGIN".into() };
//! let ledger = Ledger::open(folder.path(), Context::new(actor, "0.1.0"), Clock::system()).await?;
//! let mut draft = Draft::new(EventKind::Test);
//! draft.reason = Some("smoke test passed".into());
//! assert_eq!(ledger.append(draft).await?.sequence, 1);
//! assert_eq!(ledger.verify(None).await?.records, 1);
//! # Ok(()) }
//! ```

mod chain;
mod checkpoint;
mod draft;
mod drawer;
mod error;
pub mod gate;
mod hold;
mod journal;
mod latch;
mod ledger;
pub mod life;
mod lock;
mod place;
mod standing;
mod state;
mod store;
pub mod view;

pub use chain::{Head, Kept, Verified};
pub use checkpoint::{Checkpoints, ToKeep};
pub use draft::{Context, Draft};
pub use drawer::Drawer;
pub use error::Error;
pub use hold::Hold;
pub use ledger::Ledger;
pub use lock::{Lock, Part};
pub use place::{Place, PlaceError};
pub use standing::locks;
pub use store::Torn;
pub use view::{Conflict, Deployed, Resolved, deployments, happened, resolve};
