//! Looks at the files that jobs before left.

use std::path::Path;

use landfall_artifacts::{Class, FileError, ImageLock, Mappings, Problem, Versions};
use landfall_run::counted;
use landfall_stages::Refusal;

use super::{Brought, Look};
use crate::Context;

pub(super) fn look(stage: &str, context: &Context) -> Brought {
    match stage {
        "deploy-lambda" => plan(context),
        "s3-sync" => folder(context),
        "retag-push-ecr" => names(context),
        _ => {
            let versions = Versions::read(&context.places().versions)?;
            Ok(Look::At(format!(
                "{} with {}",
                context.places().versions.display(),
                counted(versions.projects.len(), "project")
            )))
        }
    }
}

fn names(context: &Context) -> Brought {
    let places = context.places();
    let versions = Versions::read(&places.versions)?;
    let names = context.target().functions(&places.functions, &versions, context.missing())?;
    Ok(Look::At(format!(
        "{} with {}, {}",
        places.versions.display(),
        counted(versions.projects.len(), "project"),
        counted(names.functions.len(), "function")
    )))
}

/// A release of archives and another environment have no mapping.
fn plan(context: &Context) -> Brought {
    let (places, values) = (context.places(), context.values());
    if values.text("like").is_some() {
        return Ok(Look::Nothing("what another environment runs is deployed, by --like".to_owned()));
    }
    if values.text("bucket").is_some() && !places.mappings.exists() {
        return Ok(Look::Nothing("a release of archives is deployed".to_owned()));
    }
    let mappings = Mappings::read(&places.mappings)?;
    let lock = match ImageLock::read(&places.lock) {
        Ok(lock) => format!("{} of release {}", places.lock.display(), lock.release),
        // The ledger may know the digests.
        Err(FileError::Missing { .. }) => format!("no {}", places.lock.display()),
        Err(error) => return Err(error.into()),
    };
    Ok(Look::At(format!(
        "{} with {}, {lock}",
        places.mappings.display(),
        counted(mappings.tags.len(), "function")
    )))
}

/// Rules that leave everything out are the stage's own to tell.
fn folder(context: &Context) -> Brought {
    let values = context.values();
    if values.text("undo").is_some() {
        return Ok(Look::Nothing("a publication is taken back, by --undo".to_owned()));
    }
    let path = values.text("dir").unwrap_or_default();
    let shown = landfall_secret::escape(&path, 200);
    let empty = |what: &str| {
        Refusal::one(
            Problem::new("LF-SYNC-EMPTY", Class::Input, format!("the folder {shown} {what}")).with_remedy(
                "run merge-configs, or the command that makes the folder, and look at what it says",
            ),
        )
    };
    let mut entries =
        std::fs::read_dir(Path::new(&path)).map_err(|cause| empty(&format!("cannot be read: {cause}")))?;
    if entries.next().is_none() {
        return Err(empty("is empty"));
    }
    Ok(Look::At(format!("{shown} is there, and not empty")))
}
