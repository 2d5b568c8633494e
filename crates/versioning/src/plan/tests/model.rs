//! Plans of random monorepos beside a plain model.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::CommitId;
use proptest::prelude::*;

use super::{commit, name, shown, tag};
use crate::bump::Bump;
use crate::git::{Commit, History, Tag};
use crate::graph::{Edge, EdgeKind, Project, ProjectGraph};
use crate::plan::{Request, Sources, plan as plan_of, unreleased};

/// A random monorepo: edges between six projects, a history with merges, and tags.
#[derive(Clone, Debug)]
struct World {
    edges: Vec<(usize, usize)>,
    /// Parents (how far back), type, project whose folder is touched.
    commits: Vec<(Vec<usize>, usize, usize)>,
    /// Project, commit, minor and patch.
    tags: Vec<(usize, usize, u64, u64)>,
}

const TYPES: [(&str, Bump); 6] = [
    ("feat: x", Bump::Minor),
    ("fix: x", Bump::Patch),
    ("chore: x", Bump::None),
    ("feat!: x", Bump::Major),
    ("nothing", Bump::None),
    ("chore: x\n\n* fix: y", Bump::Patch),
];

fn world() -> impl Strategy<Value = World> {
    let commit = (proptest::collection::vec(1usize..4, 0..3), 0..TYPES.len(), 0usize..7);
    (
        proptest::collection::vec((0usize..6, 0usize..6), 0..10),
        proptest::collection::vec(commit, 1..14),
        proptest::collection::vec((0usize..4, 0usize..14, 0u64..3, 0u64..3), 0..6),
    )
        .prop_map(|(edges, commits, tags)| World { edges, commits, tags })
}

impl World {
    fn parents(&self, at: usize) -> Vec<usize> {
        let (back, ..) = &self.commits[at];
        back.iter().filter_map(|back| at.checked_sub(*back)).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// A commit and all before it, the plain way.
    fn before(&self, at: usize) -> BTreeSet<usize> {
        let mut all = BTreeSet::from([at]);
        for parent in self.parents(at) {
            all.extend(self.before(parent));
        }
        all
    }

    /// What a project uses, the plain way.
    fn uses(&self, project: usize) -> BTreeSet<usize> {
        let mut all = BTreeSet::from([project]);
        loop {
            let more: BTreeSet<usize> =
                self.edges.iter().filter(|(from, _)| all.contains(from)).map(|(_, to)| *to).collect();
            if more.is_subset(&all) {
                return all;
            }
            all.extend(more);
        }
    }

    /// Commits that came with a merge, the plain way.
    fn brought(&self, at: usize) -> BTreeSet<usize> {
        let parents = self.parents(at);
        let Some((first, others)) = parents.split_first() else { return BTreeSet::new() };
        let had = self.before(*first);
        others.iter().flat_map(|other| self.before(*other)).filter(|at| !had.contains(at)).collect()
    }

    /// What a project has released, and from which version it goes on.
    fn released(&self, project: usize, head: usize) -> Option<(BTreeSet<usize>, u64, u64)> {
        let history = self.before(head);
        let of_project = self.tags.iter().filter(|(of, at, ..)| *of == project && history.contains(at));
        let (_, at, minor, patch) = of_project.max_by_key(|(_, _, minor, patch)| (*minor, *patch))?;
        Some((self.before(*at), *minor, *patch))
    }

    /// The version that a project gets, the plain way.
    fn expected(&self, project: usize, head: usize) -> Option<String> {
        let Some((released, minor, patch)) = self.released(project, head) else {
            return Some("0.1.0".to_owned());
        };
        let history = self.before(head);
        let of_all =
            |at: &usize| (0..4).all(|of| self.released(of, head).is_some_and(|(had, ..)| had.contains(at)));
        let uses = self.uses(project);
        let touches = |at: &usize| uses.contains(&self.commits[*at].2);
        let is_merge = |at: &usize| self.parents(*at).len() > 1;
        let bump_of = |at: &usize| {
            let (_, kind, _) = self.commits[*at];
            if !is_merge(at) {
                return if touches(at) { TYPES[kind].1 } else { Bump::None };
            }
            // Merges change nothing themselves here.
            let brought: Vec<usize> = self.brought(*at).into_iter().filter(|at| !of_all(at)).collect();
            let is_all = brought.iter().all(|at| TYPES[self.commits[*at].1].0 == "nothing");
            let counts = |at: &usize| !is_merge(at) && touches(at) && !released.contains(at);
            if is_all && brought.iter().any(counts) { TYPES[kind].1 } else { Bump::None }
        };
        let bump = history.difference(&released).map(bump_of).max();
        match bump.unwrap_or_default() {
            Bump::None => None,
            Bump::Patch => Some(format!("1.{minor}.{}", patch + 1)),
            Bump::Minor => Some(format!("1.{}.0", minor + 1)),
            Bump::Major => Some("2.0.0".to_owned()),
        }
    }
}

proptest! {
    #[test]
    fn plans_equal_a_plain_model(mut world in world()) {
        // A version is tagged once, as git has it.
        let mut seen = BTreeSet::new();
        let count = world.commits.len();
        world.tags.retain(|(project, at, minor, patch)| *at < count && seen.insert((*project, *minor, *patch)));
        let project = |number: usize| Project {
            name: name(&format!("p{number}")),
            folder: format!("f/p{number}"),
            is_versioned: number < 4,
        };
        let edges = world.edges.iter().map(|(from, to)| Edge {
            from: name(&format!("p{from}")),
            to: name(&format!("p{to}")),
            kind: EdgeKind::Implicit,
        });
        let graph = ProjectGraph::new((0..6).map(project), edges);
        let head = world.commits.len() - 1;
        let in_history = world.before(head);
        let commits = in_history.iter().rev().map(|at| {
            let (_, kind, touched) = world.commits[*at];
            let path = format!("f/p{touched}/x.ts");
            let parents = world.parents(*at);
            let paths: &[&str] = if parents.len() > 1 { &[] } else { &[&path] };
            commit(*at, &parents, TYPES[kind].0, paths)
        });
        let history = History::new(commits.collect());
        let tags: Vec<Tag> = world.tags.iter().map(|(project, at, minor, patch)| tag(&format!("p{project}-1.{minor}.{patch}"), *at)).collect();
        let sources = Sources { graph: &graph, history: &history, tags: &tags, written: &BTreeMap::new() };
        let plan_once = || plan_of(&sources, &Request::default(), &mut |_, _| Ok(None));
        let plan = plan_once();
        for number in 0..4 {
            let next = plan.projects[&name(&format!("p{number}"))].next.as_ref().map(ToString::to_string);
            prop_assert_eq!(next, world.expected(number, head), "p{}", number);
        }
        prop_assert_eq!(plan.projects.len(), 4);
        prop_assert_eq!(shown(&plan), shown(&plan_once()), "the same twice");
        // What was not asked to be read is not needed.
        let wanted: BTreeSet<CommitId> = unreleased(&sources, &Request::default()).into_iter().collect();
        let few = history.commits().iter().map(|commit| {
            let text = commit.text.clone().filter(|_| wanted.contains(&commit.id));
            Commit { text, ..commit.clone() }
        });
        let few = History::new(few.collect());
        let sparse = plan_of(&Sources { history: &few, ..sources }, &Request::default(), &mut |_, _| Ok(None));
        prop_assert_eq!(shown(&plan), shown(&sparse), "with the texts that are needed alone");
        // What is released is nothing to release again.
        let released: Vec<Tag> = plan.released().filter_map(|(_, planned)| Some(tag(planned.tag.as_ref()?, head))).collect();
        let tags = [tags.clone(), released].concat();
        let again = plan_of(&Sources { tags: &tags, ..sources }, &Request::default(), &mut |_, _| Ok(None));
        prop_assert!(again.is_empty());
    }
}
