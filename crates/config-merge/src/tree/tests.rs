//! What of a folder is taken, also while it is exchanged.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Tree;
use crate::error::Error;
use crate::limits::Limits;

fn listed(root: &Path, limits: Limits) -> String {
    let (files, errors) = Tree::open(root, limits).expect("a folder").files();
    let files = files.iter().map(|file| format!("{} {}", file.path, file.size_bytes));
    files.chain(errors.iter().map(ToString::to_string)).collect::<Vec<_>>().join("\n")
}

#[test]
fn files_are_listed_and_read() {
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(root.path().join("b/empty")).expect("made");
    fs::write(root.path().join("b/x.json"), "{}").expect("written");
    fs::write(root.path().join("a"), "").expect("written");
    assert_eq!(listed(root.path(), Limits::default()), "a 0\nb/x.json 2");
    let tree = Tree::open(root.path(), Limits::default()).expect("opened");
    assert_eq!(tree.read("b/x.json", 2).ok().as_deref(), Some(&b"{}"[..]));
    assert!(matches!(tree.read("b/x.json", 1), Err(Error::TooMuch { .. })));
    assert!(matches!(tree.read("b/y.json", 1), Err(Error::Changed { .. })));
    assert!(matches!(tree.read("b", 1), Err(Error::NotRegular { .. })));
    for elsewhere in ["../x", "/etc/hostname", "b/../a", "b//x.json", "."] {
        assert!(matches!(tree.read(elsewhere, 100), Err(Error::Name { .. })), "{elsewhere}");
    }
    assert!(Tree::open(&root.path().join("a"), Limits::default()).is_err());
}

#[test]
fn links_and_special_files_are_refused_all_at_once() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("secret"), "canary").expect("written");
    let root = tempfile::tempdir().expect("a folder");
    let at = |name: &str| root.path().join(name);
    symlink(outside.path().join("secret"), at("link")).expect("linked");
    symlink(outside.path(), at("linked-folder")).expect("linked");
    symlink("nowhere", at("dangling")).expect("linked");
    fs::hard_link(outside.path().join("secret"), at("hard")).expect("linked");
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
        .expect("made");
    let _socket = UnixListener::bind(at("socket")).expect("bound");
    fs::write(at("back\\slash"), "").expect("written");
    fs::write(at("new\nline"), "").expect("written");
    fs::write(root.path().join(std::ffi::OsStr::new(std::str::from_utf8(b"ok").unwrap_or_default())), "")
        .expect("written");
    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"not-\xff-utf8");
    fs::write(root.path().join(odd), "").expect("written");
    insta::assert_snapshot!(listed(root.path(), Limits::default()), @r"
    ok 0
    back\slash cannot be taken: it has a backslash, which some tools take for a slash
    dangling is a link
    hard is a file with several names (hard links)
    link is a link
    linked-folder is a link
    new\u{a}line cannot be taken: it has a control character
    not-�-utf8 cannot be taken: its name is not UTF-8
    pipe is a pipe
    socket is a socket
    ");
    let tree = Tree::open(root.path(), Limits::default()).expect("opened");
    for name in ["link", "hard", "pipe", "socket", "linked-folder/secret", "dangling"] {
        let error = tree.read(name, 100).expect_err(name);
        assert!(!format!("{error:?}").contains("canary"));
    }
}

#[test]
fn limits_hold_at_their_edge() {
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(root.path().join("a/b")).expect("made");
    fs::write(root.path().join("a/b/x"), "").expect("written");
    assert_eq!(listed(root.path(), Limits { files: 3, ..Limits::default() }), "a/b/x 0");
    assert!(listed(root.path(), Limits { files: 2, ..Limits::default() }).contains("more than 2 files"));
    assert_eq!(listed(root.path(), Limits { folders: 2, ..Limits::default() }), "a/b/x 0");
    assert!(listed(root.path(), Limits { folders: 1, ..Limits::default() }).contains("more than 1 levels"));
}

#[cfg(target_os = "linux")]
/// A folder that is exchanged with a link all the time is read from, or refused, and never leads elsewhere.
#[test]
fn what_is_exchanged_meanwhile_leads_nowhere() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("x"), "canary").expect("written");
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir(root.path().join("folder")).expect("made");
    fs::write(root.path().join("folder/x"), "inside").expect("written");
    symlink(outside.path(), root.path().join("other")).expect("linked");
    let folder = fs::File::open(root.path()).expect("opened");
    let tree = Tree::open(root.path(), Limits::default()).expect("opened");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(&folder, "folder", &folder, "other", flags).expect("exchanged");
            }
        });
        let mut inside = 0;
        // On a machine that is busy the two may go long without being told apart.
        for at in 0..1_000_000 {
            if at >= 2000 && inside > 0 {
                break;
            }
            match tree.read("folder/x", 100) {
                Ok(bytes) => {
                    assert_eq!(bytes, b"inside");
                    inside += 1;
                }
                Err(error) => assert!(matches!(error, Error::Changed { .. }), "{error:?}"),
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(inside > 0, "it was never there");
    });
}
