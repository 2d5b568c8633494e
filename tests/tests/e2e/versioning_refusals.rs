//! Clones on which versions would be a guess: what a person sees, and that the command that is named mends it.

use crate::git_repo::seen;
use crate::world::World;

const RELEASE: [&str; 1] = ["semantic-versioning"];

#[tokio::test(flavor = "multi_thread")]
async fn a_shallow_clone() {
    let world = World::in_git().await;
    world.run(&RELEASE).await.expect(0);
    world.change("functions/order-service/a.js", "fix: orders");
    world.clone_anew(&["clone", "--quiet", "--depth=1"], &format!("file://{}", world.remote().display()));
    let ran = world.run(&RELEASE).await.expect(3);
    seen!(ran.page(&world), @r"
    check
    error[LF-GIT-SHALLOW] exit 3
      the clone is shallow: commits and tags are missing, and a version would be a guess
      next: run `git fetch --unshallow --tags`; in GitLab CI set `GIT_DEPTH: 0` for the job, in GitHub Actions `fetch-depth: 0`

    nothing was changed
    exit 3
    ");
    world.git(&["fetch", "--quiet", "--unshallow", "--tags"]);
    world.run(&RELEASE).await.expect(0);
    assert_eq!(world.versions(), "orderService 1.4.3, paymentGateway 2.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_without_tags() {
    let world = World::in_git().await;
    world.run(&RELEASE).await.expect(0);
    world.clone_anew(&["clone", "--quiet", "--no-tags"], &world.remote().display().to_string());
    let ran = world.run(&RELEASE).await.expect(3);
    seen!(ran.page(&world), @r"
    check
    plan
    error[LF-TAGS-MISSING] exit 3
      origin has tags that this clone lacks: orderService-1.4.2, paymentGateway-2.0.0
      next: run `git fetch --tags origin`

    nothing was changed
    exit 3
    ");
    world.git(&["fetch", "--quiet", "--tags", "origin"]);
    assert_eq!(world.run(&RELEASE).await.expect(0).outcome(), "nothing-to-do");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dirty_tree() {
    let world = World::in_git().await;
    world.write("nx.json", "{ }\n");
    world.write("functions/order-service/src/index.js", "// half done\n");
    world.write("notes.txt", "git does not know this file, and it is of no concern\n");
    let ran = world.run(&RELEASE).await.expect(3);
    seen!(ran.page(&world), @r"
    check
    error[LF-GIT-DIRTY] exit 3
      the working tree has changes that are in no commit: functions/order-service/src/index.js, nx.json
      next: commit them, or put them aside by `git stash`; `git status` lists them

    nothing was changed
    exit 3
    ");
    world.git(&["stash", "--quiet"]);
    world.run(&RELEASE).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_higher_tag_on_another_branch() {
    let world = World::in_git().await;
    world.run(&RELEASE).await.expect(0);
    world.git(&["checkout", "--quiet", "-b", "hotfix"]);
    world.git(&["commit", "--quiet", "--allow-empty", "--message=fix: hot"]);
    world.git(&["tag", "orderService-1.4.3"]);
    world.git(&["push", "--quiet", "origin", "hotfix", "orderService-1.4.3"]);
    world.git(&["checkout", "--quiet", "main"]);
    world.change("functions/order-service/a.js", "feat: orders");
    let ran = world.run(&RELEASE).await.expect(3);
    seen!(ran.page(&world), @r"
    check
    plan
    error[LF-TAGS-HIGHER] exit 3
      the tag orderService-1.4.3 of orderService is not part of this history, and is higher than 1.4.2
      next: run `git fetch --tags`, and then on the branch that has it (`git branch --all --contains orderService-1.4.3`), or merge it: `git merge orderService-1.4.3`

    nothing was changed
    exit 3
    ");
    world.git(&["merge", "--quiet", "--no-edit", "orderService-1.4.3"]);
    world.git(&["push", "--quiet", "origin", "main"]);
    world.run(&RELEASE).await.expect(0);
    assert_eq!(world.versions(), "orderService 1.5.0, paymentGateway 2.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_branch_and_nobody_to_make_the_commit() {
    let mut world = World::in_git().await;
    world.unset("CI_COMMIT_BRANCH");
    world.git(&["checkout", "--quiet", "--detach"]);
    let ran = world.run(&RELEASE).await.expect(2);
    seen!(ran.page(&world), @r"
    check
    error[LF-GIT-BRANCH] exit 2
      HEAD is on no branch, and none was named to push to
      next: name the branch by --branch or CI_COMMIT_BRANCH, or check it out: `git checkout main`

    nothing was changed
    exit 2
    ");
    world.set("CI_COMMIT_BRANCH", "main");
    world.unset("GIT_COMMITTER_NAME");
    let ran = world.run(&RELEASE).await.expect(2);
    seen!(ran.page(&world), @r"
    check
    plan
    error[LF-GIT-COMMITTER] exit 2
      nobody is named as the committer of the release
      next: give --committer-name and --committer-email, or run `git config user.name <name>` and `git config user.email <address>`

    nothing was changed
    exit 2
    ");
    assert_eq!(world.tags_there(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_project_versions() {
    let world = World::in_git().await;
    world.write("functions/order-service/package.json", "{ \"version\": \"9.9.9\" }\n");
    world.git(&["commit", "--quiet", "--all", "--message=chore: version"]);
    world.git(&["push", "--quiet", "origin", "main"]);
    let foretold = world.run(&["sync-project-versions", "--dry-run"]).await.expect(0);
    seen!(foretold.stdout, @r"
    orderService: 1.4.2 -> 9.9.9
    1 project.json would be updated
    ");
    let unknown = world.run(&["sync-project-versions", "nobody"]).await.expect(2);
    seen!(unknown.page(&world), @r"
    check
    error[LF-VERSIONS-PROJECT] exit 2
      there is no project `nobody`
      next: name one of orderService, paymentGateway, money

    nothing was changed
    exit 2
    ");
    let ran = world.run(&["sync-project-versions", "orderService"]).await.expect(0);
    seen!(ran.stdout, @r"
    orderService: 1.4.2 -> 9.9.9
    1 project.json updated by [commit], pushed to main
    ");
    let there = world.git_there(&["show", "main:functions/order-service/project.json"]);
    assert!(there.contains("\"version\": \"9.9.9\""), "{there}");
    assert_eq!(world.run(&["sync-project-versions"]).await.expect(0).outcome(), "nothing-to-do");
    world.write("functions/order-service/package.json", "{ \"version\": \"latest\" }\n");
    let dirty = world.run(&["sync-project-versions"]).await.expect(3);
    assert_eq!(dirty.codes(), ["LF-GIT-DIRTY"]);
    world.git(&["commit", "--quiet", "--all", "--message=chore: version"]);
    world.git(&["push", "--quiet", "origin", "main"]);
    let broken = world.run(&["sync-project-versions"]).await.expect(2);
    seen!(broken.page(&world), @r"
    check
    error[LF-FILE-INVALID] exit 2
      functions/order-service/package.json: /version at 1:14: found `latest`, expected a version as SemVer 2.0.0 writes it, such as 1.4.2, without `v`
      next: correct the places named; docs/formats describes each file and docs/schemas has its schema

    nothing was changed
    exit 2
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_images() {
    let world = World::in_git().await;
    world.change("functions/order-service/Dockerfile", "chore: an image");
    world.write("functions/order-service/Dockerfile", "FROM scratch\nCOPY src /\n");
    world.git(&["commit", "--quiet", "--all", "--message=chore: an image"]);
    world.git(&["push", "--quiet", "origin", "main"]);
    world.git(&["checkout", "--quiet", "-b", "feature"]);
    world.write("libs/money/index.js", "exports.add = () => 3;\n");
    world.git(&["commit", "--quiet", "--all", "--message=feat: three"]);
    let ran = world.run(&["changed-images", "--list", "changed.txt"]).await.expect(0);
    seen!(ran.stdout, @r"
    orderService (functions/order-service): libs/money/index.js, by money
    1 of 2 images changed since origin/main was left at [commit]
    ");
    assert_eq!(world.read("changed.txt"), "functions/order-service\n");
    assert_eq!(world.json("changed-images.json")["images"][0]["causes"][0]["through"][1], "money");
    let ran = world.run(&["changed-images", "--base", "nowhere"]).await.expect(2);
    seen!(ran.page(&world), @r"
    read: 14
    error[LF-GIT-BASE] exit 2
      there is no `nowhere`
      next: fetch it (git fetch origin main:refs/remotes/origin/main), or name another by --base

    nothing was changed
    exit 2
    ");
    world.git(&["checkout", "--quiet", "main"]);
    assert_eq!(world.run(&["changed-images"]).await.expect(0).outcome(), "nothing-to-do");
}
