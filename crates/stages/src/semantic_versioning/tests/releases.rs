//! What a release makes, and what a second run makes of it.

use std::sync::Arc;

use landfall_run::{MemoryJournal, Run};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{begun, codes, config, deps, released, run, versions};
use crate::Output;
use crate::git_world::{World, run_handle, told, without_ids};

#[tokio::test]
async fn a_first_release_takes_what_files_say() {
    let world = World::new();
    let clone = world.clone_as("a");
    let outcome = released(&clone, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    project  last  next   bump  commits  because of
    orders   -     0.1.0  none  1        first release
    pay      -     2.1.0  none  1        first release
    2 of 2 projects released by <id>, pushed to main of origin
    ");
    assert_eq!(versions(&clone), "orders 0.1.0 orders, pay 2.1.0 pay");
    assert_eq!(world.bare().tags(), "orders-0.1.0 pay-2.1.0");
    let log = world.bare().git(&["log", "--format=%an <%ae>%n%B%ct", "-1", "main"]);
    insta::assert_snapshot!(log, @r"
    Release Bot <bot@example.com>
    chore(release): orders 0.1.0, pay 2.1.0 [skip ci]
    1795262400
    ");
    // Only the version's characters changed.
    assert_eq!(
        clone.read("functions/orders/project.json"),
        "{\r\n\t\"name\": \"orders\",  \"version\":\"0.1.0\",\r\n\t\"implicitDependencies\": [\"shared\"] }\r\n"
    );
    assert_eq!(
        clone.read("functions/orders/package.json"),
        "{\n  \"name\": \"@acme/orders\",\n  \"version\": \"0.1.0\",\n  \"x\": 1.50\n}\n"
    );
    insta::assert_snapshot!(clone.read("functions/orders/CHANGELOG.md"), @r"
    # Changelog

    ## 0.1.0 (2026-11-21)

    First release.
    ");
    // The clone is where the remote is, on its branch, and nothing is left over but the file for the next stage.
    assert_eq!(clone.git(&["rev-parse", "main"]), world.bare().git(&["rev-parse", "main"]));
    assert_eq!(clone.git(&["status", "--porcelain"]), "?? versions.json");
    assert_eq!(clone.tags(), world.bare().tags());
    assert_eq!(clone.git(&["cat-file", "-t", "orders-0.1.0"]), "tag");
}

#[tokio::test]
async fn a_push_tells_when_the_commit_was_made_that_it_releases() {
    let world = World::new();
    let clone = world.clone_as("a");
    let made: i64 = clone.git(&["log", "--format=%ct", "-1"]).trim().parse().expect("a time");
    let journal = Arc::new(MemoryJournal::default());
    let noted = Run::builder().clock(*run_handle().clock()).journal(journal.clone()).build();
    run(&config(&clone), &deps(&clone), &Output::Real, &noted).await.expect("released");
    let records = journal.records();
    let (push, _) = records.iter().find(|(effect, _)| effect.action == "git push").expect("a push");
    let made = OffsetDateTime::from_unix_timestamp(made).ok().and_then(|made| made.format(&Rfc3339).ok());
    assert_eq!(push.details, [("commitTime", made.expect("a time"))]);
    assert_ne!(push.details[0].1, "2026-11-21T12:00:00Z", "the release's own commit is made by its clock");
}

#[tokio::test]
async fn a_release_names_the_libraries_it_came_through() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.change("functions/orders/a.ts", "feat(api): take <b>more</b> & more");
    clone.change("libs/shared/b.ts", "fix!: round down");
    clone.change("functions/orders/c.ts", "wip on orders");
    clone.change("README.md", "feat: nobody's");
    let outcome = released(&clone, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    project  last   next   bump   commits  because of
    orders   0.1.0  0.2.0  minor  3        fix!: round down
    pay      2.1.0  3.0.0  major  1        fix!: round down
    warning: <id> is no conventional commit and moves no version: wip on orders
    2 of 2 projects released by <id>, pushed to main of origin
    ");
    insta::assert_snapshot!(without_ids(&clone.read("functions/orders/CHANGELOG.md")), @r"
    # Changelog

    ## 0.2.0 (2026-11-21)

    ### Breaking changes

    - round down (<id>, in shared)

    ### Features

    - **api:** take &lt;b>more&lt;/b> &amp; more (<id>)

    ## 0.1.0 (2026-11-21)

    First release.
    ");
    let items = outcome.expect("released").items;
    let orders = items.iter().find(|item| item.name == "orders").expect("an item");
    assert!(orders.changed && orders.outcome == "released");
    assert_eq!(orders.details["tag"], "orders-0.2.0");
    assert!(
        items.iter().any(|item| item.outcome == "unparsed" && item.details["subject"] == "wip on orders")
    );
}

/// What a function imports, and what the lockfile resolves of the packages that it uses.
#[tokio::test]
async fn imports_and_packages_lead_to_functions() {
    let lockfile = |version: &str| {
        format!(
            "{{\"lockfileVersion\":3,\"packages\":{{\"\":{{\"dependencies\":{{\"left-pad\":\"^1.0.0\"}}}},\
             \"node_modules/left-pad\":{{\"version\":\"{version}\"}}}}}}"
        )
    };
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.write(".gitignore", "versions.json\n");
    clone.write("libs/money/project.json", "{ \"name\": \"money\" }");
    clone.write("libs/money/add.ts", "export const add = 1;");
    clone.write("functions/pay/main.ts", "import { add } from '../../libs/money/add';");
    clone.write("functions/orders/main.ts", "import pad from 'left-pad';");
    clone.write("package.json", "{ \"private\": true, \"dependencies\": { \"left-pad\": \"^1.0.0\" } }");
    clone.write("package-lock.json", &lockfile("1.0.0"));
    clone.commit("chore: a library, and a package");
    clone.change("libs/money/add.ts", "fix: add up");
    let outcome = released(&clone, |_| ()).await;
    assert!(told(&outcome).contains("1 of 2 projects released"), "{}", told(&outcome));
    assert_eq!(versions(&clone), "orders 0.1.0 orders, pay 2.1.1 pay");

    clone.write("package-lock.json", &lockfile("1.3.0"));
    clone.commit("fix: the newer left-pad");
    released(&clone, |_| ()).await.expect("released");
    assert_eq!(versions(&clone), "orders 0.1.1 orders, pay 2.1.1 pay");
    let outcome = released(&clone, |config| config.explain = Some("orders".to_owned())).await;
    assert!(told(&outcome).contains("left-pad"), "{}", told(&outcome));
}

#[tokio::test]
async fn only_what_changed_is_released() {
    let world = begun().await;
    let clone = world.clone_as("a");
    let before = clone.read("functions/orders/CHANGELOG.md");
    let commit = clone.change("functions/pay/a.ts", "fix: pay");
    released(&clone, |_| ()).await.expect("released");
    assert_eq!(versions(&clone), "orders 0.1.0 orders, pay 2.1.1 pay");
    assert_eq!(clone.read("functions/orders/CHANGELOG.md"), before);
    assert_eq!(world.bare().tags(), "orders-0.1.0 pay-2.1.0 pay-2.1.1");
    // The same commit again, in another clone, as CI has it, with and without what did not change.
    let state = world.bare().state();
    let again = world.detached("b", &commit);
    let outcome = released(&again, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @"nothing to release: <id> is the release that has this commit");
    assert_eq!(again.read("versions.json"), clone.read("versions.json"));
    released(&again, |config| config.changed_only = true).await.expect("done");
    assert_eq!(versions(&again), "pay 2.1.1 pay");
    assert_eq!(world.bare().state(), state);
    // On the release itself too.
    released(&clone, |config| config.changed_only = true).await.expect("done");
    assert_eq!(versions(&clone), "pay 2.1.1 pay");
    // And when the branch has moved on and was released again.
    let later = world.clone_as("c");
    later.change("functions/pay/a.ts", "feat: pay more");
    released(&later, |_| ()).await.expect("released");
    assert_eq!(versions(&later), "orders 0.1.0 orders, pay 2.2.0 pay");
    let last = world.detached("d", &commit);
    released(&last, |_| ()).await.expect("done");
    assert_eq!(versions(&last), "orders 0.1.0 orders, pay 2.1.1 pay");
}

#[tokio::test]
async fn a_rerun_gives_its_release_also_where_a_project_came_later() {
    let world = begun().await;
    let clone = world.clone_as("a");
    let commit = clone.change("functions/pay/a.ts", "fix: pay");
    released(&clone, |_| ()).await.expect("released");
    clone.write("functions/late/project.json", "{ \"name\": \"late\" }");
    clone.change("functions/pay/a.ts", "feat: pay more, and late");
    released(&clone, |_| ()).await.expect("released");
    assert_eq!(versions(&clone), "late 0.1.0 late, orders 0.1.0 orders, pay 2.2.0 pay");
    let state = world.bare().state();
    let again = world.detached("b", &commit);
    let forced = |config: &mut super::Config| {
        config.request.forced.all = Some(landfall_versioning::Bump::Minor);
    };
    let outcome = released(&again, forced).await;
    insta::assert_snapshot!(told(&outcome), @r"
    warning: no bump is forced: <id> has released this commit already, and --bump counts for a commit once
    nothing to release: <id> is the release that has this commit
    ");
    assert_eq!(versions(&again), "orders 0.1.0 orders, pay 2.1.1 pay");
    assert_eq!(world.bare().state(), state);
}

#[tokio::test]
async fn what_the_graph_is_not_certain_of_is_said_and_nx_can_say_it() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.write("pnpm-lock.yaml", "lockfileVersion: '9.0'\n");
    clone.change("functions/pay/a.ts", "fix: pay");
    let outcome = released(&clone, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    project  last   next   bump   commits  because of
    pay      2.1.0  2.1.1  patch  1        fix: pay
    warning: pnpm-lock.yaml is of a kind that is not read: whatever uses packages is taken to use those that change
    1 of 2 projects released by <id>, pushed to main of origin
    ");
    // As Nx has it, orders does not use the library.
    let node = |name: &str, root: &str| {
        format!("\"{name}\":{{\"name\":\"{name}\",\"data\":{{\"root\":\"{root}\"}}}}")
    };
    let nodes =
        [node("orders", "functions/orders"), node("pay", "functions/pay"), node("shared", "libs/shared")];
    let graph = format!(
        "{{\"graph\":{{\"nodes\":{{{}}},\"dependencies\":{{\"pay\":[{{\"source\":\"pay\",\"target\":\"shared\"}}]}}}}}}",
        nodes.join(",")
    );
    std::fs::write(world.outside().join("graph.json"), graph).expect("written");
    clone.change("libs/shared/a.ts", "fix: shared");
    let with_nx = |config: &mut super::Config| config.nx_graph = Some(world.outside().join("graph.json"));
    released(&clone, with_nx).await.expect("released");
    assert_eq!(versions(&clone), "orders 0.1.0 orders, pay 2.1.2 pay");
}

#[tokio::test]
async fn merges_count_for_conflicts_and_edits_and_not_for_what_git_merged() {
    let world = begun().await;
    let clone = world.clone_as("a");
    let lines = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n6\n7\n8\n{last}\n");
    clone.write("functions/orders/both.ts", &lines("1", "9"));
    clone.write("functions/pay/both.ts", &lines("1", "9"));
    clone.change("functions/pay/a.ts", "chore: begin");
    clone.git(&["checkout", "--quiet", "-b", "side"]);
    clone.write("functions/orders/both.ts", &lines("one", "9"));
    clone.write("functions/pay/both.ts", &lines("one", "9"));
    clone.commit("chore: side");
    clone.git(&["checkout", "--quiet", "main"]);
    clone.write("functions/orders/both.ts", &lines("1", "nine"));
    clone.write("functions/pay/both.ts", &lines("1", "nine"));
    clone.commit("chore: main");
    clone.git(&["merge", "--quiet", "--no-ff", "--no-commit", "side"]);
    // Git merged both files; only one of them was edited too.
    clone.write("functions/pay/both.ts", &lines("one, and more", "nine"));
    clone.commit("Merge branch 'side'");
    clone.git(&["push", "--quiet", "origin", "main"]);
    let outcome = released(&clone, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    project  last   next   bump   commits  because of
    pay      2.1.0  2.1.1  patch  4        Merge branch 'side'
    warning: <id> is no conventional commit and counts as patch: Merge branch 'side'
    1 of 2 projects released by <id>, pushed to main of origin
    ");
}

#[tokio::test]
async fn a_submodule_that_a_repo_hides_counts() {
    let world = begun().await;
    let clone = world.clone_as("a");
    std::fs::create_dir_all(clone.path.join("functions/pay/parts")).expect("a folder");
    let pointer = |id: &str| {
        clone.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{id},functions/pay/parts")]);
        clone.git(&["commit", "--quiet", "-m", "fix: other parts"]);
        clone.git(&["push", "--quiet", "origin", "main"]);
    };
    let parts = "[submodule \"parts\"]\n\tpath = functions/pay/parts\n\turl = ./parts\n\tignore = all\n";
    clone.write(".gitmodules", parts);
    clone.commit("chore: hide the parts");
    pointer(&"1".repeat(40));
    released(&clone, |_| ()).await.expect("released");
    assert_eq!(versions(&clone), "orders 0.1.0 orders, pay 2.1.1 pay");
    pointer(&"2".repeat(40));
    released(&clone, |_| ()).await.expect("released");
    assert_eq!(versions(&clone), "orders 0.1.0 orders, pay 2.1.2 pay");
}

#[tokio::test]
async fn nothing_to_release_changes_nothing() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.change("functions/pay/a.ts", "docs: pay");
    let state = world.bare().state();
    let outcome = released(&clone, |_| ()).await;
    insta::assert_snapshot!(told(&outcome), @"nothing to release: 2 projects stay as they are");
    assert_eq!(versions(&clone), "orders 0.1.0 orders, pay 2.1.0 pay");
    assert_eq!(outcome.expect("done").verdict().1, None);
    assert_eq!(world.bare().state(), state);
}

#[tokio::test]
async fn a_dry_run_and_an_explanation_change_nothing() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.change("functions/orders/a.ts", "feat: more");
    clone.write("libs/shared/x.ts", "x");
    clone.write("libs/shared/y.ts", "y");
    clone.change("libs/shared/b.ts", "fix: shared");
    let states = || (clone.state(), world.bare().state(), clone.git(&["status", "--porcelain"]));
    let before = states();
    let dry = Output::DryRun { foretell: None };
    let outcome = run(&config(&clone), &deps(&clone), &dry, &run_handle()).await;
    insta::assert_snapshot!(told(&outcome), @r"
    project  last   next   bump   commits  because of
    orders   0.1.0  0.2.0  minor  2        feat: more
    pay      2.1.0  2.1.1  patch  1        fix: shared
    2 of 2 projects would be released
    ");
    let outcome = released(&clone, |config| config.explain = Some("pay".to_owned())).await;
    insta::assert_snapshot!(told(&outcome), @r"
    <id> patch fix: shared
        libs/shared/b.ts, by pay > shared, and 2 further paths
    pay becomes 2.1.1, patch: 1 commits since pay-2.1.0
    ");
    let outcome = released(&clone, |config| config.explain = Some("nobody".to_owned())).await;
    insta::assert_snapshot!(told(&outcome), @r"
    LF-VERSIONS-PROJECT Input: there is no project `nobody`
      next: name one of orders, pay
    ");
    assert_eq!(states(), before);
    // Once it is released, what made the release is told.
    released(&clone, |_| ()).await.expect("released");
    let outcome = released(&clone, |config| config.explain = Some("pay".to_owned())).await;
    insta::assert_snapshot!(told(&outcome), @r"
    <id> none  chore(release): orders 0.2.0, pay 2.1.1 [skip ci]
        functions/pay/CHANGELOG.md, and 2 further paths
    <id> patch fix: shared
        libs/shared/b.ts, by pay > shared, and 2 further paths
    pay became 2.1.1, patch: 2 commits since pay-2.1.0
    ");
}

#[tokio::test]
async fn a_release_can_stay_here() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.change("functions/orders/a.ts", "feat: more");
    let before = world.bare().state();
    let outcome = released(&clone, |config| config.wishes.pushes = false).await;
    insta::assert_snapshot!(told(&outcome), @r"
    project  last   next   bump   commits  because of
    orders   0.1.0  0.2.0  minor  1        feat: more
    1 of 2 projects released by <id>, not pushed
    ");
    assert_eq!(world.bare().state(), before);
    assert_eq!(clone.tags(), "orders-0.1.0 orders-0.2.0 pay-2.1.0");
    let again = released(&clone, |config| config.wishes.pushes = false).await;
    insta::assert_snapshot!(told(&again), @"nothing to release: 2 projects stay as they are");
    // Also where there is no remote at all.
    clone.git(&["remote", "remove", "origin"]);
    clone.write("functions/pay/a.ts", "x");
    clone.commit("fix: pay");
    released(&clone, |config| config.wishes.pushes = false).await.expect("released");
    assert_eq!(versions(&clone), "orders 0.2.0 orders, pay 2.1.1 pay");
}

#[tokio::test]
async fn the_whole_repo_can_have_one_version() {
    let world = World::new();
    let whole = |config: &mut super::Config| config.request.format = "v{version}".parse().expect("a format");
    let clone = world.clone_as("a");
    released(&clone, whole).await.expect("released");
    assert_eq!(versions(&clone), "orders 2.1.0 orders, pay 2.1.0 pay");
    clone.change("functions/pay/a.ts", "feat: pay");
    released(&clone, whole).await.expect("released");
    assert_eq!(versions(&clone), "orders 2.2.0 orders, pay 2.2.0 pay");
    assert_eq!(world.bare().tags(), "v2.1.0 v2.2.0");
    assert!(clone.read("functions/orders/CHANGELOG.md").contains("Released with the others of this repo"));
}

#[tokio::test]
async fn pre_releases_and_forced_bumps() {
    let world = begun().await;
    let clone = world.clone_as("a");
    let commit = clone.change("functions/orders/a.ts", "feat: more");
    let rc = |config: &mut super::Config| config.request.preid = Some("rc".parse().expect("a name"));
    released(&clone, rc).await.expect("released");
    assert_eq!(versions(&clone), "orders 0.2.0-rc.0 orders, pay 2.1.0 pay");
    let again = released(&clone, rc).await;
    assert_eq!(told(&again), "nothing to release: 2 projects stay as they are");
    released(&clone, |_| ()).await.expect("released");
    assert_eq!(versions(&clone), "orders 0.2.0 orders, pay 2.1.0 pay");
    // A forced bump is made once for a commit, however often it is run.
    let pay = "pay".parse().expect("a name");
    let force = |config: &mut super::Config| {
        config
            .request
            .forced
            .projects
            .insert("pay".parse().expect("a name"), landfall_versioning::Bump::Major);
    };
    let head = clone.git(&["rev-parse", "HEAD"]);
    for name in ["b", "c"] {
        let again = world.detached(name, &head);
        released(&again, force).await.expect("released");
        assert_eq!(versions(&again), "orders 0.2.0 orders, pay 3.0.0 pay", "{name}");
    }
    let mut config = config(&clone);
    config.request.forced.projects.insert(pay, landfall_versioning::Bump::Patch);
    config
        .request
        .forced
        .projects
        .insert("nobody".parse().expect("a name"), landfall_versioning::Bump::Patch);
    let outcome = run(&config, &deps(&clone), &Output::Real, &run_handle()).await;
    assert_eq!(codes(&outcome), "LF-VERSIONS-PROJECT");
    assert!(!commit.is_empty());
}

#[tokio::test]
async fn a_clone_that_was_copied_comes_to_the_new_commit() {
    let world = begun().await;
    let clone = world.clone_as("a");
    clone.change("functions/pay/a.ts", "fix: pay");
    // As a cache of CI does it: the same files with other times and inodes than git's index knows.
    for path in ["functions/pay/CHANGELOG.md", "functions/pay/project.json", "functions/pay/package.json"] {
        let text = clone.read(path);
        std::fs::remove_file(clone.path.join(path)).expect("removed");
        clone.write(path, &text);
    }
    let outcome = released(&clone, |_| ()).await.expect("released");
    assert_eq!(outcome.warnings, Vec::<String>::new());
    assert_eq!(clone.git(&["rev-parse", "HEAD"]), world.bare().git(&["rev-parse", "main"]));
    assert!(clone.read("functions/pay/project.json").contains("2.1.1"));
}
