//! Whom all changes between two states of a repo concern.

use std::collections::BTreeMap;
use std::io;

use landfall_artifacts::ProjectName;

use crate::{Cause, LOCKFILES, ProjectGraph, package_changes};

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
        for path in paths {
            let found = if LOCKFILES.contains(&path.as_str()) {
                let (before, after) = (read(path, false)?, read(path, true)?);
                self.affected_by_packages(&package_changes(path, before.as_deref(), after.as_deref()))
            } else if self.is_judged_by_content(path) {
                let (before, after) = (read(path, false)?, read(path, true)?);
                self.affected_by_content(path, before.as_deref(), after.as_deref())
            } else {
                self.affected(path)
            };
            for (project, cause) in found {
                concerned.entry(project).or_default().push(cause);
            }
        }
        Ok(concerned)
    }
}
