//! What of a publication that was not completed still stands when the next one carries it on.

use std::sync::Arc;

use landfall_run::Run;

use super::look::Seen;
use super::record::SyncRecord;
use super::{Plan, Tree, TreeError};

impl Tree {
    /// The record of a publication that was not completed, without the changes that an undo is not about any more: of the keys that `plan`
    /// leaves alone those where all is as before, since the change was never made, or where somebody else's object is. What cannot be told
    /// stays. Only reads: an object for each such key, where old bytes were kept at all.
    ///
    /// # Errors
    /// [`TreeError::Call`].
    pub async fn standing(
        &self,
        mut earlier: SyncRecord,
        plan: &Plan,
        run: &Run,
    ) -> Result<SyncRecord, TreeError> {
        // Without old bytes nothing goes back, and only an empty record would say that there is nothing to take back.
        if earlier.kept_in.is_none() {
            return Ok(earlier);
        }
        let is_planned = |name: &Arc<str>| {
            let by_name = |one: &Arc<str>| one.as_bytes().cmp(name.as_bytes());
            plan.puts.binary_search_by(|put| by_name(&put.name)).is_ok()
                || plan.deletes.binary_search_by(|extra| by_name(&extra.name)).is_ok()
        };
        let open = || earlier.changes.iter().filter(|change| !is_planned(&change.name));
        let (names, mut changes) = (open().map(|change| &*change.name).collect(), open());
        let mut stands = Vec::new();
        let learn = |seen: Option<Seen>| {
            stands.extend(
                changes
                    .next()
                    .map(|change| !change.found(seen.as_ref()) && change.left(seen.as_ref()) != Some(false)),
            );
        };
        self.look_all(names, run, learn).await?;
        let mut stands = stands.into_iter();
        earlier.changes.retain(|change| is_planned(&change.name) || stands.next().unwrap_or(true));
        Ok(earlier)
    }
}
