//! One page that shows what runs where: a single HTML file without scripts or external resources.
//!
//! A [`Page`] is plain data; [`render`] makes the file. The same page gives the same bytes: the time is part of the data.
//! Texts may come from outside: they are escaped for HTML, control and bidirectional characters are shown, and an address
//! becomes a link only where it is http or https.
//!
//! ```
//! use landfall_dashboard::{Page, render};
//! let html = render(&Page::new("shop <live>", time::OffsetDateTime::UNIX_EPOCH));
//! assert!(html.contains("shop &lt;live&gt;") && !html.contains("<script"));
//! ```

mod drift;
mod page;
mod render;
mod table;
mod text;

pub use drift::{Drift, Standing, drifts};
pub use page::{
    Cell, Environment, FunctionRow, HistoryRow, LedgerState, Page, ReleaseRow, ReleaseState, TicketRow,
};
pub use render::render;
