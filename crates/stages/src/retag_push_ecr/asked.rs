//! Which images are wanted where.

use landfall_artifacts::{
    Class, LambdaNames, MissingName, Problem, ProjectName, Reference, ReleaseId, Tag, Versions, image_tag,
};
use landfall_registry::CopyRequest;

use super::Config;
use crate::Refusal;

/// The functions' names. Where some are missing, the problems are kept and the images of the others are looked at all the same, so
/// that everything is reported at once.
pub(super) fn names(
    config: &Config,
    versions: &Versions,
    problems: &mut Vec<Problem>,
) -> Result<LambdaNames, Refusal> {
    match config.target.functions(&config.places.functions, versions, config.missing) {
        Ok(names) => Ok(names),
        Err(errors) => {
            let problem = Problem::of(&errors);
            match config.target.functions(&config.places.functions, versions, MissingName::Skip) {
                Ok(names) => {
                    problems.push(problem.with_remedy(
                        "write the Lambda function's name on the first line of each .deployment file; --skip-missing leaves such projects out",
                    ));
                    Ok(LambdaNames { skipped: Vec::new(), ..names })
                }
                // Leaving projects out would not help: what is wrong is in files that are there.
                Err(_) => Err(Refusal::one(problem.with_remedy(
                    "correct the .deployment files named: one function a folder, and no function in two folders",
                ))),
            }
        }
    }
}

pub(super) fn requests(
    config: &Config,
    versions: &Versions,
    names: &LambdaNames,
    release: &ReleaseId,
    problems: &mut Vec<Problem>,
) -> Vec<(Tag, CopyRequest)> {
    let mut requests = Vec::new();
    for (position, (project, lambda)) in names.functions.iter().enumerate() {
        let Some(entry) = versions.projects.get(project) else { continue };
        let bad = |what: String| Problem::new("LF-RETAG-NAME", Class::Input, what);
        let tag = match image_tag(lambda, &entry.version) {
            Ok(tag) => tag.tag,
            Err(error) => {
                problems.push(bad(error.to_string()));
                continue;
            }
        };
        match source(config, project, &entry.version) {
            Ok(source) => requests.push((
                tag.clone(),
                CopyRequest {
                    project: Some(project.clone()),
                    version: Some(entry.version.to_string()),
                    environment: config.target.environment.clone(),
                    shard: config.shard.filter(|shard| shard.takes(position)),
                    release: Some(release.clone()),
                    ..CopyRequest::new(source, config.registry.tagged(tag))
                },
            )),
            Err(what) => problems.push(bad(what)),
        }
    }
    requests
}

fn source(config: &Config, project: &ProjectName, version: &semver::Version) -> Result<Reference, String> {
    let repository = config.source.join(project.as_str()).map_err(|error| error.to_string())?;
    // SemVer's build metadata begins with `+`, which no tag may hold.
    let tag: Tag = version
        .to_string()
        .replace('+', "_")
        .parse()
        .map_err(|error: landfall_artifacts::NameError| error.to_string())?;
    Ok(repository.tagged(tag))
}
