//! Runs at the same time, and a remote that moves while it is pushed to.

use landfall_run::{Clock, Run};
use time::macros::datetime;

use super::{begun, codes, config, deps, released, run, versions};
use crate::Output;
use crate::git_world::told;

/// Moves `main` on by one commit of somebody else, in the middle of a push.
const MOVE: &str = r#"
[ "$1" = refs/heads/main ] || exit 0
tree=$(git rev-parse "main^{tree}")
commit=$(GIT_AUTHOR_NAME=b GIT_AUTHOR_EMAIL=b@x GIT_COMMITTER_NAME=b GIT_COMMITTER_EMAIL=b@x git commit-tree -p main -m "fix: in between" $tree)
git update-ref refs/heads/main $commit
"#;

#[tokio::test]
async fn of_two_runs_on_one_commit_one_wins_and_the_other_ends_right() {
    let world = begun().await;
    let commit = world.clone_as("a").change("libs/shared/b.ts", "fix: shared");
    let (one, other) = (world.detached("one", &commit), world.detached("other", &commit));
    let (configs, deps) = ((config(&one), config(&other)), deps(&one));
    // A second apart, as two jobs are: in the same second both would make the very same commit, and be of one mind anyway.
    let at = |time| Run::builder().clock(Clock::fixed(time)).build();
    let handles = (at(datetime!(2026-11-21 12:00 UTC)), at(datetime!(2026-11-21 12:00:01 UTC)));
    let (first, second) = tokio::join!(
        run(&configs.0, &deps, &Output::Real, &handles.0),
        run(&configs.1, &deps, &Output::Real, &handles.1)
    );
    let summaries = [first.expect("ended well").summary, second.expect("ended well").summary];
    let wins = summaries.iter().filter(|summary| summary.contains("2 of 2 projects released")).count();
    assert_eq!(wins, 1, "{summaries:?}");
    assert_eq!(versions(&one), "orders 0.1.1 orders, pay 2.1.1 pay");
    assert_eq!(one.read("versions.json"), other.read("versions.json"));
    assert_eq!(world.bare().git(&["rev-list", "--count", &format!("{commit}..main")]), "1");
    assert_eq!(world.bare().tags(), "orders-0.1.0 orders-0.1.1 pay-2.1.0 pay-2.1.1");
}

#[tokio::test]
async fn two_runs_in_one_second_make_one_release() {
    let world = begun().await;
    let commit = world.clone_as("a").change("libs/shared/b.ts", "fix: shared");
    let (one, other) = (world.detached("one", &commit), world.detached("other", &commit));
    let (first, second) = tokio::join!(released(&one, |_| ()), released(&other, |_| ()));
    first.expect("ended well");
    second.expect("ended well");
    assert_eq!(one.read("versions.json"), other.read("versions.json"));
    assert_eq!(world.bare().git(&["rev-list", "--count", &format!("{commit}..main")]), "1");
}

#[tokio::test]
async fn runs_on_two_commits_make_no_version_twice() {
    let world = begun().await;
    let clone = world.clone_as("a");
    let early = clone.change("functions/pay/a.ts", "fix: one");
    let late = clone.change("functions/pay/a.ts", "feat: two");
    let (one, other) = (world.detached("one", &early), world.detached("other", &late));
    let (first, second) = tokio::join!(released(&one, |_| ()), released(&other, |_| ()));
    first.expect("ended well");
    second.expect("ended well");
    // Both go on the branch as it is, which has both commits.
    assert_eq!(versions(&one), "orders 0.1.0 orders, pay 2.2.0 pay");
    assert_eq!(one.read("versions.json"), other.read("versions.json"));
    assert_eq!(world.bare().git(&["rev-list", "--count", &format!("{late}..main")]), "1");
}

#[tokio::test]
async fn a_branch_that_moves_during_the_push_is_planned_again() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.change("functions/pay/a.ts", "fix: pay");
    let mark = world.outside().join("moved");
    world.hook("update", &format!("[ -e {0} ] && exit 0\n{MOVE}\ntouch {0}", mark.display()));
    let outcome = released(&clone, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    project  last   next   bump   commits  because of
    pay      2.1.0  2.1.1  patch  1        fix: pay
    warning: the branch had moved on: these versions are of <id>, not of <id>, and images must be built from it
    1 of 2 projects released by <id>, pushed to main of origin
    ");
    let log = world.bare().git(&["log", "--format=%s", "-3", "main"]);
    assert_eq!(log, "chore(release): pay 2.1.1 [skip ci]\nfix: in between\nfix: pay");
    assert_eq!(clone.git(&["rev-parse", "HEAD"]), world.bare().git(&["rev-parse", "main"]));
}

#[tokio::test]
async fn a_push_whose_answer_is_lost_and_that_is_built_upon_is_found() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.change("functions/pay/a.ts", "fix: pay");
    let mark = world.outside().join("lost");
    // Once the refs are written another commit follows, and the answer is never given.
    let script = format!(
        "[ \"$1\" = committed ] && [ ! -e {0} ] || exit 0\ntouch {0}\nset -- refs/heads/main\n{MOVE}\nkill -9 $PPID",
        mark.display()
    );
    world.hook("reference-transaction", &script);
    let outcome = released(&clone, |_| ()).await.expect("released");
    assert!(outcome.summary.starts_with("1 of 2 projects released"), "{}", outcome.summary);
    let log = world.bare().git(&["log", "--format=%s", "-3", "main"]);
    assert_eq!(log, "fix: in between\nchore(release): pay 2.1.1 [skip ci]\nfix: pay");
    assert_eq!(versions(&clone), "orders 0.1.0 orders, pay 2.1.1 pay");
}

#[tokio::test]
async fn a_tag_that_somebody_makes_during_the_push_is_not_replaced() {
    let world = begun().await;
    let clone = world.clone_as("a");
    let commit = clone.change("functions/pay/a.ts", "fix: pay");
    world.hook("update", "[ \"$1\" = refs/heads/main ] || exit 0\ngit update-ref refs/tags/pay-2.1.1 main");
    let outcome = released(&clone, |_| ()).await;
    // It has this commit, and the clone lacks it when it is looked at again.
    assert_eq!(codes(&outcome), "LF-TAGS-MISSING");
    let there = world.bare().git(&["rev-parse", "refs/tags/pay-2.1.1", "main"]);
    assert_eq!(there, format!("{commit}\n{commit}"));
    clone.git(&["fetch", "--quiet", "--tags", "origin"]);
    let outcome = released(&clone, |_| ()).await.expect("ended well");
    assert_eq!(outcome.summary, "nothing to release: 2 projects stay as they are");
    assert_eq!(versions(&clone), "orders 0.1.0 orders, pay 2.1.1 pay");
}

#[tokio::test]
async fn a_branch_that_always_moves_is_given_up() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.change("functions/pay/a.ts", "fix: pay");
    world.hook("update", MOVE);
    let before = clone.state();
    let outcome = released(&clone, |config| config.attempts = 2).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-GIT-OUTRUN Transient: main moved on origin each time: 2 pushes came too late
      next: run again, when fewer jobs push to the branch
    ");
    assert_eq!(world.bare().tags(), "orders-0.1.0 pay-2.1.0", "no tag without its commit");
    let fetched = clone.state().lines().filter(|line| !line.contains("refs/remotes/")).count();
    assert_eq!(fetched, before.lines().filter(|line| !line.contains("refs/remotes/")).count());
}

#[tokio::test]
async fn a_remote_that_refuses_keeps_all_as_it_was() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.change("functions/pay/a.ts", "fix: pay");
    world.hook("pre-receive", "printf 'no \\033[2J releases on friday\\n' >&2; exit 1");
    let (before, remote) = (clone.state(), world.bare().state());
    let outcome = released(&clone, |_| ()).await;
    assert_eq!(codes(&outcome), "LF-GIT-REJECTED");
    let text = told(&outcome);
    assert!(text.contains("releases on friday") && !text.contains('\u{1b}'), "{text}");
    assert_eq!((clone.state(), world.bare().state()), (before, remote));
    assert_eq!(clone.git(&["status", "--porcelain", "--untracked-files=no"]), "");
}
