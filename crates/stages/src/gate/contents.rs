//! What the release is that is decided about.

use landfall_artifacts::{Class, FileError, ImageLock, LedgerEvent, Problem, ReleaseId, Versions};
use landfall_ledger::gate::{Content, Subject};

use super::{Config, environment};
use crate::Refusal;
use crate::digests::of_ledger;

/// The release and what is known of its contents: by the lock, where it is the release's; else by the ledger, which knows what was
/// deployed and promoted; else by the versions, whose contents the ledger knows from other releases.
///
/// # Errors
/// No release, no environment, files that break their format, and versions of which the ledger has two contents.
pub(super) fn subject(config: &Config, events: &[LedgerEvent]) -> Result<Subject, Refusal> {
    let environment = environment(config)?.clone();
    let lock = optional(ImageLock::read(&config.places.lock))?;
    let versions = optional(Versions::read(&config.places.versions))?;
    let release = release(config, versions.as_ref(), lock.as_ref())?;
    if let Some(lock) = lock.filter(|lock| lock.release == release) {
        let content = |image: &landfall_artifacts::LockedImage| Content {
            project: Some(image.project.clone()),
            version: Some(image.version.clone()),
            digest: image.digest,
        };
        let contents = lock.images.iter().map(content).collect();
        return Ok(Subject::new(release, environment, contents));
    }
    let known = Subject::of_ledger(events, &release, &environment);
    if !known.contents.is_empty() {
        return Ok(known);
    }
    let mut contents = Vec::new();
    let mut problems = Vec::new();
    for (project, entry) in versions.iter().flat_map(|versions| &versions.projects) {
        match of_ledger(events, project, &entry.version) {
            Ok(Some(digest)) => contents.push(Content {
                project: Some(project.clone()),
                version: Some(entry.version.clone()),
                digest,
            }),
            Ok(None) => {}
            Err(problem) => problems.push(*problem),
        }
    }
    if !problems.is_empty() {
        return Err(Refusal(problems));
    }
    // Of a release of which something is not known nothing is: an approval would be of a part.
    let is_whole = versions.is_some_and(|versions| versions.projects.len() == contents.len());
    Ok(Subject::new(release, environment, if is_whole { contents } else { Vec::new() }))
}

/// The same, of which something is known: what people let come must be named.
///
/// # Errors
/// As [`subject`], and where nothing is known.
pub(super) fn known(config: &Config, events: &[LedgerEvent]) -> Result<Subject, Refusal> {
    let subject = subject(config, events)?;
    if subject.contents.is_empty() {
        let what = format!("nothing is known of what release {} is", subject.release);
        return Err(Refusal::one(Problem::new("LF-GATE-UNKNOWN", Class::Input, what).with_remedy(
            "give its image-lock.json by --lock, or the ledger by --ledger that knows a deployment of it",
        )));
    }
    Ok(subject)
}

fn release(
    config: &Config,
    versions: Option<&Versions>,
    lock: Option<&ImageLock>,
) -> Result<ReleaseId, Refusal> {
    // In the order in which deploy-lambda finds it.
    let found = match (&config.target.release, lock, versions) {
        (Some(release), _, _) => Some(release.clone()),
        (None, Some(lock), _) => Some(lock.release.clone()),
        (None, None, versions) => versions.map(Versions::release_id),
    };
    found.ok_or_else(|| {
        Refusal::one(
            Problem::new("LF-CONFIG-MISSING", Class::Input, "the release is missing").with_remedy(
                "give it by --release or the variable LANDFALL_RELEASE, or let versions.json or image-lock.json be there",
            ),
        )
    })
}

fn optional<T>(read: Result<T, FileError>) -> Result<Option<T>, Refusal> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(FileError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
