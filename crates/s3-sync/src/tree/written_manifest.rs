//! The manifest after a publication, and after its undo.

use bytes::Bytes;
use landfall_artifacts::Digest;
use landfall_run::Run;

use super::apply::{ChangeResult, outcome};
use super::etag::{Etag, Listed};
use super::join::Extra;
use super::manifest::{self, MANIFEST_NAME};
use super::plan::ManifestPlan;
use super::put::{Condition, Wanted};
use super::rules::Headers;
use super::{Applied, Labels, Plan, Rules, Tree, TreeError, Undo};

impl Tree {
    /// Writes what a publication put there, where that is news. A store that turned out to encrypt with a key of KMS gets its manifest here:
    /// ETags will tell nothing there.
    pub(super) async fn keep_manifest(
        &self,
        plan: &Plan,
        puts: &[ChangeResult],
        rules: &Rules,
        labels: &Labels,
        run: &Run,
    ) -> Option<ChangeResult> {
        let none = ManifestPlan::default();
        let is_needed = puts.iter().any(|result| result.is_etag_opaque);
        let manifest: &ManifestPlan = plan.manifest.as_ref().or(is_needed.then_some(&none))?;
        if !manifest.is_stale && puts.is_empty() && manifest.digest == Some(manifest.next.digest()) {
            return None;
        }
        let (mut further, mut sets): (Vec<manifest::Put<'_>>, Vec<Headers>) = Default::default();
        for (put, result) in plan.puts.iter().zip(puts) {
            let (Some(etag), Some(sha256)) = (&result.etag, &result.sha256) else { continue };
            let headers = rules.headers(&put.name);
            let known = sets.iter().position(|set| *set == headers);
            let number = known.unwrap_or_else(|| {
                sets.push(headers);
                sets.len() - 1
            });
            let headers = u32::try_from(number).unwrap_or(u32::MAX);
            let (name, size_bytes) = (&*put.name, put.size_bytes);
            further.push(manifest::Put { name, etag, sha256, size_bytes, headers });
        }
        let bytes = manifest.next.bytes_with(&further, &sets);
        drop(further);
        let condition = match (&manifest.etag, manifest.is_there) {
            (Some(etag), _) => Condition::Is(etag.clone()),
            (None, true) => Condition::Any,
            (None, false) => Condition::Free,
        };
        Some(self.put_manifest(bytes, condition, plan.digest(), labels, run).await)
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
        let Some(stored) = self.stored_manifest(run).await? else { return Ok(None) };
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
        let Some(mut next) = stored.manifest else { return Ok(None) };
        for name in &undo.names {
            next.remove(name);
        }
        for (restore, result) in undo.restores.iter().zip(&applied.puts) {
            if let (Some(etag), Some(sha256)) = (&result.etag, result.sha256) {
                let (size_bytes, headers) = (restore.before.size_bytes, restore.before.headers.clone());
                next.insert(&restore.name, etag, sha256, size_bytes, headers);
            }
        }
        if next.digest() == stored.digest && undo.is_empty() {
            return Ok(None);
        }
        let condition = stored.etag.map_or(Condition::Any, Condition::Is);
        Ok(Some(self.put_manifest(next.to_bytes(), condition, undo.digest(), labels, run).await))
    }

    async fn put_manifest(
        &self,
        bytes: Vec<u8>,
        condition: Condition,
        plan: Digest,
        labels: &Labels,
        run: &Run,
    ) -> ChangeResult {
        let names = std::iter::once(MANIFEST_NAME);
        let intent = match self.intend("PutObject", plan, names, labels, run).await {
            Ok(intent) => intent,
            Err(error) => return ChangeResult::of(Err(error)),
        };
        let headers = Headers::from([("content-type".to_owned(), "application/json".to_owned())]);
        let wanted = Wanted::of_bytes(MANIFEST_NAME, Bytes::from(bytes), headers, condition);
        let result = [ChangeResult::of(self.put(&wanted, run).await.map(Some))];
        self.ended(intent, outcome(&result, run), run).await;
        let [result] = result;
        result
    }
}
