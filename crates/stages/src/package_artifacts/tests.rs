//! The stage on folders of its own, and what other programs make of its archives.

mod ways_around;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use landfall_artifacts::{Class, Digest, ReleaseManifest};
use landfall_run::{Run, Signal, Stop};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Config, Configuration, Symlinks, run};
use crate::{Finished, Output, Refusal};

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
    std::fs::write(path, bytes).expect("written");
}

fn config(folder: &Path, services: &[&str]) -> Config {
    Config {
        release: "v1.0.0".parse().expect("a release"),
        commit: None,
        services: services
            .iter()
            .map(|name| (name.parse().expect("a service"), folder.join("built").join(name)))
            .collect(),
        out: folder.join("out"),
        configuration: None,
        symlinks: Symlinks::Refuse,
    }
}

async fn package(config: &Config) -> Result<Finished, Refusal> {
    run(config, &Output::Real, &Run::builder().build()).await
}

fn made(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join("out").join(name)).expect("an archive")
}

/// A folder of two services; the order of making and the times differ from call to call where `other` says so.
fn built(other: bool) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let built = folder.path().join("built");
    let mut files = vec![
        ("price-fetcher/index.js", &b"exports.handler = async () => 1;\n"[..]),
        ("price-fetcher/lib/z.js", b"z"),
        ("price-fetcher/lib/a.js", b"a"),
        ("price-fetcher/lib-b.js", b"between"),
        ("price-fetcher/empty", b""),
        ("price-fetcher/bin/run", b"#!/bin/sh\n"),
        ("config-service/\u{e4}.json", b"{}\n"),
    ];
    if other {
        files.reverse();
    }
    for (name, bytes) in files {
        write(&built, name, bytes);
        let mode = match (name.ends_with("run"), other) {
            (true, false) => 0o755,
            (true, true) => 0o700,
            (false, false) => 0o644,
            (false, true) => 0o600,
        };
        std::fs::set_permissions(built.join(name), PermissionsExt::from_mode(mode)).expect("a mode");
    }
    if other {
        for name in ["price-fetcher/index.js", "config-service/\u{e4}.json"] {
            let file = std::fs::File::options().write(true).open(built.join(name)).expect("the file");
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000))
                .expect("a time");
        }
    }
    folder
}

const BOTH: [&str; 2] = ["price-fetcher", "config-service"];

#[tokio::test]
async fn the_same_files_make_the_same_bytes() {
    let (one, other) = (built(false), built(true));
    let first = package(&config(one.path(), &BOTH)).await.expect("packaged");
    let mut reversed = config(other.path(), &BOTH);
    reversed.services.reverse();
    package(&reversed).await.expect("packaged");
    for name in ["price-fetcher.zip", "config-service.zip", "manifest.json"] {
        assert_eq!(made(one.path(), name), made(other.path(), name), "{name}");
    }
    let manifest = ReleaseManifest::read(&one.path().join("out/manifest.json")).expect("a manifest");
    let artifact = manifest.artifact("price-fetcher").expect("the service");
    assert_eq!(artifact.key.as_str(), "v1.0.0/price-fetcher.zip");
    assert_eq!(artifact.sha256.digest(), Digest::of(&made(one.path(), "price-fetcher.zip")));
    assert_eq!(first.files.len(), 3);
    assert!(first.items.iter().all(|item| item.outcome == "packaged"));
    let again = package(&config(one.path(), &BOTH)).await.expect("packaged");
    assert!(again.items.iter().all(|item| item.outcome == "unchanged" && !item.changed));
}

#[tokio::test]
async fn other_programs_read_the_archives() {
    let folder = built(false);
    package(&config(folder.path(), &BOTH)).await.expect("packaged");
    let archive = folder.path().join("out/price-fetcher.zip");
    let list = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
        for i in z.infolist(): print(i.filename, oct(i.external_attr >> 16), i.date_time, i.extra, i.compress_type, i.file_size)";
    let Ok(output) = Command::new("python3").args(["-c", list]).arg(&archive).output() else {
        println!("skipped: there is no python3");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout), @r"
    bin/run 0o100755 (1980, 1, 1, 0, 0, 0) b'' 8 10
    empty 0o100644 (1980, 1, 1, 0, 0, 0) b'' 8 0
    index.js 0o100644 (1980, 1, 1, 0, 0, 0) b'' 8 33
    lib-b.js 0o100644 (1980, 1, 1, 0, 0, 0) b'' 8 7
    lib/a.js 0o100644 (1980, 1, 1, 0, 0, 0) b'' 8 1
    lib/z.js 0o100644 (1980, 1, 1, 0, 0, 0) b'' 8 1
    ");
    if let Ok(output) = Command::new("unzip").arg("-t").arg(&archive).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

fn told(refusal: Refusal) -> String {
    let Refusal(problems) = refusal;
    assert!(problems.iter().all(|problem| problem.class == Class::Input && problem.remedy.is_some()));
    problems.iter().map(|problem| format!("{} {}", problem.code, problem.what)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn all_problems_of_all_services_are_told_and_nothing_is_written() {
    let folder = TempDir::new().expect("a folder");
    let built = folder.path().join("built");
    write(&built, "one/README", b"x");
    write(&built, "one/Readme", b"x");
    write(&built, "one/lib/cafe\u{301}", b"x");
    write(&built, "one/lib/caf\u{e9}", b"x");
    write(&built, "one/back\\slash", b"x");
    symlink("README", built.join("one/link")).expect("a link");
    std::fs::create_dir_all(built.join("two/nothing")).expect("a folder");
    write(&built, "three/x", b"x");
    fifo(&built.join("three/pipe"));
    let large = std::fs::File::create(built.join("three/large")).expect("a file");
    large.set_len(251 * 1024 * 1024).expect("a sparse file");
    let config = config(folder.path(), &["one", "two", "three", "missing"]);
    let text = told(package(&config).await.expect_err("refused"));
    let text = text.replace(&folder.path().display().to_string(), "[folder]");
    insta::assert_snapshot!(text, @r"
    LF-PACKAGE-LINK one: [folder]/built/one/link is a symbolic link
    LF-PACKAGE-NAME one: `README` and `Readme` are one name where case or accents are not told apart
    LF-PACKAGE-NAME one: the name `back\slash` cannot be packed: it has a backslash, which some tools take for a slash
    LF-PACKAGE-NAME one: `lib/cafe\u{301}` and `lib/caf\u{e9}` are one name where case or accents are not told apart
    LF-PACKAGE-EMPTY two: the built folder [folder]/built/two holds no file
    LF-PACKAGE-KIND three: [folder]/built/three/pipe is neither a file nor a folder
    LF-PACKAGE-SIZE three: its files are 251.0 MiB (263192577 bytes) unzipped, and Lambda takes 250.0 MiB at most; the largest is `large` with 251.0 MiB
    LF-PACKAGE-READ missing: cannot read [folder]/built/missing: No such file or directory (os error 2)
    ");
    assert!(!folder.path().join("out").exists());
}

/// A pipe, made by the program that every system has for it.
fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

#[tokio::test]
async fn services_are_there_once() {
    let folder = built(false);
    let mut twice = config(folder.path(), &["price-fetcher", "price-fetcher"]);
    twice
        .services
        .push(("Price-Fetcher".parse().expect("a service"), folder.path().join("built/price-fetcher")));
    insta::assert_snapshot!(told(package(&twice).await.expect_err("refused")), @r"
    LF-PACKAGE-TWICE the service price-fetcher is there twice
    LF-PACKAGE-TWICE the services price-fetcher and Price-Fetcher differ in their case alone
    ");
    insta::assert_snapshot!(told(package(&config(folder.path(), &[])).await.expect_err("refused")), @"LF-PACKAGE-NOTHING there is no built folder to package");
}

#[tokio::test]
async fn links_are_kept_as_links_where_that_is_asked_for() {
    let folder = built(false);
    let service = folder.path().join("built/price-fetcher");
    symlink("lib/a.js", service.join("alias.js")).expect("a link");
    symlink("..", service.join("lib/up")).expect("a link");
    let mut config = config(folder.path(), &["price-fetcher"]);
    config.symlinks = Symlinks::Keep;
    package(&config).await.expect("packaged");
    let list = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\n\
        for i in z.infolist():\n  if (i.external_attr >> 28) == 10: print(i.filename, z.read(i).decode())";
    let archive = folder.path().join("out/price-fetcher.zip");
    if let Ok(output) = Command::new("python3").args(["-c", list]).arg(archive).output() {
        assert_eq!(String::from_utf8_lossy(&output.stdout), "alias.js lib/a.js\nlib/up ..\n");
    }
    symlink("../../x", service.join("lib/out")).expect("a link");
    symlink("nowhere.js", service.join("dangling")).expect("a link");
    insta::assert_snapshot!(told(package(&config).await.expect_err("refused")), @r"
    LF-PACKAGE-LINK price-fetcher: the link `dangling` leads to `nowhere.js`, which is not in the archive or is reached through another link
    LF-PACKAGE-LINK price-fetcher: the link `lib/out` leads to `../../x`, which is not in the archive or is reached through another link
    ");
}

#[tokio::test]
async fn an_environments_archives_have_its_configuration_and_a_key_of_their_own() {
    let folder = built(false);
    write(folder.path(), "config/prod_eu00/settings.json", b"{\"level\":1}\n");
    let mut config = config(folder.path(), &["price-fetcher"]);
    config.configuration = Some(Configuration {
        environment: "prod_eu00".parse().expect("a name"),
        folder: folder.path().join("config/prod_eu00"),
        at: "config".to_owned(),
    });
    let finished = package(&config).await.expect("packaged");
    assert_eq!(finished.items[0].details["environment"], "prod_eu00");
    assert_eq!(finished.items[0].details["files"], 7);
    let manifest = ReleaseManifest::read(&folder.path().join("out/manifest.json")).expect("a manifest");
    assert_eq!(manifest.key(), "v1.0.0/prod_eu00/manifest.json");
    write(folder.path(), "built/price-fetcher/config/settings.json", b"{}");
    insta::assert_snapshot!(told(package(&config).await.expect_err("refused")), @"LF-PACKAGE-NAME price-fetcher: `config/settings.json` is both built and configured");
}

#[tokio::test]
async fn a_dry_run_says_what_the_bytes_would_be() {
    let folder = built(false);
    let config = config(folder.path(), &BOTH);
    let dry = Output::DryRun { foretell: None };
    let foretold = run(&config, &dry, &Run::builder().build()).await.expect("planned");
    assert!(!folder.path().join("out").exists());
    let files = |finished: &Finished| -> Vec<_> {
        finished.files.iter().map(|file| (file.sha256, file.size_bytes)).collect()
    };
    assert!(foretold.items.iter().all(|item| item.outcome == "planned" && !item.changed));
    let plan = folder.path().join("plan");
    let dry = Output::DryRun { foretell: Some(plan.clone()) };
    run(&config, &dry, &Run::builder().build()).await.expect("planned");
    let real = package(&config).await.expect("packaged");
    assert_eq!(files(&foretold), files(&real));
    assert_eq!(
        std::fs::read(plan.join("price-fetcher.zip")).ok(),
        Some(made(folder.path(), "price-fetcher.zip"))
    );
}

#[tokio::test]
async fn a_stop_leaves_nothing() {
    let folder = built(false);
    let stop = Stop::new();
    stop.request(Signal::Terminate);
    let run_ = Run::builder().stop(stop).build();
    let Refusal(problems) =
        run(&config(folder.path(), &BOTH), &Output::Real, &run_).await.expect_err("stopped");
    assert!(problems.iter().all(|problem| problem.class == Class::Interrupted));
    assert_eq!(std::fs::read_dir(folder.path().join("out")).map(Iterator::count).unwrap_or_default(), 0);
}

/// Text that repeats itself, and noise: so much that a compressor has choices to make.
fn bulky() -> (Vec<u8>, Vec<u8>) {
    let lines = (0..6000).map(|n| format!("export const value{n} = require('./lib/{}');\n", n % 97));
    let text = lines.collect::<Vec<_>>().concat();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    (text.into_bytes(), noise.take(16_384).flatten().collect())
}

#[tokio::test]
async fn these_files_make_these_bytes() {
    let folder = built(false);
    let (text, noise) = bulky();
    write(folder.path(), "built/price-fetcher/bundle.js", &text);
    write(folder.path(), "built/price-fetcher/noise.bin", &noise);
    package(&config(folder.path(), &["price-fetcher"])).await.expect("packaged");
    let bytes = made(folder.path(), "price-fetcher.zip");
    // Another version of the compressor would make releases differ that are the same.
    insta::assert_snapshot!(format!("{} {}", bytes.len(), Digest::of(&bytes)), @"155395 sha256:d4f78f7817494572d6b3b01ec69ac4f272513197b0351272a209d8742b56b5c5");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the names and the bytes are, the order in which the files were made plays no part, and the files come back.
    #[test]
    fn names_and_bytes_decide_alone(
        files in prop::collection::btree_map("[a-zäß@ ][a-zäß@ .]{0,8}(/[a-z][a-z.]{0,8}){0,2}", prop::collection::vec(any::<u8>(), 0..200), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let archives: Vec<Option<Vec<u8>>> = [false, true].map(|reversed| {
            let folder = TempDir::new().expect("a folder");
            let built = folder.path().join("built/x");
            let mut list: Vec<(&String, &Vec<u8>)> = files.iter().collect();
            if reversed {
                list.reverse();
            }
            for (name, bytes) in list {
                let path: PathBuf = built.join(name);
                // A name may be a folder of another one.
                if path.parent().is_some_and(|above| std::fs::create_dir_all(above).is_err()) || path.is_dir() {
                    return None;
                }
                std::fs::write(path, bytes).expect("written");
            }
            let packaged = runtime.block_on(package(&config(folder.path(), &["x"])));
            packaged.ok().map(|_| made(folder.path(), "x.zip"))
        }).into();
        let is_below = |one: &String| files.keys().any(|other| one.starts_with(&format!("{other}/")));
        let collides = files.keys().any(is_below);
        prop_assert_eq!(archives.iter().map(Option::is_some).collect::<Vec<_>>(), [!collides; 2]);
        if let [Some(one), Some(other)] = &archives[..] {
            prop_assert_eq!(one, other);
            let mut archive = zip::ZipArchive::new(std::io::Cursor::new(one)).expect("an archive");
            prop_assert_eq!(archive.len(), files.len());
            for (name, bytes) in &files {
                let mut read = Vec::new();
                std::io::Read::read_to_end(&mut archive.by_name(name).expect("the file"), &mut read).expect("its bytes");
                prop_assert_eq!(&read, bytes);
            }
        }
    }
}
