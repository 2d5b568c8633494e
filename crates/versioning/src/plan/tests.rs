mod model;

use std::collections::BTreeMap;

use landfall_artifacts::{CommitId, Explain as _, ProjectName};
use semver::Version;

use super::{Forced, Plan, Request, Sources, plan, unreleased};
use crate::bump::Bump;
use crate::git::{Commit, CommitText, History, Tag};
use crate::graph::{Edge, EdgeKind, Project, ProjectGraph};

fn name(text: &str) -> ProjectName {
    text.parse().expect("a name")
}

fn id(number: usize) -> CommitId {
    format!("{number:040x}").parse().expect("an id")
}

fn commit(number: usize, parents: &[usize], message: &str, paths: &[&str]) -> Commit {
    Commit {
        id: id(number),
        parents: parents.iter().copied().map(id).collect(),
        text: Some(CommitText {
            message: message.to_owned(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
    }
}

/// Commits one after the other, the last first.
fn line_of(commits: &[(&str, &str)]) -> History {
    let all = commits.iter().enumerate().map(|(at, (message, path))| {
        let parents: Vec<usize> = if at == 0 { vec![] } else { vec![at - 1] };
        commit(at, &parents, message, &[*path])
    });
    History::new(all.rev().collect())
}

fn tag(text: &str, number: usize) -> Tag {
    Tag { name: text.to_owned(), object: id(number), commit: id(number) }
}

/// Functions `orders` and `pay`; both use `lib`, of which `pay` only through `mid`.
fn graph() -> ProjectGraph {
    let project = |text: &str, folder: &str| Project {
        name: name(text),
        folder: folder.to_owned(),
        is_versioned: folder.starts_with("functions"),
    };
    let edge = |from: &str, to: &str| Edge { from: name(from), to: name(to), kind: EdgeKind::Implicit };
    ProjectGraph::new(
        [
            project("orders", "functions/orders"),
            project("pay", "functions/pay"),
            project("lib", "libs/lib"),
            project("mid", "libs/mid"),
        ],
        [edge("orders", "lib"), edge("mid", "lib"), edge("pay", "mid")],
    )
}

fn planned(history: &History, tags: &[Tag], request: &Request) -> Plan {
    planned_from(history, tags, &BTreeMap::new(), request)
}

fn planned_from(
    history: &History,
    tags: &[Tag],
    written: &BTreeMap<ProjectName, Version>,
    request: &Request,
) -> Plan {
    let graph = graph();
    plan(&Sources { graph: &graph, history, tags, written }, request, &mut |_, _| Ok(None))
}

/// `project last -> next: causes`, a line each.
fn shown(plan: &Plan) -> String {
    let mut lines = Vec::new();
    for (name, planned) in &plan.projects {
        let text = |version: Option<String>| version.unwrap_or_else(|| "-".to_owned());
        let (last, next) =
            (planned.last.as_ref().map(|last| last.version.to_string()), planned.next.as_ref());
        lines.push(format!(
            "{name} {} -> {} {}",
            text(last),
            text(next.map(ToString::to_string)),
            planned.bump
        ));
        for counting in &planned.causes {
            let way: Vec<&str> = counting.cause.way.through.iter().map(ProjectName::as_str).collect();
            let back = if counting.reverted_by.is_some() { ", taken back" } else { "" };
            lines.push(format!(
                "  {} [{}] {}{back}",
                counting.commit.subject,
                way.join(" > "),
                counting.bump()
            ));
        }
    }
    lines.extend(plan.unparsed.iter().map(|counted| format!("unparsed: {}", counted.subject)));
    lines.extend(plan.conflicts.iter().map(|conflict| format!("{}: {conflict}", conflict.code())));
    lines.join("\n")
}

#[test]
fn commits_count_for_what_they_concern() {
    let history = line_of(&[
        ("feat: begin", "functions/orders/a.ts"),
        ("feat: more", "functions/orders/a.ts"),
        ("fix: shared", "libs/lib/b.ts"),
        ("chore: tidy", "functions/pay/c.ts"),
        ("wip", "functions/pay/c.ts"),
        ("feat: nobody's", "README.md"),
    ]);
    let tags = [
        tag("orders-1.2.3", 0),
        tag("pay-0.4.0", 1),
        tag("pay-0.3.0", 0),
        tag("orders-x", 0),
        tag("v9.0.0", 0),
    ];
    insta::assert_snapshot!(shown(&planned(&history, &tags, &Request::default())), @r"
    orders 1.2.3 -> 1.3.0 minor
      fix: shared [orders > lib] patch
      feat: more [orders] minor
    pay 0.4.0 -> 0.4.1 patch
      wip [pay] none
      chore: tidy [pay] none
      fix: shared [pay > mid > lib] patch
    unparsed: wip
    ");
}

#[test]
fn first_releases_take_what_files_say() {
    let history = line_of(&[("chore: begin", "functions/orders/a.ts")]);
    let written =
        BTreeMap::from([(name("orders"), Version::new(2, 1, 0)), (name("pay"), Version::new(0, 0, 0))]);
    let versions = |request: &Request| {
        let plan = planned_from(&history, &[], &written, request);
        let next = plan.projects.values().map(|planned| planned.next.as_ref().map(ToString::to_string));
        next.map(Option::unwrap_or_default).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(versions(&Request::default()), "2.1.0 0.1.0");
    assert_eq!(versions(&Request { first: Version::new(1, 0, 0), ..Request::default() }), "2.1.0 1.0.0");
    let whole = Request { format: "v{version}".parse().expect("a format"), ..Request::default() };
    assert_eq!(versions(&whole), "2.1.0 2.1.0");
    let rc = Request { preid: Some("rc".parse().expect("a name")), ..Request::default() };
    assert_eq!(versions(&rc), "2.1.0-rc.0 0.1.0-rc.0");
}

#[test]
fn the_whole_repo_can_have_one_version() {
    let history = line_of(&[
        ("feat: begin", "functions/orders/a.ts"),
        ("fix: pay", "functions/pay/c.ts"),
        ("feat!: nobody's", "README.md"),
    ]);
    let request = Request { format: "v{version}".parse().expect("a format"), ..Request::default() };
    insta::assert_snapshot!(shown(&planned(&history, &[tag("v1.0.0", 0)], &request)), @r"
    orders 1.0.0 -> 1.0.1 patch
    pay 1.0.0 -> 1.0.1 patch
      fix: pay [pay] patch
    ");
}

#[test]
fn pre_releases_count_up_and_end_in_the_release() {
    let history = line_of(&[
        ("feat: begin", "functions/orders/a.ts"),
        ("fix: one", "functions/orders/a.ts"),
        ("feat: two", "functions/orders/a.ts"),
        ("docs: three", "functions/orders/a.ts"),
        ("fix: four", "functions/orders/a.ts"),
    ]);
    let next = |up_to: usize, tags: &[Tag], preid: Option<&str>| {
        let request =
            Request { preid: preid.map(|text| text.parse().expect("a name")), ..Request::default() };
        let plan = planned(&history.of(&id(up_to)), tags, &request);
        plan.projects[&name("orders")].next.as_ref().map_or("-".to_owned(), ToString::to_string)
    };
    let begun = || vec![tag("orders-1.0.0", 0)];
    let with = |more: &[(&str, usize)]| {
        let mut tags = begun();
        tags.extend(more.iter().map(|(text, at)| tag(text, *at)));
        tags
    };
    assert_eq!(next(1, &begun(), Some("rc")), "1.0.1-rc.0");
    assert_eq!(next(1, &with(&[("orders-1.0.1-rc.0", 1)]), Some("rc")), "-", "nothing new");
    assert_eq!(next(2, &with(&[("orders-1.0.1-rc.0", 1)]), Some("rc")), "1.1.0-rc.0", "it weighs more");
    let two = with(&[("orders-1.0.1-rc.0", 1), ("orders-1.1.0-rc.0", 2)]);
    assert_eq!(next(3, &two, Some("rc")), "-", "docs move nothing");
    assert_eq!(next(4, &two, Some("rc")), "1.1.0-rc.1");
    assert_eq!(next(4, &two, Some("beta")), "1.1.0-beta.0");
    assert_eq!(next(2, &two, None), "1.1.0", "the release ends the series");
    // Two pre-releases on one commit: each series counts by itself.
    let both = with(&[("orders-1.1.0-beta.4", 2), ("orders-1.1.0-rc.0", 2)]);
    assert_eq!(next(4, &both, Some("beta")), "1.1.0-beta.5");
    assert_eq!(next(4, &with(&[("orders-2.0.0-rc.0", 2)]), None), "2.0.0", "never below what was announced");
}

#[test]
fn bumps_can_be_forced() {
    let history = line_of(&[("feat: begin", "functions/orders/a.ts"), ("chore: x", "functions/orders/a.ts")]);
    let tags = [tag("orders-0.2.0", 0), tag("pay-1.0.0", 0)];
    let forced = |all, projects: &[(&str, Bump)]| {
        let projects = projects.iter().map(|(project, bump)| (name(project), *bump)).collect();
        let plan =
            planned(&history, &tags, &Request { forced: Forced { all, projects }, ..Request::default() });
        let next = plan.projects.values().map(|planned| planned.next.as_ref().map(ToString::to_string));
        next.map(|next| next.unwrap_or("-".to_owned())).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(forced(None, &[]), "- -");
    assert_eq!(forced(Some(Bump::Major), &[]), "1.0.0 2.0.0");
    assert_eq!(forced(None, &[("pay", Bump::Patch)]), "- 1.0.1");
    assert_eq!(forced(Some(Bump::Minor), &[("pay", Bump::None)]), "0.3.0 -");
}

#[test]
fn what_is_taken_back_counts_as_its_revert() {
    let first = id(1);
    let revert = format!("Revert \"feat: a\"\n\nThis reverts commit {first}.");
    let again = format!("Revert \"Revert \"feat: a\"\"\n\nThis reverts commit {}.", id(2));
    let history = line_of(&[
        ("chore: begin", "functions/orders/a.ts"),
        ("feat: a", "functions/orders/a.ts"),
        (&revert, "functions/orders/a.ts"),
        (&again, "functions/orders/a.ts"),
    ]);
    let tags = [tag("orders-1.0.0", 0), tag("pay-1.0.0", 0)];
    insta::assert_snapshot!(shown(&planned(&history.of(&id(2)), &tags, &Request::default())), @r#"
    orders 1.0.0 -> 1.0.1 patch
      Revert "feat: a" [orders] patch
      feat: a [orders] none, taken back
    pay 1.0.0 -> - none
    "#);
    insta::assert_snapshot!(shown(&planned(&history, &tags, &Request::default())), @r#"
    orders 1.0.0 -> 1.1.0 minor
      Revert "Revert "feat: a"" [orders] patch
      Revert "feat: a" [orders] none, taken back
      feat: a [orders] minor
    pay 1.0.0 -> - none
    "#);
}

#[test]
fn tags_of_other_histories_stand_in_the_way() {
    let history = line_of(&[("feat: begin", "functions/orders/a.ts"), ("fix: x", "functions/orders/a.ts")]);
    let tags = [
        tag("orders-1.0.0", 0),
        tag("orders-1.0.1", 77),
        tag("orders-9.0.0-rc.0", 77),
        tag("pay-1.0.0", 0),
        tag("pay-0.9.0", 77),
    ];
    insta::assert_snapshot!(shown(&planned(&history, &tags, &Request::default())), @r"
    orders 1.0.0 -> 1.0.1 patch
      fix: x [orders] patch
    pay 1.0.0 -> - none
    LF-TAGS-HIGHER: the tag orders-1.0.1 of orders is not part of this history, and is higher than 1.0.0
    ");
    let request = Request { preid: Some("rc".parse().expect("a name")), ..Request::default() };
    let tags = [tag("orders-1.0.0", 0), tag("orders-1.0.1-rc.0", 77), tag("pay-1.0.0", 0)];
    insta::assert_snapshot!(shown(&planned(&history, &tags, &request)), @r"
    orders 1.0.0 -> 1.0.1-rc.0 patch
      fix: x [orders] patch
    pay 1.0.0 -> - none
    LF-TAGS-TAKEN: orders would get the tag orders-1.0.1-rc.0, which is there already and not part of this history
    ");
}

#[test]
fn tags_go_to_the_longest_name() {
    let project = |text: &str| Project { name: name(text), folder: text.to_owned(), is_versioned: true };
    let graph = ProjectGraph::new([project("a"), project("a-1.0.0"), project("a-2")], []);
    let history = line_of(&[("chore: x", "README.md")]);
    let tags = [tag("a-1.0.0-2.0.0", 0), tag("a-2-3.0.0", 0), tag("a-4.0.0", 0)];
    let sources = Sources { graph: &graph, history: &history, tags: &tags, written: &BTreeMap::new() };
    let plan = plan(&sources, &Request::default(), &mut |_, _| Ok(None));
    let last =
        plan.projects.values().map(|planned| planned.last.as_ref().map(|last| last.version.to_string()));
    assert_eq!(last.map(Option::unwrap_or_default).collect::<Vec<_>>(), ["4.0.0", "2.0.0", "3.0.0"]);
}

#[test]
fn merges_count_for_what_they_do_themselves() {
    let merged = |message: &str, own: &[&str], side: &str| {
        let history = History::new(vec![
            commit(3, &[1, 2], message, own),
            commit(2, &[0], side, &["functions/orders/a.ts"]),
            commit(1, &[0], "chore: on main", &["functions/orders/a.ts"]),
            commit(0, &[], "feat: begin", &["functions/orders/a.ts"]),
        ]);
        shown(&planned(&history, &[tag("orders-1.0.0", 1), tag("pay-1.0.0", 1)], &Request::default()))
    };
    insta::assert_snapshot!(merged("Merge branch x", &[], "fix: on a branch"), @r"
    orders 1.0.0 -> 1.0.1 patch
      fix: on a branch [orders] patch
    pay 1.0.0 -> - none
    ");
    // What it says counts once, where its commits say it already.
    insta::assert_snapshot!(merged("Merge pull request #7\n\nfeat!: all of it", &[], "fix: on a branch"), @r"
    orders 1.0.0 -> 1.0.1 patch
      fix: on a branch [orders] patch
    pay 1.0.0 -> - none
    ");
    insta::assert_snapshot!(merged("Merge pull request #7\n\nfeat(api)!: all of it", &[], "wip"), @r"
    orders 1.0.0 -> 2.0.0 major
      Merge pull request #7 [orders] major
      wip [orders] none
    pay 1.0.0 -> - none
    unparsed: wip
    ");
    // Both at once: what it changed itself, and what it brought.
    insta::assert_snapshot!(merged("Merge pull request #7\n\nfeat: all of it", &["functions/pay/b.ts"], "wip"), @r"
    orders 1.0.0 -> 1.1.0 minor
      Merge pull request #7 [orders] minor
      wip [orders] none
    pay 1.0.0 -> 1.1.0 minor
      Merge pull request #7 [pay] minor
    unparsed: wip
    ");
    // A conflict that was resolved, or an edit on the way.
    insta::assert_snapshot!(merged("Merge branch x", &["functions/pay/b.ts"], "chore: tidy"), @r"
    orders 1.0.0 -> - none
      chore: tidy [orders] none
    pay 1.0.0 -> 1.0.1 patch
      Merge branch x [pay] patch
    unparsed: Merge branch x
    ");
    insta::assert_snapshot!(merged("feat: Merge branch x", &["functions/pay/b.ts"], "chore: tidy"), @r"
    orders 1.0.0 -> - none
      chore: tidy [orders] none
    pay 1.0.0 -> 1.1.0 minor
      feat: Merge branch x [pay] minor
    ");
}

#[test]
fn a_part_that_is_taken_back_is_a_part() {
    let revert = format!("Revert \"feat: both\"\n\nThis reverts commit {}.", &id(1).as_str()[..40]);
    let again = format!("Reapply \"feat: both\"\n\nThis reverts commit {}.", id(2));
    let history = History::new(vec![
        commit(3, &[2], &again, &["functions/pay/a.ts"]),
        commit(2, &[1], &revert, &["functions/orders/a.ts", "functions/pay/a.ts"]),
        commit(1, &[0], "feat: both", &["functions/orders/a.ts", "functions/pay/a.ts"]),
        commit(0, &[], "chore: begin", &["README.md"]),
    ]);
    let tags = [tag("orders-1.0.0", 0), tag("pay-1.0.0", 0)];
    insta::assert_snapshot!(shown(&planned(&history, &tags, &Request::default())), @r#"
    orders 1.0.0 -> 1.0.1 patch
      Revert "feat: both" [orders] patch
      feat: both [orders] none, taken back
    pay 1.0.0 -> 1.1.0 minor
      Reapply "feat: both" [pay] patch
      Revert "feat: both" [pay] none, taken back
      feat: both [pay] minor
    "#);
}

#[test]
fn ids_that_are_cut_short_are_found() {
    // All ids here begin alike: the newest that came before is not meant where it is not before.
    let short = |number: usize| format!("{number:08x}{:032x}", 0).parse::<CommitId>().expect("an id");
    let one = |number: usize, message: &str| Commit {
        id: short(number),
        parents: number.checked_sub(1).map(short).into_iter().collect(),
        text: Some(CommitText {
            message: message.to_owned(),
            paths: vec!["functions/orders/a.ts".to_owned()],
        }),
    };
    let history = History::new(vec![
        one(3, "Revert \"feat: a\"\n\nThis reverts commit 00000001."),
        one(2, "fix: b"),
        one(1, "feat: a"),
        one(0, "chore: begin"),
    ]);
    let tags = [Tag { name: "orders-1.0.0".to_owned(), object: short(0), commit: short(0) }];
    let plan = planned(&history, &tags, &Request::default());
    assert_eq!(plan.projects[&name("orders")].next, Some(Version::new(1, 0, 1)));
}

#[test]
fn a_release_of_ours_asks_for_no_other() {
    let history = History::new(vec![
        commit(2, &[1], "chore(release): me too", &["functions/pay/a.ts"]),
        commit(
            1,
            &[0],
            "chore(release): lib 1.0.0 [skip ci]",
            &["libs/lib/CHANGELOG.md", "libs/lib/project.json"],
        ),
        commit(0, &[], "chore: begin", &["README.md"]),
    ]);
    let tags = [tag("orders-1.0.0", 0), tag("pay-1.0.0", 0)];
    let request = Request { rules: "chore=patch".parse().expect("rules"), ..Request::default() };
    insta::assert_snapshot!(shown(&planned(&history, &tags, &request)), @r"
    orders 1.0.0 -> - none
      chore(release): lib 1.0.0 [skip ci] [orders > lib] none
    pay 1.0.0 -> 1.0.1 patch
      chore(release): me too [pay] patch
      chore(release): lib 1.0.0 [skip ci] [pay > mid > lib] none
    ");
}

#[test]
fn only_what_some_project_has_not_released_is_read() {
    let mut history = line_of(&[
        ("feat: begin", "functions/orders/a.ts"),
        ("fix: a", "functions/orders/a.ts"),
        ("fix: b", "functions/pay/a.ts"),
        ("fix: c", "functions/orders/a.ts"),
    ]);
    let graph = graph();
    let read = |tags: &[Tag], history: &History| {
        let sources = Sources { graph: &graph, history, tags, written: &BTreeMap::new() };
        unreleased(&sources, &Request::default())
    };
    let tags = [tag("orders-1.0.0", 2), tag("pay-1.0.0", 1), tag("orders-0.1.0", 0)];
    assert_eq!(read(&tags, &history), [id(3), id(2)], "the older of the two last tags decides");
    assert_eq!(read(&tags[..1], &history).len(), 4, "pay has no tag");
    // A plan does not pass over what it was to have.
    history = History::new(history.commits().iter().map(|c| Commit { text: None, ..c.clone() }).collect());
    insta::assert_snapshot!(shown(&planned(&history, &tags, &Request::default())), @r"
    orders 1.0.0 -> - none
    pay 1.0.0 -> - none
    LF-VERSIONS-UNREAD: the commit 0000000000000000000000000000000000000002 counts, and was not read
    ");
}

#[test]
fn some_files_are_judged_by_what_they_say() {
    let history = line_of(&[
        ("chore: begin", "nx.json"),
        ("fix: the order of targets", "nx.json"),
        ("fix: how they are built", "nx.json"),
        ("fix: a package", "yarn.lock"),
        ("fix: a file that cannot be read", "nx.json"),
    ]);
    let folder = tempfile::tempdir().expect("a folder");
    let files = [
        "functions/orders/project.json",
        "functions/orders/main.ts",
        "functions/pay/project.json",
        "nx.json",
    ];
    for (path, text) in
        files.iter().zip(["{\"name\":\"orders\"}", "import 'left-pad'", "{\"name\":\"pay\"}", "{}"])
    {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    let tree = crate::FolderTree::new(folder.path(), files.map(str::to_owned).to_vec());
    let graph = ProjectGraph::read(&tree, &crate::WorkspaceOptions::default()).expect("a graph");
    let tags = [tag("orders-1.0.0", 0), tag("pay-1.0.0", 0)];
    let sources = Sources { graph: &graph, history: &history, tags: &tags, written: &BTreeMap::new() };
    let mut read = |commit: &CommitId, path: &str| {
        let at = (0..5).find(|at| id(*at) == *commit).expect("a commit of the history");
        Ok(match (path, at) {
            ("nx.json", 0) => Some("{ \"parallel\": 3 }"),
            ("nx.json", 1) => Some("{ /* faster */ \"parallel\": 8, \"release\": {}, \"tui\": {} }"),
            ("nx.json", 2 | 3) => {
                Some("{ \"targetDefaults\": { \"build\": { \"options\": { \"minify\": true } } } }")
            }
            ("nx.json", _) => return Err(std::io::Error::other("gone")),
            ("yarn.lock", 2) => Some("left-pad@^1:\n  version \"1.0.0\"\n"),
            ("yarn.lock", 3) => Some("left-pad@^1:\n  version \"1.1.0\"\n"),
            other => panic!("{other:?} is not asked for"),
        }
        .map(|text| text.as_bytes().to_vec()))
    };
    insta::assert_snapshot!(shown(&plan(&sources, &Request::default(), &mut read)), @r"
    orders 1.0.0 -> 1.0.1 patch
      fix: a file that cannot be read [orders] patch
      fix: a package [orders] patch
      fix: how they are built [orders] patch
    pay 1.0.0 -> 1.0.1 patch
      fix: a file that cannot be read [pay] patch
      fix: how they are built [pay] patch
    ");
}
