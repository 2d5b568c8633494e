//! Going back: the state before a publication, by its record, unless somebody else changed it since.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use landfall_artifacts::Digest;
use landfall_run::Run;

use super::in_turn::in_turn;
use super::join::Extra;
use super::look::Seen;
use super::put::{Condition, Wanted, Written};
use super::record::{Before, KeptIn, SyncRecord};
use super::{Applied, ChangeResult, Labels, Tree, TreeError};

/// Objects that are put back at a time, or whose old bytes are looked at.
const AT_ONCE: usize = 8;

/// Problems that are told one by one; after so many no further old bytes are looked at.
const MOST_TOLD: usize = 20;

/// What brings the state before a publication back.
#[derive(Debug, Default)]
pub struct Undo {
    /// Objects that are put back.
    pub restores: Vec<Restore>,
    /// Objects that the publication created: they are deleted.
    pub removes: Vec<Extra>,
    /// Changes of the record that are not so, or not any more: it is as before there.
    pub unchanged: u64,
    /// Of all changes of the record.
    pub(super) names: Vec<Arc<str>>,
    /// Whether the manifest was there before the publication.
    pub(super) had_manifest: Option<bool>,
}

/// An object that is put back.
#[derive(Debug)]
pub struct Restore {
    /// The name below the prefix.
    pub name: String,
    /// What stood there.
    pub before: Before,
    /// What must stand there now.
    condition: Condition,
    pub(super) kept_in: KeptIn,
}

impl Undo {
    /// Whether everything is as it was before.
    pub fn is_empty(&self) -> bool {
        self.restores.is_empty() && self.removes.is_empty()
    }

    pub(super) fn digest(&self) -> Digest {
        let mut hasher = landfall_artifacts::Hasher::new();
        for restore in &self.restores {
            hasher.update(format!("restore\0{}\0{:?}\n", restore.name, restore.before.kept).as_bytes());
        }
        for extra in &self.removes {
            hasher.update(format!("remove\0{}\0{:?}\n", extra.name, extra.listed.etag).as_bytes());
        }
        hasher.finish()
    }
}

impl Tree {
    /// What is to be done so that all is as before a publication of this prefix. Only reads.
    ///
    /// # Errors
    /// Every object that is neither as the publication left it nor as it was before ([`TreeError::ChangedSince`]), or whose old bytes were not
    /// kept, are gone or damaged ([`TreeError::NotKept`]): nothing is undone by halves. At most twenty of them.
    pub async fn undo_plan(&self, record: &SyncRecord, run: &Run) -> Result<Undo, Vec<TreeError>> {
        let looked_at: Vec<&str> = record.changes.iter().map(|change| &*change.name).collect();
        let names = record.changes.iter().map(|change| change.name.clone()).collect();
        let mut undo = Undo { names, had_manifest: record.had_manifest, ..Undo::default() };
        let (mut errors, mut changes) = (Vec::new(), record.changes.iter());
        let plan_one = |seen: Option<Seen>| {
            let Some(change) = changes.next() else { return };
            let address = || self.address().shown(&change.name);
            if change.found(seen.as_ref()) {
                undo.unchanged += 1;
                return;
            }
            if change.left(seen.as_ref()) != Some(true) {
                let is_known = record.kept_in.is_some();
                errors.push(if is_known {
                    TreeError::ChangedSince { address: address() }
                } else {
                    not_kept(address(), "it was published without --keep-old")
                });
                return;
            }
            match (&change.before, seen) {
                (None, Some(seen)) => {
                    undo.removes.push(Extra { name: change.name.clone(), listed: seen.listed });
                }
                (None, None) => undo.unchanged += 1,
                (Some(before), seen) => {
                    let Some(kept_in) = record.kept_in.clone().filter(|_| before.kept.is_some()) else {
                        errors.push(not_kept(address(), "its old bytes were not kept"));
                        return;
                    };
                    let condition = match seen {
                        None => Condition::Free,
                        Some(seen) => seen.listed.etag.condition().map_or(Condition::Any, Condition::Is),
                    };
                    let (name, before) = (change.name.to_string(), (**before).clone());
                    undo.restores.push(Restore { name, before, condition, kept_in });
                }
            }
        };
        self.look_all(looked_at, run, plan_one).await.map_err(|error| vec![error])?;
        let (mut restores, failures) = (undo.restores.iter(), AtomicUsize::new(0));
        in_turn(
            AT_ONCE,
            || {
                let next = restores.next().filter(|_| failures.load(Ordering::Relaxed) < MOST_TOLD);
                next.map(|restore| self.check_kept(restore, run))
            },
            |checked| {
                if let Err(error) = checked {
                    failures.fetch_add(1, Ordering::Relaxed);
                    errors.push(error);
                }
            },
        )
        .await;
        errors.truncate(MOST_TOLD);
        if errors.is_empty() { Ok(undo) } else { Err(errors) }
    }

    /// Puts back what was replaced or deleted, then deletes what was created, each only where it is as it was seen, and then corrects the
    /// manifest. Repeating it does what is left.
    pub async fn undo(&self, undo: &Undo, labels: &Labels, run: &Run) -> Applied {
        let mut applied = Applied::default();
        if let Err(error) = self.undo_all(undo, labels, run, &mut applied).await {
            applied.errors.push(error);
        }
        applied
    }

    async fn undo_all(
        &self,
        undo: &Undo,
        labels: &Labels,
        run: &Run,
        applied: &mut Applied,
    ) -> Result<(), TreeError> {
        if !undo.restores.is_empty() {
            let names = undo.restores.iter().map(|restore| restore.name.as_str());
            let intent = self.intend("PutObject", undo.digest(), names, labels, run).await?;
            let mut restores = undo.restores.iter();
            in_turn(
                AT_ONCE,
                || restores.next().map(|restore| self.restore(restore, run)),
                |result| applied.puts.push(ChangeResult::of(result.map(Some))),
            )
            .await;
            self.ended(intent, super::apply::outcome(&applied.puts, run), run).await;
        }
        let left = super::apply::not_made(&applied.puts);
        if left > 0 {
            return Err(TreeError::Withheld { what: "nothing was deleted", left });
        }
        if !undo.removes.is_empty() {
            let names = undo.removes.iter().map(|extra| &*extra.name);
            let intent = self.intend("DeleteObjects", undo.digest(), names, labels, run).await?;
            let results = self.delete(&undo.removes, run).await;
            applied.deletes =
                results.into_iter().map(|result| ChangeResult::of(result.map(|()| None))).collect();
            self.ended(intent, super::apply::outcome(&applied.deletes, run), run).await;
        }
        let left = super::apply::not_made(&applied.deletes);
        if left > 0 {
            return Err(TreeError::Withheld { what: "the manifest was not corrected", left });
        }
        applied.manifest = self.correct_manifest(undo, applied, labels, run).await?;
        Ok(())
    }

    async fn restore(&self, restore: &Restore, run: &Run) -> Result<Written, TreeError> {
        let address = self.address().shown(&restore.name);
        if run.stop().requested().is_some() {
            return Err(TreeError::Stopped { address });
        }
        let kept = self.kept_bytes(restore, run).await?;
        let headers = (*restore.before.headers).clone();
        let wanted = Wanted::of_spooled(&restore.name, kept, headers, restore.condition.clone());
        self.put(&wanted, run).await
    }
}

fn not_kept(address: String, what: &str) -> TreeError {
    TreeError::NotKept { address, what: what.to_owned() }
}
