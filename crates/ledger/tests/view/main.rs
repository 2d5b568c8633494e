//! Views over ledgers that were made by hand.

mod dora;
mod history;
mod json;
mod running;
mod scale;
mod story;
mod told;
mod trace;
