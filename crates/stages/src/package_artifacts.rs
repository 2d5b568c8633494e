//! `package-artifacts`: makes an archive of every service, the same bytes from the same files.

mod archive;
mod contents;
mod links;
mod names;
mod output_folder;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use landfall_artifacts::{
    Class, CodeSha256, CommitId, EnvironmentName, FileError, Mode, ObjectKey, Problem, ReleaseArtifact,
    ReleaseId, ReleaseManifest, ServiceName, WrittenFile,
};
use landfall_run::{Event, Run, counted, human_bytes};
use serde_json::Value;

use crate::{Finished, Item, Outcome, Output, Refusal};
use archive::{Packed, pack};
use contents::{Contents, look};
pub use names::release_of;
pub use output_folder::is_output;

/// Archives that are made at a time: more than a few only make the disk seek.
const AT_ONCE: usize = 4;

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The release, `v` and a SemVer version without build metadata; see [`release_of`].
    pub release: ReleaseId,
    /// The commit that the folders were built from, where it is known.
    pub commit: Option<CommitId>,
    /// The services and their built folders. Each service may stand once.
    pub services: Vec<(ServiceName, PathBuf)>,
    /// The folder that the archives and `manifest.json` go to; made where it is missing.
    pub out: PathBuf,
    /// Configuration that makes the archives those of one environment; `None` for archives that all environments take.
    pub configuration: Option<Configuration>,
    /// What a symbolic link in a built folder means.
    pub symlinks: Symlinks,
}

/// Configuration of one environment, packed beside the code.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The environment, which the archives' keys name.
    pub environment: EnvironmentName,
    /// The folder of its files.
    pub folder: PathBuf,
    /// Where they stand in each archive, such as `config`.
    pub at: String,
}

/// What a symbolic link means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symlinks {
    /// It is a problem.
    #[default]
    Refuse,
    /// It is packed as a link, where it leads to a file or folder of the same archive.
    Keep,
}

/// Makes `<out>/<service>.zip` of every built folder, and `<out>/manifest.json`, which says what the archives hold.
///
/// An archive depends on the names, the bytes and the owner's permission to execute of its files and on nothing else: names
/// are sorted by their bytes, times are 1980-01-01, modes 0644 or 0755, the compression is fixed. So the same
/// Landfall makes the same bytes of the same input on every machine; another version of its compressor may not. Empty folders are not packed. An archive that is there with the same bytes is left alone;
/// each file appears whole or not at all, the manifest last.
///
/// Lambda's limits are checked: 250 MB unzipped (Lambda quotas, "Deployment package"). The limit of 50 MB for direct uploads
/// is none here, since the code comes from S3.
///
/// # Errors
/// Folders without files, names that are unsafe or that fall together on other systems, files below files, an output folder within a built one,
/// links, sockets and the like, sizes
/// over the limits: all problems of all services at once, before anything is written.
pub async fn run(config: &Config, output: &Output, run: &Run) -> Outcome {
    let count = config.services.len();
    run.progress().event(Event::Phase { name: "check".into(), items: Some(count as u64) });
    let contents = check(config)?;
    run.progress().event(Event::Phase { name: "package".into(), items: Some(count as u64) });
    let packed = package(config, contents, output, run).await?;
    let mut finished = Finished { release: Some(config.release.clone()), ..Finished::default() };
    let mut manifest = ReleaseManifest {
        release: config.release.clone(),
        commit: config.commit.clone(),
        artifacts: Vec::new(),
    };
    let mut total = 0;
    for (artifact, packed) in packed {
        total += artifact.size_bytes;
        report(&artifact, &packed, config, output, &mut finished)?;
        manifest.artifacts.push(artifact);
    }
    let path = config.out.join(ReleaseManifest::FILE_NAME);
    finished.files.push(output.write(&path, &manifest.to_bytes(), Mode::Shared)?);
    let count_of = |word: &str| finished.items.iter().filter(|item| item.outcome == word).count();
    let (made, would) =
        if output.is_dry_run() { (count_of("planned"), " would be") } else { (count_of("packaged"), "") };
    finished.summary = format!(
        "{made} of {}{would} made, {} in all, for {}",
        counted(count, "archive"),
        human_bytes(total),
        manifest.folder()
    );
    Ok(finished)
}

/// Looks at every folder and says all that is wrong.
fn check(config: &Config) -> Result<Vec<Contents>, Refusal> {
    let mut problems = Vec::new();
    if config.services.is_empty() {
        problems.push(
            Problem::new("LF-PACKAGE-NOTHING", Class::Input, "there is no built folder to package").with_remedy(
                "build first, then name the folders by --built DIR, which holds one a service, or by --service NAME=DIR",
            ),
        );
    }
    names::check_services(config.services.iter().map(|(service, _)| service), &mut problems);
    let mut contents = Vec::new();
    for (service, folder) in &config.services {
        contents.push(look(service, folder, config, &mut problems));
    }
    if problems.is_empty() { Ok(contents) } else { Err(Refusal(problems)) }
}

/// Makes all archives, each in a temporary file, in the order of the services' names.
async fn package(
    config: &Config,
    contents: Vec<Contents>,
    output: &Output,
    run: &Run,
) -> Result<Vec<(ReleaseArtifact, Packed)>, Refusal> {
    let folder = ReleaseManifest::folder_of(
        &config.release,
        config.configuration.as_ref().map(|configuration| &configuration.environment),
    );
    let mut services: Vec<Contents> = contents;
    services.sort_by(|a, b| a.service.cmp(&b.service));
    let mut keys = Vec::new();
    for contents in &services {
        let key = format!("{folder}/{}.zip", contents.service);
        keys.push(key.parse::<ObjectKey>().map_err(|cause| {
            Refusal::one(Problem::new("LF-PACKAGE-KEY", Class::Input, cause.to_string()).with_remedy(
                "choose a release, environment and service whose names make a key of the bucket",
            ))
        })?);
    }
    let place = if output.is_dry_run() { None } else { Some(config.out.clone()) };
    let made: Vec<Result<Packed, Problem>> = futures_util::stream::iter(services.clone())
        .map(|contents| {
            let (place, stop) = (place.clone(), run.stop().clone());
            async move {
                run.progress().event(Event::Started {
                    item: contents.service.to_string(),
                    size_bytes: Some(contents.size_bytes()),
                });
                let item = contents.service.to_string();
                // Reading and compressing block; they have threads of their own.
                let packed =
                    tokio::task::spawn_blocking(move || pack(&contents, place.as_deref(), &stop)).await;
                let packed = packed.unwrap_or_else(|_| {
                    let what = format!("the archive of {item} could not be made");
                    Err(Problem::new("LF-DEFECT", Class::Defect, what))
                });
                run.progress().event(Event::Finished {
                    item,
                    result: packed
                        .as_ref()
                        .map_or_else(|_| "failed".to_owned(), |packed| human_bytes(packed.size_bytes)),
                });
                packed
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let (mut packed, mut problems) = (Vec::new(), Vec::new());
    for ((made, contents), key) in made.into_iter().zip(services).zip(keys) {
        match made {
            Ok(made) => {
                let artifact = ReleaseArtifact {
                    service: contents.service,
                    key,
                    sha256: CodeSha256::from(made.sha256),
                    size_bytes: made.size_bytes,
                };
                packed.push((artifact, made));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(packed) } else { Err(Refusal(problems)) }
}

/// Puts an archive at its place, and says so.
fn report(
    artifact: &ReleaseArtifact,
    packed: &Packed,
    config: &Config,
    output: &Output,
    finished: &mut Finished,
) -> Result<(), FileError> {
    let path = config.out.join(format!("{}.zip", artifact.service));
    let is_there = archive::is_there(&path, packed);
    if !is_there && let Some(place) = output.place(&path)? {
        packed.copy_to(&place)?;
    }
    let word = match (is_there, output.is_dry_run()) {
        (true, _) => "unchanged",
        (false, true) => "planned",
        (false, false) => "packaged",
    };
    let mut item = Item::new(artifact.service.to_string(), word)
        .with("key", artifact.key.to_string())
        .with("sha256", artifact.sha256.to_string())
        .with("sizeBytes", artifact.size_bytes)
        .with("files", packed.files)
        .with("unzippedBytes", packed.unzipped_bytes);
    if let Some(configuration) = &config.configuration {
        item = item.with("environment", Value::from(configuration.environment.as_str()));
    }
    item.changed = word == "packaged";
    finished.items.push(item);
    finished.lines.push(format!(
        "{} {word}: {} files, {} of {} unzipped, sha256 {}",
        artifact.service,
        packed.files,
        human_bytes(artifact.size_bytes),
        human_bytes(packed.unzipped_bytes),
        artifact.sha256
    ));
    finished.files.push(written(&path, packed));
    Ok(())
}

fn written(path: &Path, packed: &Packed) -> WrittenFile {
    WrittenFile {
        path: path.to_string_lossy().into_owned(),
        sha256: packed.sha256,
        size_bytes: packed.size_bytes,
    }
}
