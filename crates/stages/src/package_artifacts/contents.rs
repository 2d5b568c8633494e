//! What an archive is to hold, and what stands in the way of it.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use landfall_artifacts::{Class, Problem, ServiceName, Spellings, path_fault};
use landfall_run::human_bytes;

use super::links::{below_no_folder, leads_somewhere};
use super::output_folder::{holds_output, is_output};
use super::{Config, Symlinks};

/// Most bytes of a function's files, unzipped (Lambda quotas, "Deployment package (.zip file archive) size": 250 MB, which the
/// service counts as 262,144,000 bytes).
const MOST_UNZIPPED_BYTES: u64 = 250 * 1024 * 1024;

/// Most files of an archive: more do not fit its directory without an extension (APPNOTE 4.3.16).
const MOST_FILES: usize = 65_535;

/// Problems of one service that are told one by one; the rest is counted.
const MOST_TOLD: usize = 20;

/// Deepest folder that is looked into.
const DEEPEST: usize = 64;

/// The files of a service's archive by their names, in the order of the names' bytes.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    pub(super) service: ServiceName,
    pub(super) entries: BTreeMap<String, Entry>,
}

/// One file of an archive.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A regular file.
    File { path: PathBuf, size_bytes: u64, executable: bool },
    /// A link, by what it leads to.
    Link { target: String },
}

impl Entry {
    pub(super) fn size_bytes(&self) -> u64 {
        match self {
            Self::File { size_bytes, .. } => *size_bytes,
            Self::Link { target } => target.len() as u64,
        }
    }
}

impl Contents {
    /// All files together, unzipped.
    pub(super) fn size_bytes(&self) -> u64 {
        self.entries.values().map(Entry::size_bytes).sum()
    }
}

/// What is found while looking.
struct Looking<'a> {
    service: &'a ServiceName,
    symlinks: Symlinks,
    contents: Contents,
    problems: Vec<Problem>,
}

/// Looks at the built folder of a service, and at its environment's configuration.
pub(super) fn look(
    service: &ServiceName,
    folder: &Path,
    config: &Config,
    problems: &mut Vec<Problem>,
) -> Contents {
    let mut looking = Looking {
        service,
        symlinks: config.symlinks,
        contents: Contents { service: service.clone(), entries: BTreeMap::new() },
        problems: Vec::new(),
    };
    if is_output(folder, &config.out) || holds_output(folder, &config.out) {
        let what = format!("the archives go to {}, and {} is packaged", shown(&config.out), shown(folder));
        looking.problem("LF-PACKAGE-OUT", what, "choose another --out, beside the built folders");
    }
    looking.root(folder, "");
    if looking.contents.entries.is_empty() && looking.problems.is_empty() {
        looking.problem(
            "LF-PACKAGE-EMPTY",
            format!("the built folder {} holds no file", shown(folder)),
            "build it first, or leave the service out",
        );
    }
    if let Some(configuration) = &config.configuration {
        let before = looking.contents.entries.len();
        looking.root(&configuration.folder, &configuration.at);
        if looking.contents.entries.len() == before && looking.problems.is_empty() {
            looking.problem(
                "LF-PACKAGE-EMPTY",
                format!("the configuration {} holds no file", shown(&configuration.folder)),
                "put the environment's files there, or package without --config-folder",
            );
        }
    }
    looking.names();
    looking.links();
    looking.limits();
    let left = looking.problems.len().saturating_sub(MOST_TOLD);
    looking.problems.truncate(MOST_TOLD);
    if left > 0 {
        looking.problem(
            "LF-PACKAGE-MORE",
            format!("{left} more problems of {service} are not shown"),
            "mend the ones that are shown, then run again",
        );
    }
    problems.append(&mut looking.problems);
    looking.contents
}

impl Looking<'_> {
    fn problem(&mut self, code: &str, what: String, remedy: &str) {
        self.problems
            .push(Problem::new(code, Class::Input, format!("{}: {what}", self.service)).with_remedy(remedy));
    }

    fn unreadable(&mut self, path: &Path, cause: &io::Error) {
        let what = format!("cannot read {}: {cause}", shown(path));
        self.problem(
            "LF-PACKAGE-READ",
            what,
            "look whether the build made it, and whether this user may read it",
        );
    }

    /// Takes every file of a folder that was named. It is looked at itself: named by a link it would be somewhere else, and no link
    /// in an archive can say so.
    fn root(&mut self, folder: &Path, at: &str) {
        // Without a slash at its end, which would have the system follow the link.
        let folder: PathBuf = folder.components().collect();
        match folder.symlink_metadata() {
            Ok(data) if data.is_symlink() => self.problem(
                "LF-PACKAGE-LINK",
                format!("{} is a symbolic link", shown(&folder)),
                "name the folder that it leads to",
            ),
            Ok(_) | Err(_) => self.folder(&folder, at, 0),
        }
    }

    /// Takes every file of a folder; `at` is where it stands in the archive.
    fn folder(&mut self, folder: &Path, at: &str, depth: usize) {
        if depth > DEEPEST {
            let what = format!("{} is deeper than {DEEPEST} folders", shown(folder));
            self.problem("LF-PACKAGE-NAME", what, "package a flatter folder");
            return;
        }
        let listed = std::fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = match listed {
            Ok(entries) => entries,
            Err(cause) => return self.unreadable(folder, &cause),
        };
        for entry in entries {
            let path = entry.path();
            let Ok(name) = entry.file_name().into_string() else {
                let what = format!("the name of {} is not UTF-8", shown(&path));
                self.problem("LF-PACKAGE-NAME", what, "give the file a name of UTF-8 letters");
                continue;
            };
            let name = if at.is_empty() { name } else { format!("{at}/{name}") };
            match entry.metadata() {
                Ok(data) if data.is_dir() => self.folder(&path, &name, depth + 1),
                Ok(data) if data.is_file() => {
                    let executable = data.permissions().mode() & 0o100 != 0;
                    self.take(name, Entry::File { path, size_bytes: data.len(), executable });
                }
                Ok(data) if data.is_symlink() => self.link(&path, name),
                Ok(_) => {
                    let what = format!("{} is neither a file nor a folder", shown(&path));
                    self.problem(
                        "LF-PACKAGE-KIND",
                        what,
                        "remove sockets, pipes and devices from the built folder",
                    );
                }
                Err(cause) => self.unreadable(&path, &cause),
            }
        }
    }

    fn link(&mut self, path: &Path, name: String) {
        if self.symlinks == Symlinks::Refuse {
            return self.problem(
                "LF-PACKAGE-LINK",
                format!("{} is a symbolic link", shown(path)),
                "have the build copy what it leads to, or keep links as links by --symlinks keep",
            );
        }
        match std::fs::read_link(path).map(|target| target.into_os_string().into_string()) {
            Ok(Ok(target)) => self.take(name, Entry::Link { target }),
            Ok(Err(_)) => {
                let what = format!("what {} leads to is not UTF-8", shown(path));
                self.problem("LF-PACKAGE-NAME", what, "give the file a name of UTF-8 letters");
            }
            Err(cause) => self.unreadable(path, &cause),
        }
    }

    fn take(&mut self, name: String, entry: Entry) {
        if self.contents.entries.contains_key(&name) {
            let what = format!("`{}` is both built and configured", text(&name));
            return self.problem(
                "LF-PACKAGE-NAME",
                what,
                "remove one of them, or choose another --config-at",
            );
        }
        self.contents.entries.insert(name, entry);
    }

    fn names(&mut self) {
        let mut spellings = Spellings::default();
        let mut faults = Vec::new();
        for name in self.contents.entries.keys() {
            if let Some(why) = path_fault(name) {
                faults.push(format!("the name `{}` cannot be packed: {why}", text(name)));
            } else if let Some((one, other)) = spellings.take(name) {
                faults.push(format!(
                    "`{}` and `{}` are one name where case or accents are not told apart",
                    // Spelled out, since they may look the same.
                    text(&one.escape_default().to_string()),
                    text(&other.escape_default().to_string())
                ));
            }
        }
        for what in faults {
            self.problem("LF-PACKAGE-NAME", what, "rename the file");
        }
        for (name, above) in below_no_folder(&self.contents.entries) {
            let what = format!("`{}` would stand below `{}`, which is no folder", text(&name), text(&above));
            self.problem("LF-PACKAGE-NAME", what, "rename one of them, or choose another --config-at");
        }
    }

    /// A link must lead to something of the same archive.
    fn links(&mut self) {
        let entries = &self.contents.entries;
        let bad = |(name, entry): (&String, &Entry)| match entry {
            Entry::Link { target } if !leads_somewhere(entries, name, target) => Some(format!(
                "the link `{}` leads to `{}`, which is not in the archive or is reached through another link",
                text(name),
                text(target)
            )),
            Entry::Link { .. } | Entry::File { .. } => None,
        };
        for what in entries.iter().filter_map(bad).collect::<Vec<_>>() {
            self.problem(
                "LF-PACKAGE-LINK",
                what,
                "let links lead to files of the same folder, by relative paths",
            );
        }
    }

    fn limits(&mut self) {
        let (files, size) = (self.contents.entries.len(), self.contents.size_bytes());
        if size > MOST_UNZIPPED_BYTES {
            let largest = self.contents.entries.iter().max_by_key(|(_, entry)| entry.size_bytes());
            let hint = largest.map_or_else(String::new, |(name, entry)| {
                format!("; the largest is `{}` with {}", text(name), human_bytes(entry.size_bytes()))
            });
            let what = format!(
                "its files are {} ({size} bytes) unzipped, and Lambda takes {} at most{hint}",
                human_bytes(size),
                human_bytes(MOST_UNZIPPED_BYTES)
            );
            self.problem(
                "LF-PACKAGE-SIZE",
                what,
                "leave out what the function does not need, or deploy it as an image",
            );
        }
        if files > MOST_FILES {
            let what = format!("it has {files} files, and {MOST_FILES} are the most");
            self.problem(
                "LF-PACKAGE-SIZE",
                what,
                "bundle the code, or leave out what the function does not need",
            );
        }
    }
}

fn shown(path: &Path) -> String {
    text(&path.to_string_lossy())
}

fn text(name: &str) -> String {
    landfall_secret::escape(name, 200)
}
