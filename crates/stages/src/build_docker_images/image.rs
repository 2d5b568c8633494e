//! What is to be built: a project, its folder, and the tag.

use std::path::PathBuf;

use landfall_artifacts::{Class, Problem, ProjectName, Repository, Tag};

use crate::Refusal;

/// An image that is to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The project.
    pub project: ProjectName,
    /// Its folder, relative to the repo's root.
    pub folder: PathBuf,
    /// The tag.
    pub tag: Tag,
    /// Repository and tag that it is pushed to, where that is known.
    pub target: Option<(Repository, Tag)>,
}

impl Image {
    /// Where it is pushed to, as text.
    pub(super) fn reference(&self) -> Option<String> {
        self.target.as_ref().map(|(repository, tag)| repository.tagged(tag.clone()).to_string())
    }

    /// What people call it.
    pub(super) fn shown(&self) -> String {
        self.reference().unwrap_or_else(|| format!("{}:{}", self.project, self.tag))
    }
}

/// The tag where neither version nor commit is known.
pub(super) const LATEST: &str = "latest";

/// The images of all projects: tagged with the project's version, else with `commit`, else `latest`. `registry` is the repository that holds
/// one repository a project.
///
/// # Errors
/// All projects whose name or version cannot be part of an image's reference.
pub fn images_of_versions<'a>(
    projects: impl IntoIterator<Item = (&'a ProjectName, &'a str, Option<&'a semver::Version>)>,
    functions: &std::path::Path,
    commit: Option<&str>,
    registry: Option<&Repository>,
) -> Result<Vec<Image>, Refusal> {
    let (mut images, mut problems) = (Vec::new(), Vec::new());
    for (project, folder, version) in projects {
        match image(project, folder, version, functions, commit, registry) {
            Ok(image) => images.push(image),
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.is_empty() { Ok(images) } else { Err(Refusal(problems)) }
}

fn image(
    project: &ProjectName,
    folder: &str,
    version: Option<&semver::Version>,
    functions: &std::path::Path,
    commit: Option<&str>,
    registry: Option<&Repository>,
) -> Result<Image, Box<Problem>> {
    let odd = |what: String| Box::new(Problem::new("LF-BUILD-NAME", Class::Input, what));
    // SemVer's build metadata begins with `+`, which no tag may hold.
    let text = version.map(|version| version.to_string().replace('+', "_"));
    let text = text.or_else(|| commit.map(str::to_owned)).unwrap_or_else(|| LATEST.to_owned());
    let tag: Tag = text.parse().map_err(|error| odd(format!("{project} cannot be tagged: {error}")))?;
    let target = match registry {
        Some(registry) => {
            let repository = registry
                .join(project.as_str())
                .map_err(|error| odd(format!("no repository can be called after {project}: {error}")))?;
            Some((repository, tag.clone()))
        }
        None => None,
    };
    Ok(Image { project: project.clone(), folder: functions.join(folder), tag, target })
}
