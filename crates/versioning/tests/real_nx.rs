//! Our reading of a workspace against that of Nx itself, which npm installs below `target`.
//!
//! Left out, with a printed reason, where neither `CI` is set nor `node` is found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use landfall_versioning::{FolderTree, PackageChange, ProjectGraph, WorkspaceOptions, package_changes};

const NX: &str = "21.6.11";
const TYPESCRIPT: &str = "5.9.3";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nx-workspace")
}

/// Files below a folder, relative to it.
fn files(folder: &Path) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(at) = next.pop() {
        for entry in fs::read_dir(&at).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                next.push(path);
            } else {
                found.push(path.strip_prefix(folder).expect("below").to_string_lossy().into_owned());
            }
        }
    }
    found
}

/// `node_modules` with Nx, installed once.
fn node_modules() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nx-{NX}"));
    if !home.join("node_modules").is_dir() {
        let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        fs::write(fresh.path().join("package.json"), "{\"private\":true}").expect("written");
        let status = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"])
            .args([format!("nx@{NX}"), format!("typescript@{TYPESCRIPT}")])
            .current_dir(fresh.path())
            .status()
            .expect("npm starts");
        assert!(status.success(), "npm installs Nx");
        // Another run may have been faster; what it made is as good.
        let _ = fs::rename(fresh.path(), &home);
    }
    home.join("node_modules")
}

/// A copy of the workspace in which Nx can run.
fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for path in files(&workspace()) {
        let target = folder.path().join(&path);
        fs::create_dir_all(target.parent().expect("a parent")).expect("made");
        fs::copy(workspace().join(&path), target).expect("copied");
    }
    std::os::unix::fs::symlink(node_modules(), folder.path().join("node_modules")).expect("linked");
    folder
}

fn nx(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("node")
        .arg("node_modules/nx/bin/nx.js")
        .args(words)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .envs([("NX_DAEMON", "false"), ("NX_NO_CLOUD", "true"), ("CI", "true"), ("NX_TUI", "false")])
        .output()
        .expect("node starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn pairs(graph: &ProjectGraph) -> BTreeSet<String> {
    graph.edges().map(|edge| format!("{} -> {}", edge.from, edge.to)).collect()
}

fn names(graph: &ProjectGraph) -> BTreeSet<String> {
    graph.projects().map(|project| format!("{} in {}", project.name, project.folder)).collect()
}

#[test]
fn our_graph_is_that_of_nx() {
    let has_node = Command::new("node").arg("--version").output().is_ok();
    if !has_node && std::env::var_os("CI").is_none() {
        println!("left out: there is no node here, and CI is not set");
        return;
    }
    let (options, folder) = (WorkspaceOptions::default(), copy());
    let tree = FolderTree::new(&workspace(), files(&workspace()));
    let ours = ProjectGraph::read(&tree, &options).expect("read");
    nx(folder.path(), &["graph", "--file=graph.json"]);
    let file = fs::read(folder.path().join("graph.json")).expect("written by Nx");
    let theirs = ProjectGraph::from_nx_graph(&file, "graph.json", &tree, &options).expect("read");
    assert_eq!(names(&ours), names(&theirs));
    assert_eq!(pairs(&ours), pairs(&theirs));
    assert_eq!(pairs(&ours).len(), 16, "the workspace has every kind of dependency");
    // A lockfile that npm wrote: one other hash is one other package, and those that need it are not.
    let lock =
        fs::read_to_string(node_modules().with_file_name("package-lock.json")).expect("written by npm");
    let hash =
        lock.split("\"integrity\": \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a hash");
    let change = package_changes(
        "package-lock.json",
        Some(lock.as_bytes()),
        Some(lock.replace(hash, "sha512-x").as_bytes()),
    );
    assert!(matches!(&change, PackageChange::Some(changed) if changed.len() == 1), "{change:?}");
    for path in ["libs/text/src/lib/upper.ts", "libs/plain/round.js", "libs/colour/package.json"] {
        let shown =
            nx(folder.path(), &["show", "projects", "--affected", "--json", &format!("--files={path}")]);
        let shown: BTreeSet<String> = serde_json::from_str(shown.trim()).expect("a list of names");
        let concerned: BTreeSet<String> = ours.affected(path).keys().map(ToString::to_string).collect();
        assert_eq!(concerned, shown, "{path}");
        assert!(concerned.len() > 1, "{path}");
    }
}
