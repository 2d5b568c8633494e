//! What builds images: which programs, with which arguments.

use std::collections::BTreeMap;
use std::path::Path;

use super::Image;

/// What builds and pushes an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Builder {
    /// The repo's own Nx targets: `yarn nx run <project>:docker --configuration=production`, then `:docker-push`, with `TAG` set.
    Nx,
    /// `docker build`, then `docker push`.
    Docker(Options),
    /// `buildah build`, then `buildah push`.
    Buildah(Options),
    /// Programs of the repo's own.
    Command {
        /// Builds, and pushes where there is no `push`.
        build: CommandTemplate,
        /// Pushes.
        push: Option<CommandTemplate>,
    },
}

/// How a builder of Dockerfiles is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The context, relative to the repo's root; the project's folder where none is named.
    pub context: Option<String>,
    /// Further arguments of the build.
    pub build: Vec<String>,
    /// Further arguments of the push.
    pub push: Vec<String>,
}

/// Names in braces that stand for something of the image: `{project}`, `{folder}`, `{tag}` and `{image}`, its whole reference.
pub const PLACEHOLDERS: [&str; 4] = ["{project}", "{folder}", "{tag}", "{image}"];

/// A program and its arguments, with [`PLACEHOLDERS`] in them. No shell reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandTemplate(pub Vec<String>);

impl CommandTemplate {
    /// Whether it needs to know where the image is pushed to.
    pub fn needs_target(&self) -> bool {
        self.0.iter().any(|word| word.contains("{image}"))
    }

    fn words(&self, image: &Image) -> Vec<String> {
        let of = |word: &String| {
            word.replace("{project}", image.project.as_str())
                .replace("{folder}", &image.folder.display().to_string())
                .replace("{tag}", image.tag.as_str())
                .replace("{image}", &image.reference().unwrap_or_default())
        };
        self.0.iter().map(of).collect()
    }
}

/// One program that is run for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// `build` or `push`.
    pub(super) name: &'static str,
    /// Whether it may write to the registry: a push, and a build that pushes by itself.
    pub(super) may_push: bool,
    pub(super) words: Vec<String>,
    /// Variables besides those of every step.
    pub(super) variables: BTreeMap<String, String>,
}

impl Step {
    /// As a person would write it. Variables that are the image's own are shown, others not.
    pub(super) fn shown(&self) -> String {
        let tag = self.variables.get("TAG").map(|tag| format!("TAG={tag} ")).unwrap_or_default();
        format!("{tag}{}", self.words.join(" "))
    }
}

impl Builder {
    /// Whether images have to have a known target.
    pub fn needs_target(&self) -> bool {
        match self {
            Self::Nx => false,
            Self::Docker(_) | Self::Buildah(_) => true,
            Self::Command { build, push } => {
                build.needs_target() || push.as_ref().is_some_and(CommandTemplate::needs_target)
            }
        }
    }

    /// The programs for one image, in their order.
    pub(super) fn steps(&self, image: &Image, root: &Path) -> Vec<Step> {
        let mut variables = BTreeMap::from([
            ("TAG".to_owned(), image.tag.to_string()),
            ("PROJECT".to_owned(), image.project.to_string()),
        ]);
        variables.extend(image.reference().map(|reference| ("IMAGE".to_owned(), reference)));
        let pushes_itself = match self {
            Self::Nx => false,
            Self::Command { push, .. } => push.is_none(),
            Self::Docker(options) | Self::Buildah(options) => {
                options.build.iter().any(|word| word.starts_with("--push") || word.contains("push=true"))
            }
        };
        let step = |name, words| Step {
            name,
            may_push: name == "push" || pushes_itself,
            words,
            variables: variables.clone(),
        };
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match self {
            Self::Nx => {
                let (build, push) =
                    (format!("{}:docker", image.project), format!("{}:docker-push", image.project));
                vec![
                    step("build", words(&["yarn", "nx", "run", &build, "--configuration=production"])),
                    step("push", words(&["yarn", "nx", "run", &push])),
                ]
            }
            Self::Docker(options) => {
                let reference = image.reference().unwrap_or_default();
                let build =
                    [words(&["docker", "build"]), arguments(options, image, &reference, root)].concat();
                let push = [words(&["docker", "push"]), options.push.clone(), vec![reference]].concat();
                vec![step("build", build), step("push", push)]
            }
            Self::Buildah(options) => {
                let reference = image.reference().unwrap_or_default();
                let build =
                    [words(&["buildah", "build"]), arguments(options, image, &reference, root)].concat();
                let target = format!("docker://{reference}");
                let push =
                    [words(&["buildah", "push"]), options.push.clone(), vec![reference, target]].concat();
                vec![step("build", build), step("push", push)]
            }
            Self::Command { build, push } => {
                let build = step("build", build.words(image));
                let push = push.as_ref().map(|push| step("push", push.words(image)));
                [Some(build), push].into_iter().flatten().collect()
            }
        }
    }
}

/// What both builders of Dockerfiles take after `build`.
fn arguments(options: &Options, image: &Image, reference: &str, root: &Path) -> Vec<String> {
    let folder = root.join(&image.folder);
    let context = options.context.as_ref().map_or_else(|| folder.clone(), |context| root.join(context));
    let mut arguments = options.build.clone();
    arguments.extend(["--tag".to_owned(), reference.to_owned()]);
    arguments.extend(["--file".to_owned(), folder.join("Dockerfile").display().to_string()]);
    arguments.push(context.display().to_string());
    arguments
}

#[cfg(test)]
mod tests;
