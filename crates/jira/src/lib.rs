//! Release tickets in Jira Cloud (REST API v3): create, find, transition, comment, instructions.
//!
//! A [`Jira`] speaks to one project of one site. Everything that it does may be done again: a ticket is known by a label
//! that follows from release and region, a status that is reached already is left alone, a comment carries a marker, and
//! instructions stand in a marked section. A write whose answer was lost is looked for before it is made again.
//!
//! What it does not do: bulk operations, other services' webhooks, workflows of its own making.
//!
//! ```no_run
//! # async fn f(site: landfall_transport::Site, run: &landfall_run::Run) -> Result<(), landfall_jira::Error> {
//! use landfall_jira::{Facts, Jira, JiraConfig, Step};
//! let jira = Jira::new(site, JiraConfig::new("REL", "Release"))?;
//! let ticket = "REL-24".parse().expect("a key");
//! let done = jira.transition(run, &ticket, Step::PpTesting, &Facts::default()).await?;
//! println!("{} -> {}", done.from, done.to);
//! # Ok(()) }
//! ```

pub mod adf;
mod claim;
mod client;
mod comment;
mod config;
mod covers;
mod create_screen;
mod description;
mod error;
mod exchange;
mod filling;
mod find;
mod instructions;
mod pace;
mod screens;
mod section;
mod settle;
mod template;
mod text;
mod ticket;
mod transition;
mod turns;
mod value;
mod ways;
mod wire;

pub use client::Jira;
pub use comment::Commented;
pub use config::{Instructions, JiraConfig, SearchPauses, Statuses, Step, StepError};
pub use description::ticket_description;
pub use error::{Error, Listed};
pub use filling::TicketFields;
pub use find::{Found, Known, Look, Wanted};
pub use instructions::Instructed;
pub use landfall_artifacts::TemplateError;
pub use screens::Screens;
pub use template::{Facts, Template};
pub use text::{
    Commands, CommentFacts, InstructionFacts, ServiceRow, comment_marker, deployed_comment, instructions,
    ticket_summary,
};
pub use ticket::{Earlier, Made, ReleaseTicket, TicketOrigin, TicketRef, label};
pub use transition::Transitioned;
pub use value::{FieldValue, NeededField};
pub use ways::{Standing, Ways};
