//! What is to be done: by one listing, hashes of local files, and what is known besides.

use std::num::NonZeroUsize;
use std::sync::Arc;

use landfall_artifacts::Digest;
use landfall_aws::Nature;
use landfall_run::{Event, Run};

use super::etag::{Etag, Listed};
use super::hash::{ByFile, Hashes, Which, hash_all};
use super::join::{Extra, Join};
use super::look::Seen;
use super::manifest::{HeaderSets, Line, digest};
use super::page_size::PageSize;
use super::remembered::{Found, Remembered};
use super::stored::StoredManifest;
use super::walk::{Foretold, ManifestRead};
use super::{Rules, Source, Tree, TreeError};

/// How a plan is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Objects that the source has no file for are deleted.
    pub delete: bool,
    /// The sync manifest is kept, also where ETags tell everything but headers.
    pub manifest: bool,
    /// Headers are compared without a manifest too, by a request for each object.
    pub check_headers: bool,
    /// Objects that a page of the listing has at most.
    pub page_size: PageSize,
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
    /// The name below folder and prefix; the same text as the source's.
    pub name: Arc<str>,
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
    /// Folders, with a slash at their ends, in which manifests of other publications stand.
    pub(crate) others: Vec<Box<str>>,
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
    /// Whether what is stored says something else than that what stays is there, or could say more.
    pub(crate) is_outdated: bool,
    /// All files that are not uploaded, in the order of their names' bytes.
    pub(crate) stays: Vec<Stay>,
    pub(crate) sets: HeaderSets,
}

/// A file that is there already. Kept small: there may be a hundred thousand.
#[derive(Debug)]
pub(crate) struct Stay {
    /// The file's number in the source.
    file: u32,
    /// The number of its headers.
    headers: u32,
    etag: Etag,
    sha256: Digest,
}

impl ManifestPlan {
    /// Lines of what stays.
    pub(crate) fn lines<'a>(&'a self, source: &'a Source) -> impl Iterator<Item = Line<'a>> + Clone {
        let line = |stay: &'a Stay| {
            let file = source.files().get(usize::try_from(stay.file).ok()?)?;
            let Stay { headers, etag, sha256, .. } = stay;
            let (name, size_bytes) = (&*file.name, file.stamp.size_bytes);
            Some(Line { name, etag, sha256, size_bytes, headers: *headers })
        };
        self.stays.iter().filter_map(line)
    }
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
        self.manifest.as_ref().is_some_and(|manifest| !self.is_empty() || manifest.is_outdated)
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
#[derive(Clone, Copy, Debug)]
enum Known {
    /// Its bytes are the file's; whether its headers are those of the rules, where that is known.
    Same {
        headers_fit: Option<bool>,
    },
    Other,
    Gone,
}

impl Tree {
    /// Compares a source with what the bucket holds. Only reads.
    ///
    /// Sizes first, then MD5 against the listed ETag; where an ETag tells nothing the manifest, else a HEAD of that object. A manifest that
    /// nobody asked for is begun where that is so of more than half of the objects of unchanged size.
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
        // Where the manifest is asked for it need not be listed before it is read, and foretells what is.
        let size = options.page_size;
        let is_foretold_more = source.len() >= size.keys() && size.at_once() > NonZeroUsize::MIN;
        let (foretold, foretells) = Foretold::channel(match options.manifest {
            false => ManifestRead::WhenListed,
            true if is_foretold_more => ManifestRead::First,
            true => ManifestRead::Beside,
        });
        let list = async {
            let take = |name: &str, listed| join.take(name, listed);
            self.list((foretold, size), run, take).await.map_err(one)
        };
        let (_, found) = tokio::try_join!(list, self.remember(source, (foretells, size), run))?;
        let (objects, left_out) = (join.objects(), join.left_out);
        let Join { mut listed, extras, manifest: manifest_listed, others, .. } = join;
        let Found { stored, mut hashes } = found;
        let mut stored = match (stored, &manifest_listed) {
            // It came or went while the objects were listed, which are what counts.
            (None, Some(_)) => self.remembered(source, size, run).await.map_err(one)?,
            (_, None) => None,
            (stored, Some(_)) => stored,
        };
        let written = manifest_listed.as_ref().zip(stored.as_ref()).and_then(written);

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
        let is_opaque = |number: &&usize| {
            let listed = listed.get(**number).and_then(Option::as_ref);
            !matches!(listed, Some(Listed { etag: Etag::Md5Like(_), .. }))
        };
        // Of a few that were put in parts each is looked at; where ETags mostly tell nothing a manifest saves that from the next run on.
        let compared = same_size.len();
        let are_most = |count: usize| count * 2 > compared;
        let mut keeps_manifest = options.manifest
            || manifest_listed.is_some()
            || are_most(same_size.iter().filter(is_opaque).count());
        run.progress().event(Event::Phase { name: "compare".into(), items: Some(same_size.len() as u64) });
        let says = stored.as_ref().and_then(|stored| stored.says.as_ref());
        let entry_of = |number: usize| {
            let there = listed.get(number)?.as_ref()?;
            says?.entry(number).filter(|entry| entry.is_of(there, written))
        };
        // What the manifest still tells needs no MD5, and of what neither tells an object is looked at, with both hashes at once.
        let is_open = |number: &usize| match (hashes.get(*number), entry_of(*number)) {
            (Hashes { sha256: Some(_), .. }, Some(_)) => false,
            (hashes, _) => hashes.md5.is_none() && (keeps_manifest || !is_opaque(&number)),
        };
        let open: Vec<usize> = same_size.iter().copied().filter(is_open).collect();
        let which = if keeps_manifest { Which::Both } else { Which::Md5 };
        hash_all(source, &open, which, |number, one| hashes.set(number, one)).await?;

        let mut known: Vec<Option<Known>> = vec![None; listed.len()];
        let mut learn = |number: usize, what: Known| {
            if let Some(slot) = known.get_mut(number) {
                *slot = Some(what);
            }
        };
        let mut ask: Vec<usize> = Vec::new();
        let (mut is_md5_known_good, mut is_stale, mut witness) = (false, false, None);
        for number in same_size {
            let (Some(file), Some(Some(there))) = (source.files().get(number), listed.get(number)) else {
                continue;
            };
            let hashes = hashes.get(number);
            let entry = says.and_then(|says| {
                let entry = says.entry(number).filter(|entry| entry.is_of(there, written))?;
                Some((entry.sha256, says.headers(entry, there, written), &entry.etag))
            });
            let fits = entry.and_then(|(_, headers, _)| Some(*headers? == rules.headers(&file.name)));
            is_stale |= matches!(entry, Some((_, None, _)));
            let same = Known::Same { headers_fit: fits };
            if hashes.md5.is_some_and(|md5| there.etag == Etag::Md5Like(md5)) {
                is_md5_known_good = true;
                learn(number, same);
            } else if let Some((sha256, _, etag)) = entry {
                let is_same = hashes.sha256 == Some(sha256);
                learn(number, if is_same { same } else { Known::Other });
                if is_same && let Etag::Md5Like(etag) = there.etag {
                    witness = Some((number, etag));
                }
                // The store listed none. What it said of the upload is still so: else the manifest would be written again to say less.
                if is_same
                    && fits == Some(true)
                    && there.etag == Etag::Missing
                    && let Some(Some(there)) = listed.get_mut(number)
                {
                    there.etag = etag.clone();
                }
            } else {
                ask.push(number);
            }
        }
        // Of one whose bytes are there the ETag shows whether ETags here are MD5s at all.
        if let Some((number, etag)) = witness.filter(|_| !is_md5_known_good && !ask.is_empty()) {
            hash_all(source, &[number], Which::Md5, |_, one| is_md5_known_good = one.md5 == Some(etag))
                .await?;
        }
        // What it says was compared, and need not be in memory together with what is said next.
        if let Some(stored) = &mut stored {
            stored.says = None;
        }
        let asked = self.ask((source, rules), &listed, (ask, &mut hashes), is_md5_known_good, run).await?;
        keeps_manifest |= are_most(asked.opaque);
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
            others,
            has_manifest: manifest_listed.is_some(),
            ..Plan::default()
        };
        let is_same = |known: &&Option<Known>| matches!(known, Some(Known::Same { .. }));
        let same = known.iter().filter(is_same).count();
        plan.puts.reserve_exact(known.len() - same);
        let mut next = ManifestPlan {
            etag: stored.as_ref().and_then(|stored| stored.etag.clone()),
            is_there: stored.is_some(),
            stays: Vec::with_capacity(if keeps_manifest { same } else { 0 }),
            ..ManifestPlan::default()
        };
        for (number, file) in source.files().iter().enumerate() {
            let before = listed.get_mut(number).and_then(Option::take);
            let (why, before) = match (known.get(number).copied().flatten(), before) {
                (Some(Known::Gone), _) | (None, None) => (Why::New, None),
                (Some(Known::Other) | None, before) => (Why::Content, before),
                (Some(Known::Same { headers_fit }), Some(before)) => {
                    if headers_fit != Some(false) {
                        plan.unchanged += 1;
                        let sha256 = hashes.get(number).sha256;
                        if let Some(sha256) = sha256.filter(|_| keeps_manifest) {
                            let headers = next.sets.number(rules.headers(&file.name));
                            let file = u32::try_from(number).unwrap_or(u32::MAX);
                            next.stays.push(Stay { file, headers, etag: before.etag, sha256 });
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
        if keeps_manifest {
            let says_the_same =
                |stored: &StoredManifest<_>| stored.digest == digest(|| next.lines(source), &next.sets);
            // What is uploaded changes it in any case.
            next.is_outdated =
                is_stale || !plan.puts.is_empty() || !stored.as_ref().is_some_and(says_the_same);
            plan.manifest = Some(next);
        }
        Ok(plan)
    }

    /// Looks at objects whose ETag tells nothing, or is another MD5 than the file's while it is not known that ETags here are MD5s: one
    /// object is enough to know the latter.
    async fn ask(
        &self,
        (source, rules): (&Source, &Rules),
        listed: &[Option<Listed>],
        (ask, all_hashes): (Vec<usize>, &mut ByFile),
        is_md5_known_good: bool,
        run: &Run,
    ) -> Result<Asked, Vec<TreeError>> {
        let mut asked = Asked::default();
        let is_md5_like =
            |number: usize| matches!(listed.get(number), Some(Some(Listed { etag: Etag::Md5Like(_), .. })));
        let (mut by_md5, mut rest): (Vec<_>, Vec<_>) =
            ask.into_iter().partition(|number| is_md5_like(*number));
        let mut is_md5 = is_md5_known_good;
        let mut probe = None;
        if let Some(number) = by_md5.first().filter(|_| !is_md5) {
            let name = source.files().get(*number).map_or("", |file| &*file.name);
            let seen = self.look(name, Nature::Read, run).await.map_err(|error| vec![error])?;
            is_md5 = seen.as_ref().is_some_and(|seen| !seen.is_etag_opaque);
            probe = Some(seen);
        }
        if is_md5 {
            asked.found.extend(by_md5.drain(..).map(|number| (number, None, Known::Other)));
            probe = None;
        }
        // What was looked at already comes first.
        by_md5.append(&mut rest);
        let numbers = by_md5;
        if numbers.is_empty() {
            return Ok(asked);
        }
        asked.opaque = numbers.len();
        let has_both =
            |number: &usize| matches!(all_hashes.get(*number), Hashes { md5: Some(_), sha256: Some(_) });
        if !numbers.iter().all(has_both) {
            hash_all(source, &numbers, Which::Both, |number, hashes| all_hashes.set(number, hashes)).await?;
        }
        let names = numbers.iter().filter_map(|number| source.files().get(*number)).map(|file| &*file.name);
        let names = names.skip(usize::from(probe.is_some())).collect();
        let mut numbers = numbers.into_iter();
        let mut learn = |seen: Option<Seen>| {
            let Some(number) = numbers.next() else { return };
            let Hashes { md5: Some(md5), sha256 } = all_hashes.get(number) else { return };
            let size = source.files().get(number).map_or(0, |file| file.stamp.size_bytes);
            asked.found.push(match seen {
                None => (number, None, Known::Gone),
                Some(seen) => {
                    let is_same = seen.holds(size, sha256, md5);
                    let fits =
                        source.files().get(number).map(|file| seen.headers == rules.headers(&file.name));
                    let same = Known::Same { headers_fit: fits };
                    (number, Some(seen.listed), if is_same { same } else { Known::Other })
                }
            });
        };
        if let Some(seen) = probe {
            learn(seen);
        }
        self.look_all(names, run, learn).await.map_err(|error| vec![error])?;
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
        let is_open = |known: &Option<Known>| matches!(known, Some(Known::Same { headers_fit: None }));
        let numbers: Vec<usize> =
            known.iter().enumerate().filter(|(_, known)| is_open(known)).map(|(number, _)| number).collect();
        let names = numbers.iter().filter_map(|number| source.files().get(*number)).map(|file| &*file.name);
        let names = names.collect();
        let mut numbers = numbers.into_iter();
        let learn = |seen: Option<Seen>| {
            let Some(number) = numbers.next() else { return };
            let file = source.files().get(number);
            let (Some(slot), Some(Some(one)), Some(file)) =
                (listed.get_mut(number), known.get_mut(number), file)
            else {
                return;
            };
            match seen {
                None => *one = Known::Gone,
                Some(seen) => {
                    let is_listed_one = slot.as_ref().is_some_and(|slot| {
                        slot.size_bytes == seen.listed.size_bytes
                            && (slot.etag == seen.listed.etag || slot.etag == Etag::Missing)
                    });
                    match one {
                        Known::Same { headers_fit } if is_listed_one => {
                            *headers_fit = Some(seen.headers == rules.headers(&file.name));
                        }
                        // Written over since it was listed: by what is there now it is another one.
                        _ => *one = Known::Other,
                    }
                    *slot = Some(seen.listed);
                }
            }
        };
        self.look_all(names, run, learn).await
    }
}

/// What became of the questions.
#[derive(Default)]
struct Asked {
    /// The file, what its object was seen to be where it was looked at, and what that means.
    found: Vec<(usize, Option<Listed>, Known)>,
    /// Objects whose ETags tell nothing.
    opaque: usize,
}

/// When the manifest was written that was read, in milliseconds since 1970. The listing tells it to the millisecond in some stores, and may be of
/// a later one than was read, or of an earlier one: the earlier time is the careful one. `None` where the answer did not tell.
fn written((listed, read): (&Listed, &StoredManifest<Remembered>)) -> Option<i64> {
    let modified = read.modified?;
    let is_same_second = listed.modified.div_euclid(1000) == modified.div_euclid(1000);
    let is_same = is_same_second && listed.size_bytes == read.size_bytes;
    Some(if is_same { listed.modified } else { listed.modified.min(modified) })
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Digest;

    use super::{Etag, Listed, StoredManifest, written};

    #[test]
    fn the_manifest_is_as_old_as_what_was_read_of_it() {
        let written = |listed: i64, (size_bytes, modified): (u64, Option<i64>)| {
            let digest = Digest::of(b"");
            let read = StoredManifest { says: None, etag: None, size_bytes, modified, digest };
            written((&Listed { size_bytes: 7, etag: Etag::Missing, modified: listed }, &read))
        };
        // The answer tells whole seconds, the listing more.
        assert_eq!(written(5_678, (7, Some(5_000))), Some(5_678));
        // It was written over, before or after it was read.
        assert_eq!(written(9_678, (7, Some(5_000))), Some(5_000));
        assert_eq!(written(5_678, (8, Some(5_000))), Some(5_000));
        assert_eq!(written(5_678, (7, Some(9_000))), Some(5_678));
        assert_eq!(written(5_678, (7, None)), None);
    }
}
