//! The files of a folder that are to be published, in the order of their names' bytes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::address::{MOST_KEY_BYTES, TreeAddress};
use super::folder::{Folder, Kind, Stamp};
use super::manifest::MANIFEST_NAME;
use super::{Rules, TreeError};

/// Most files that are published at once.
pub(crate) const MOST_FILES: u64 = 1_000_000;

/// Most bytes of a file: what one request takes (S3 User Guide, "Uploading objects": 5 GB).
pub(crate) const MOST_FILE_BYTES: u64 = 5 * 1000 * 1000 * 1000;

/// Deepest folder that is looked into.
const DEEPEST: usize = 64;

/// Problems that are told one by one; more are not looked for.
const MOST_PROBLEMS: usize = 50;

/// The files of a folder that the rules take.
#[derive(Debug)]
pub struct Source {
    pub(crate) folder: Folder,
    files: Arc<Vec<LocalFile>>,
}

/// One file. Kept small: there may be a hundred thousand.
#[derive(Debug)]
pub(crate) struct LocalFile {
    /// Its name below the folder, with slashes.
    pub(crate) name: Arc<str>,
    pub(crate) stamp: Stamp,
}

impl Source {
    /// Looks at a folder. Links, special files, names that are no keys and files too large for S3 are refused, save where the rules leave
    /// them out. Nothing is read but names and sizes. Blocks.
    ///
    /// # Errors
    /// Every problem, up to fifty.
    pub fn read(folder: &Path, rules: &Rules, target: &TreeAddress) -> Result<Self, Vec<TreeError>> {
        let opened = Folder::open(folder).map_err(|source| {
            let is_link = folder.components().collect::<PathBuf>().is_symlink();
            vec![if is_link {
                TreeError::Unfit { path: folder.to_owned(), what: "is a symbolic link".to_owned() }
            } else {
                TreeError::Local { path: folder.to_owned(), source }
            }]
        })?;
        let mut walk = Walk { rules, target, files: Vec::new(), problems: Vec::new() };
        walk.folder(&opened, "", 0);
        if !walk.problems.is_empty() {
            return Err(walk.problems);
        }
        walk.files.sort_unstable_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes()));
        walk.files.shrink_to_fit();
        Ok(Self { folder: opened, files: Arc::new(walk.files) })
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Size of all files together.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.stamp.size_bytes).sum()
    }

    /// The names in the order of their bytes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| &*file.name)
    }

    /// The bytes of a small file, in the state that was found; `None` where it is larger than `most`, or is in another state by now. Blocks.
    pub fn bytes_of(&self, name: &str, most: u64) -> Option<Vec<u8>> {
        let file = self.file(name).filter(|file| file.stamp.size_bytes <= most)?;
        super::hash::read_whole(&self.folder, name, file.stamp).ok()
    }

    pub(crate) fn files(&self) -> &Arc<Vec<LocalFile>> {
        &self.files
    }

    /// The file of a name.
    pub(crate) fn file(&self, name: &str) -> Option<&LocalFile> {
        let found = self.files.binary_search_by(|file| file.name.as_bytes().cmp(name.as_bytes()));
        found.ok().and_then(|number| self.files.get(number))
    }
}

/// The name of an entry below a folder, of just the bytes that it needs: there may be a hundred thousand.
fn below(at: &str, own: &str) -> String {
    let slash = usize::from(!at.is_empty());
    let mut name = String::with_capacity(at.len() + slash + own.len());
    name.push_str(at);
    name.extend((slash == 1).then_some('/'));
    name.push_str(own);
    name
}

struct Walk<'a> {
    rules: &'a Rules,
    target: &'a TreeAddress,
    files: Vec<LocalFile>,
    problems: Vec<TreeError>,
}

impl Walk<'_> {
    fn unfit(&mut self, path: PathBuf, what: impl Into<String>) {
        self.problems.push(TreeError::Unfit { path, what: what.into() });
    }

    fn unreadable(&mut self, path: PathBuf, source: io::Error) {
        self.problems.push(TreeError::Local { path, source });
    }

    fn folder(&mut self, folder: &Folder, at: &str, depth: usize) {
        if depth > DEEPEST {
            return self.unfit(folder.path().to_owned(), format!("is deeper than {DEEPEST} folders"));
        }
        let entries = match folder.entries() {
            Ok(entries) => entries,
            Err(source) => return self.unreadable(folder.path().to_owned(), source),
        };
        for (bytes, kind) in entries {
            if self.problems.len() >= MOST_PROBLEMS {
                return;
            }
            let own = match String::from_utf8(bytes) {
                Ok(own) => own,
                Err(odd) => {
                    let shown = folder.path().join(String::from_utf8_lossy(odd.as_bytes()).as_ref());
                    self.unfit(shown, "has a name that is not UTF-8");
                    continue;
                }
            };
            let name = below(at, &own);
            let path = folder.path().join(&own);
            match kind {
                Kind::Folder if self.rules.leaves_out_folder(&name) => {}
                Kind::Folder => match folder.below(&own) {
                    Ok(below) => self.folder(&below, &name, depth + 1),
                    Err(source) => self.unreadable(path, source),
                },
                _ if !self.rules.takes(&name) => {}
                Kind::File => self.file(folder, &own, name, path),
                Kind::Link => self.unfit(path, "is a symbolic link"),
                Kind::Special => self.unfit(path, "is neither a file nor a folder"),
            }
        }
    }

    fn file(&mut self, folder: &Folder, own: &str, name: String, path: PathBuf) {
        let stamp = match folder.file(own) {
            Ok((_, stamp)) => stamp,
            Err(source) => return self.unreadable(path, source),
        };
        let key_bytes = self.target.prefix().len() + name.len();
        if key_bytes > MOST_KEY_BYTES {
            let what = format!("would have a key of {key_bytes} bytes, and {MOST_KEY_BYTES} are the most");
            self.unfit(path, what);
        } else if name == MANIFEST_NAME {
            self.unfit(path, "has the name of the manifest that this tool keeps there");
        } else if stamp.size_bytes > MOST_FILE_BYTES {
            let size_bytes = stamp.size_bytes;
            self.problems.push(TreeError::TooLarge { path, size_bytes, most: MOST_FILE_BYTES });
        } else if self.files.len() as u64 >= MOST_FILES {
            self.problems.push(TreeError::TooMany { what: "files".to_owned(), most: MOST_FILES });
            // Nothing else need be said.
            self.problems.truncate(MOST_PROBLEMS);
        } else {
            self.files.push(LocalFile { name: name.into(), stamp });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{RuleTexts, Rules, TreeAddress};
    use super::Source;

    fn read(folder: &Path, exclude: &[&str]) -> Result<Source, Vec<String>> {
        let exclude = exclude.iter().map(|text| (*text).to_owned()).collect();
        let rules = Rules::new(&RuleTexts { exclude, ..RuleTexts::default() }).expect("rules");
        let target: TreeAddress = "s3://acme-config/web".parse().expect("an address");
        Source::read(folder, &rules, &target)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    fn tree(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for name in names {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, name).expect("written");
        }
        dir
    }

    #[test]
    fn files_are_in_the_order_of_their_bytes() {
        let dir = tree(
            &["a/b", "a-b", "a.b", "a", "Z", "é", "z/1", "z/10", "z/2"]
                .map(|name| if name == "a" { "aa" } else { name }),
        );
        let source = read(dir.path(), &[]).expect("read");
        let names: Vec<&str> = source.names().collect();
        assert_eq!(names, ["Z", "a-b", "a.b", "a/b", "aa", "z/1", "z/10", "z/2", "é"]);
    }

    #[test]
    fn what_is_left_out_is_not_even_looked_at() {
        let dir = tree(&["a.json", ".git/x", "prod/a.json"]);
        std::os::unix::fs::symlink("/etc/hostname", dir.path().join(".git/link")).expect("linked");
        std::os::unix::fs::symlink("/etc/hostname", dir.path().join(".link")).expect("linked");
        let source = read(dir.path(), &[".*", "prod/"]).expect("read");
        assert_eq!(source.names().collect::<Vec<_>>(), ["a.json"]);
        assert!(read(dir.path(), &[]).is_err());
    }

    #[test]
    fn all_that_cannot_be_published_is_told_at_once() {
        use std::os::unix::ffi::OsStrExt as _;
        let dir = tree(&["a", &"x/".repeat(66)[..131], ".landfall-manifest.json"]);
        let path = dir.path();
        std::os::unix::fs::symlink("/etc/hostname", path.join("link")).expect("linked");
        std::os::unix::fs::symlink("/etc", path.join("folder")).expect("linked");
        std::fs::write(path.join(std::ffi::OsStr::from_bytes(b"\xff")), "x").expect("written");
        let _socket = std::os::unix::net::UnixListener::bind(path.join("socket")).expect("bound");
        let long = ["k".repeat(250), "l".repeat(250), "m".repeat(250), "n".repeat(250)].join("/")
            + "/1234567890123456789012";
        std::fs::create_dir_all(path.join(&long).parent().expect("a folder")).expect("made");
        std::fs::write(path.join(&long), "x").expect("written");
        let mut problems = read(path, &[]).expect_err("refused");
        problems.sort();
        assert_eq!(problems.len(), 7, "{problems:#?}");
        let all = problems.join("\n");
        for part in ["symbolic link", "not UTF-8", "deeper than 64", "neither a file", "key of", "manifest"] {
            assert!(all.contains(part), "{part}: {all}");
        }
        assert!(!all.contains("hostname"));
    }

    #[test]
    fn a_folder_that_is_missing_a_file_or_a_link_is_refused() {
        let dir = tree(&["a"]);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(".", &link).expect("linked");
        for (path, part) in [("none", "cannot read"), ("a", "cannot read"), ("link", "symbolic link")] {
            let problems = read(&dir.path().join(path), &[]).expect_err("refused");
            assert!(problems.len() == 1 && problems[0].contains(part), "{path}: {problems:?}");
        }
        assert!(read(&dir.path().join("link/"), &[]).is_err());
    }
}
