//! What is refused, and what is said then.

use super::{begun, codes, released, versions};
use crate::git_world::{World, told};

#[tokio::test]
async fn a_shallow_clone_and_a_dirty_tree() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.change("functions/pay/a.ts", "fix: pay");
    let path = world.outside().join("shallow");
    let bare = world.bare();
    bare.git(&[
        "clone",
        "--quiet",
        "--depth=1",
        &format!("file://{}", bare.path.display()),
        &path.to_string_lossy(),
    ]);
    let mut shallow = world.clone_as("b");
    shallow.path = path;
    shallow.write("nx.json", "{ }");
    let outcome = released(&shallow, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-GIT-SHALLOW Refused: the clone is shallow: commits and tags are missing, and a version would be a guess
      next: run `git fetch --unshallow --tags`; in GitLab CI set `GIT_DEPTH: 0` for the job, in GitHub Actions `fetch-depth: 0`
    LF-GIT-DIRTY Refused: the working tree has changes that are in no commit: nx.json
      next: commit them, or put them aside by `git stash`; `git status` lists them
    ");
    // The commands mend it.
    shallow.git(&["stash", "--quiet"]);
    shallow.git(&["fetch", "--quiet", "--unshallow", "--tags"]);
    released(&shallow, |_| ()).await.expect("released");
    assert_eq!(versions(&shallow), "orders 0.1.0 orders, pay 2.1.1 pay");
}

#[tokio::test]
async fn tags_that_the_clone_lacks() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.git(&["tag", "--delete", "pay-2.1.0"]);
    clone.change("functions/pay/a.ts", "fix: pay");
    let outcome = released(&clone, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-TAGS-MISSING Refused: origin has tags that this clone lacks: pay-2.1.0
      next: run `git fetch --tags origin`
    ");
    clone.git(&["fetch", "--quiet", "--tags", "origin"]);
    released(&clone, |_| ()).await.expect("released");
    clone.git(&["tag", "--force", "pay-2.1.0", "HEAD"]);
    let outcome = released(&clone, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-TAGS-MOVED Refused: tags stand elsewhere on origin than in this clone: pay-2.1.0
      next: find out who moved them; `git fetch --tags --force origin` takes what the remote has
    ");
}

#[tokio::test]
async fn a_higher_version_on_another_line() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.git(&["checkout", "--quiet", "-b", "hotfix"]);
    clone.commit("fix: hot");
    clone.git(&["tag", "pay-2.1.1"]);
    clone.git(&["push", "--quiet", "origin", "hotfix", "pay-2.1.1"]);
    clone.git(&["checkout", "--quiet", "main"]);
    clone.change("functions/pay/a.ts", "feat: pay");
    let outcome = released(&clone, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-TAGS-HIGHER Refused: the tag pay-2.1.1 of pay is not part of this history, and is higher than 2.1.0
      next: run `git fetch --tags`, and then on the branch that has it (`git branch --all --contains pay-2.1.1`), or merge it: `git merge pay-2.1.1`
    ");
    clone.git(&["merge", "--quiet", "--no-edit", "pay-2.1.1"]);
    clone.git(&["push", "--quiet", "origin", "main"]);
    released(&clone, |_| ()).await.expect("released");
    assert_eq!(versions(&clone), "orders 0.1.0 orders, pay 2.2.0 pay");
}

#[tokio::test]
async fn a_dry_run_behind_a_release_shows_a_plan() {
    let world = begun().await;
    let behind = world.clone_as("a");
    let other = world.clone_as("b");
    other.change("functions/pay/a.ts", "feat: pay");
    released(&other, |_| ()).await.expect("released");
    let dry = crate::Output::DryRun { foretell: None };
    let outcome =
        super::run(&super::config(&behind), &super::deps(&behind), &dry, &crate::git_world::run_handle())
            .await;
    insta::assert_snapshot!(told(&outcome), @r"
    warning: the remote's branch has moved on and was not fetched: a real run plans on what is there
    nothing to release: 2 projects stay as they are
    ");
    let outcome = released(&behind, |config| config.explain = Some("pay".to_owned())).await;
    assert!(told(&outcome).contains("2.1.0"), "{}", told(&outcome));
}

#[tokio::test]
async fn branches_with_the_name_of_a_tag_and_of_nothing() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.git(&["tag", "main"]);
    clone.write("functions/pay/a.ts", "x");
    clone.commit("fix: pay");
    released(&clone, |config| config.wishes.branch = None).await.expect("released");
    assert_eq!(world.bare().git(&["for-each-ref", "--format=%(refname)", "refs/heads"]), "refs/heads/main");
    assert_eq!(
        world.bare().git(&["log", "-1", "--format=%s", "main"]),
        "chore(release): pay 2.1.1 [skip ci]"
    );

    let state = world.bare().state();
    let outcome = released(&clone, |config| config.wishes.branch = Some("mian".to_owned())).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-GIT-BRANCH-UNKNOWN Input: origin has no branch `mian`, and it is not the one that is checked out
      next: correct --branch or CI_COMMIT_BRANCH; where it is to be new, make it first: `git push origin HEAD:refs/heads/mian`
    ");
    assert_eq!(world.bare().state(), state);
    // One that is checked out may be new.
    clone.git(&["checkout", "--quiet", "-b", "hotfix"]);
    clone.write("functions/pay/b.ts", "x");
    clone.commit("fix: pay again");
    released(&clone, |config| config.wishes.branch = None).await.expect("released");
    assert!(world.bare().git(&["branch", "--list"]).contains("hotfix"));
}

#[tokio::test]
async fn nowhere_to_push_to() {
    let world = begun().await;
    let clone = world.detached("a", "main");
    clone.git(&["remote", "remove", "origin"]);
    let outcome = released(&clone, |config| config.wishes.branch = None).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-GIT-NO-REMOTE Input: there is no remote named origin
      next: add it by `git remote add origin <address>`, name another by --remote, or give --no-push
    LF-GIT-BRANCH Input: HEAD is on no branch, and none was named to push to
      next: name the branch by --branch or CI_COMMIT_BRANCH, or check it out: `git checkout main`
    ");
    let gone = world.clone_as("b");
    gone.git(&["remote", "set-url", "origin", "/nowhere.git"]);
    assert_eq!(codes(&released(&gone, |_| ()).await), "LF-GIT-DENIED");
}

#[tokio::test]
async fn histories_that_went_apart() {
    let world = begun().await;
    let (one, other) = (world.clone_as("a"), world.clone_as("b"));
    one.change("functions/pay/a.ts", "fix: pay");
    other.write("functions/pay/b.ts", "x");
    other.commit("fix: another");
    let outcome = released(&other, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-GIT-DIVERGED Refused: <id> is not part of origin/main, which is at <id>
      next: bring them together by `git pull --rebase origin main`, or run on a commit of the branch
    ");
}

#[tokio::test]
async fn nobody_to_commit_and_no_repo() {
    let world = World::new();
    let clone = world.clone_as("a");
    let outcome = released(&clone, |config| config.committer = super::Committer::default()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-GIT-COMMITTER Input: nobody is named as the committer of the release
      next: give --committer-name and --committer-email, or run `git config user.name <name>` and `git config user.email <address>`
    ");
    clone.git(&["config", "user.name", "Cee"]);
    clone.git(&["config", "user.email", "cee@example.com"]);
    released(&clone, |config| config.committer = super::Committer::default()).await.expect("released");
    assert_eq!(world.bare().git(&["log", "-1", "--format=%cn <%ce>", "main"]), "Cee <cee@example.com>");
    let outcome = released(&clone, |config| config.folder = world.outside().to_owned()).await;
    assert_eq!(codes(&outcome), "LF-GIT-REPO");
}

#[tokio::test]
async fn files_that_break_their_format() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.write("functions/orders/package.json", "{ \"version\": \"one\" }");
    clone.commit("feat: an odd version");
    clone.git(&["push", "--quiet", "origin", "main"]);
    let outcome = released(&clone, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-FILE-INVALID Input: functions/orders/package.json: /version at 1:14: found `one`, expected a version as SemVer 2.0.0 writes it, such as 1.4.2, without `v`
      next: correct the places named; docs/formats describes each file and docs/schemas has its schema
    ");
    clone.write("functions/orders/package.json", "{}");
    clone.write("functions/pay/project.json", "{ \"name\": \"orders\" }");
    clone.commit("feat: two of one name");
    clone.git(&["push", "--quiet", "origin", "main"]);
    let outcome = released(&clone, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-GRAPH-TWICE Input: two projects are named orders: in functions/orders and in functions/pay
      next: give one of them another name in its project.json
    ");
}

#[tokio::test]
async fn a_changelog_that_is_a_link() {
    let world = begun().await;
    let clone = world.clone_as("a");
    std::fs::remove_file(clone.path.join("functions/pay/CHANGELOG.md")).expect("removed");
    std::os::unix::fs::symlink("../orders/CHANGELOG.md", clone.path.join("functions/pay/CHANGELOG.md"))
        .expect("a link");
    clone.change("functions/pay/a.ts", "fix: pay");
    let state = world.bare().state();
    let outcome = released(&clone, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-GIT-LINK Input: a release cannot change what is a symbolic link: functions/pay/CHANGELOG.md
      next: replace each by a file of its own, and commit that
    ");
    assert_eq!(world.bare().state(), state);
}
