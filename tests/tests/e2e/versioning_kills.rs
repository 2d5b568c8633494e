//! A release that is killed at any call of git, and run again, is made once and is the same.

use std::process::Command;

use crate::git_repo::executable;
use crate::world::World;

const RELEASE: [&str; 1] = ["semantic-versioning"];

/// Stands for git: counts its calls, and kills the stage that calls it before or after the one that `kill` names.
const SHIM: &str = r#"
here=${0%/*}
read -r count < "$here/count"
count=$((count + 1))
echo $count > "$here/count"
echo "$count $*" >> "$here/calls"
read -r number when < "$here/kill"
[ "$count" = "$number" ] || exec /usr/bin/git "$@"
if [ "$when" = before ]; then kill -9 $PPID; exit 1; fi
/usr/bin/git "$@"
code=$?
kill -9 $PPID
exit $code
"#;

/// A world with something to release, whose stages call the shim.
async fn world() -> World {
    let mut world = World::in_git().await;
    world.run(&RELEASE).await.expect(0);
    world.change("libs/money/index.js", "feat: money");
    let bin = world.home.path().join("bin");
    executable(&bin.join("git"), SHIM);
    world.set("PATH", &format!("{}:/usr/bin:/bin", bin.display()));
    copy(&world, "remote.git", "as-it-was.git");
    world
}

/// The same remote as before, and a new clone.
fn begin(world: &World) {
    copy(world, "as-it-was.git", "remote.git");
    world.clone_anew(&["clone", "--quiet"], &world.remote().display().to_string());
}

fn copy(world: &World, from: &str, to: &str) {
    let [from, to] = [from, to].map(|name| world.home.path().join(name));
    if to.exists() {
        std::fs::remove_dir_all(&to).expect("removed");
    }
    let status = Command::new("cp").arg("-r").args([&from, &to]).status().expect("cp starts");
    assert!(status.success());
}

/// Says when the next run is killed, and forgets the calls of the last one.
fn kill_at(world: &World, moment: &str) {
    for (name, text) in [("kill", moment), ("count", "0"), ("calls", "")] {
        let end = if text.is_empty() { "" } else { "\n" };
        std::fs::write(world.home.path().join("bin").join(name), format!("{text}{end}")).expect("written");
    }
}

/// What a release comes to: versions, tags, and how many commits `main` has.
fn state(world: &World) -> (String, String, String) {
    (world.versions(), world.tags_there(), world.git_there(&["rev-list", "--count", "main"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release() {
    let world = world().await;
    begin(&world);
    kill_at(&world, "0 never");
    world.run(&RELEASE).await.expect(0);
    let wanted = state(&world);
    assert_eq!(wanted.0, "orderService 1.5.0, paymentGateway 2.0.0");
    let calls = std::fs::read_to_string(world.home.path().join("bin/calls")).expect("calls");
    let count = calls.lines().count();
    let push = calls.lines().position(|call| call.contains(" push ")).expect("it pushes") + 1;
    assert!(count > push && push > 10, "{calls}");
    // Calls before the push change nothing that anybody sees, so that it is the same before the next one as after them.
    let moments = (1..=count).map(|number| (number, "before"));
    for (number, when) in moments.chain((push..=count).map(|number| (number, "after"))) {
        let at = format!("{when} {}", calls.lines().nth(number - 1).unwrap_or_default());
        begin(&world);
        kill_at(&world, &format!("{number} {when}"));
        let killed = world.run(&RELEASE).await;
        assert_eq!(killed.signal, Some(9), "{at}: {:?}\n{}", killed.code, killed.stderr);
        let tags = world.tags_there();
        let is_whole = tags == wanted.1 || !tags.contains("orderService-1.5.0");
        assert!(is_whole, "{at}: {tags}");
        kill_at(&world, "0 never");
        let second = world.run(&RELEASE).await;
        assert_eq!(second.code, Some(0), "{at}, then again:\n{}", second.stderr);
        assert_eq!(state(&world), wanted, "{at}, then again");
        let third = world.run(&RELEASE).await;
        assert_eq!((third.code, third.outcome()), (Some(0), "nothing-to-do"), "{at}: a third run");
        assert_eq!(state(&world), wanted, "{at}: a third run");
    }
}
