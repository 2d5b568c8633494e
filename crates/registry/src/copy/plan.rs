//! What is to be done for a whole batch.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use landfall_artifacts::{Digest, PinnedReference, Platform, Reference, Repository};

use super::request::{CopyOptions, CopyRequest};
use super::ways::{BlobState, Ways};
use crate::{Descriptor, Error, Manifest};

/// What is to be done, and all that stands in the way.
#[derive(Debug)]
pub struct CopyPlan {
    /// The copies without a problem, in the order of the requests.
    pub copies: Vec<PlannedCopy>,
    /// The problems of the others. Nothing should be applied while there is one.
    pub problems: Vec<PlanProblem>,
    /// What the plan was made with.
    pub options: CopyOptions,
    /// Small blobs that were read while the plan was made.
    pub(super) kept: BTreeMap<Digest, Bytes>,
    /// Blobs that target repositories had when it was made.
    pub(super) present: BTreeSet<(Repository, Digest)>,
    /// Blobs that other parts of the work bring to target repositories.
    pub(super) elsewhere: BTreeSet<(Repository, Digest)>,
}

/// A request that cannot be done, and why.
#[derive(Debug)]
pub struct PlanProblem {
    /// The place of the request in the batch, from zero.
    pub request: usize,
    /// Its target.
    pub target: Reference,
    /// Why not.
    pub error: Error,
}

/// One copy.
#[derive(Clone, Debug)]
pub struct PlannedCopy {
    /// What was asked for.
    pub request: CopyRequest,
    /// The image at its source, by digest.
    pub source: PinnedReference,
    /// The digest of the index that it was chosen from, where the source is one.
    pub source_index: Option<Digest>,
    /// The platform of the image, where it was looked at or set.
    pub platform: Option<Platform>,
    /// The manifest that is copied, byte for byte.
    pub manifest: Manifest,
    /// What the manifest lists, where it is an index that is copied as it is; each stands after what it lists itself.
    pub children: Vec<Manifest>,
    /// Manifests, configurations and layers together, each once, in bytes.
    pub size_bytes: u64,
    /// What the target tag names now.
    pub target_state: TargetState,
    /// The blobs of the image, each once.
    pub blobs: Vec<PlannedBlob>,
    /// What works and may not work well.
    pub warnings: Vec<String>,
}

/// What a target tag names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetState {
    /// Nothing.
    Absent,
    /// The image already: there is nothing to do.
    Same,
    /// Other content, which may be replaced.
    Other(Digest),
}

/// A blob of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedBlob {
    /// The blob.
    pub descriptor: Descriptor,
    /// Where it is, and how it gets to its target.
    pub state: BlobState,
}

impl CopyPlan {
    /// Whether nothing stands in the way.
    pub fn is_clear(&self) -> bool {
        self.problems.is_empty()
    }

    /// How many images have to be copied.
    pub fn changes(&self) -> usize {
        self.copies.iter().filter(|copy| copy.target_state != TargetState::Same).count()
    }

    /// Bytes of blobs that have to be sent.
    pub fn bytes_to_send(&self) -> u64 {
        self.copies.iter().map(PlannedCopy::bytes_to_send).fold(0, u64::saturating_add)
    }

    /// The same plan with those copies alone for which `keep` says yes, as one job of several does its part. A blob that several
    /// parts want is brought by the one that does the first image with it; the others wait for it.
    pub fn part(&self, keep: impl Fn(&PlannedCopy) -> bool) -> Self {
        let (mut known, mut elsewhere) = (BTreeSet::new(), BTreeSet::new());
        for copy in self.copies.iter().filter(|copy| copy.target_state != TargetState::Same) {
            let of_others = !keep(copy);
            for blob in &copy.blobs {
                let key = (copy.request.target.repository().clone(), blob.descriptor.digest);
                if known.insert(key.clone()) && of_others {
                    elsewhere.insert(key);
                }
            }
        }
        let mut part = Self {
            elsewhere,
            copies: self.copies.iter().filter(|copy| keep(copy)).cloned().collect(),
            problems: Vec::new(),
            options: self.options,
            kept: self.kept.clone(),
            present: self.present.clone(),
        };
        part.find_ways();
        part
    }

    /// Decides for each blob how it gets to its target.
    pub(super) fn find_ways(&mut self) {
        let mut ways = Ways::new(&self.present);
        for copy in &mut self.copies {
            let (source, target) = (copy.request.source.repository(), copy.request.target.repository());
            for blob in &mut copy.blobs {
                blob.state = ways.of(source, target, blob.descriptor.digest);
                if blob.state == BlobState::Needed
                    && self.elsewhere.contains(&(target.clone(), blob.descriptor.digest))
                {
                    blob.state = BlobState::Elsewhere;
                }
            }
        }
    }
}

impl PlannedCopy {
    /// The digest of the image, the same at source and target.
    pub fn digest(&self) -> Digest {
        self.manifest.digest
    }

    /// Bytes of blobs that have to be sent for this image.
    pub fn bytes_to_send(&self) -> u64 {
        let needed = self.blobs.iter().filter(|blob| blob.state == BlobState::Needed);
        needed.map(|blob| blob.descriptor.size_bytes).fold(0, u64::saturating_add)
    }
}
