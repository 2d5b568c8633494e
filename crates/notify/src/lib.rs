//! Notifications of a release: which, in what words, and sent to webhooks.
//!
//! What is told follows from how a stage ended, by a rule without a network: [`event`]. [`notifications`] gives each target its own,
//! in the words of its template; a [`Sender`] sends one, once, and never says the address that it went to, which is a secret.
//! What is not delivered waits in a queue whose names ([`queue`]) say how old it is and whether it is tried again.
//!
//! What it does not do: keep the queue (the ledger's place does), repeat a request, or know a chat service besides its incoming webhooks.
//!
//! ```
//! use landfall_artifacts::{NotifyEvent, OutcomeKind};
//! use landfall_notify::{Ended, Way, event};
//!
//! let ended = Ended { way: Way::Deploys, kind: OutcomeKind::Done, exit_code: 0, news: None };
//! assert_eq!(event(&ended), Some(NotifyEvent::Deployment));
//! assert_eq!(event(&Ended { exit_code: 5, ..ended }), Some(NotifyEvent::Failure));
//! ```

mod decide;
mod error;
mod markup;
pub mod queue;
mod sender;
mod signature;
mod words;

pub use decide::{Ended, News, Way, event};
pub use error::Error;
pub use sender::{LONGEST_SENDING, Secrets, Sender, teach_address};
pub use words::{Told, notifications, test_notification};
