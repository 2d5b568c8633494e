use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use landfall_artifacts::{Digest, Reference};
use proptest::prelude::*;
use serde_json::json;

use super::{Schedule, Task};
use crate::copy::plan::{CopyPlan, PlannedBlob, PlannedCopy, TargetState};
use crate::copy::request::{CopyLimits, CopyOptions, CopyRequest};
use crate::copy::ways::BlobState;
use crate::{Descriptor, Manifest};

const MIB: u64 = 1 << 20;

fn descriptor(name: &str, size_bytes: u64) -> Descriptor {
    Descriptor {
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        digest: Digest::of(name.as_bytes()),
        size_bytes,
        is_foreign: false,
    }
}

fn copy(target: &str, blobs: &[(&str, u64, BlobState)]) -> PlannedCopy {
    let part = json!({"mediaType": "a/b", "digest": Digest::of(target.as_bytes()), "size": 1});
    let document = json!({"schemaVersion": 2, "config": part, "layers": []});
    let manifest =
        Manifest::read(Bytes::from(document.to_string()), Some(oci_client::manifest::OCI_IMAGE_MEDIA_TYPE))
            .expect("a manifest");
    let source: Reference = "build.example.com/a:1".parse().expect("a reference");
    PlannedCopy {
        source: source.repository().pinned(manifest.digest),
        request: CopyRequest::new(source, target.parse().expect("a reference")),
        source_index: None,
        platform: None,
        manifest,
        children: Vec::new(),
        size_bytes: 0,
        target_state: TargetState::Absent,
        blobs: blobs
            .iter()
            .map(|(name, size, state)| PlannedBlob {
                descriptor: descriptor(name, *size),
                state: state.clone(),
            })
            .collect(),
        warnings: Vec::new(),
    }
}

fn plan(copies: Vec<PlannedCopy>) -> CopyPlan {
    CopyPlan {
        copies,
        problems: Vec::new(),
        options: CopyOptions::default(),
        kept: BTreeMap::new(),
        present: BTreeSet::new(),
        elsewhere: BTreeSet::new(),
    }
}

fn limits(blobs: usize) -> CopyLimits {
    CopyLimits { blobs, ..CopyLimits::default() }
}

/// The sizes of blobs, or the images, that may be begun now, in MiB.
fn begun(schedule: &mut Schedule) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(task) = schedule.next() {
        all.push(match task {
            Task::Blob(number) => format!("blob {}", schedule.blobs[number].blob.size_bytes / MIB),
            Task::Image(at) => format!("image {at}"),
        });
    }
    all
}

fn mount(from: &str) -> BlobState {
    BlobState::Mount { from: from.to_owned() }
}

#[test]
fn the_largest_go_first_and_small_ones_beside_them() {
    let needed = BlobState::Needed;
    let blobs = [
        ("a", 5 * MIB, needed.clone()),
        ("b", 40 * MIB, needed.clone()),
        ("c", 0, needed.clone()),
        ("d", 30 * MIB, needed.clone()),
        ("e", 6 * MIB, needed),
    ];
    let mut schedule = Schedule::new(&plan(vec![copy("t.example.com/x:1", &blobs)]), limits(4), |_| false);
    assert_eq!(
        begun(&mut schedule),
        ["blob 40", "blob 30", "blob 5", "blob 0"],
        "one slot in four is for small ones"
    );
    let there = schedule.blobs.iter().position(|job| job.blob.size_bytes == 0).expect("there");
    schedule.blob_there(there);
    assert_eq!(begun(&mut schedule), ["blob 6"]);
    for number in 0..schedule.blobs.len() {
        if number != there {
            schedule.blob_there(number);
        }
    }
    assert_eq!(begun(&mut schedule), ["image 0"], "the manifest last");
}

#[test]
fn bytes_under_way_are_bounded() {
    let blobs: Vec<(String, u64)> = (0..10).map(|at| (format!("blob-{at}"), 100 * MIB)).collect();
    let rows: Vec<_> = blobs.iter().map(|(name, size)| (name.as_str(), *size, BlobState::Needed)).collect();
    let limits = CopyLimits { bytes: 500 * MIB, ..limits(16) };
    let mut schedule = Schedule::new(&plan(vec![copy("t.example.com/x:1", &rows)]), limits, |_| false);
    assert_eq!(begun(&mut schedule).len(), 5);
    let limits = CopyLimits { bytes: 1, ..limits };
    let mut schedule = Schedule::new(&plan(vec![copy("t.example.com/x:1", &rows)]), limits, |_| false);
    assert_eq!(begun(&mut schedule).len(), 4, "so many always go");
}

#[test]
fn an_image_that_waits_for_nothing_is_put_at_once() {
    let there = [("a", MIB, BlobState::Present)];
    let mut schedule = Schedule::new(&plan(vec![copy("t.example.com/x:1", &there)]), limits(4), |_| false);
    assert_eq!(begun(&mut schedule), ["image 0"]);
    schedule.image_ended(0, true);
    assert_eq!(begun(&mut schedule), [""; 0]);
}

#[test]
fn a_shared_blob_goes_once_and_both_images_wait_for_it() {
    let first = copy("t.example.com/x:1", &[("a", 2 * MIB, BlobState::Needed)]);
    let second = copy("t.example.com/x:2", &[("a", 2 * MIB, BlobState::Earlier)]);
    let mut schedule = Schedule::new(&plan(vec![first, second]), limits(4), |_| false);
    assert_eq!(begun(&mut schedule), ["blob 2"]);
    schedule.blob_there(0);
    assert_eq!(begun(&mut schedule), ["image 0", "image 1"]);
}

#[test]
fn what_an_earlier_job_was_to_bring_is_sent_where_that_job_is_another_one() {
    let second = copy("t.example.com/x:2", &[("a", 2 * MIB, BlobState::Earlier)]);
    let mut schedule = Schedule::new(&plan(vec![second]), limits(4), |_| false);
    assert_eq!(begun(&mut schedule), ["blob 2"]);
    assert_eq!(schedule.blobs[0].mount_from, None);
}

#[test]
fn what_another_part_brings_comes_last() {
    let blobs = [
        ("a", 9 * MIB, BlobState::Elsewhere),
        ("b", 2 * MIB, BlobState::Needed),
        ("c", 0, BlobState::Needed),
    ];
    let mut schedule = Schedule::new(&plan(vec![copy("t.example.com/x:1", &blobs)]), limits(1), |_| false);
    for (number, expected) in [(1, "blob 2"), (2, "blob 0"), (0, "blob 9")] {
        assert_eq!(begun(&mut schedule), [expected]);
        schedule.blob_there(number);
    }
    assert_eq!(begun(&mut schedule), ["image 0"]);
}

/// Of the blobs of every copy, whether it is sent, is waited for, or came with an image before.
fn ways(plan: &CopyPlan) -> Vec<String> {
    let letter = |blob: &PlannedBlob| match blob.state {
        BlobState::Needed => "sent",
        BlobState::Elsewhere => "elsewhere",
        BlobState::Earlier => "earlier",
        BlobState::Present | BlobState::Mount { .. } => "other",
    };
    plan.copies.iter().map(|copy| copy.blobs.iter().map(letter).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn every_blob_is_brought_by_one_part() {
    let needed = BlobState::Needed;
    let image = |at: u64, own: &str| {
        let blobs = [("base", 9 * MIB, needed.clone()), (own, at * MIB, needed.clone())];
        copy(&format!("t.example.com/x:{at}"), &blobs)
    };
    let mut there = image(0, "z");
    there.target_state = TargetState::Same;
    let whole = plan(vec![there, image(1, "a"), image(2, "b"), image(3, "c"), image(4, "d")]);
    let part = |of: usize| {
        let targets: Vec<String> =
            whole.copies.iter().skip(1).map(|copy| copy.request.target.to_string()).collect();
        whole.part(|copy| {
            targets
                .iter()
                .position(|one| *one == copy.request.target.to_string())
                .is_some_and(|at| at % 2 == of)
        })
    };
    assert_eq!(ways(&part(0)), ["sent sent", "earlier sent"], "the first image with the base is its own");
    assert_eq!(ways(&part(1)), ["elsewhere sent", "earlier sent"]);
}

fn three_repositories() -> CopyPlan {
    plan(vec![
        copy("t.example.com/x:1", &[("a", 2 * MIB, BlobState::Needed), ("b", 3 * MIB, BlobState::Needed)]),
        copy("t.example.com/y:1", &[("a", 2 * MIB, mount("x")), ("c", 0, BlobState::Needed)]),
        copy("t.example.com/z:1", &[("a", 2 * MIB, mount("x"))]),
    ])
}

#[test]
fn a_mount_waits_for_the_blob_and_at_ecr_for_a_manifest_that_names_it() {
    let mut schedule = Schedule::new(&three_repositories(), limits(8), |_| false);
    assert_eq!(begun(&mut schedule), ["blob 2", "blob 3", "blob 0"]);
    schedule.blob_there(0);
    assert_eq!(begun(&mut schedule), ["blob 2", "blob 2"]);

    let mut schedule = Schedule::new(&three_repositories(), limits(8), |_| true);
    begun(&mut schedule);
    schedule.blob_there(0);
    assert_eq!(begun(&mut schedule), [""; 0]);
    schedule.blob_there(1);
    assert_eq!(begun(&mut schedule), ["image 0"]);
    schedule.image_ended(0, true);
    assert_eq!(begun(&mut schedule), ["blob 2", "blob 2"]);
}

#[test]
fn nobody_waits_for_mounts_that_are_refused() {
    let mut schedule = Schedule::new(&three_repositories(), limits(8), |_| true);
    begun(&mut schedule);
    schedule.mounts_refused("t.example.com");
    assert_eq!(begun(&mut schedule), ["blob 2", "blob 2"]);
}

#[test]
fn where_the_first_repository_fails_the_next_sends_and_the_others_wait_for_that() {
    let mut schedule = Schedule::new(&three_repositories(), limits(8), |_| false);
    begun(&mut schedule);
    assert_eq!(schedule.blob_failed(0), [0]);
    assert!(!schedule.is_open(0));
    assert_eq!(begun(&mut schedule), ["blob 2"]);
    assert_eq!(schedule.blobs[2].mount_from, None);
    assert_eq!(schedule.blobs[4].mount_from.as_deref(), Some("y"));
    schedule.blob_there(2);
    assert_eq!(begun(&mut schedule), ["blob 2"]);
}

#[test]
fn what_only_a_failed_image_wants_is_not_begun() {
    let first =
        copy("t.example.com/x:1", &[("a", 9 * MIB, BlobState::Needed), ("b", 2 * MIB, BlobState::Needed)]);
    let second = copy("t.example.com/x:2", &[("c", 3 * MIB, BlobState::Needed)]);
    let mut schedule = Schedule::new(&plan(vec![first, second]), limits(1), |_| false);
    assert_eq!(begun(&mut schedule), ["blob 9"]);
    assert_eq!(schedule.blob_failed(0), [0]);
    assert_eq!(begun(&mut schedule), ["blob 3"]);
    schedule.blob_there(2);
    assert_eq!(begun(&mut schedule), ["image 1"]);
    schedule.image_ended(1, true);
    assert_eq!(begun(&mut schedule), [""; 0]);
}

#[test]
fn a_closed_schedule_begins_nothing() {
    let mut schedule = Schedule::new(&three_repositories(), limits(8), |_| false);
    schedule.close();
    assert_eq!(begun(&mut schedule), [""; 0]);
}

proptest! {
    /// Whatever shares what with whom, and whatever fails: everything ends, and nothing is begun twice.
    #[test]
    fn every_batch_comes_to_an_end(
        images in proptest::collection::vec((0usize..3, proptest::collection::btree_set(0usize..6, 1..5)), 1..8),
        strict in any::<bool>(),
        slots in 1usize..6,
        outcomes in proptest::collection::vec(0u8..4, 64),
        last_first in any::<bool>(),
    ) {
        let present = BTreeSet::new();
        let mut ways = crate::copy::ways::Ways::new(&present);
        let copies: Vec<PlannedCopy> = images.iter().enumerate().map(|(at, (repository, blobs))| {
            let target = format!("t.example.com/r{repository}:{at}");
            let reference: Reference = target.parse().expect("a reference");
            let source = "build.example.com/a".parse().expect("a repository");
            let rows: Vec<(String, u64, BlobState)> = blobs.iter().map(|blob| {
                let name = format!("blob-{blob}");
                let state = ways.of(&source, reference.repository(), Digest::of(name.as_bytes()));
                (name, *blob as u64 * MIB, state)
            }).collect();
            copy(&target, &rows.iter().map(|(name, size, state)| (name.as_str(), *size, state.clone())).collect::<Vec<_>>())
        }).collect();
        let plan = plan(copies);
        let mut schedule = Schedule::new(&plan, limits(slots), |_| strict);
        let mut outcomes = outcomes.into_iter().cycle();
        let (mut running, mut seen, mut over) = (Vec::new(), Vec::new(), vec![false; plan.copies.len()]);
        loop {
            while let Some(task) = schedule.next() {
                prop_assert!(!seen.contains(&task), "{task:?} twice");
                seen.push(task);
                running.push(task);
            }
            let blobs = running.iter().filter(|task| matches!(task, Task::Blob(_))).count();
            prop_assert!(blobs <= slots);
            if running.is_empty() {
                break;
            }
            let task = if last_first { running.pop().expect("one") } else { running.remove(0) };
            let is_good = outcomes.next() != Some(0);
            match task {
                Task::Blob(number) if is_good => schedule.blob_there(number),
                Task::Blob(number) => {
                    for at in schedule.blob_failed(number) {
                        over[at] = true;
                    }
                }
                Task::Image(at) => {
                    over[at] = true;
                    schedule.image_ended(at, is_good);
                }
            }
        }
        prop_assert!(over.iter().all(|over| *over), "an image was left: {over:?}");
    }
}
