//! `landfall pipelines`, `render`, `targets` and `release` as a person and a CI job see them.

mod calls;
mod made;
mod render;
mod show;
