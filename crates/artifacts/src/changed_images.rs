//! `changed-images.json`: which images are to be built again, and why.

use schemars::JsonSchema;
use serde::Serialize;

use crate::file::json_file;
use crate::json::{one_of, record};
use crate::name::ProjectName;
use crate::release_manifest::CommitId;

/// The images that changed since a commit. Default name `changed-images.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChangedImages {
    /// The commit that HEAD is compared with; `null` where all images were asked for.
    pub base: Option<CommitId>,
    /// The images, by folder.
    pub images: Vec<ListedImage>,
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListedImage {
    /// The project's name, else that of the folder.
    pub name: String,
    /// Its folder, from the repo's root; `.` for the root itself.
    pub folder: String,
    /// Why it is listed, certain causes first; none where all images were asked for.
    pub causes: Vec<ListedCause>,
}

/// Why an image is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedCause {
    /// What changed: a path from the repo's root, or a package of the lockfile with its version.
    pub what: String,
    /// How it gets into the image.
    pub how: CauseWay,
    /// The source of the Dockerfile that takes it; `null` unless `how` is `source`.
    pub source: Option<String>,
    /// From the image's project to where the change comes from; empty unless `how` is `project`.
    pub through: Vec<ProjectName>,
    /// The image that it is built on or copies from; left out unless `how` is `image`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether it is not certain.
    pub is_guess: bool,
}

/// How a change gets into an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CauseWay {
    /// It is in the image's folder, or says how the image is built.
    Folder,
    /// A source of its Dockerfile names it.
    Source,
    /// Its project is concerned, by itself or through others.
    Project,
    /// It is built on an image of the repo that changed, or copies from it.
    Image,
}

one_of!(CauseWay { "folder" => Folder, "source" => Source, "project" => Project, "image" => Image });
record!(ChangedImages { base: "base", images: "images" });
record!(ListedImage { name: "name", folder: "folder", causes: "causes" });
record!(ListedCause {
    what: "what",
    how: "how",
    source: "source",
    through: "through",
    image: "image",
    is_guess: "isGuess",
});
json_file!(ChangedImages, Own, 64 * 1024 * 1024);

impl ChangedImages {
    /// Usual name of the file.
    pub const FILE_NAME: &'static str = "changed-images.json";
}
