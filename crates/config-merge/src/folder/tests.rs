//! What takes whose place, and what a killed run leaves.

use std::fs;
use std::path::Path;

use landfall_artifacts::Digest;

use super::{Folder, OutState, tree_digest};
use crate::error::Error;
use crate::limits::Limits;

fn put(folder: &Folder, files: &[(&str, &str)]) -> Digest {
    let fresh = folder.begin().expect("begun");
    for (path, text) in files {
        fresh.write(path, text.as_bytes()).expect("written");
    }
    let digests: Vec<(&str, Digest)> =
        files.iter().map(|(path, text)| (*path, Digest::of(text.as_bytes()))).collect();
    let digest = tree_digest(digests.iter().map(|(path, digest)| (*path, digest)));
    fresh.finish(digest, Limits::default(), false).expect("finished");
    digest
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn state(folder: &Folder) -> OutState {
    folder.state(Limits::default())
}

#[test]
fn a_tree_takes_the_place_of_another_as_a_whole() {
    let root = tempfile::tempdir().expect("a folder");
    let out = root.path().join("deep/out");
    let folder = Folder::at(&out, &root.path().join("configs")).expect("a target");
    assert_eq!(state(&folder), OutState::Free);
    let first = put(&folder, &[("a", "1"), ("b/c", "2")]);
    assert_eq!(state(&folder), OutState::Ours(first));
    let second = put(&folder, &[("a", "3")]);
    assert_eq!((state(&folder), names(&out)), (OutState::Ours(second), vec!["a".to_owned()]));
    assert_eq!(names(&root.path().join("deep")), [".out.landfall.json", "out"]);
    fs::create_dir(out.join("b")).expect("made");
    assert_eq!(state(&folder), OutState::Ours(second), "a folder without files says nothing");
    fs::write(out.join("b/x"), "by hand").expect("written");
    assert_eq!(state(&folder), OutState::Foreign);
    fs::remove_file(out.join("b/x")).expect("removed");
    fs::write(out.join("a"), "by hand").expect("written");
    assert_eq!(state(&folder), OutState::Foreign);
    std::os::unix::fs::symlink("a", out.join("l")).expect("linked");
    assert_eq!(state(&folder), OutState::Foreign);
}

#[test]
fn what_a_killed_run_leaves_is_mended() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = Folder::at(&root.path().join("out"), &root.path().join("configs")).expect("a target");
    let first = put(&folder, &[("a", "1")]);
    // Killed while it wrote.
    fs::create_dir(folder.beside("new")).expect("made");
    fs::write(folder.beside("new").join("half"), "").expect("written");
    drop(folder.begin().expect("begun"));
    assert_eq!((state(&folder), names(root.path()).len()), (OutState::Ours(first), 2));
    // Killed between two renames.
    fs::rename(root.path().join("out"), folder.beside("old")).expect("renamed");
    drop(folder.begin().expect("begun"));
    assert_eq!((state(&folder), names(root.path()).len()), (OutState::Ours(first), 2));
}

#[test]
fn leftovers_go_where_nothing_is_written() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = Folder::at(&root.path().join("out"), &root.path().join("configs")).expect("a target");
    let first = put(&folder, &[("a", "1")]);
    for left in ["new", "old"] {
        fs::create_dir(folder.beside(left)).expect("made");
        fs::write(folder.beside(left).join("half"), "").expect("written");
    }
    fs::write(folder.beside("lock"), "").expect("written");
    folder.tidy().expect("tidied");
    assert_eq!((state(&folder), names(root.path())), (OutState::Ours(first), names_of_done()));
    // Another run is at work: what stands there is its own.
    let held = folder.begin().expect("begun");
    folder.tidy().expect("left to the other run");
    assert!(held.path().is_dir());
    drop(held);
    folder.tidy().expect("nothing to do");
    assert_eq!(names(root.path()), names_of_done());
}

fn names_of_done() -> Vec<String> {
    [".out.landfall.json", "out"].map(str::to_owned).into()
}

#[test]
fn what_is_put_there_meanwhile_is_not_replaced() {
    let root = tempfile::tempdir().expect("a folder");
    let out = root.path().join("out");
    let folder = Folder::at(&out, &root.path().join("configs")).expect("a target");
    put(&folder, &[("a", "1")]);
    let digest = Digest::of(b"");
    let finished = |replace| {
        let fresh = folder.begin().expect("begun");
        fresh.write("a", b"2").expect("written");
        fs::write(out.join("mine"), "by hand").expect("written");
        fresh.finish(digest, Limits::default(), replace)
    };
    assert!(matches!(finished(false), Err(Error::Foreign { .. })));
    assert_eq!(names(&out), ["a", "mine"], "it is as it was");
    assert_eq!(names(root.path()), names_of_done(), "nothing is left");
    finished(true).expect("replaced, for that was said");
    assert_eq!(names(&out), ["a"]);
}

#[test]
fn one_run_at_a_time() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = Folder::at(&root.path().join("out"), &root.path().join("configs")).expect("a target");
    let held = folder.begin().expect("begun");
    assert!(matches!(folder.begin(), Err(Error::Busy { .. })));
    let other = Folder::at(&root.path().join("other"), &root.path().join("configs")).expect("a target");
    other.begin().expect("another target is another matter");
    drop(held);
    assert!(names(root.path()).is_empty(), "nothing is left");
    fs::write(folder.beside("lock"), "").expect("written");
    folder.begin().expect("begun");
}

#[test]
fn what_cannot_be_a_target_is_refused() {
    let root = tempfile::tempdir().expect("a folder");
    let at = |name: &str| root.path().join(name);
    fs::create_dir_all(at("configs/inner")).expect("made");
    fs::write(at("file"), "").expect("written");
    std::os::unix::fs::symlink(at("configs"), at("link")).expect("linked");
    let refused = |out: &str, source: &str| match Folder::at(&at(out), &at(source)) {
        Err(Error::Target { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    for (out, source) in [
        ("configs", "configs"),
        ("configs/out", "configs"),
        ("configs", "configs/inner"),
        ("configs/inner/../x", "link"),
    ] {
        assert_eq!(refused(out, source), "it is, holds, or lies in the source", "{out} {source}");
    }
    assert_eq!(refused("new/../configs/y", "link"), "it leads through a folder that is not there");
    assert_eq!([refused("file", "configs"), refused("link", "configs")], ["it is no folder", "it is a link"]);
    assert!(matches!(Folder::at(Path::new("/"), &at("configs")), Err(Error::Target { .. })));
    Folder::at(&at("configs-2"), &at("configs")).expect("beside it");
}
