//! `landfall ledger` as a person sees it, on a ledger that was made by hand.

mod made;
mod refusals;
mod views;
