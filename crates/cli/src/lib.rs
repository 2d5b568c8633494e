//! What the binaries share: configuration layers, progress, exit codes, error pages, a clean stop.
//!
//! An option is declared once ([`Opt`]) with its flag, its variables, its key in `landfall.toml`, its default and its
//! help; the loader ([`Values`]) and the help text are made from that one table. Nothing here knows a stage.

mod environment;
pub mod exit;
mod options;
mod page;
mod panic;
mod show;
mod signals;
mod values;

pub use environment::Environment;
pub use options::{Kind, Opt, Parsed, command, parse};
pub use page::{error_lines, error_page};
pub use panic::install as install_panic_page;
pub use show::{LogFormat, Look, Screen, Sections, Shower, Size, columns, cut, duration_words, middle};
pub use signals::listen;
pub use values::{Layers, Source, Values};
