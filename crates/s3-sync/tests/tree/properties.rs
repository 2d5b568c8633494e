//! Whatever a bucket holds: a publication makes it the source, under the rules, and the next one has nothing to do.

use std::collections::BTreeMap;

use landfall_s3_sync::tree::{MaxDeletes, RuleTexts};
use landfall_sandbox::s3::Etags;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::{BUCKET, Ended, PREFIX, World, rules};

type Tree = BTreeMap<String, String>;

/// Names of a small alphabet, so that files and objects meet often.
fn name() -> impl Strategy<Value = String> {
    let part = prop_oneof!["[ab]{1,2}", "\\.[ab]", "prod", "[a%+ é&]{1,3}"];
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

fn tree() -> impl Strategy<Value = Tree> {
    prop::collection::btree_map(name(), "[xy]{0,2}", 0..14)
}

/// What can stand on a disk: no file where a folder is.
fn on_disk(tree: &Tree) -> Tree {
    let is_folder = |name: &str| tree.keys().any(|other| other.starts_with(&format!("{name}/")));
    tree.iter()
        .filter(|(name, _)| !is_folder(name))
        .map(|(name, text)| (name.clone(), text.clone()))
        .collect()
}

#[derive(Clone, Debug)]
struct Case {
    files: Tree,
    objects: Tree,
    exclude: Vec<String>,
    include: Vec<String>,
    deletes: bool,
    manifest: bool,
    etags: u8,
    max_deletes: u64,
    page_size: u8,
}

/// Patterns that fit some of the names.
fn patterns() -> impl Strategy<Value = Vec<String>> {
    let pattern = prop_oneof![
        Just(".*".to_owned()),
        Just("prod/".to_owned()),
        "[ab?*]{1,2}/?",
        "[ab*]/[ab?*]{1,2}",
        "\\[!a\\][*]?/?",
        "/?\\*\\*/[ab?]",
    ];
    prop::collection::vec(pattern, 0..3)
}

fn case() -> impl Strategy<Value = Case> {
    let rules = (patterns(), patterns());
    (tree(), tree(), rules, any::<bool>(), any::<bool>(), 0..4_u8, 0..12_u64, 1..6_u8).prop_map(
        |(files, objects, (exclude, include), deletes, manifest, etags, max_deletes, page_size)| Case {
            files: on_disk(&files),
            objects,
            exclude,
            include,
            deletes,
            manifest,
            etags,
            max_deletes,
            page_size,
        },
    )
}

async fn check(world: &mut World, case: &Case) {
    for key in world.sandbox.s3.keys(BUCKET).iter().filter(|key| key.starts_with(PREFIX)) {
        world.sandbox.s3.remove(BUCKET, key);
    }
    world.folder = tempfile::TempDir::new().expect("a folder");
    let etags = [Etags::Md5, Etags::Kms, Etags::Parts, Etags::Unlisted];
    world.sandbox.s3.set_etags(BUCKET, etags[usize::from(case.etags)]);
    for (name, text) in &case.files {
        world.write(name, text);
    }
    for (name, text) in &case.objects {
        world.there(name, text);
    }
    let (exclude, include) = (case.exclude.clone(), case.include.clone());
    world.rules = rules(&RuleTexts { exclude, include, ..RuleTexts::default() });
    world.options.delete = case.deletes;
    world.options.manifest = case.manifest;
    world.options.page_size = case.page_size.to_string().parse().expect("a size");
    world.guards.max_deletes = MaxDeletes::Number(case.max_deletes);
    let taken = |name: &String| world.rules.takes(name);
    let gone = case.objects.keys().filter(|name| taken(name) && !case.files.contains_key(*name)).count();
    let is_empty = !case.files.keys().any(taken);
    let before = world.holds();
    let is_refused = case.deletes && (is_empty || gone as u64 > case.max_deletes);
    match world.publish().await {
        Ended::Refused(_) => {
            assert!(is_refused, "{case:?}");
            assert_eq!(world.holds(), before);
            return;
        }
        Ended::Applied(ended) => {
            let (plan, applied) = *ended;
            assert!(!is_refused && applied.is_complete(), "{case:?} {applied:?}");
            world.gone_was_planned(&before, &plan);
        }
    }
    let mut wanted: Tree = case
        .objects
        .iter()
        .filter(|(name, _)| !world.rules.takes(name) || (!case.deletes && !case.files.contains_key(*name)))
        .map(|(name, text)| (name.clone(), text.clone()))
        .collect();
    let files = case.files.iter().filter(|(name, _)| world.rules.takes(name));
    wanted.extend(files.map(|(name, text)| (name.clone(), text.clone())));
    let mut holds = world.holds();
    holds.remove(".landfall-manifest.json");
    assert_eq!(holds, wanted, "{case:?}");
    let Ended::Applied(ended) = world.publish().await else { panic!("{case:?}") };
    let (plan, applied) = *ended;
    assert!(plan.is_empty() && applied.is_complete(), "{case:?} {plan:?}");
    world.beside_is_untouched();
}

#[test]
fn a_publication_makes_any_bucket_the_source_under_the_rules() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let world = std::cell::RefCell::new(runtime.block_on(World::new()));
    let mut runner = TestRunner::new(Config { cases: 250, failure_persistence: None, ..Config::default() });
    let ran = runner.run(&case(), |case| {
        runtime.block_on(check(&mut world.borrow_mut(), &case));
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
}
