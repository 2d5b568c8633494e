//! Every stage in one program, chosen by the first argument.
fn main() {}
