//! Keeping what a publication replaces or deletes, before it does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use landfall_artifacts::{Digest, Mode, Problem, write_atomic};
use landfall_aws::Nature;
use landfall_run::{EffectOutcome, Event, Run};

use super::bytes_md5::BytesMd5;
use super::etag::Listed;
use super::hash::{Hashes, Which, hash_all};
use super::headers::{SharedHeaders, Sharing};
use super::in_turn::in_turn;
use super::put::{Condition, Wanted};
use super::record::{After, Before, KeptIn, RecordedChange, SyncRecord};
use super::source::MOST_FILE_BYTES;
use super::{Labels, Plan, Rules, Source, Tree, TreeAddress, TreeError};

/// Objects that are kept at a time.
const AT_ONCE: usize = 8;

/// Largest object that is copied to a folder or a prefix: it passes through memory.
const MOST_COPIED: u64 = 64 * 1024 * 1024;

/// Where old bytes go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nowhere: the publication cannot be undone.
    #[default]
    Nothing,
    /// To a folder.
    Folder(PathBuf),
    /// To another prefix, of this or another bucket of the same account.
    Prefix(TreeAddress),
    /// Nowhere else: the bucket keeps versions.
    Versions,
}

impl Keep {
    /// As a record says it.
    pub fn kept_in(&self) -> Option<KeptIn> {
        match self {
            Self::Nothing => None,
            Self::Folder(folder) => Some(KeptIn::Folder(folder.clone())),
            Self::Prefix(address) => Some(KeptIn::Prefix(address.to_string())),
            Self::Versions => Some(KeptIn::Versions),
        }
    }
}

impl Tree {
    /// Keeps everything that a plan replaces or deletes, and gives the record to be written before the plan is applied.
    ///
    /// # Errors
    /// Every object that cannot be kept, or is another one by now: nothing may be changed then.
    pub async fn keep(
        &self,
        plan: &Plan,
        source: &Source,
        rules: &Rules,
        keep: &Keep,
        labels: &Labels,
        run: &Run,
    ) -> Result<SyncRecord, Vec<TreeError>> {
        let is_kept = *keep != Keep::Nothing;
        let time = landfall_run::rfc3339(run.clock().now());
        let mut new_headers = Sharing::default();
        let puts = plan.puts.iter().map(|put| {
            let headers = if is_kept { rules.headers(&put.name) } else { super::Headers::new() };
            let headers = new_headers.shared(headers.into());
            let after = After { size_bytes: put.size_bytes, md5: None, sha256: None, headers };
            RecordedChange { name: Arc::clone(&put.name), before: None, after: Some(Box::new(after)) }
        });
        let deletes = plan.deletes.iter().map(|extra| RecordedChange {
            name: Arc::clone(&extra.name),
            before: None,
            after: None,
        });
        let mut changes: Vec<RecordedChange> = puts.chain(deletes).collect();
        if is_kept {
            note_hashes(plan, source, &mut changes).await?;
        }
        let old = || there_now(plan).filter(|(_, before)| before.is_some()).map(|(name, _)| &**name);
        let count = old().count() as u64;
        if is_kept && count > 0 {
            run.progress().event(Event::Phase { name: "keep".into(), items: Some(count) });
        }
        // Copies in another prefix are changes too.
        let intent = match keep {
            Keep::Prefix(place) if count > 0 => {
                let place = self.at(place.clone());
                let names: Vec<&str> = old().collect();
                let intent = place.intend("PutObject", plan.digest(), names.into_iter(), labels, run).await;
                Some((place, intent.map_err(|error| vec![error])?))
            }
            Keep::Nothing | Keep::Folder(_) | Keep::Prefix(_) | Keep::Versions => None,
        };
        let id = format!("{}-{}", time.replace([':', '-'], ""), &plan.digest().hex()[..12]);
        let (mut rest, mut slots, mut errors) = (there_now(plan), changes.iter_mut(), Vec::new());
        let mut old_headers = Sharing::default();
        in_turn(
            AT_ONCE,
            || rest.next().map(|(name, before)| self.keep_one(name, before, keep, &id, run)),
            |one| {
                let slot = slots.next();
                match one {
                    Ok(Some(mut before)) => {
                        before.headers = old_headers.shared(std::mem::take(&mut before.headers));
                        if let Some(change) = slot {
                            change.before = Some(before);
                        }
                    }
                    Ok(None) => {}
                    Err(error) => errors.push(error),
                }
            },
        )
        .await;
        if let Some((place, intent)) = intent {
            let outcome = match errors.first() {
                None => EffectOutcome::Done,
                Some(error) => EffectOutcome::Failed(run.redactor().redact(&Problem::of(error).told())),
            };
            place.ended(intent, outcome, run).await;
        }
        if !errors.is_empty() {
            errors.truncate(20);
            return Err(errors);
        }
        changes.sort_unstable_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes()));
        Ok(SyncRecord {
            format_version: 1,
            address: self.address().to_string(),
            region: self.region().to_owned(),
            time,
            environment: labels.environment.clone(),
            release: labels.release.clone(),
            is_complete: false,
            kept_in: keep.kept_in(),
            had_manifest: Some(plan.has_manifest),
            changes,
        })
    }

    async fn keep_one(
        &self,
        name: &str,
        before: Option<&Listed>,
        keep: &Keep,
        id: &str,
        run: &Run,
    ) -> Result<Option<Box<Before>>, TreeError> {
        let Some(listed) = before else { return Ok(None) };
        let mut told = Before {
            size_bytes: listed.size_bytes,
            etag: listed.etag.text(),
            sha256: None,
            headers: SharedHeaders::default(),
            kept: None,
        };
        if *keep == Keep::Nothing {
            return Ok(Some(Box::new(told)));
        }
        let address = self.address().shown(name);
        // Versions stay where they are; they are put back by one request.
        let most = if *keep == Keep::Versions { MOST_FILE_BYTES } else { MOST_COPIED };
        if listed.size_bytes > most {
            let what = format!("it has {} bytes, and {most} are the most that is kept so", listed.size_bytes);
            return Err(TreeError::CannotKeep { address, what });
        }
        let seen = self.look(name, Nature::Read, run).await?;
        let is_listed_one = |seen: &super::look::Seen| {
            seen.listed.size_bytes == listed.size_bytes
                && (seen.listed.etag == listed.etag || listed.etag == super::Etag::Missing)
        };
        let Some(seen) = seen.filter(is_listed_one) else {
            return Err(TreeError::Changed { address, what: "it is another one than was listed" });
        };
        told.headers = seen.headers.clone().into();
        told.sha256 = seen.sha256;
        if *keep == Keep::Versions {
            let what =
                "it has no version: the bucket keeps none, or did not yet when it was written".to_owned();
            let Some(version) = seen.version.clone() else {
                return Err(TreeError::CannotKeep { address, what });
            };
            // Without its SHA-256 nobody could tell later whether it is back.
            if told.sha256.is_none() {
                let etag = seen.listed.etag.condition();
                told.sha256 = self.sha256_of(name, etag, None, most, run).await?;
            }
            if told.sha256.is_none() {
                return Err(TreeError::Changed { address, what: "it is gone" });
            }
            told.kept = Some(version);
            return Ok(Some(Box::new(told)));
        }
        let whole = self.read_whole(name, seen.listed.etag.condition(), most, run).await?;
        let Some(whole) = whole else {
            return Err(TreeError::Changed { address, what: "it is gone" });
        };
        let digest = Digest::of(&whole);
        told.sha256 = Some(digest);
        match keep {
            Keep::Folder(folder) => told.kept = Some(keep_in_folder(folder, digest, &whole, &address)?),
            Keep::Prefix(place) => {
                let kept = format!("{id}/{name}");
                let wanted = Wanted::of_bytes(&kept, Bytes::from(whole), seen.headers, Condition::Free);
                self.at(place.clone()).put(&wanted, run).await?;
                told.kept = Some(kept);
            }
            Keep::Nothing | Keep::Versions => {}
        }
        Ok(Some(Box::new(told)))
    }
}

/// Every key that a plan changes, with what stands there: uploads, then deletions.
fn there_now(plan: &Plan) -> impl Iterator<Item = (&Arc<str>, Option<&Listed>)> {
    let puts = plan.puts.iter().map(|put| (&put.name, put.before.as_deref()));
    puts.chain(plan.deletes.iter().map(|extra| (&extra.name, Some(&extra.listed))))
}

/// Notes what is put there, of which an undo must know that it is still so.
///
/// # Errors
/// Every file that cannot be read or is not as it was found, or that the source has not.
async fn note_hashes(
    plan: &Plan,
    source: &Source,
    changes: &mut [RecordedChange],
) -> Result<(), Vec<TreeError>> {
    let number =
        |name: &str| source.files().binary_search_by(|file| file.name.as_bytes().cmp(name.as_bytes())).ok();
    let numbers: Vec<usize> = plan.puts.iter().filter_map(|put| number(&put.name)).collect();
    if numbers.len() != plan.puts.len() {
        // A plan of another source: hashes would stand with other names.
        return Err(vec![TreeError::Moved { path: source.path().to_owned() }]);
    }
    let mut afters = changes.iter_mut().filter_map(|change| change.after.as_mut());
    let note = |_, hashes: Hashes| {
        if let Some(after) = afters.next() {
            (after.md5, after.sha256) = (hashes.md5.map(BytesMd5), hashes.sha256);
        }
    };
    hash_all(source, &numbers, Which::Both, note).await
}

/// Writes bytes to a file called by their SHA-256, where it is not there already; gives its name.
fn keep_in_folder(folder: &Path, digest: Digest, bytes: &[u8], address: &str) -> Result<String, TreeError> {
    let name = digest.hex();
    let path = folder.join(&name);
    let is_there = std::fs::read(&path).is_ok_and(|there| Digest::of(&there) == digest);
    if !is_there {
        let made = std::fs::create_dir_all(folder).map_err(|error| error.to_string());
        let written = made.and_then(|()| {
            write_atomic(&path, bytes, Mode::Shared).map(drop).map_err(|error| error.to_string())
        });
        written.map_err(|why| {
            let folder = landfall_secret::escape(&folder.to_string_lossy(), 200);
            let what = format!("{folder} cannot be written to: {}", landfall_secret::escape(&why, 300));
            TreeError::CannotKeep { address: address.to_owned(), what }
        })?;
    }
    Ok(name)
}
