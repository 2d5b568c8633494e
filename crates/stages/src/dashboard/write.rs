//! The files of a site in a folder.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use landfall_artifacts::{FileError, FileErrors, FileProblem, Mode, WrittenFile};
use landfall_dashboard::{Layout, Page, Site, build, in_parallel};

use crate::Output;

/// The list of what stands in the folder of pages, so that what nobody writes any more is taken away. Its first line names its format and the
/// index that the folder goes with.
pub(super) const LIST: &str = "landfall-pages.txt";

/// What became of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Files that were written.
    pub written: usize,
    /// Files that were there already, with these bytes.
    pub unchanged: usize,
    /// Pages of an earlier time that were taken away.
    pub removed: usize,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} written, {} as before, {} removed", self.written, self.unchanged, self.removed)
    }
}

/// Draws a site: its index at `page`, which is an HTML file or the folder that gets an `index.html`, and the rest in the folder beside
/// it. The index comes last, so that it leads nowhere that is not there. A dry run writes nothing, and foretells the index alone.
///
/// # Errors
/// As [`write()`].
pub fn put(page: &Path, site: &Site, output: &Output) -> Result<(WrittenFile, Kept), FileError> {
    let is_file = page.extension().is_some_and(|end| end == "html" || end == "htm");
    let name = page.file_name().and_then(|name| name.to_str()).filter(|_| is_file);
    let layout = name.map(Layout::of_index).unwrap_or_default();
    let index = if is_file { page.to_owned() } else { page.join(layout.index()) };
    let pages = build(site, &layout);
    let mut kept = Kept::default();
    if !output.is_dry_run() {
        let folder = index.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        kept = write(folder, &layout, &pages)?;
    }
    // `build` gives the index first.
    let bytes = pages.first().map(|page| page.bytes.as_slice()).unwrap_or_default();
    Ok((output.write(&index, bytes, Mode::Shared)?, kept))
}

/// Puts the pages besides the index into `folder`. A file that has its bytes already is left alone; what an earlier call wrote and this one does not is
/// taken away; files of others are not touched. Each file is whole or as it was; nothing is forced to the disk, since all of it can be
/// made again.
///
/// # Errors
/// [`FileError::Write`], [`FileError::Read`]; [`FileError::Invalid`] where the folder goes with another index, or its list is of another
/// format: then nothing is touched.
pub fn write(folder: &Path, layout: &Layout, pages: &[Page]) -> Result<Kept, FileError> {
    let inside = folder.join(layout.folder());
    let prefix = format!("{}/", layout.folder());
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| FileError::Write { path, source }
    };
    fs::create_dir_all(&inside).map_err(failed(&inside))?;
    let list = inside.join(LIST);
    let first = format!("landfall pages 1 of {}", layout.index());
    let before = listed(&list, &first)?;
    let named: Vec<(&str, &Page)> =
        pages.iter().filter_map(|page| Some((page.path.strip_prefix(&prefix)?, page))).collect();
    let now: BTreeSet<String> = named.iter().map(|(name, _)| (*name).to_owned()).collect();
    // The list comes first: what is written and not listed would stay for ever.
    let both: Vec<&str> = before.union(&now).map(String::as_str).collect();
    let told = |names: &[&str]| format!("{first}\n{}\n", names.join("\n"));
    replace(&list, told(&both).as_bytes()).map_err(failed(&list))?;
    let mut kept = Kept::default();
    let put = in_parallel(&named, |_, (name, page)| {
        let path = inside.join(name);
        let is_so = is_so(&path, &page.bytes);
        if !is_so {
            replace(&path, &page.bytes).map_err(failed(&path))?;
        }
        Ok::<bool, FileError>(is_so)
    });
    for is_so in put {
        *(if is_so? { &mut kept.unchanged } else { &mut kept.written }) += 1;
    }
    for old in before.difference(&now) {
        let path = inside.join(old);
        match fs::remove_file(&path) {
            Ok(()) => kept.removed += 1,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(FileError::Write { path, source }),
        }
    }
    let only: Vec<&str> = now.iter().map(String::as_str).collect();
    replace(&list, told(&only).as_bytes()).map_err(failed(&list))?;
    Ok(kept)
}

/// What an earlier call wrote; nothing where there was none.
fn listed(list: &Path, first: &str) -> Result<BTreeSet<String>, FileError> {
    let bytes = match fs::read(list) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(source) => return Err(FileError::Read { path: list.to_owned(), source }),
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    let found = lines.next().unwrap_or_default();
    if found != first {
        return Err(FileErrors::one(FileProblem {
            file: landfall_secret::escape(&list.to_string_lossy(), 300),
            pointer: "line 1".to_owned(),
            place: None,
            found: format!("`{}`", landfall_secret::escape(found, 120)),
            expected: format!("`{first}`: give the pages a folder of their own"),
        })
        .into());
    }
    Ok(lines.filter(|line| is_name(line)).map(str::to_owned).collect())
}

/// Whether a line of the list is the name of a file of the folder, and no way out of it.
fn is_name(line: &str) -> bool {
    !line.is_empty()
        && line != LIST
        && !line.starts_with('.')
        && line.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~".contains(c))
}

fn is_so(path: &Path, bytes: &[u8]) -> bool {
    let is_file = |found: &fs::Metadata| found.is_file() && found.len() == bytes.len() as u64;
    fs::symlink_metadata(path).is_ok_and(|found| is_file(&found))
        && fs::read(path).is_ok_and(|own| own == bytes)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary: PathBuf = path.with_file_name(name);
    fs::write(&temporary, bytes)?;
    fs::rename(&temporary, path).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use landfall_dashboard::{Layout, Release, ReleaseState, Site, build};
    use time::OffsetDateTime;

    use super::{Kept, write};

    fn site(releases: &[&str]) -> Site {
        let mut site = Site::new("shop", OffsetDateTime::UNIX_EPOCH);
        site.releases = releases
            .iter()
            .map(|name| Release {
                name: (*name).to_owned(),
                began: OffsetDateTime::UNIX_EPOCH,
                by: String::new(),
                state: ReleaseState::Going,
                steps: Vec::new(),
                items: Vec::new(),
            })
            .collect();
        site
    }

    fn put(folder: &Path, releases: &[&str]) -> Kept {
        let layout = Layout::default();
        write(folder, &layout, &build(&site(releases), &layout)).expect("written")
    }

    #[test]
    fn what_is_gone_is_taken_away_and_what_is_foreign_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let pages = folder.path().join("pages");
        let first = put(folder.path(), &["v1.0.0", "v1.0.1"]);
        assert_eq!((first.unchanged, first.removed), (0, 0));
        let again = put(folder.path(), &["v1.0.0", "v1.0.1"]);
        assert_eq!(again, Kept { unchanged: first.written, ..Kept::default() });
        std::fs::write(pages.join("mine.html"), "mine").expect("written");
        let less = put(folder.path(), &["v1.0.1"]);
        assert_eq!(less.removed, 1);
        assert!(!pages.join("release-v1.0.0.html").exists() && pages.join("release-v1.0.1.html").exists());
        assert_eq!(std::fs::read_to_string(pages.join("mine.html")).ok().as_deref(), Some("mine"));
    }

    #[test]
    fn a_list_that_was_tampered_with_leads_nowhere_else() {
        let folder = tempfile::tempdir().expect("a folder");
        put(folder.path(), &[]);
        std::fs::write(folder.path().join("precious"), "mine").expect("written");
        let list = folder.path().join("pages").join(super::LIST);
        let first = "landfall pages 1 of index.html";
        std::fs::write(&list, format!("{first}\n../precious\n/etc/passwd\n.hidden\n")).expect("written");
        put(folder.path(), &[]);
        assert!(folder.path().join("precious").exists());
    }

    #[test]
    fn a_folder_of_others_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let pages = folder.path().join("pages");
        std::fs::create_dir(&pages).expect("made");
        // Lists of other names are no lists of ours.
        std::fs::write(pages.join("files.txt"), "notes.html\n").expect("written");
        std::fs::write(pages.join("notes.html"), "mine").expect("written");
        put(folder.path(), &[]);
        assert!(pages.join("notes.html").exists());
        std::fs::write(pages.join(super::LIST), "landfall pages 1 of shop.html\nnotes.html\n")
            .expect("written");
        let layout = Layout::default();
        let refused =
            write(folder.path(), &layout, &build(&site(&[]), &layout)).expect_err("it is of another");
        assert!(refused.to_string().contains("landfall pages 1 of shop.html"), "{refused}");
        assert!(pages.join("notes.html").exists());
    }

    #[test]
    fn pages_of_the_same_ledger_are_written_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = Layout::default();
        let mut site = site(&["v1.0.0"]);
        write(folder.path(), &layout, &build(&site, &layout)).expect("written");
        site.made += time::Duration::minutes(1);
        let again = write(folder.path(), &layout, &build(&site, &layout)).expect("written");
        assert_eq!(again.written, 0, "the time stands on the index alone");
    }
}
