//! `promote-artifacts`: the same digest, one repository further.

mod asked;
mod by_api;
mod by_copy;
mod layers;
mod ledger;
mod record;
mod shown;

use std::path::PathBuf;

use landfall_artifacts::{FileError, ImageLock, Repository, Versions};
use landfall_ledger::Ledger;
use landfall_registry::{Artifactory, Registries};
use landfall_run::{Event, Run};

use self::record::Record;
use crate::{Outcome, Output, Places, Target};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Environment and release.
    pub target: Target,
    /// Where the files are.
    pub places: Places,
    /// What the promotion is called, such as `to-rc`.
    pub promotion_type: String,
    /// Where `promotion-log-<type>.json` goes.
    pub log: PathBuf,
    /// Promotions at a time, where they are asked of Artifactory.
    pub jobs: usize,
    /// Whether a tag at the target with other content may be replaced.
    pub overwrite: bool,
    /// Whether a promotion that failed fails the stage; without it the failure is logged, since the release already runs. Where
    /// none succeeded the stage fails in any case.
    pub strict: bool,
}

/// From where to where images are promoted, and by what.
#[derive(Clone, Debug)]
pub enum Way {
    /// By Artifactory's own promotion, from repository key to repository key.
    Api {
        /// The server.
        artifactory: Box<Artifactory>,
        /// The repository key that images are in.
        source_key: String,
        /// The repository key that they are to be in.
        target_key: String,
        /// The images' folder below the keys.
        namespace: String,
    },
    /// By copying from registry to registry, for those that are no Artifactory.
    Copy {
        /// The registries, each with its login.
        registries: Registries,
        /// What stands above the projects' names at the source, namespace included.
        source: Repository,
        /// What stands above them at the target.
        target: Repository,
    },
}

impl Way {
    /// Where images are, for people and records.
    pub fn source(&self) -> String {
        match self {
            Self::Api { source_key, .. } => source_key.clone(),
            Self::Copy { source, .. } => source.to_string(),
        }
    }

    /// Where they are to be.
    pub fn target(&self) -> String {
        match self {
            Self::Api { target_key, .. } => target_key.clone(),
            Self::Copy { target, .. } => target.to_string(),
        }
    }
}

/// Promotes the image of every project of `versions.json`, as the tag of its version names it: the digest at the source must be the
/// lock's, and the digest at the target is read back.
///
/// Acts on: Artifactory, or the target's registry. What is there already is left alone; the log on disk is whole after every entry.
///
/// # Errors
/// Bad files. What is said of single images is in the log and in the result.
pub async fn run(config: &Config, way: &Way, ledger: &Ledger, output: &Output, run: &Run) -> Outcome {
    let versions = Versions::read(&config.places.versions)?;
    let lock = match ImageLock::read(&config.places.lock) {
        Ok(lock) => Some(lock),
        Err(FileError::Missing { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let images = asked::images(&versions, lock.as_ref())?;
    let release = config.target.release_of(&versions);
    let mut record = if output.is_dry_run() {
        Record::foretold(config, way, release, run)
    } else {
        Record::started(config, way, release, run)?
    };
    if lock.is_none() && !versions.is_empty() {
        let lock = config.places.lock.display();
        record.warn(format!("{lock} is not there: what is promoted is what the tags name now"));
    }
    let phase = if output.is_dry_run() {
        "look at all images".to_owned()
    } else {
        format!("promote from {} to {}", way.source(), way.target())
    };
    run.progress().event(Event::Phase { name: phase, items: Some(images.len() as u64) });
    match way {
        Way::Api { artifactory, .. } => {
            let requests = by_api::requests(config, way, &images, record.release());
            by_api::promote(artifactory, &requests, config.jobs, &mut record, run).await;
        }
        Way::Copy { registries, source, target } => {
            let places = by_copy::Places { registries, source, target };
            by_copy::promote(config, places, &images, &mut record, run).await?;
        }
    }
    record.finish(lock.as_ref(), ledger, output).await
}
