//! Which images are to be promoted.

use landfall_artifacts::{Class, Digest, ImageLock, NameError, Problem, ProjectName, Tag, Versions};
use semver::Version;

use crate::Refusal;

/// One project's image.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) project: ProjectName,
    pub(super) version: Version,
    /// Its tag, the same at source and target.
    pub(super) tag: Tag,
    /// What was deployed, where the lock says it.
    pub(super) expected: Option<Digest>,
}

impl Asked {
    /// Project and tag, for people.
    pub(super) fn name(&self) -> String {
        format!("{}:{}", self.project, self.tag)
    }
}

/// The images of all projects.
///
/// # Errors
/// Versions that are no tags.
pub(super) fn images(versions: &Versions, lock: Option<&ImageLock>) -> Result<Vec<Asked>, Refusal> {
    let mut problems = Vec::new();
    let mut images = Vec::new();
    for (project, entry) in &versions.projects {
        let tag: Result<Tag, NameError> = entry.version.to_string().replace('+', "_").parse();
        match tag {
            Ok(tag) => images.push(Asked {
                project: project.clone(),
                version: entry.version.clone(),
                tag,
                expected: lock.and_then(|lock| expected(lock, project, &entry.version)),
            }),
            Err(error) => problems.push(Problem::new("LF-PROMOTE-TAG", Class::Input, error.to_string())),
        }
    }
    if problems.is_empty() { Ok(images) } else { Err(Refusal(problems)) }
}

/// What was deployed: the digest of the index, where the image was chosen from one, since that is what the tag names.
fn expected(lock: &ImageLock, project: &ProjectName, version: &Version) -> Option<Digest> {
    let image = lock.images.iter().find(|image| image.project == *project && image.version == *version)?;
    Some(image.source_index.unwrap_or(image.digest))
}
