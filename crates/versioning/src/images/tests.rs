use std::collections::BTreeMap;
use std::fs;

use tempfile::TempDir;

use super::{BuildContext, Excluded, ImageWay, changed_images, find_images};
use crate::{FolderTree, ProjectGraph, WorkspaceOptions};

fn world(files: &[(&str, &str)]) -> (TempDir, FolderTree) {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let target = folder.path().join(path);
        fs::create_dir_all(target.parent().expect("a parent")).expect("made");
        fs::write(target, text).expect("written");
    }
    let paths = files.iter().map(|(path, _)| (*path).to_owned()).collect();
    let tree = FolderTree::new(folder.path(), paths);
    (folder, tree)
}

/// Images that these paths concern, and why.
fn changed(tree: &FolderTree, context: BuildContext, paths: &[&str]) -> String {
    let graph = ProjectGraph::read(tree, &WorkspaceOptions::default()).expect("read");
    let images = find_images(tree, &graph, context, &Excluded::default()).expect("read");
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    let concerned = graph.affected_by_changes(&paths, &mut |_, _| Ok(None)).expect("nothing is read");
    let mut lines = Vec::new();
    for image in changed_images(&images, &paths, &concerned) {
        for cause in image.causes {
            let how = match cause.how {
                ImageWay::Folder => "in its folder".to_owned(),
                ImageWay::Source(source) => format!("by {source}"),
                ImageWay::Image(name) => format!("built on {name}"),
                ImageWay::Project(way) => {
                    format!("by {}", way.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(" -> "))
                }
            };
            let guess = if cause.is_guess { " (a guess)" } else { "" };
            lines.push(format!("{} in {}: {} {how}{guess}", image.name, image.folder, cause.what));
        }
    }
    lines.join("\n")
}

const FILES: [(&str, &str); 13] = [
    (
        "nx.json",
        r#"{"namedInputs":{"production":["default","!{projectRoot}/**/*.spec.ts"]},"targetDefaults":{"build":{"inputs":["production","^production"]}}}"#,
    ),
    ("functions/orders/project.json", r#"{"name":"order-service"}"#),
    ("functions/orders/main.ts", "import '../../libs/money/x'"),
    (
        "functions/orders/Dockerfile",
        "FROM node\nARG APP\nCOPY package.json tools/*.sh /\nCOPY dist/${APP} /app\n",
    ),
    ("functions/mail/project.json", r#"{"name":"mail","implicitDependencies":["money"]}"#),
    ("libs/money/project.json", r#"{"name":"money"}"#),
    ("libs/money/x.ts", ""),
    ("images/proxy/Dockerfile", "FROM nginx\nCOPY conf /etc\nCOPY . /x\n"),
    ("images/proxy/conf/a.conf", ""),
    ("images/proxy/.dockerignore", "*.md\n"),
    ("package.json", "{}"),
    ("tools/a.sh", ""),
    (".dockerignore", "tools/secret.sh\n"),
];

#[test]
fn an_image_changes_with_folder_sources_and_projects() {
    let (_folder, tree) = world(&FILES);
    let found = |paths: &[&str]| changed(&tree, BuildContext::Found, paths);
    insta::assert_snapshot!(
        found(&["functions/orders/main.ts", "images/proxy/conf/a.conf", "libs/money/x.ts", "package.json", "tools/a.sh"]),
        @r"
    mail in functions/mail: libs/money/x.ts by mail -> money
    order-service in functions/orders: functions/orders/main.ts in its folder
    order-service in functions/orders: package.json by package.json
    order-service in functions/orders: tools/a.sh by tools/*.sh
    order-service in functions/orders: libs/money/x.ts by order-service -> money
    proxy in images/proxy: images/proxy/conf/a.conf in its folder
    ");
    // What is kept out of the context, what a dependency's tests are, and what nothing names.
    assert_eq!(found(&["tools/secret.sh", "images/proxy/x.md", "libs/money/x.spec.ts", "README.md"]), "");
    // A project without a Dockerfile changes by its inputs, one with a Dockerfile by its folder.
    assert_eq!(found(&["functions/mail/x.spec.ts"]), "");
    assert_eq!(
        found(&["functions/orders/x.spec.ts"]),
        "order-service in functions/orders: functions/orders/x.spec.ts in its folder"
    );
    for path in ["images/proxy/Dockerfile", "images/proxy/.dockerignore"] {
        assert_eq!(found(&[path]), format!("proxy in images/proxy: {path} in its folder"));
    }
    // What the root's context keeps out says how the image is built.
    assert_eq!(found(&[".dockerignore"]), "order-service in functions/orders: .dockerignore in its folder");
    assert_eq!(
        found(&["dist/orders/x.js"]),
        "order-service in functions/orders: dist/orders/x.js by dist (a guess)"
    );
}

#[test]
fn a_context_that_is_not_certain() {
    let (_folder, tree) = world(&[
        ("images/a/Dockerfile", "FROM x\nCOPY . /app\n"),
        ("images/a/.dockerignore", "*.md\n"),
        ("images/b/Dockerfile", "FROM x\nWHAT\n"),
    ]);
    let graph = ProjectGraph::read(&tree, &WorkspaceOptions::default()).expect("read");
    let doubts: Vec<String> = find_images(&tree, &graph, BuildContext::Found, &Excluded::default())
        .expect("read")
        .into_iter()
        .flat_map(|image| image.doubts)
        .collect();
    insta::assert_snapshot!(doubts.join("\n"), @r"
    images/a/Dockerfile: its folder is taken for the build context; --context says which it is
    images/b/Dockerfile: line 2 is not understood: any file of the context may be in the image
    ");
    // Nothing is kept out where the context is not certain.
    assert_eq!(
        changed(&tree, BuildContext::Found, &["images/a/x.md"]).lines().next(),
        Some("a in images/a: images/a/x.md in its folder")
    );
    assert_eq!(changed(&tree, BuildContext::Folder, &["images/a/x.md"]), "");
    insta::assert_snapshot!(changed(&tree, BuildContext::Root, &["x"]), @r"
    a in images/a: x by .
    b in images/b: x by . (a guess)
    ");
    // Of what cannot be read, any file may be taken.
    assert_eq!(changed(&tree, BuildContext::Found, &["x"]), "b in images/b: x by . (a guess)");
}

#[test]
fn a_name_that_two_folders_have() {
    let (_folder, tree) =
        world(&[("images/c/Dockerfile", "FROM x\nCOPY both /x\n"), ("images/c/both", ""), ("both", "")]);
    assert_eq!(changed(&tree, BuildContext::Found, &["both"]), "c in images/c: both by both (a guess)");
    assert_eq!(changed(&tree, BuildContext::Folder, &["both"]), "");
}

#[test]
fn an_image_in_the_root() {
    let (_folder, tree) = world(&[("Dockerfile", "FROM x\nCOPY src /src\n"), ("src/a", "")]);
    assert_eq!(changed(&tree, BuildContext::Found, &["src/a", "README.md"]), "root in : src/a by src");
    assert_eq!(changed_images(&[], &["x".to_owned()], &BTreeMap::new()), []);
}

#[test]
fn the_ignore_file_of_a_dockerfile_goes_before_that_of_the_context() {
    let files = [
        ("images/a/Dockerfile", "FROM x\nCOPY . /app\n"),
        ("images/a/Dockerfile.dockerignore", "docs\n"),
        ("images/a/.dockerignore", "*\n"),
    ];
    let (_folder, tree) = world(&files);
    assert_eq!(
        changed(&tree, BuildContext::Folder, &["images/a/docs/x", "images/a/.dockerignore.md"])
            .lines()
            .count(),
        1
    );
    assert_eq!(changed(&tree, BuildContext::Folder, &["images/a/docs/x"]), "");
    assert_ne!(changed(&tree, BuildContext::Folder, &["images/a/Dockerfile.dockerignore"]), "");
    let (_folder, tree) = world(&files[..1]);
    assert_ne!(changed(&tree, BuildContext::Folder, &["images/a/docs/x"]), "");
}

#[test]
fn images_of_the_repo_that_others_are_built_on() {
    let (_folder, tree) = world(&[
        ("images/base/Dockerfile", "FROM scratch\nCOPY a /a\n"),
        ("images/tools/Dockerfile", "FROM registry.example.com/shop/base:1 AS base\nFROM base\n"),
        ("functions/orders/project.json", r#"{"name":"order-service"}"#),
        ("functions/orders/Dockerfile", "FROM node:20\nCOPY --from=shop/tools /t /t\n"),
        // A stage of its own that is called as an image of the repo.
        ("images/other/Dockerfile", "FROM node:20 AS tools\nCOPY --from=tools /t /t\n"),
        // Two that are built on each other.
        ("images/one/Dockerfile", "FROM two\n"),
        ("images/two/Dockerfile", "FROM one\n"),
    ]);
    insta::assert_snapshot!(changed(&tree, BuildContext::Folder, &["images/base/a", "images/two/Dockerfile"]), @r"
    order-service in functions/orders: images/tools built on tools (a guess)
    base in images/base: images/base/a in its folder
    one in images/one: images/two built on two (a guess)
    tools in images/tools: images/base built on base (a guess)
    two in images/two: images/two/Dockerfile in its folder
    two in images/two: images/one built on one (a guess)
    ");
}

#[test]
fn what_is_hidden_or_left_out_is_no_image() {
    let (_folder, tree) = world(&[
        ("nx.json", "{}"),
        ("functions/orders/project.json", r#"{"name":"orders"}"#),
        ("functions/orders/Dockerfile", "FROM x\n"),
        ("functions/old/project.json", r#"{"name":"old"}"#),
        (".devcontainer/Dockerfile", "FROM x\n"),
        ("tools/.hidden/deep/Dockerfile", "FROM x\n"),
        ("tools/lint/fixtures/a/Dockerfile", "FROM x\n"),
        ("tools/lint/Dockerfile", "FROM x\n"),
        ("Dockerfile", "FROM x\n"),
    ]);
    let graph = ProjectGraph::read(&tree, &WorkspaceOptions::default()).expect("read");
    let folders = |patterns: &[&str]| {
        let excluded = Excluded::new(patterns.iter().copied()).expect("patterns");
        let images = find_images(&tree, &graph, BuildContext::Found, &excluded).expect("read");
        images.into_iter().map(|image| image.folder).collect::<Vec<_>>()
    };
    assert_eq!(
        folders(&[]),
        ["", "functions/old", "functions/orders", "tools/lint", "tools/lint/fixtures/a"]
    );
    assert_eq!(folders(&["**/fixtures", ".", "functions/old/"]), ["functions/orders", "tools/lint"]);
    assert_eq!(folders(&["tools", "functions/*"]), [""]);
    let errors = Excluded::new(["!(a)", "", "tools"]).expect_err("odd");
    assert_eq!(errors.len(), 2);
    assert_eq!(errors[0].to_string(), "`!(a)` is no pattern of folders, such as tools/** or **/fixtures");
}
