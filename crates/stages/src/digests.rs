//! Digests of versions where no lock says them.

use std::path::Path;

use landfall_artifacts::{Class, Digest, LedgerEvent, Problem, ProjectName, Tag};
use semver::Version;

/// The digest that the ledger recorded for a project's version; `None` where it recorded none.
///
/// # Errors
/// Records that disagree.
pub(crate) fn of_ledger(
    events: &[LedgerEvent],
    project: &ProjectName,
    version: &Version,
) -> Result<Option<Digest>, Box<Problem>> {
    match landfall_ledger::resolve(events, project, version) {
        Ok(found) => Ok(found.map(|found| found.digest)),
        Err(conflict) => Err(Box::new(Problem::of(&*conflict))),
    }
}

/// That nothing says which digest a tag was meant to have.
pub(crate) fn unknown_digest(tag: &Tag, lock: &Path, why: &str) -> Problem {
    let what = format!("the digest of {tag} is not known: {} is not there, and {why}", lock.display());
    Problem::new("LF-LOCK-MISSING", Class::Refused, what).with_remedy(
        "give the image-lock.json of the pipeline that copied it by --lock, or the ledger that recorded it by --ledger",
    )
}
