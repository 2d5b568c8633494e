//! Files that go from job to job: by declaration, and nothing else.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use globset::GlobBuilder;
use landfall_pipeline::is_secret;

/// Copies what a job keeps from the folder that it ran in: files, folders (with a slash at the end), and patterns with `*`. What is not
/// there is passed over, as CI systems do; links are not followed out of the folder, but left out.
///
/// # Errors
/// What the system says, with the path.
pub(crate) fn keep<'p>(
    from: &Path,
    patterns: impl Iterator<Item = &'p String>,
    to: &Path,
) -> Result<(), (PathBuf, io::Error)> {
    for pattern in patterns {
        if pattern.contains('*') {
            let Ok(glob) = GlobBuilder::new(pattern).literal_separator(true).build() else { continue };
            let glob = glob.compile_matcher();
            let (folder, _) = pattern.rsplit_once('/').unwrap_or(("", pattern));
            let entries = fs::read_dir(from.join(folder)).into_iter().flatten().flatten();
            for entry in entries {
                let name = Path::new(folder).join(entry.file_name());
                if glob.is_match(&name) {
                    copy(&from.join(&name), &to.join(&name))?;
                }
            }
        } else {
            let name = pattern.trim_end_matches('/');
            copy(&from.join(name), &to.join(name))?;
        }
    }
    Ok(())
}

/// Puts all that a job kept into the folder of another one, over what is there of the commit.
///
/// # Errors
/// What the system says, with the path.
pub(crate) fn hand(kept: &Path, to: &Path) -> Result<(), (PathBuf, io::Error)> {
    let entries = match fs::read_dir(kept) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err((kept.to_owned(), cause)),
    };
    for entry in entries.flatten() {
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Removes the files with keys or passwords below a folder, however deep they are.
pub(crate) fn remove_secrets(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder {
            remove_secrets(&entry.path());
        } else if entry.file_name().to_str().is_some_and(|name| is_secret(name) || name == ".env") {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A file or a folder, with its permissions. What has keys in it is its owner's alone.
fn copy(from: &Path, to: &Path) -> Result<(), (PathBuf, io::Error)> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |cause| (path, cause)
    };
    let kind = match from.symlink_metadata() {
        Ok(data) => data.file_type(),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err((from.to_owned(), cause)),
    };
    if kind.is_dir() {
        fs::create_dir_all(to).map_err(at(to))?;
        for entry in fs::read_dir(from).map_err(at(from))? {
            let entry = entry.map_err(at(from))?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else if kind.is_file() {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(at(folder))?;
        }
        // A link that is there is replaced and not written through.
        match fs::remove_file(to) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err((to.to_owned(), cause)),
            Ok(()) | Err(_) => {}
        }
        fs::copy(from, to).map_err(at(to))?;
        if to.file_name().and_then(|name| name.to_str()).is_some_and(is_secret) {
            fs::set_permissions(to, fs::Permissions::from_mode(0o600)).map_err(at(to))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{hand, keep, remove_secrets};

    #[test]
    fn what_is_declared_goes_over_and_nothing_else() {
        let place = tempfile::tempdir().expect("a folder");
        let [job, kept, other] = ["job", "kept", "other"].map(|name| place.path().join(name));
        for (path, text) in [
            ("versions.json", "{}"),
            ("dist/a/b.zip", "zip"),
            ("promotion-log-to-rc.json", "{}"),
            ("promotion-log.txt", ""),
            ("aws_auth.env", "keys"),
            ("left.txt", "not declared"),
        ] {
            let path = job.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        std::os::unix::fs::symlink("/etc", job.join("dist/etc")).expect("linked");
        let patterns = ["versions.json", "dist/", "promotion-log-*.json", "aws_auth.env", "none.json"];
        let patterns = patterns.map(str::to_owned);
        keep(&job, patterns.iter(), &kept).expect("kept");
        fs::create_dir_all(&other).expect("made");
        std::os::unix::fs::symlink(job.join("left.txt"), other.join("versions.json")).expect("linked");
        hand(&kept, &other).expect("handed on");
        let names = |folder: &str| -> Vec<String> {
            let mut names: Vec<String> = fs::read_dir(other.join(folder))
                .expect("listed")
                .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(""), ["aws_auth.env", "dist", "promotion-log-to-rc.json", "versions.json"]);
        assert_eq!((names("dist"), names("dist/a")), (vec!["a".to_owned()], vec!["b.zip".to_owned()]));
        assert_eq!(fs::read_to_string(job.join("left.txt")).expect("read"), "not declared");
        let mode = fs::metadata(other.join("aws_auth.env")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        remove_secrets(place.path());
        assert!([&job, &kept, &other].iter().all(|folder| !folder.join("aws_auth.env").exists()));
        assert!(kept.join("versions.json").exists());
        hand(&place.path().join("nothing"), &other).expect("a job that kept nothing");
    }
}
