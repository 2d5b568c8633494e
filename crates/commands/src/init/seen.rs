//! What a repo shows of itself: functions, build tools, remotes, CI files. Nothing is run and nobody is asked.

use std::path::Path;

use landfall_artifacts::{FileError, read_bounded};

use super::old_ci::{self, OldCi};

/// The most folders below `functions` that are looked at.
const MOST_FUNCTIONS: usize = 10_000;

/// The most bytes of a small file of git or of a build tool.
const MOST_BYTES: usize = 1024 * 1024;

/// A CI system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum System {
    GitLab,
    GitHub,
}

/// Who installs packages, by its lockfile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packages {
    pub(super) lockfile: &'static str,
    /// What installs exactly what the lockfile says.
    pub(super) install: &'static [&'static str],
    /// What runs a program of a package.
    pub(super) run: &'static [&'static str],
}

const PACKAGES: [Packages; 3] = [
    Packages {
        lockfile: "pnpm-lock.yaml",
        install: &["pnpm", "install", "--frozen-lockfile"],
        run: &["pnpm", "exec"],
    },
    Packages { lockfile: "yarn.lock", install: &["yarn", "install", "--immutable"], run: &["yarn"] },
    Packages { lockfile: "package-lock.json", install: &["npm", "ci"], run: &["npx"] },
];

/// What was seen.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a file or folder that is there or not, and none says anything of another"
)]
pub(super) struct Seen {
    /// Folders below `functions` with a `.deployment`.
    pub(super) functions: usize,
    /// Those without one: their names, made safe to print.
    pub(super) nameless: Vec<String>,
    /// Whether there is a folder `functions`.
    pub(super) has_functions: bool,
    pub(super) has_nx: bool,
    pub(super) has_package: bool,
    pub(super) packages: Option<Packages>,
    /// Whether there is a folder `configs`.
    pub(super) has_configs: bool,
    /// Whether the repo merges configuration by `find_versions.sh`.
    pub(super) merges_itself: bool,
    /// The CI system, and why it is taken for that.
    pub(super) system: Option<(System, String)>,
    /// The branch that the remote shows first, where it says one.
    pub(super) branch: Option<String>,
    pub(super) old: Option<OldCi>,
}

impl Seen {
    /// Whether nothing is here that could be delivered: it is the wrong folder, or a repo that is still empty.
    pub(super) fn is_nothing(&self) -> bool {
        !self.has_functions && !self.has_configs && self.old.is_none()
    }
}

/// Looks at a repo.
///
/// # Errors
/// A CI file that cannot be read or is no YAML; a folder that cannot be listed.
pub(super) fn look(repo: &Path) -> Result<Seen, FileError> {
    let is_file = |name: &str| repo.join(name).is_file();
    let functions = repo.join("functions");
    let (mut named, mut nameless) = (0, Vec::new());
    if functions.is_dir() {
        let failed = |source| FileError::Read { path: functions.clone(), source };
        for entry in std::fs::read_dir(&functions).map_err(failed)?.take(MOST_FUNCTIONS) {
            let entry = entry.map_err(failed)?;
            // A link is not followed: what it leads to may be anywhere.
            let is_project = entry.file_type().map_err(failed)?.is_dir()
                && ["project.json", "package.json", ".deployment"]
                    .iter()
                    .any(|file| entry.path().join(file).is_file());
            if is_project && entry.path().join(".deployment").is_file() {
                named += 1;
            } else if is_project {
                nameless.push(landfall_secret::escape(&entry.file_name().to_string_lossy(), 80));
            }
        }
    }
    nameless.sort();
    let old = old_ci::look(repo)?;
    Ok(Seen {
        functions: named,
        nameless,
        has_functions: functions.is_dir(),
        has_nx: is_file("nx.json"),
        has_package: is_file("package.json"),
        packages: PACKAGES.into_iter().find(|packages| is_file(packages.lockfile)),
        has_configs: repo.join("configs").is_dir(),
        merges_itself: is_file("find_versions.sh"),
        system: system(repo, old.is_some()),
        branch: branch(repo),
        old,
    })
}

fn system(repo: &Path, has_gitlab_file: bool) -> Option<(System, String)> {
    if has_gitlab_file {
        return Some((System::GitLab, format!("{} is there", old_ci::ROOT)));
    }
    if repo.join(".github/workflows").is_dir() {
        return Some((System::GitHub, ".github/workflows is there".to_owned()));
    }
    let host = remote_host(repo)?;
    let shown = landfall_secret::escape(&host, 100);
    let why = format!("the remote origin is at {shown}");
    if host == "github.com" || host.starts_with("github.") {
        Some((System::GitHub, why))
    } else if host.contains("gitlab") {
        Some((System::GitLab, why))
    } else {
        None
    }
}

/// The host of `origin`. User and password in its address go no further.
fn remote_host(repo: &Path) -> Option<String> {
    let bytes = read_bounded(&repo.join(".git/config"), MOST_BYTES).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let (_, section) = text.split_once("[remote \"origin\"]")?;
    let section = section.split("\n[").next().unwrap_or_default();
    let url =
        section.lines().find_map(|line| line.trim().strip_prefix("url")?.trim().strip_prefix('='))?.trim();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    Some(host).filter(|host| !host.is_empty())
}

fn branch(repo: &Path) -> Option<String> {
    let bytes = read_bounded(&repo.join(".git/refs/remotes/origin/HEAD"), MOST_BYTES).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.trim().strip_prefix("ref: refs/remotes/origin/").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{System, look};

    #[test]
    fn a_repo_shows_what_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        };
        write("functions/a/project.json", "{}");
        write("functions/a/.deployment", "A\n");
        write("functions/b\u{1b}[2J/package.json", "{}");
        write("functions/README.md", "x");
        std::os::unix::fs::symlink("/", folder.path().join("functions/link")).expect("a link");
        write("yarn.lock", "");
        write("nx.json", "{}");
        write(
            ".git/config",
            "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://me:canary@gitlab.example.com:8443/a/b.git\n[branch \"main\"]\n\turl = x\n",
        );
        write(".git/refs/remotes/origin/HEAD", "ref: refs/remotes/origin/trunk\n");
        let seen = look(folder.path()).expect("it can be read");
        assert_eq!((seen.functions, seen.nameless.as_slice()), (1, &["b\\u{1b}[2J".to_owned()][..]));
        let why = "the remote origin is at gitlab.example.com".to_owned();
        assert_eq!(seen.system, Some((System::GitLab, why)));
        assert_eq!((seen.branch.as_deref(), seen.has_nx, seen.old.is_none()), (Some("trunk"), true, true));
        assert_eq!(seen.packages.map(|packages| packages.run), Some(&["yarn"][..]));
        write(".gitlab-ci.yml", "a: [\n");
        assert!(look(folder.path()).expect_err("no YAML").to_string().contains(".gitlab-ci.yml: at "));
    }
}
