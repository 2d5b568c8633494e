//! `landfall run`: pipelines on this machine, with commands of a repo's own and with every definition on the sandbox.

mod again;
mod asked;
mod definitions;
mod endings;
mod made;
mod manual;
mod order;
