//! Work on the workspace that takes more than one command.
fn main() {}
