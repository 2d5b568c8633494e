//! A workspace of the size that is to be read in a moment.

use std::fs;

use landfall_versioning::{FolderTree, ProjectGraph, WorkspaceOptions};

const FUNCTIONS: usize = 200;
const LIBRARIES: usize = 100;

/// Every function imports one library, and every library the next one but ten, so that ways are up to ten steps long.
#[test]
fn two_hundred_functions_and_a_hundred_libraries() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut paths = Vec::new();
    let mut write = |path: String, text: String| {
        let target = folder.path().join(&path);
        fs::create_dir_all(target.parent().expect("a parent")).expect("made");
        fs::write(target, text).expect("written");
        paths.push(path);
    };
    let aliases: Vec<String> =
        (0..LIBRARIES).map(|n| format!("\"@acme/lib-{n}\": [\"libs/lib-{n}/src/index.ts\"]")).collect();
    write(
        "tsconfig.base.json".into(),
        format!("{{\"compilerOptions\":{{\"paths\":{{{}}}}}}}", aliases.join(",")),
    );
    write("nx.json".into(), "{}".into());
    let packages: Vec<String> = (0..500)
        .map(|n| {
            format!(
                "package-{n}@^1.0.0:\n  version \"1.0.{n}\"\n  dependencies:\n    package-{} \"^1.0.0\"\n",
                (n + 7) % 500
            )
        })
        .collect();
    write("yarn.lock".into(), packages.join("\n"));
    for n in 0..FUNCTIONS {
        write(format!("functions/fn-{n}/project.json"), format!("{{\"name\":\"fn-{n}\"}}"));
        let code = format!("import {{ x }} from '@acme/lib-{}';\nimport 'package-{}';\n", n % LIBRARIES, n);
        for file in 0..5 {
            write(
                format!("functions/fn-{n}/src/file-{file}.ts"),
                format!("{code}// {}\n", "text ".repeat(200)),
            );
        }
    }
    for n in 0..LIBRARIES {
        write(format!("libs/lib-{n}/project.json"), format!("{{\"name\":\"lib-{n}\"}}"));
        let next = if n + 10 < LIBRARIES {
            format!("export * from '@acme/lib-{}';\n", n + 10)
        } else {
            String::new()
        };
        write(format!("libs/lib-{n}/src/index.ts"), next);
    }
    let tree = FolderTree::new(folder.path(), paths);
    let started = std::time::Instant::now();
    let graph = ProjectGraph::read(&tree, &WorkspaceOptions::default()).expect("read");
    let read = started.elapsed();
    assert_eq!(graph.projects().filter(|project| project.is_versioned).count(), FUNCTIONS);
    // Ten libraries lead to the last one in each row, and two functions to each of them.
    let concerned = graph.affected("libs/lib-95/src/index.ts");
    assert_eq!(concerned.len(), 10 + 20);
    assert_eq!(concerned.values().map(|cause| cause.through.len()).max(), Some(11));
    let started = std::time::Instant::now();
    for n in 0..10_000 {
        graph.affected(&format!("libs/lib-{}/src/file-{n}.ts", n % LIBRARIES));
    }
    // For whoever looks: nothing here is asserted of time.
    println!("read in {read:?}, then 10,000 paths in {:?}", started.elapsed());
}
