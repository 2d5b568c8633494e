//! Progress on standard error: bars on a terminal, a line now and then elsewhere, JSON for machines, sections in CI.

mod bars;
mod item;
mod lines;
mod look;
mod screen;
mod scribe;
mod shower;
mod speed;
mod totals;
mod words;

#[cfg(test)]
mod seen;

pub use bars::Size;
pub use look::{LogFormat, Look, Sections};
pub use screen::Screen;
pub use shower::Shower;
pub use words::{columns, cut, middle, time as duration_words};
