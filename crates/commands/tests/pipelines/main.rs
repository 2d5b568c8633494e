//! `landfall init`, `pipelines`, `render`, `targets`, `release` and `doctor` as a person and a CI job see them.

mod calls;
mod doctor;
mod init;
mod made;
mod render;
mod show;
