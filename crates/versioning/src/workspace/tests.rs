use std::fs;

use tempfile::TempDir;

use crate::{EdgeKind, FolderTree, PackageChange, ProjectGraph, WorkspaceOptions, package_changes};
use landfall_artifacts::Explain as _;

/// A workspace of these files.
struct World {
    folder: TempDir,
    paths: Vec<String>,
}

impl World {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut world = Self { folder, paths: Vec::new() };
        for (path, text) in files {
            world.write(path, text);
        }
        world
    }

    fn write(&mut self, path: &str, text: &str) {
        let target = self.folder.path().join(path);
        fs::create_dir_all(target.parent().expect("a parent")).expect("made");
        fs::write(target, text).expect("written");
        self.paths.retain(|known| known != path);
        self.paths.push(path.to_owned());
    }

    fn tree(&self) -> FolderTree {
        FolderTree::new(self.folder.path(), self.paths.clone())
    }

    fn graph(&self) -> ProjectGraph {
        ProjectGraph::read(&self.tree(), &WorkspaceOptions::default()).expect("readable")
    }

    fn problems(&self) -> String {
        let errors = ProjectGraph::read(&self.tree(), &WorkspaceOptions::default()).expect_err("problems");
        let lines = errors.iter().map(|error| {
            let cause =
                std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{} {error}{cause}; try: {}", error.code(), error.remedy().unwrap_or_default())
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn edges(graph: &ProjectGraph) -> String {
    let mut lines: Vec<String> = graph
        .edges()
        .map(|edge| {
            let how = match &edge.kind {
                EdgeKind::Import(file) => format!("import in {file}"),
                EdgeKind::Package => "package.json".to_owned(),
                EdgeKind::Implicit => "implicit".to_owned(),
                EdgeKind::Given => "given".to_owned(),
            };
            format!("{} -> {}: {how}", edge.from, edge.to)
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

fn told(causes: &std::collections::BTreeMap<landfall_artifacts::ProjectName, crate::Cause>) -> String {
    let line = |cause: &crate::Cause| {
        let way: Vec<&str> = cause.through.iter().map(AsRef::as_ref).collect();
        format!("{}: {}{}", way.join(" -> "), cause.what, if cause.is_guess { " (a guess)" } else { "" })
    };
    causes.values().map(line).collect::<Vec<_>>().join("\n")
}

fn concerned(graph: &ProjectGraph, path: &str) -> String {
    told(&graph.affected(path))
}

const NX: &str = r#"{
  // As `create-nx-workspace` writes it.
  "namedInputs": {
    "default": ["{projectRoot}/**/*", "sharedGlobals"],
    "production": ["default", "!{projectRoot}/**/?(*.)+(spec|test).[jt]s?(x)?(.snap)", "!{projectRoot}/jest.config.[jt]s"],
    "sharedGlobals": ["{workspaceRoot}/babel.config.json"],
  },
  "targetDefaults": { "build": { "inputs": ["production", "^production"], "dependsOn": ["^build"] } }
}"#;

const TSCONFIG: &str = r#"{ "compilerOptions": { "baseUrl": ".", "paths": {
    "@acme/money": ["libs/money/src/index.ts"],
    "@acme/money/*": ["libs/money/src/*"],
    "@acme/gone": ["dist/gone", "libs/log/src/index.ts"], /* the first is built */
} } }"#;

fn usual() -> World {
    World::new(&[
        ("nx.json", NX),
        ("tsconfig.base.json", TSCONFIG),
        (
            "package.json",
            r#"{"name":"root","workspaces":["libs/*","!libs/old"],"dependencies":{"lodash":"^4.0.0","left-pad":"^1.0.0"}}"#,
        ),
        ("babel.config.json", "{}"),
        ("functions/orders/project.json", r#"{"name":"orders","targets":{"build":{}}}"#),
        ("functions/orders/tsconfig.json", r#"{"extends":"../../tsconfig.base.json"}"#),
        (
            "functions/orders/src/main.ts",
            "import { add } from '@acme/money';\nimport _ from 'lodash';\nimport { x } from '../../../tools/x';\n",
        ),
        ("functions/orders/src/main.spec.ts", "import { fake } from '@acme/fakes';\nimport 'left-pad';"),
        ("functions/mail/project.json", r#"{"name":"mail","implicitDependencies":["templates"]}"#),
        (
            "functions/mail/src/main.ts",
            "const log = await import('@acme/log'); export type { T } from '@acme/gone';",
        ),
        ("functions/plain/project.json", r#"{"name":"plain"}"#),
        ("functions/plain/src/main.js", "require('../../../libs/log/src/index')"),
        ("libs/money/project.json", r#"{"name":"money"}"#),
        ("libs/money/src/index.ts", "export * from './add'; import { log } from '@acme/log/deep';"),
        ("libs/log/package.json", r#"{"name":"@acme/log","dependencies":{"pino":"^9.0.0"}}"#),
        ("libs/log/src/index.ts", "export const a = 1;"),
        ("libs/fakes/package.json", r#"{"name":"@acme/fakes"}"#),
        ("libs/old/package.json", r#"{"name":"@acme/old"}"#),
        ("libs/templates/project.json", r#"{"name":"templates"}"#),
        ("tools/x.ts", "export * from './y';"),
        ("tools/y.ts", "export const y = 1;"),
    ])
}

#[test]
fn projects_and_dependencies_of_a_workspace() {
    let graph = usual().graph();
    let projects: Vec<String> = graph
        .projects()
        .map(|project| {
            format!(
                "{} in {}{}",
                project.name,
                project.folder,
                if project.is_versioned { ", versioned" } else { "" }
            )
        })
        .collect();
    insta::assert_snapshot!(projects.join("\n"), @r"
    @acme/fakes in libs/fakes
    @acme/log in libs/log
    mail in functions/mail, versioned
    money in libs/money
    orders in functions/orders, versioned
    plain in functions/plain, versioned
    templates in libs/templates
    ");
    insta::assert_snapshot!(edges(&graph), @r"
    mail -> @acme/log: import in functions/mail/src/main.ts
    mail -> @acme/log: import in functions/mail/src/main.ts
    mail -> templates: implicit
    money -> @acme/log: import in libs/money/src/index.ts
    orders -> @acme/fakes: import in functions/orders/src/main.spec.ts
    orders -> money: import in functions/orders/src/main.ts
    plain -> @acme/log: import in functions/plain/src/main.js
    ");
    assert!(graph.uncertainties().is_empty());
}

#[test]
fn a_path_concerns_by_the_inputs() {
    let graph = usual().graph();
    insta::assert_snapshot!(concerned(&graph, "libs/log/src/index.ts"), @r"
    @acme/log: libs/log/src/index.ts
    mail -> @acme/log: libs/log/src/index.ts
    money -> @acme/log: libs/log/src/index.ts
    orders -> money -> @acme/log: libs/log/src/index.ts
    plain -> @acme/log: libs/log/src/index.ts
    ");
    // Tests are no inputs of a build, neither one's own nor a dependency's.
    assert_eq!(concerned(&graph, "libs/log/src/index.spec.ts"), "");
    assert_eq!(concerned(&graph, "functions/orders/src/main.spec.ts"), "");
    // What only a test imports may count for nothing.
    insta::assert_snapshot!(concerned(&graph, "libs/fakes/a.ts"), @r"
    @acme/fakes: libs/fakes/a.ts
    orders -> @acme/fakes: libs/fakes/a.ts (a guess)
    ");
    // Code that is taken from outside every project, also indirectly.
    assert_eq!(concerned(&graph, "tools/y.ts"), "orders: tools/y.ts");
    assert_eq!(graph.affected("babel.config.json").len(), 7);
    assert!(
        graph.affected("babel.config.json").values().all(|cause| cause.through.len() == 1 && !cause.is_guess)
    );
    for nobody in [
        "README.md",
        "tools/z.ts",
        "libs/old/x.ts",
        "docs/libs/log/x",
        "libs/logger/x",
        "package.json",
        ".gitignore",
    ] {
        // Without a lockfile the root's package.json may mean any package.
        assert_eq!(concerned(&graph, nobody).is_empty(), nobody != "package.json", "{nobody}");
    }
}

#[test]
fn settings_of_the_whole_workspace_concern_by_their_content() {
    let graph = usual().graph();
    assert_eq!(graph.affected("nx.json").values().filter(|cause| cause.is_guess).count(), 7);
    insta::assert_snapshot!(concerned(&graph, "tsconfig.base.json"), @r"
    @acme/log: tsconfig.base.json (a guess)
    mail: tsconfig.base.json (a guess)
    money: tsconfig.base.json (a guess)
    orders: tsconfig.base.json (a guess)
    plain: tsconfig.base.json (a guess)
    ");
    let by = |path: &str, before: &str, after: &str| {
        told(&graph.affected_by_content(path, Some(before.as_bytes()), Some(after.as_bytes())))
    };
    let with = |more: &str| TSCONFIG.replace("\"paths\": {", &format!("\"paths\": {{{more}"));
    // An alias that nobody uses yet.
    assert_eq!(by("tsconfig.base.json", TSCONFIG, &with("\"@acme/new\":[\"libs/new\"],")), "");
    insta::assert_snapshot!(by("tsconfig.base.json", TSCONFIG, &TSCONFIG.replace("dist/gone", "dist/other")), @"mail: tsconfig.base.json");
    assert_ne!(
        by("tsconfig.base.json", TSCONFIG, &TSCONFIG.replace("\"baseUrl\"", "\"strict\": true, \"baseUrl\"")),
        ""
    );
    assert_ne!(by("tsconfig.base.json", TSCONFIG, "{ broken"), "");
    assert_eq!(by("nx.json", NX, &NX.replace("create", "make")), "");
    assert_eq!(by("nx.json", NX, &format!("// why\n{}", NX.replace(": ", ":  "))), "");
    assert_ne!(by("nx.json", NX, &NX.replace("[\"^build\"]", "[]")), "");
    assert_ne!(by("nx.json", NX, &NX.replacen("production", "shipped", 1)), "");
    assert_ne!(
        by("nx.json", NX, &NX.replace("\"dependsOn\"", "\"options\": { \"minify\": true }, \"dependsOn\"")),
        ""
    );
    assert_eq!(by("tools/y.ts", "a", "b"), "orders: tools/y.ts");
}

const LOCK: &str = r#"# yarn lockfile v1

"@acme/x@^1.0.0":
  version "1.0.0"
  resolved "https://registry.example.com/x-1.0.0.tgz#1"

left-pad@^1.0.0:
  version "1.3.0"
  resolved "https://registry.example.com/left-pad-1.3.0.tgz#1"

lodash@^4.0.0:
  version "4.17.20"
  resolved "https://registry.example.com/lodash-4.17.20.tgz#1"

pino@^9.0.0:
  version "9.0.0"
  resolved "https://registry.example.com/pino-9.0.0.tgz#1"
  dependencies:
    sonic-boom "^4.0.0"

sonic-boom@^4.0.0:
  version "4.0.0"
  resolved "https://registry.example.com/sonic-boom-4.0.0.tgz#1"
"#;

#[test]
fn a_package_concerns_those_that_resolve_to_it() {
    let mut world = usual();
    world.write("yarn.lock", LOCK);
    let by = |after: &str| {
        let mut world = usual();
        world.write("yarn.lock", after);
        let change = package_changes("yarn.lock", Some(LOCK.as_bytes()), Some(after.as_bytes()));
        told(&world.graph().affected_by_packages(&change))
    };
    assert_eq!(by(&LOCK.replace("4.17.20", "4.17.21")), "orders: lodash@4.17.21");
    // Also a dependency of a dependency, through the library that has it.
    insta::assert_snapshot!(by(&LOCK.replace("4.0.0\"\n  resolved \"https://registry.example.com/sonic-boom-4.0.0", "4.1.0\"\n  resolved \"https://registry.example.com/sonic-boom-4.1.0")), @r"
    @acme/log: sonic-boom@4.1.0
    mail -> @acme/log: sonic-boom@4.1.0
    money -> @acme/log: sonic-boom@4.1.0
    orders -> money -> @acme/log: sonic-boom@4.1.0
    plain -> @acme/log: sonic-boom@4.1.0
    ");
    // What only a test imports, and what nobody uses.
    assert_eq!(by(&LOCK.replace("1.3.0", "1.3.1")), "");
    assert_eq!(by(&LOCK.replace("x-1.0.0.tgz#1", "x-1.0.0.tgz#2")), "");
    assert_eq!(by(LOCK), "");
    let any = told(&world.graph().affected_by_packages(&PackageChange::Any("bun.lock changed".into())));
    assert_eq!(any.lines().filter(|line| line.ends_with("bun.lock changed (a guess)")).count(), 5, "{any}");
    // With a lockfile, the root's package.json says nothing more.
    assert_eq!(concerned(&world.graph(), "package.json"), "");
}

#[test]
fn lockfiles_that_are_not_read_concern_all_that_use_packages() {
    let mut world = usual();
    world.write("pnpm-lock.yaml", "lockfileVersion: '9.0'\n");
    let graph = world.graph();
    insta::assert_snapshot!(graph.uncertainties().join("\n"), @"pnpm-lock.yaml is of a kind that is not read: whatever uses packages is taken to use those that change");
    let change = package_changes("pnpm-lock.yaml", Some(b"a"), Some(b"b"));
    assert_eq!(change, PackageChange::Any("pnpm-lock.yaml is of a kind that is not read".into()));
    assert_eq!(graph.affected_by_packages(&change).len(), 5);
}

#[test]
fn implicit_dependencies_by_pattern_tag_and_exclusion() {
    let world = World::new(&[
        ("nx.json", "{}"),
        ("functions/a/project.json", r#"{"name":"a","implicitDependencies":["*","!b"]}"#),
        ("functions/a/x.ts", "import '../b/x'"),
        ("functions/b/project.json", r#"{"name":"b","implicitDependencies":["lib-*"],"tags":["scope:b"]}"#),
        ("functions/c/project.json", r#"{"name":"c","implicitDependencies":["tag:scope:b"]}"#),
        ("libs/one/project.json", r#"{"name":"lib-one"}"#),
    ]);
    insta::assert_snapshot!(edges(&world.graph()), @r"
    a -> c: implicit
    a -> lib-one: implicit
    b -> lib-one: implicit
    c -> b: implicit
    ");
}

#[test]
fn cycles_end() {
    let world = World::new(&[
        ("a/project.json", r#"{"name":"a","implicitDependencies":["b"]}"#),
        ("b/project.json", r#"{"name":"b","implicitDependencies":["c"]}"#),
        ("c/project.json", r#"{"name":"c","implicitDependencies":["a"]}"#),
    ]);
    insta::assert_snapshot!(concerned(&world.graph(), "b/x"), @r"
    a -> b: b/x
    b: b/x
    c -> a -> b: b/x
    ");
}

#[test]
fn every_problem_is_said_at_once() {
    let world = World::new(&[
        ("nx.json", "{ \"namedInputs\": { // unfinished\n"),
        ("functions/a/project.json", r#"{"name":"same"}"#),
        ("functions/b/project.json", r#"{"name":"same"}"#),
        ("functions/c/project.json", "{\n  \"name\": c\n}"),
        ("functions/d/project.json", r#"{"name":"not a name"}"#),
        ("functions/e/project.json", r#"{"name":"e","implicitDependencies":["nobody"]}"#),
        ("functions/f/project.json", "[]"),
    ]);
    insta::assert_snapshot!(world.problems(), @r"
    LF-GRAPH-FILE functions/c/project.json: /name at 2:11: found `c`, expected a JSON value; try: correct the places named
    LF-GRAPH-NAME the project in functions/d has no usable name: `not a name` is not a valid project name: expected 1 to 100 of A-Z a-z 0-9 _ . - with at most one @scope/ before it; try: give it a name of that rule in its project.json
    LF-GRAPH-FILE functions/f/project.json: at 1:1: found another value, expected an object; try: correct the places named
    LF-GRAPH-TWICE two projects are named same: in functions/a and in functions/b; try: give one of them another name in its project.json
    LF-GRAPH-FILE nx.json: /namedInputs at 2:1: found the end of the file, expected a key in quotes; try: correct the places named
    LF-GRAPH-IMPLICIT implicitDependencies of e names `nobody`, and there is no such project; try: correct the name in project.json, or take it out
    ");
}

#[test]
fn inputs_of_other_projects_and_of_odd_kinds() {
    let world = World::new(&[
        (
            "nx.json",
            r#"{"affected":{"defaultBase":"trunk"},"targetDefaults":{"@acme/x:build":{"inputs":["{projectRoot}/src/**/*",{"input":"default","projects":["assets"]},{"env":"MODE"}]}}}"#,
        ),
        ("functions/a/project.json", r#"{"name":"a","targets":{"build":{"executor":"@acme/x:build"}}}"#),
        ("functions/a/src/x.ts", "import(`@acme/b/${name}`); require(name);"),
        (
            "functions/b/project.json",
            r#"{"name":"b","targets":{"build":{"executor":"@acme/x:build","inputs":["default","{projectRoot}/!(x)"]}}}"#,
        ),
        ("libs/assets/project.json", r#"{"name":"assets"}"#),
    ]);
    let graph = world.graph();
    assert_eq!(edges(&graph), "a -> assets: implicit");
    assert_eq!(graph.default_base(), Some("trunk"));
    assert_eq!(usual().graph().default_base(), None);
    assert_eq!(concerned(&graph, "functions/a/README.md"), "");
    assert_eq!(concerned(&graph, "functions/b/README.md"), "b: functions/b/README.md");
    assert_eq!(
        concerned(&graph, "libs/assets/a.png"),
        "a -> assets: libs/assets/a.png\nassets: libs/assets/a.png"
    );
    insta::assert_snapshot!(graph.uncertainties().join("\n"), @r#"
    b: the input `{projectRoot}/!(x)` is not understood
    a: the input env "MODE" is not looked at: commits do not show it
    functions/a/src/x.ts:1 imports what is known only when it runs
    "#);
}

#[test]
fn the_file_of_nx_is_another_source() {
    let file = r#"{"graph":{"nodes":{
        "a":{"name":"a","type":"app","data":{"root":"functions/a","targets":{"build":{"inputs":["{projectRoot}/src/**/*"]}}}},
        "b":{"name":"b","type":"lib","data":{"root":"libs/b"}}},
        "dependencies":{"a":[{"source":"a","target":"b","type":"static"},{"source":"a","target":"npm:lodash","type":"static"}],"b":[]}}}"#;
    let mut world = World::new(&[("functions/a/src/x.ts", "import 'lodash'"), ("libs/b/project.json", "{}")]);
    world.write("yarn.lock", LOCK);
    let options = WorkspaceOptions::default();
    let graph =
        ProjectGraph::from_nx_graph(file.as_bytes(), "graph.json", &world.tree(), &options).expect("read");
    assert_eq!(edges(&graph), "a -> b: given");
    assert_eq!(concerned(&graph, "libs/b/x"), "a -> b: libs/b/x\nb: libs/b/x");
    assert_eq!(concerned(&graph, "functions/a/x"), "");
    let change = PackageChange::Some(["lodash@4.17.20".to_owned()].into());
    assert_eq!(told(&graph.affected_by_packages(&change)), "a: lodash@4.17.20");
    for broken in [
        "",
        "{}",
        r#"{"graph":{"nodes":{"a":{}},"dependencies":{}}}"#,
        r#"{"graph":{"nodes":{"a b":{"data":{"root":"."}}},"dependencies":{}}}"#,
    ] {
        assert!(
            ProjectGraph::from_nx_graph(broken.as_bytes(), "graph.json", &world.tree(), &options).is_err()
        );
    }
}

#[test]
fn what_nx_is_told_to_ignore_is_no_project() {
    let mut world = usual();
    world.write(".nxignore", "/tools/generators\nlibs/templates\n");
    world.write("tools/generators/files/project.json", "{ <%= name %> }");
    world.write("functions/mail/project.json", r#"{"name":"mail"}"#);
    let names: Vec<String> = world.graph().projects().map(|project| project.name.to_string()).collect();
    assert_eq!(names, ["@acme/fakes", "@acme/log", "mail", "money", "orders", "plain"]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let mut world = World::new(&[("functions/a/project.json", "{}"), ("functions/b/project.json/x", "")]);
    world.paths.push("functions/b/project.json".to_owned());
    insta::assert_snapshot!(world.problems(), @"LF-GRAPH-READ cannot read functions/b/project.json: Is a directory (os error 21); try: look whether the file is there and this user may read it");
}

#[test]
fn a_broken_file_of_nx_is_told() {
    let world = World::new(&[]);
    let read = |text: &str| {
        let options = WorkspaceOptions::default();
        let errors = ProjectGraph::from_nx_graph(text.as_bytes(), "graph.json", &world.tree(), &options);
        errors.expect_err("refused").iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(read("{}"), @"graph.json: found no `graph` with `nodes` and `dependencies`, expected the file that nx graph --file=graph.json writes");
    insta::assert_snapshot!(read(r#"{"graph":{"nodes":{"a":{},"b c":{"data":{"root":"x"}}},"dependencies":{}}}"#), @r"
    graph.json: found the node a without `data.root`, expected the file that nx graph --file=graph.json writes
    the project in x has no usable name
    ");
}

#[test]
fn names_with_a_hash_and_settings_of_pnpm() {
    let graph = World::new(&[
        ("package.json", r##"{"name":"root","imports":{"#money":"./libs/money/index.ts","#log/*":{"default":["./libs/log/*.ts"]}}}"##),
        ("pnpm-workspace.yaml", "packages:\n  - functions/*\ncatalog:\n  left-pad: ^1.0.0\n"),
        ("functions/orders/project.json", r#"{"name":"orders"}"#),
        ("functions/orders/main.ts", "import '#money'; import '#log/x'; import '#nothing';"),
        ("functions/pay/package.json", r##"{"name":"pay","imports":{"#dep":{"node":"@acme/log","default":"left-pad"},"#own":"./own.ts"}}"##),
        ("functions/none/project.json", r#"{"name":"none"}"#),
        ("libs/money/project.json", r#"{"name":"money"}"#),
        ("libs/money/index.ts", ""),
        ("libs/log/package.json", r#"{"name":"@acme/log"}"#),
        ("libs/log/project.json", r#"{"name":"log"}"#),
        ("libs/log/x.ts", ""),
    ])
    .graph();
    insta::assert_snapshot!(edges(&graph), @r"
    orders -> log: import in functions/orders/main.ts
    orders -> money: import in functions/orders/main.ts
    pay -> log: package.json
    ");
    assert_eq!(concerned(&graph, "pnpm-workspace.yaml"), "pay: pnpm-workspace.yaml (a guess)");
    let change = PackageChange::Some(["left-pad@1.1.0".to_owned()].into());
    assert_eq!(told(&graph.affected_by_packages(&change)), "pay: left-pad@1.1.0 (a guess)");
}

#[test]
fn what_lies_deeper_than_a_function_is_none() {
    let mut world = World::new(&[
        ("functions/orders/project.json", "{\"name\":\"orders\"}"),
        ("functions/orders/e2e/project.json", "{\"name\":\"orders-e2e\"}"),
        ("libs/money/project.json", "{\"name\":\"money\"}"),
        ("tool/project.json", "{\"name\":\"tool\"}"),
    ]);
    world.paths.sort();
    let versioned = |functions: &str| {
        let options = WorkspaceOptions { functions: functions.into(), ..WorkspaceOptions::default() };
        let graph = ProjectGraph::read(&world.tree(), &options).expect("readable");
        let names =
            graph.projects().filter(|project| project.is_versioned).map(|project| project.name.to_string());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(versioned("functions"), "orders");
    assert_eq!(versioned("./functions/"), "orders");
    assert_eq!(versioned("."), "tool");
    assert_eq!(world.graph().projects().count(), 4, "the others are projects all the same");
}

#[test]
fn a_package_that_changed_twice_changed_both_times() {
    let lock = |b: &str, c: &str| {
        format!(
            "a@^1.0.0:\n  version \"1.0.0\"\n  dependencies:\n    b \"^1.0.0\"\n\nb@^1.0.0:\n  version \"{b}\"\n  \
             dependencies:\n    c \"^1.0.0\"\n\nc@^1.0.0:\n  version \"{c}\"\n"
        )
    };
    let locks = [lock("1.0.0", "1.0.0"), lock("1.0.0", "1.1.0"), lock("1.0.1", "1.2.0")];
    let mut world = World::new(&[
        ("functions/orders/project.json", "{\"name\":\"orders\"}"),
        ("functions/orders/main.ts", "import 'a'"),
        ("yarn.lock", &locks[2]),
    ]);
    world.paths.sort();
    let graph = world.graph();
    let changed = |at: usize| {
        let change = package_changes("yarn.lock", Some(locks[at].as_bytes()), Some(locks[at + 1].as_bytes()));
        told(&graph.affected_by_packages(&change))
    };
    assert_eq!(changed(0), "orders: c@^1.0.0", "no package of that commit is as it was then");
    assert_eq!(changed(1), "orders: c@1.2.0");
}

#[test]
fn of_two_lockfiles_in_a_commit_the_one_that_counts_is_compared() {
    let npm = |version: &str| {
        format!(
            "{{\"lockfileVersion\":3,\"packages\":{{\"\":{{}},\"node_modules/left-pad\":{{\"version\":\"{version}\"}}}}}}"
        )
    };
    let yarn = "left-pad@^1:\n  version \"1.0.0\"\n";
    let mut world = World::new(&[
        ("functions/orders/project.json", "{\"name\":\"orders\"}"),
        ("functions/orders/main.ts", "import 'left-pad'"),
        ("package-lock.json", &npm("1.0.0")),
        ("yarn.lock", yarn),
    ]);
    world.paths.sort();
    let graph = world.graph();
    let concerned = |paths: &[&str], is_yarn_there: bool| {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let read = &mut |path: &str, is_after: bool| {
            let text = match (path, is_after) {
                ("yarn.lock", is_after) if is_yarn_there => {
                    format!("{yarn}{}", if is_after { "\n" } else { "" })
                }
                ("yarn.lock", _) => return Ok(None),
                (_, false) => npm("0.9.0"),
                (_, true) => npm("1.0.0"),
            };
            Ok(Some(text.into_bytes()))
        };
        graph
            .affected_by_changes(&paths, read)
            .expect("read")
            .into_keys()
            .map(|name| name.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        concerned(&["package-lock.json", "yarn.lock"], true),
        "",
        "only the blank lines of yarn.lock changed"
    );
    assert_eq!(concerned(&["package-lock.json"], true), "orders");
    // What changed is there before or after: where git shows neither, it could not be read.
    assert_eq!(concerned(&["yarn.lock"], false), "orders");
}
