//! `[images]` of `landfall.toml`.

use schemars::JsonSchema;

use super::table::table;
use crate::file_error::Problems;
use crate::json::{At, FromJson};

/// How images are built.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct ImageSettings {
    /// `nx`, `docker`, `buildah` or `command`.
    pub builder: Option<String>,
    /// With `command`: the program that builds, and its arguments, with `{project}`, `{folder}`, `{tag}` and `{image}` in them.
    #[schemars(default)]
    pub build: Vec<String>,
    /// With `command`: the program that pushes, where the first does not.
    #[schemars(default)]
    pub push: Vec<String>,
    /// With `docker` and `buildah`: the context, relative to the repo's root. Default: the project's folder.
    pub context: Option<String>,
    /// With `docker` and `buildah`: further arguments of the build.
    #[schemars(default)]
    pub build_arguments: Vec<String>,
    /// With `docker` and `buildah`: further arguments of the push.
    #[schemars(default)]
    pub push_arguments: Vec<String>,
    /// Variables that the builder sees besides the usual ones; a `*` at the end stands for any. Their values are shown nowhere.
    #[schemars(default)]
    pub environment: Vec<String>,
    /// Patterns of folders, relative to the repo's root, that are no images although they have a `Dockerfile` or a project.
    #[schemars(default)]
    pub exclude: Vec<String>,
}

table!(ImageSettings {
    builder: field,
    build: field_or_default,
    push: field_or_default,
    context: field,
    build_arguments: field_or_default,
    push_arguments: field_or_default,
    environment: field_or_default,
    exclude: field_or_default,
});
