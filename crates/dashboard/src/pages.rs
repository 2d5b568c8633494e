//! One module a kind of page.

mod attention;
pub(crate) mod environment;
pub(crate) mod events;
pub(crate) mod figures;
pub(crate) mod function;
pub(crate) mod graveyard;
mod listing;
pub(crate) mod matrix;
pub(crate) mod names;
pub(crate) mod promotions;
pub(crate) mod release;
pub(crate) mod releases;
mod tools;

/// Events on the page of a function or an environment; older ones stand on the pages of their months.
pub(crate) const MOST_EVENTS: usize = 150;

pub(crate) use listing::{name as month_name, short as month_short};
