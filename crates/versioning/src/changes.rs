//! Whom all changes between two states of a repo concern.

use std::collections::BTreeMap;
use std::io;

use landfall_artifacts::ProjectName;

use crate::lockfile::ReadLocks;
use crate::{Cause, LOCKFILES, ProjectGraph};

/// Reads a path as it was before the changes (`false`) or is after them (`true`); `None` where it is not there.
pub type ReadAt<'a> = dyn FnMut(&str, bool) -> io::Result<Option<Vec<u8>>> + 'a;

impl ProjectGraph {
    /// Every project that one of these paths concerns, with all causes, one a path or package.
    ///
    /// The root's lockfile, `nx.json` and the `tsconfig` that projects share are judged by their content, which `read` gives. Of
    /// other paths nothing is read.
    ///
    /// # Errors
    /// What `read` returns.
    pub fn affected_by_changes(
        &self,
        paths: &[String],
        read: &mut ReadAt<'_>,
    ) -> io::Result<BTreeMap<ProjectName, Vec<Cause>>> {
        let mut concerned: BTreeMap<ProjectName, Vec<Cause>> = BTreeMap::new();
        let mut locks = ReadLocks::default();
        for path in paths.iter().filter(|path| !is_outranked(path, paths)) {
            let found = if self.is_read(path) {
                let (before, after) = (read(path, false)?, read(path, true)?);
                self.affected_by_file(&mut locks, path, before.as_deref(), after.as_deref())
            } else {
                self.affected(path)
            };
            for (project, cause) in found {
                concerned.entry(project).or_default().push(cause);
            }
        }
        Ok(concerned)
    }

    /// Whether a change of a path is judged by the contents of the file.
    pub(crate) fn is_read(&self, path: &str) -> bool {
        LOCKFILES.contains(&path) || self.is_judged_by_content(path)
    }

    /// Every project that a change of a file concerns, by its content where that tells more than the path; `None` where the file
    /// was or is not there.
    pub(crate) fn affected_by_file(
        &self,
        locks: &mut ReadLocks,
        path: &str,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
    ) -> BTreeMap<ProjectName, Cause> {
        if LOCKFILES.contains(&path) {
            self.affected_by_packages(&locks.changes(path, before, after))
        } else {
            self.affected_by_content(path, before, after)
        }
    }
}

/// Whether a path is a lockfile beside which another changed that goes before it: a workspace has one that counts, and of two in one
/// folder it is the first.
pub(crate) fn is_outranked(path: &str, paths: &[String]) -> bool {
    let rank = LOCKFILES.iter().position(|name| *name == path).unwrap_or_default();
    LOCKFILES.iter().take(rank).any(|before| paths.iter().any(|path| path == before))
}
