//! Versions from the history, by the binary and real repos of git.

use crate::git_repo::seen;
use crate::world::World;

const RELEASE: [&str; 1] = ["semantic-versioning"];

#[tokio::test(flavor = "multi_thread")]
async fn a_first_release_the_next_one_and_nothing_to_release() {
    let world = World::in_git().await;
    let ran = world.run(&RELEASE).await.expect(0);
    seen!(world.tidy(&ran.stdout), @r"
    project         last  next   bump  commits  because of
    orderService    -     1.4.2  none  1        first release
    paymentGateway  -     2.0.0  none  1        first release
    2 of 2 projects released by [commit], pushed to main of origin
    ");
    assert_eq!(world.versions(), "orderService 1.4.2, paymentGateway 2.0.0");
    assert_eq!(world.tags_there(), "orderService-1.4.2 paymentGateway-2.0.0");
    let again = world.run(&RELEASE).await.expect(0);
    assert_eq!(again.outcome(), "nothing-to-do");
    seen!(world.tidy(&again.stdout), @"nothing to release: 2 projects stay as they are");
    world.change("libs/money/index.js", "feat: money can be counted");
    world.change("functions/payment-gateway/src/index.js", "fix(pay): round up");
    let foretold = world.run(&["semantic-versioning", "--dry-run"]).await.expect(0);
    seen!(world.tidy(&foretold.stdout), @r"
    project         last   next   bump   commits  because of
    orderService    1.4.2  1.5.0  minor  1        feat: money can be counted
    paymentGateway  2.0.0  2.0.1  patch  1        fix(pay): round up
    2 of 2 projects would be released
    ");
    let explained = world.run(&["semantic-versioning", "--explain", "orderService"]).await.expect(0);
    seen!(world.tidy(&explained.stdout), @r"
    [commit] minor feat: money can be counted
        libs/money/index.js, by orderService > money
    orderService becomes 1.5.0, minor: 1 commits since orderService-1.4.2
    ");
    assert_eq!(world.tags_there(), "orderService-1.4.2 paymentGateway-2.0.0", "neither changes anything");
    world.run(&RELEASE).await.expect(0);
    assert_eq!(world.versions(), "orderService 1.5.0, paymentGateway 2.0.1");
    assert_eq!(world.git(&["rev-parse", "HEAD"]), world.git_there(&["rev-parse", "main"]));
    assert_eq!(world.json("functions/order-service/project.json")["version"], "1.5.0");
    let unknown = world.run(&["semantic-versioning", "--explain", "nobody"]).await.expect(2);
    seen!(unknown.page(&world), @r"
    check
    plan
    error[LF-VERSIONS-PROJECT] exit 2
      there is no project `nobody`
      next: name one of orderService, paymentGateway

    nothing was changed
    exit 2
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_stage_writes_itself_is_no_change_that_it_refuses() {
    for kind in ["tracked", "ignored", "untracked"] {
        let world = World::in_git().await;
        match kind {
            "tracked" => world.change("versions.json", "chore: keep the versions"),
            "ignored" => {
                world.write(".gitignore", "versions.json\n");
                world.git(&["add", ".gitignore"]);
                world.git(&["commit", "--quiet", "--message=chore: ignore the versions"]);
                world.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
            }
            _ => {}
        }
        for (number, path) in ["first", "second"].iter().zip(["one.js", "two.js"]) {
            world.change(&format!("functions/order-service/{path}"), "fix: orders");
            world.run(&["semantic-versioning", "--versions", "./versions.json"]).await.expect(0);
            assert!(world.path("versions.json").exists(), "{kind}, {number}");
        }
        assert_eq!(world.versions(), "orderService 1.4.3, paymentGateway 2.0.0", "{kind}");
        world.run(&["sync-project-versions"]).await.expect(0);
        // What somebody else changed is refused as before.
        world.write("nx.json", "{ }");
        let ran = world.run(&RELEASE).await.expect(3);
        assert_eq!(ran.codes(), ["LF-GIT-DIRTY"], "{kind}");
        assert!(!ran.stderr.contains("versions.json"), "{kind}: {}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_whose_upstream_has_another_name() {
    let world = World::in_git().await;
    world.git(&["checkout", "--quiet", "-b", "work", "--track", "origin/main"]);
    for setting in ["simple", "matching", "current"] {
        world.git(&["config", "push.default", setting]);
        world.change("functions/order-service/a.js", &format!("fix: {setting}"));
        let ran = world.run(&["semantic-versioning", "--branch", "main"]).await.expect(0);
        let told = format!("{}{}", ran.stdout, ran.stderr);
        for word in ["hint:", "push.default", "upstream", "git push"] {
            assert!(!told.contains(word), "{setting}: {told}");
        }
        assert_eq!(
            world.git_there(&["for-each-ref", "--format=%(refname)", "refs/heads/"]),
            "refs/heads/main"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_the_remote_refuses() {
    let world = World::in_git().await;
    world.hook("pre-receive", "echo 'no releases on fridays' >&2; exit 1");
    let ran = world.run(&RELEASE).await.expect(3);
    seen!(ran.page(&world), @r"
    check
    plan
    release
    error[LF-GIT-REJECTED] exit 3
      origin refused the push to main: remote: no releases on fridays
      error: failed to push some refs to '[home]/remote.git'
      ! [commit]:refs/heads/main [remote rejected] (pre-receive hook declined)
      ! [commit]:refs/tags/orderService-1.4.2 [remote rejected] (pre-receive hook declined)
      ! [commit]:refs/tags/paymentGateway-2.0.0 [remote rejected] (pre-receive hook declined)
      next: allow the token's user to push to the branch and to make these tags (protected branches, protected tags, push rules), then run again

    nothing was changed
    exit 3
    ");
    assert_eq!(world.tags_there(), "");
    assert_eq!(world.git(&["tag"]), "", "no tag that was never released is left here");
    std::fs::remove_file(world.remote().join("hooks/pre-receive")).expect("removed");
    world.run(&RELEASE).await.expect(0);
    assert_eq!(world.tags_there(), "orderService-1.4.2 paymentGateway-2.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_jobs_at_the_same_time() {
    let one = World::in_git().await;
    let other = one.beside().await;
    let base = one.git(&["rev-parse", "HEAD"]);
    let (first, second) = tokio::join!(one.run(&RELEASE), other.run(&RELEASE));
    first.expect(0);
    second.expect(0);
    assert_eq!(one.versions(), "orderService 1.4.2, paymentGateway 2.0.0");
    assert_eq!(one.read("versions.json"), other.read("versions.json"));
    assert_eq!(one.tags_there(), "orderService-1.4.2 paymentGateway-2.0.0");
    assert_eq!(one.git_there(&["rev-list", "--count", &format!("{base}..main")]), "1", "one release");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_answer_is_lost() {
    let world = World::in_git().await;
    let base = world.git(&["rev-parse", "HEAD"]);
    // The refs are written when this hook runs, and the program that would say so is ended by it.
    world.hook("post-receive", "kill -9 $PPID");
    let ran = world.run(&RELEASE).await.expect(0);
    assert!(ran.stdout.contains("2 of 2 projects released"), "{}", ran.stdout);
    assert_eq!(world.versions(), "orderService 1.4.2, paymentGateway 2.0.0");
    assert_eq!(world.git_there(&["rev-list", "--count", &format!("{base}..main")]), "1");
    let again = world.run(&RELEASE).await.expect(0);
    assert_eq!(again.outcome(), "nothing-to-do");
    // A remote that says that it failed, and did not.
    std::fs::remove_file(world.remote().join("hooks/post-receive")).expect("removed");
    let script = world.home.path().join("receive-pack");
    crate::git_repo::executable(&script, "git-receive-pack \"$@\"; exit 1");
    world.change("functions/order-service/a.js", "fix: orders");
    world.git(&["config", "remote.origin.receivepack", &script.display().to_string()]);
    world.run(&RELEASE).await.expect(0);
    assert_eq!(world.versions(), "orderService 1.4.3, paymentGateway 2.0.0");
    assert_eq!(world.tags_there(), "orderService-1.4.2 orderService-1.4.3 paymentGateway-2.0.0");
}
