//! The manifest after a publication, and after its undo.

use std::collections::BTreeMap;

use landfall_artifacts::Digest;
use landfall_run::Run;

use super::apply::{ChangeResult, outcome};
use super::etag::{Etag, Listed};
use super::headers::Headers;
use super::join::Extra;
use super::manifest::{self, Entry, Line, MANIFEST_NAME};
use super::plan::ManifestPlan;
use super::put::{Condition, Wanted};
use super::spool::{Spooled, SpooledReader, spooled};
use super::{Applied, Labels, Plan, Rules, Source, Tree, TreeError, Undo};

impl Tree {
    /// Writes what a publication put there, where that is news. A store that turned out to encrypt with a key of KMS gets its manifest here:
    /// ETags will tell nothing there.
    pub(super) async fn keep_manifest(
        &self,
        (plan, puts): (&Plan, &[ChangeResult]),
        source: &Source,
        rules: &Rules,
        labels: &Labels,
        run: &Run,
    ) -> Option<ChangeResult> {
        let none = ManifestPlan::default();
        let is_needed = puts.iter().any(|result| result.is_etag_opaque);
        let manifest: &ManifestPlan = plan.manifest.as_ref().or(is_needed.then_some(&none))?;
        if !manifest.is_outdated && puts.is_empty() {
            return None;
        }
        let mut sets = manifest.sets.clone();
        let numbers: Vec<u32> = plan.puts.iter().map(|put| sets.number(rules.headers(&put.name))).collect();
        let lines = || {
            let made = plan.puts.iter().zip(puts).zip(&numbers).filter_map(|((put, result), number)| {
                let (etag, sha256) = (result.etag.as_ref()?, result.sha256.as_ref()?);
                Some(Line { name: &put.name, etag, sha256, size_bytes: put.size_bytes, headers: *number })
            });
            merged(manifest.lines(source), made)
        };
        let written = spooled(|to| manifest::write(lines, &sets, to));
        let condition = match (&manifest.etag, manifest.is_there) {
            (Some(etag), _) => Condition::Is(etag.clone()),
            (None, true) => Condition::Any,
            (None, false) => Condition::Free,
        };
        Some(self.put_manifest(written, condition, plan.digest(), labels, run).await)
    }

    /// Takes out of the manifest what an undo changed, and adds what it put back. One that the publication began is deleted.
    ///
    /// # Errors
    /// What keeps the manifest from being read.
    pub(super) async fn correct_manifest(
        &self,
        undo: &Undo,
        applied: &Applied,
        labels: &Labels,
        run: &Run,
    ) -> Result<Option<ChangeResult>, TreeError> {
        // Records of before that was noted say nothing of it.
        let Some(had_manifest) = undo.had_manifest else { return Ok(None) };
        let read = |from: SpooledReader| {
            let mut objects: BTreeMap<Box<str>, Entry> = BTreeMap::new();
            let sets = manifest::read(from, |name, entry| {
                objects.insert(name.into(), entry);
            })?;
            Ok((objects, sets))
        };
        let Some(stored) = self.stored_manifest(read, run).await? else { return Ok(None) };
        if !had_manifest {
            let listed =
                Listed { size_bytes: stored.size_bytes, etag: Etag::of(stored.etag.as_deref()), modified: 0 };
            let extra = Extra { name: MANIFEST_NAME.into(), listed };
            let names = std::iter::once(MANIFEST_NAME);
            let intent = self.intend("DeleteObjects", undo.digest(), names, labels, run).await?;
            let result = self.delete(&[extra], run).await.pop().unwrap_or(Ok(()));
            let result = [ChangeResult::of(result.map(|()| None))];
            self.ended(intent, outcome(&result, run), run).await;
            let [result] = result;
            return Ok(Some(result));
        }
        let Some((mut objects, mut sets)) = stored.says else { return Ok(None) };
        for name in &undo.names {
            objects.remove(&**name);
        }
        for (restore, result) in undo.restores.iter().zip(&applied.puts) {
            if let (Some(etag), Some(sha256)) = (&result.etag, result.sha256) {
                let headers = sets.number((*restore.before.headers).clone());
                let size_bytes = restore.before.size_bytes;
                let entry = Entry { etag: etag.clone(), sha256, size_bytes, headers };
                objects.insert(restore.name.as_str().into(), entry);
            }
        }
        let lines = || objects.iter().map(|(name, entry)| Line::of(name, entry));
        let written = spooled(|to| manifest::write(lines, &sets, to));
        if undo.is_empty() && written.as_ref().is_ok_and(|written| written.sha256 == stored.digest) {
            return Ok(None);
        }
        let condition = stored.etag.map_or(Condition::Any, Condition::Is);
        Ok(Some(self.put_manifest(written, condition, undo.digest(), labels, run).await))
    }

    async fn put_manifest(
        &self,
        written: Result<Spooled, TreeError>,
        condition: Condition,
        plan: Digest,
        labels: &Labels,
        run: &Run,
    ) -> ChangeResult {
        let written = match written {
            Ok(written) => written,
            Err(error) => return ChangeResult::of(Err(error)),
        };
        let names = std::iter::once(MANIFEST_NAME);
        let intent = match self.intend("PutObject", plan, names, labels, run).await {
            Ok(intent) => intent,
            Err(error) => return ChangeResult::of(Err(error)),
        };
        let headers = Headers::from([("content-type".to_owned(), "application/json".to_owned())]);
        let wanted = Wanted::of_spooled(MANIFEST_NAME, written, headers, condition);
        let result = [ChangeResult::of(self.put(&wanted, run).await.map(Some))];
        self.ended(intent, outcome(&result, run), run).await;
        let [result] = result;
        result
    }
}

/// Two lists in the order of their names' bytes as one; of two lines with one name the second list's.
fn merged<'a>(
    old: impl Iterator<Item = Line<'a>>,
    new: impl Iterator<Item = Line<'a>>,
) -> impl Iterator<Item = Line<'a>> {
    let (mut old, mut new) = (old.peekable(), new.peekable());
    std::iter::from_fn(move || {
        let Some(next) = new.peek() else { return old.next() };
        if let Some(line) = old.next_if(|line| line.name.as_bytes() < next.name.as_bytes()) {
            return Some(line);
        }
        old.next_if(|line| line.name == next.name);
        new.next()
    })
}
