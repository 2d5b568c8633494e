//! CI files: written, checked, and left alone where they are somebody else's.

use crate::made::{ROWS, Repo};

/// One small pipeline, so that what is written can be read here.
const SMALL: &str = "
[ci]
pipelines = [\"s3-config\"]
image = \"registry.example.com/landfall:1\"
";

fn small() -> Repo {
    Repo::of(&format!("{SMALL}\n{ROWS}"))
}

#[test]
fn files_are_written_once_and_then_are_fresh() {
    let repo = small();
    insta::assert_snapshot!(repo.shown("render github --out @/out"), @r"
    exit 0
    wrote .github/workflows/s3-config.yml
    1 written, 0 unchanged
    ");
    let text = repo.read("out/.github/workflows/s3-config.yml");
    assert!(text.starts_with("# Written by `landfall render github`"), "{text}");
    insta::assert_snapshot!(repo.shown("render github --out @/out"), @r"
    exit 0
    0 written, 1 unchanged
    ");
    insta::assert_snapshot!(repo.shown("render github --out @/out --check"), @r"
    exit 0
    1 of 1 file is as it would be written
    ");
    // The files of one system say nothing of those of the other.
    assert_eq!(repo.run("render gitlab --out @/out").code, 0);
    assert_eq!(repo.run("render gitlab --out @/out --check").code, 0);
    assert_eq!(repo.run("render github --out @/out --check").code, 0);
}

#[test]
fn a_check_names_what_is_stale_and_how_and_writes_nothing() {
    let repo = small();
    assert_eq!(repo.run("render gitlab --out @/out").code, 0);
    let name = "out/.gitlab-ci.yml";
    let changed = repo.read(name).replace("stages:", "stages: # token-1234");
    repo.write(name, &changed);
    std::fs::remove_file(repo.path("out/common/vars.gitlab-ci.yml")).expect("removed");
    repo.write("out/common/old.gitlab-ci.yml", "# Written by `landfall render gitlab`; long ago.\n");
    repo.write("out/common/mine.yml", "# mine\n");
    repo.write("out/aws/s3-deploy.yml", "mine: true\n");
    let shown = repo.shown("render gitlab --out @/out --check");
    insta::assert_snapshot!(shown, @r"
    exit 3
    14 of 17 files are as they would be written
    error[LF-RENDER-STALE] exit 3
      .gitlab-ci.yml: line 7 would be `stages:`
      common/vars.gitlab-ci.yml: is missing
      next: run `landfall render gitlab --out @/out` and commit what it writes

    error[LF-RENDER-FOREIGN] exit 3
      aws/s3-deploy.yml: is there, and Landfall did not write it
      next: move what it has to landfall.toml, then repeat with --force; or render to another folder by --out

    error[LF-RENDER-LEFT] exit 3
      common/old.gitlab-ci.yml: no pipeline has it any more
      next: delete it, since CI may still read it

    nothing was changed
    ");
    assert!(!shown.contains("token-1234"));
    assert_eq!(repo.read(name), changed);
    assert!(!repo.path("out/common/vars.gitlab-ci.yml").exists());
}

#[test]
fn a_file_of_somebody_else_is_not_overwritten_unless_it_is_said() {
    let repo = small();
    repo.write(".gitlab-ci.yml", "mine: true\n");
    std::fs::create_dir_all(repo.path("aws/s3-deploy.yml")).expect("a folder of that name");
    insta::assert_snapshot!(repo.shown("render gitlab --out @/"), @r"
    exit 3
    error[LF-RENDER-FOREIGN] exit 3
      .gitlab-ci.yml: is there, and Landfall did not write it
      aws/s3-deploy.yml: is there, and Landfall did not write it
      next: move what it has to landfall.toml, then repeat with --force; or render to another folder by --out

    nothing was changed
    ");
    assert_eq!(repo.read(".gitlab-ci.yml"), "mine: true\n");
    assert!(!repo.path("common").exists(), "nothing is written where one file cannot be");
    std::fs::remove_dir(repo.path("aws/s3-deploy.yml")).expect("removed");
    let ended = repo.run("render gitlab --out @/ --force");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(repo.read(".gitlab-ci.yml").starts_with("# Written by `landfall render gitlab`"));
    assert_eq!(repo.run("render gitlab --out @/ --check").code, 0);
}

#[test]
fn links_are_left_alone_whatever_is_said() {
    let (repo, outside) = (small(), tempfile::tempdir().expect("a folder"));
    std::os::unix::fs::symlink(outside.path(), repo.path(".github")).expect("a link");
    for words in ["", " --force", " --check"] {
        let ended = repo.run(&format!("render github --out @/{words}"));
        assert_eq!(ended.code, 3, "{words}: {}", ended.stderr);
        let told =
            ".github/workflows/s3-config.yml: .github is a symbolic link, and nothing is written behind it\n";
        assert!(ended.stderr.contains("LF-RENDER-LINK") && ended.stderr.contains(told), "{}", ended.stderr);
    }
    assert_eq!(std::fs::read_dir(outside.path()).expect("a folder").count(), 0, "nothing is written there");
    // The folder itself is where somebody wants them.
    std::os::unix::fs::symlink(outside.path(), repo.path("out")).expect("a link");
    assert_eq!(repo.run("render github --out @/out").code, 0);
    assert!(outside.path().join(".github/workflows/s3-config.yml").is_file());
}

#[test]
fn what_cannot_be_rendered_is_said() {
    insta::assert_snapshot!(small().shown("render gitlap"), @r"
    exit 2
    error[LF-USAGE] exit 2
      `gitlap` is neither gitlab nor github
      next: did you mean gitlab?

    nothing was changed
    ");
    insta::assert_snapshot!(small().shown("render --check --force"), @r"
    exit 2
    error[LF-CONFIG-MISSING] exit 2
      system is missing: what the files are for
      next: give it by <gitlab|github>

    error[LF-USAGE] exit 2
      --check writes nothing, and so --force says nothing
      next: leave one of them out

    nothing was changed
    ");
    insta::assert_snapshot!(Repo::of("").shown("render github"), @r"
    exit 2
    error[LF-RENDER-NONE] exit 2
      landfall.toml has no pipeline that CI files could be written of
      next: add rows such as [environment.stg_eu00] with `kind`, or name pipelines in [ci]

    nothing was changed
    ");
}
