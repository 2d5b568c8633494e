//! `landfall init`, `pipelines`, `render`, `targets` and `release` as a person and a CI job see them.

mod calls;
mod init;
mod made;
mod render;
mod show;
