//! Whom a change concerns, against a plain model of it.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::ProjectName;
use landfall_versioning::{Edge, EdgeKind, Project, ProjectGraph};
use proptest::prelude::*;

fn name(number: usize) -> ProjectName {
    format!("p{number}").parse().expect("a name")
}

fn graph(count: usize, edges: &[(usize, usize)]) -> ProjectGraph {
    let project = |number: usize| Project {
        name: name(number),
        folder: format!("libs/p{number}"),
        is_versioned: number.is_multiple_of(2),
    };
    let edge = |(from, to): &(usize, usize)| Edge { from: name(*from), to: name(*to), kind: EdgeKind::Given };
    ProjectGraph::new((0..count).map(project), edges.iter().map(edge))
}

/// Steps from every project to one, counted by going on until nothing changes.
fn distances(count: usize, edges: &[(usize, usize)], to: usize) -> BTreeMap<usize, usize> {
    let mut steps = BTreeMap::from([(to, 1)]);
    for length in 1..=count {
        let nearer: BTreeSet<usize> =
            steps.iter().filter(|(_, steps)| **steps == length).map(|(at, _)| *at).collect();
        for (from, to) in edges {
            if nearer.contains(to) && !steps.contains_key(from) {
                steps.insert(*from, length + 1);
            }
        }
    }
    steps
}

proptest! {
    #[test]
    fn a_change_concerns_whom_the_plain_model_says(
        count in 1usize..12,
        edges in proptest::collection::vec((0usize..14, 0usize..14), 0..40),
        changed in 0usize..12,
    ) {
        let graph = graph(count, &edges);
        let known: Vec<(usize, usize)> =
            edges.iter().copied().filter(|(from, to)| *from < count && *to < count).collect();
        let found = graph.affected(&format!("libs/p{changed}/src/x.ts"));
        if changed >= count {
            prop_assert!(found.is_empty());
            return Ok(());
        }
        let expected = distances(count, &known, changed);
        let found_steps: BTreeMap<ProjectName, usize> =
            found.iter().map(|(name, cause)| (name.clone(), cause.through.len())).collect();
        let expected_steps: BTreeMap<ProjectName, usize> =
            expected.iter().map(|(number, steps)| (name(*number), *steps)).collect();
        prop_assert_eq!(found_steps, expected_steps);
        for (project, cause) in &found {
            prop_assert_eq!(cause.through.first(), Some(project));
            prop_assert_eq!(cause.through.last(), Some(&cause.origin));
            prop_assert!(!cause.is_guess);
            // Every step of the way is a dependency.
            for pair in cause.through.windows(2) {
                prop_assert!(graph.edges().any(|edge| edge.from == pair[0] && edge.to == pair[1]));
            }
        }
    }
}

#[test]
fn the_deepest_folder_owns_a_path() {
    let project = |name: &str, folder: &str| Project {
        name: name.parse().expect("a name"),
        folder: folder.to_owned(),
        is_versioned: false,
    };
    let graph =
        ProjectGraph::new([project("root", ""), project("a", "libs/a"), project("deep", "libs/a/b")], []);
    for (path, owner) in
        [("libs/a/b/c", "deep"), ("libs/a/bc", "a"), ("libs/ab", "root"), ("x", "root"), ("libs/a", "root")]
    {
        let found = graph.affected(path);
        assert_eq!(found.keys().map(AsRef::as_ref).collect::<Vec<&str>>(), [owner], "{path}");
    }
}
