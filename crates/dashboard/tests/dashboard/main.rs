//! The pages: what they show, that they are the same each time, that they are sound HTML, and that nothing foreign gets out of its
//! place.

mod browser;
mod hostile;
mod html;
mod look;
mod sample;
mod serve;
mod shows;
mod size;
