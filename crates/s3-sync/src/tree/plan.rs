//! What is to be done: by one listing, hashes of local files, and what is known besides.

use landfall_artifacts::Digest;
use landfall_aws::Nature;
use landfall_run::{Event, Run};

use super::etag::{Etag, Listed};
use super::hash::{Hashes, hash_all};
use super::join::{Extra, Join};
use super::rules::Headers;
use super::stored::StoredManifest;
use super::{Rules, Source, SyncManifest, Tree, TreeError};

/// How a plan is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Objects that the source has no file for are deleted.
    pub delete: bool,
    /// The sync manifest is kept, also where ETags tell everything but headers.
    pub manifest: bool,
    /// Headers are compared without a manifest too, by a request for each object.
    pub check_headers: bool,
}

/// Why a file is uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing stands at its key.
    New,
    /// Other bytes do.
    Content,
    /// The same bytes do, under other headers.
    Headers,
}

/// One upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The name below folder and prefix.
    pub name: Box<str>,
    /// Size of the file in bytes.
    pub size_bytes: u64,
    /// Why.
    pub why: Why,
    /// What stands there now; the upload is made only where that is still so.
    pub before: Option<Box<Listed>>,
}

/// What is to be done, and what else was seen.
#[derive(Debug, Default)]
pub struct Plan {
    /// Uploads, in the order of their names' bytes.
    pub puts: Vec<Put>,
    /// Deletions, in the order of their names' bytes; empty where none were asked for.
    pub deletes: Vec<Extra>,
    /// Whether deletions were asked for.
    pub is_deleting: bool,
    /// Files that are there with their bytes and, as far as is known, their headers.
    pub unchanged: u64,
    /// Objects without a file that stay, since deletions were not asked for.
    pub extras: u64,
    /// Objects that the rules leave out.
    pub left_out: u64,
    /// Objects below the prefix that the rules take.
    pub objects: u64,
    /// Whether there is a manifest.
    pub(crate) has_manifest: bool,
    /// The manifest, where it is kept: what is stored, and entries of what stays.
    pub(crate) manifest: Option<ManifestPlan>,
}

/// The manifest before and after.
#[derive(Debug, Default)]
pub(crate) struct ManifestPlan {
    /// ETag of the stored one, as it stands in `If-Match`.
    pub(crate) etag: Option<String>,
    /// Whether there is a stored one.
    pub(crate) is_there: bool,
    /// Of the stored one's bytes.
    pub(crate) digest: Option<Digest>,
    /// Whether an object is newer than the stored one, though its bytes are what that says: written again, it tells of the headers too.
    pub(crate) is_stale: bool,
    /// Entries of all files that are not uploaded.
    pub(crate) next: SyncManifest,
}

impl Plan {
    /// Whether there is nothing to do, the manifest aside.
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty()
    }

    /// Size of all uploads.
    pub fn size_bytes(&self) -> u64 {
        self.puts.iter().map(|put| put.size_bytes).sum()
    }

    /// Whether the manifest is to be written. Of a bucket that turns out to encrypt with a key of KMS nobody can say.
    pub fn writes_manifest(&self) -> bool {
        self.manifest.as_ref().is_some_and(|manifest| {
            !self.is_empty() || manifest.is_stale || manifest.digest != Some(manifest.next.digest())
        })
    }

    /// A digest of what is to be done, which records name it by: names, sizes, and what stands there now. Files that were not compared are not
    /// read for it, so that it does not tell their bytes.
    pub fn digest(&self) -> Digest {
        let mut hasher = landfall_artifacts::Hasher::new();
        let mut line = |kind: &str, name: &str, listed: Option<&Listed>, size: u64| {
            let etag = listed.and_then(|listed| listed.etag.text()).unwrap_or_default();
            hasher.update(format!("{kind}\0{name}\0{etag}\0{size}\n").as_bytes());
        };
        for put in &self.puts {
            line("put", &put.name, put.before.as_deref(), put.size_bytes);
        }
        for extra in &self.deletes {
            line("delete", &extra.name, Some(&extra.listed), extra.listed.size_bytes);
        }
        hasher.finish()
    }
}

/// What is known of a file whose key is taken.
#[derive(Clone, Debug)]
enum Known {
    /// Its bytes are the file's; whether its headers are those of the rules, where that is known.
    Same {
        sha256: Option<Box<Digest>>,
        headers_fit: Option<bool>,
    },
    Other,
    Gone,
}

impl Tree {
    /// Compares a source with what the bucket holds. Only reads.
    ///
    /// Sizes first, then MD5 against the listed ETag; where an ETag tells nothing the manifest, else a HEAD of that object.
    ///
    /// # Errors
    /// Everything that keeps it from being known; there is no half plan.
    pub async fn plan(
        &self,
        source: &Source,
        rules: &Rules,
        options: PlanOptions,
        run: &Run,
    ) -> Result<Plan, Vec<TreeError>> {
        let one = |error| vec![error];
        let mut join = Join::new(source.files(), rules);
        run.progress().event(Event::Phase { name: "list".into(), items: None });
        self.list(run, |name, listed| join.take(name, listed)).await.map_err(one)?;
        let (objects, left_out) = (join.objects(), join.left_out);
        let stored_listed = join.manifest.is_some();
        let written = join.manifest.as_ref().map(|manifest| manifest.modified);
        let Join { mut listed, extras, .. } = join;

        let same_size: Vec<usize> = source
            .files()
            .iter()
            .zip(&listed)
            .enumerate()
            .filter(|(_, (file, listed))| {
                listed.as_ref().is_some_and(|listed| listed.size_bytes == file.stamp.size_bytes)
            })
            .map(|(number, _)| number)
            .collect();
        let etag_of = |listed: &[Option<Listed>], number: usize| {
            listed.get(number).and_then(Option::as_ref).map_or(Etag::Missing, |listed| listed.etag.clone())
        };
        let is_opaque = |number: &usize| !matches!(etag_of(&listed, *number), Etag::Md5Like(_));
        let mut keeps_manifest = options.manifest || stored_listed || same_size.iter().any(is_opaque);
        run.progress().event(Event::Phase { name: "compare".into(), items: Some(same_size.len() as u64) });
        // Before the hashes: its text and they need not be in memory together.
        let mut stored = if stored_listed { self.stored_manifest(run).await.map_err(one)? } else { None };
        let hashes = hash_all(source, &same_size, keeps_manifest).await?;

        let mut known: Vec<Option<Known>> = vec![None; listed.len()];
        let mut learn = |number: usize, what: Known| {
            if let Some(slot) = known.get_mut(number) {
                *slot = Some(what);
            }
        };
        let mut ask: Vec<(usize, Hashes)> = Vec::new();
        let (mut is_md5_known_good, mut is_stale) = (false, false);
        for (number, hashes) in same_size.iter().copied().zip(hashes) {
            let (Some(file), Some(Some(there))) = (source.files().get(number), listed.get(number)) else {
                continue;
            };
            let entry = stored.as_ref().and_then(|stored| entry(stored, &file.name, there, written));
            let fits = entry.and_then(|(_, headers)| Some(*headers? == rules.headers(&file.name)));
            is_stale |= matches!(entry, Some((_, None)));
            let same = Known::Same { sha256: hashes.sha256.clone(), headers_fit: fits };
            if there.etag == Etag::Md5Like(hashes.md5) {
                is_md5_known_good = true;
                learn(number, same);
            } else if let Some((sha256, _)) = entry {
                learn(number, if hashes.sha256.as_deref() == Some(&sha256) { same } else { Known::Other });
            } else {
                ask.push((number, hashes));
            }
        }
        let asked = self.ask((source, rules), &listed, ask, is_md5_known_good, run).await?;
        keeps_manifest |= asked.is_any_opaque;
        for (number, seen, what) in asked.found {
            if let (Some(slot), Some(seen)) = (listed.get_mut(number), seen) {
                *slot = Some(seen);
            }
            learn(number, what);
        }
        if keeps_manifest || options.check_headers {
            self.learn_headers((source, rules), &mut listed, &mut known, run).await.map_err(one)?;
        }
        let mut plan = Plan {
            is_deleting: options.delete,
            left_out,
            objects,
            has_manifest: stored_listed,
            ..Plan::default()
        };
        let mut next = SyncManifest::default();
        for (number, file) in source.files().iter().enumerate() {
            let before = listed.get_mut(number).and_then(Option::take);
            let (why, before) = match (known.get(number).cloned().flatten(), before) {
                (Some(Known::Gone), _) | (None, None) => (Why::New, None),
                (Some(Known::Other) | None, before) => (Why::Content, before),
                (Some(Known::Same { sha256, headers_fit }), Some(before)) => {
                    if headers_fit != Some(false) {
                        plan.unchanged += 1;
                        // What it says is said anew, and need not be there twice.
                        if let Some(manifest) = stored.as_mut().and_then(|stored| stored.manifest.as_mut()) {
                            manifest.remove(&file.name);
                        }
                        if let Some(sha256) = sha256.filter(|_| keeps_manifest) {
                            let wanted = rules.headers(&file.name);
                            next.insert(&file.name, &before.etag, *sha256, before.size_bytes, wanted);
                        }
                        continue;
                    }
                    (Why::Headers, Some(before))
                }
                (Some(Known::Same { .. }), None) => (Why::New, None),
            };
            let (name, size_bytes) = (file.name.clone(), file.stamp.size_bytes);
            plan.puts.push(Put { name, size_bytes, why, before: before.map(Box::new) });
        }
        if options.delete {
            plan.deletes = extras;
        } else {
            plan.extras = extras.len() as u64;
        }
        plan.manifest = keeps_manifest.then(|| ManifestPlan {
            etag: stored.as_ref().and_then(|stored| stored.etag.clone()),
            is_there: stored.is_some(),
            digest: stored.as_ref().map(|stored| stored.digest),
            is_stale,
            next,
        });
        Ok(plan)
    }

    /// Looks at objects whose ETag tells nothing, or is another MD5 than the file's while it is not known that ETags here are MD5s: one
    /// object is enough to know the latter.
    async fn ask(
        &self,
        (source, rules): (&Source, &Rules),
        listed: &[Option<Listed>],
        ask: Vec<(usize, Hashes)>,
        is_md5_known_good: bool,
        run: &Run,
    ) -> Result<Asked, Vec<TreeError>> {
        let mut asked = Asked::default();
        let is_md5_like =
            |number: usize| matches!(listed.get(number), Some(Some(Listed { etag: Etag::Md5Like(_), .. })));
        let (mut by_md5, mut rest): (Vec<_>, Vec<_>) =
            ask.into_iter().partition(|(number, _)| is_md5_like(*number));
        let mut is_md5 = is_md5_known_good;
        let mut probe = None;
        if let Some((number, _)) = by_md5.first().filter(|_| !is_md5) {
            let name = source.files().get(*number).map_or("", |file| &*file.name);
            let seen = self.look(name, Nature::Read, run).await.map_err(|error| vec![error])?;
            is_md5 = seen.as_ref().is_some_and(|seen| !seen.is_etag_opaque);
            probe = Some(seen);
        }
        if is_md5 {
            asked.found.extend(by_md5.drain(..).map(|(number, _)| (number, None, Known::Other)));
            probe = None;
        }
        // What was looked at already comes first.
        by_md5.append(&mut rest);
        let mut rest = by_md5;
        if rest.is_empty() {
            return Ok(asked);
        }
        asked.is_any_opaque = true;
        let numbers: Vec<usize> = rest.iter().map(|(number, _)| *number).collect();
        let hashes = if rest.iter().all(|(_, hashes)| hashes.sha256.is_some()) {
            rest.drain(..).map(|(_, hashes)| hashes).collect()
        } else {
            hash_all(source, &numbers, true).await?
        };
        let names = numbers.iter().filter_map(|number| source.files().get(*number)).map(|file| &*file.name);
        let names = names.skip(usize::from(probe.is_some())).collect();
        let looked = self.look_all(names, run).await.map_err(|error| vec![error])?;
        let seen = probe.into_iter().chain(looked);
        for ((number, hashes), seen) in numbers.into_iter().zip(hashes).zip(seen) {
            let size = source.files().get(number).map_or(0, |file| file.stamp.size_bytes);
            asked.found.push(match seen {
                None => (number, None, Known::Gone),
                Some(seen) => {
                    let is_same = seen.holds(size, hashes.sha256.as_deref().copied(), hashes.md5);
                    let fits =
                        source.files().get(number).map(|file| seen.headers == rules.headers(&file.name));
                    let same = Known::Same { sha256: hashes.sha256, headers_fit: fits };
                    (number, Some(seen.listed), if is_same { same } else { Known::Other })
                }
            });
        }
        Ok(asked)
    }

    /// Looks at objects that stay and whose headers are not known.
    async fn learn_headers(
        &self,
        (source, rules): (&Source, &Rules),
        listed: &mut [Option<Listed>],
        known: &mut [Option<Known>],
        run: &Run,
    ) -> Result<(), TreeError> {
        let is_open = |known: &Option<Known>| matches!(known, Some(Known::Same { headers_fit: None, .. }));
        let numbers: Vec<usize> =
            known.iter().enumerate().filter(|(_, known)| is_open(known)).map(|(number, _)| number).collect();
        let names = numbers.iter().filter_map(|number| source.files().get(*number)).map(|file| &*file.name);
        let seen = self.look_all(names.collect(), run).await?;
        for (number, seen) in numbers.into_iter().zip(seen) {
            let file = source.files().get(number);
            let (Some(slot), Some(Some(one)), Some(file)) =
                (listed.get_mut(number), known.get_mut(number), file)
            else {
                continue;
            };
            match seen {
                None => *one = Known::Gone,
                Some(seen) => {
                    let is_listed_one = slot
                        .as_ref()
                        .is_some_and(|slot| slot.etag == seen.listed.etag || slot.etag == Etag::Missing);
                    match one {
                        Known::Same { headers_fit, .. } if is_listed_one => {
                            *headers_fit = Some(seen.headers == rules.headers(&file.name));
                        }
                        // Written over since it was listed: by what is there now it is another one.
                        _ => *one = Known::Other,
                    }
                    *slot = Some(seen.listed);
                }
            }
        }
        Ok(())
    }
}

/// What became of the questions.
#[derive(Default)]
struct Asked {
    /// The file, what its object was seen to be where it was looked at, and what that means.
    found: Vec<(usize, Option<Listed>, Known)>,
    /// Whether ETags here tell nothing.
    is_any_opaque: bool,
}

/// Content by the manifest, and headers as far as it can tell.
fn entry<'a>(
    stored: &'a StoredManifest,
    name: &str,
    listed: &Listed,
    written: Option<i64>,
) -> Option<(Digest, Option<&'a Headers>)> {
    let manifest = stored.manifest.as_ref()?;
    let entry = manifest.entry(name, listed, written)?;
    Some((entry.sha256, manifest.headers(entry, listed, written)))
}
