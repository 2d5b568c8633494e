//! What most stages read first: the versions, the functions' names, and the names that follow from them.

use std::path::{Path, PathBuf};

use landfall_artifacts::{
    EnvironmentName, FileErrors, ImageLock, LambdaName, LambdaNames, LockedImage, MissingName, NameTemplate,
    ProjectName, RegionKey, ReleaseId, Versions,
};

/// For which environment and release a stage works.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The environment; `None` where none was named.
    pub environment: Option<EnvironmentName>,
    /// The release that was given; `None` where it follows from the versions.
    pub release: Option<ReleaseId>,
    /// What tells the environment's tickets from those of other regions.
    pub region_key: Option<RegionKey>,
    /// How the environment names its functions, such as `{name}-{env}`.
    pub function_name: Option<NameTemplate>,
}

impl Target {
    /// The release: the given one, else the one that the versions are.
    pub fn release_of(&self, versions: &Versions) -> ReleaseId {
        self.release.clone().unwrap_or_else(|| versions.release_id())
    }

    /// The environment as text, for journals and reports.
    pub fn environment_text(&self) -> Option<String> {
        self.environment.as_ref().map(ToString::to_string)
    }

    /// The functions of all projects.
    ///
    /// # Errors
    /// [`FileErrors`] with every problem of every `.deployment` file.
    pub fn functions(
        &self,
        functions: &Path,
        versions: &Versions,
        missing: MissingName,
    ) -> Result<LambdaNames, FileErrors> {
        let template = self.function_name.as_ref().zip(self.environment.as_ref());
        LambdaNames::collect(functions, versions, template, missing)
    }
}

/// Where the files are that stages share.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder of the Lambda projects.
    pub functions: PathBuf,
    /// `versions.json`.
    pub versions: PathBuf,
    /// `lambda-ecr-mappings.json`.
    pub mappings: PathBuf,
    /// `image-lock.json`.
    pub lock: PathBuf,
}

/// The image of a project's function in a lock.
pub fn locked<'a>(
    lock: &'a ImageLock,
    project: &ProjectName,
    lambda: &LambdaName,
) -> Option<&'a LockedImage> {
    lock.images.iter().find(|image| image.project == *project && image.lambda == *lambda)
}
