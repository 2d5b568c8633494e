//! Gates and the life of a release: cases, and a plain model that says the same.

mod cases;
mod clocks;
mod drift;
mod heirs;
mod intents;
mod lives;
mod model;
mod world;
