//! The pages that show what runs where, who said yes, and what died: static files without anything from elsewhere.
//!
//! A [`Site`] is plain data; [`build()`] makes its [`Page`]s. The same site gives the same bytes: the time is part of the data.
//! Texts may come from outside: they are escaped for HTML, control and bidirectional characters are shown, long ones are
//! cut, and an address becomes a link only where it is http or https. No file is larger than [`LARGEST_PAGE`]: long lists go
//! on in pages of their own, by month where they are of events. Everything can be read without JavaScript; the one script
//! filters tables and finds names.
//!
//! ```
//! use landfall_dashboard::{Layout, Site, build};
//! let site = Site::new("shop <live>", time::OffsetDateTime::UNIX_EPOCH);
//! let pages = build(&site, &Layout::default());
//! let index = pages.iter().find(|page| page.path == "index.html").expect("an index");
//! assert!(index.text().contains("shop &lt;live&gt;"));
//! ```

mod build;
mod chart;
mod drift;
mod events;
mod figures;
mod finder;
mod layout;
mod lists;
mod pages;
mod parallel;
mod release;
mod serve;
mod shell;
mod site;
mod style;
mod text;
mod track;

pub use build::{LARGEST_PAGE, Page, build};
pub use drift::{Drift, Standing, drifts};
pub use events::{HistoryRow, Moved, PromotedRow, PromotionRow, Went};
pub use figures::{Definition, Figures, Month, MonthOf};
pub use layout::Layout;
pub use parallel::in_parallel;
pub use release::{Death, Release, ReleaseItem, ReleaseState, Step, StepKind};
pub use serve::{Pages, serve};
pub use site::{Cell, Environment, FunctionRow, LedgerState, Seen, Site, TicketRow, Waiting};
