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
        let (mut old_headers, mut new_headers) = (Sharing::default(), Sharing::default());
        let puts = plan.puts.iter().map(|put| {
            let headers = if is_kept { rules.headers(&put.name) } else { super::Headers::new() };
            let headers = new_headers.shared(headers.into());
            let after = After { size_bytes: put.size_bytes, md5: None, sha256: None, headers };
            (&put.name, put.before.as_deref(), Some(Box::new(after)))
        });
        let deletes = plan.deletes.iter().map(|extra| (&extra.name, Some(&extra.listed), None));
        let mut all: Vec<_> = puts.chain(deletes).collect();
        if is_kept {
            let number = |name: &str| {
                source.files().binary_search_by(|file| file.name.as_bytes().cmp(name.as_bytes())).ok()
            };
            let numbers: Vec<usize> = plan.puts.iter().filter_map(|put| number(&put.name)).collect();
            if numbers.len() != plan.puts.len() {
                // A plan of another source: hashes would stand with other names.
                return Err(vec![TreeError::Moved { path: source.path().to_owned() }]);
            }
            let mut afters = all.iter_mut().filter_map(|(.., after)| after.as_mut());
            let note = |_, hashes: Hashes| {
                if let Some(after) = afters.next() {
                    (after.md5, after.sha256) = (hashes.md5.map(BytesMd5), hashes.sha256);
                }
            };
            hash_all(source, &numbers, Which::Both, note).await?;
        }
        let old = all.iter().filter(|(_, before, _)| before.is_some()).count() as u64;
        if is_kept && old > 0 {
            run.progress().event(Event::Phase { name: "keep".into(), items: Some(old) });
        }
        // Copies in another prefix are changes too.
        let intent = match keep {
            Keep::Prefix(place) if old > 0 => {
                let names: Vec<&str> =
                    all.iter().filter(|(_, before, _)| before.is_some()).map(|(name, ..)| &***name).collect();
                let place = self.at(place.clone());
                let intent = place.intend("PutObject", plan.digest(), names.into_iter(), labels, run).await;
                Some((place, intent.map_err(|error| vec![error])?))
            }
            Keep::Nothing | Keep::Folder(_) | Keep::Prefix(_) | Keep::Versions => None,
        };
        let id = format!("{}-{}", time.replace([':', '-'], ""), &plan.digest().hex()[..12]);
        let (mut rest, mut befores, mut errors) = (all.iter(), Vec::new(), Vec::new());
        in_turn(
            AT_ONCE,
            || rest.next().map(|(name, before, _)| self.keep_one(name, *before, keep, &id, run)),
            |one| match one {
                Ok(mut before) => {
                    if let Some(before) = &mut before {
                        before.headers = old_headers.shared(std::mem::take(&mut before.headers));
                    }
                    befores.push(before);
                }
                Err(error) => errors.push(error),
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
        let mut changes: Vec<RecordedChange> = all
            .into_iter()
            .zip(befores)
            .map(|((name, _, after), before)| RecordedChange { name: Arc::clone(name), before, after })
            .collect();
        changes.sort_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes()));
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
            let what = "the bucket keeps no versions".to_owned();
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
            Keep::Folder(folder) => told.kept = Some(keep_in_folder(folder, digest, &whole)?),
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

/// Writes bytes to a file called by their SHA-256, where it is not there already; gives its name.
fn keep_in_folder(folder: &Path, digest: Digest, bytes: &[u8]) -> Result<String, TreeError> {
    let name = digest.hex();
    let path = folder.join(&name);
    let is_there = std::fs::read(&path).is_ok_and(|there| Digest::of(&there) == digest);
    if !is_there {
        let local = |source| TreeError::Local { path: path.clone(), source };
        std::fs::create_dir_all(folder).map_err(local)?;
        write_atomic(&path, bytes, Mode::Shared)
            .map_err(|error| local(std::io::Error::other(error.to_string())))?;
    }
    Ok(name)
}
