//! A plan as a file.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{
    BlobPlan, BlobWay, CopyPlanFile, EnvironmentName, ImagePlan, PlanTotals, Problem, ReleaseId,
    TargetStateWord,
};

use super::plan::{CopyPlan, PlannedCopy, TargetState};
use super::ways::BlobState;

impl CopyPlan {
    /// The plan as `copy-plan.json` has it.
    pub fn document(&self, release: ReleaseId, environment: Option<EnvironmentName>) -> CopyPlanFile {
        CopyPlanFile {
            release,
            environment,
            images: self.copies.iter().map(image).collect(),
            blobs: self.copies.iter().flat_map(blobs).collect(),
            totals: self.totals(),
            requests: self.expected_requests(),
            problems: self.problems.iter().map(|problem| Problem::of(&problem.error)).collect(),
        }
    }

    /// Images, blobs and bytes in sum.
    pub fn totals(&self) -> PlanTotals {
        let every = || self.copies.iter().flat_map(|copy| &copy.blobs);
        let count = |is_it: fn(&BlobState) -> bool| every().filter(|blob| is_it(&blob.state)).count() as u64;
        let all_bytes = every().fold(0u64, |sum, blob| sum.saturating_add(blob.descriptor.size_bytes));
        let send_bytes = self.bytes_to_send();
        PlanTotals {
            images: self.copies.len() as u64,
            changes: self.changes() as u64,
            blobs: every().map(|blob| blob.descriptor.digest).collect::<BTreeSet<_>>().len() as u64,
            send_blobs: count(|state| *state == BlobState::Needed),
            send_bytes,
            mounts: count(|state| matches!(state, BlobState::Mount { .. })),
            saved_bytes: all_bytes.saturating_sub(send_bytes),
        }
    }

    /// The requests that applying the plan is expected to make, by kind.
    pub fn expected_requests(&self) -> BTreeMap<String, u64> {
        let totals = self.totals();
        let changed = || self.copies.iter().filter(|copy| copy.target_state != TargetState::Same);
        let children: u64 = changed().map(|copy| copy.children.len() as u64).sum();
        let kept = changed()
            .flat_map(|copy| &copy.blobs)
            .filter(|blob| blob.state == BlobState::Needed && self.kept.contains_key(&blob.descriptor.digest))
            .count() as u64;
        [
            ("registry.blob.GET", totals.send_blobs - kept),
            ("registry.upload.POST", totals.send_blobs),
            ("registry.upload.PUT", totals.send_blobs),
            ("registry.mount.POST", totals.mounts),
            ("registry.manifest.PUT", totals.changes + children),
            // A tag is looked at before it is written and read back afterwards.
            ("registry.manifest.HEAD", 2 * totals.changes + children),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| (kind.to_owned(), count))
        .collect()
    }
}

fn image(copy: &PlannedCopy) -> ImagePlan {
    let (state, held) = match copy.target_state {
        TargetState::Absent => (TargetStateWord::Absent, None),
        TargetState::Same => (TargetStateWord::Same, Some(copy.digest())),
        TargetState::Other(held) => (TargetStateWord::Other, Some(held)),
    };
    ImagePlan {
        project: copy.request.project.clone(),
        version: copy.request.version.clone(),
        source: copy.request.source.clone(),
        source_digest: copy.source_index.unwrap_or(copy.digest()),
        pinned: copy.source.clone(),
        target: copy.request.target.clone(),
        state,
        held,
        platform: copy.platform,
        media_type: copy.manifest.media_type.clone(),
        size_bytes: copy.size_bytes,
        send_bytes: copy.bytes_to_send(),
        warnings: copy.warnings.clone(),
    }
}

fn blobs(copy: &PlannedCopy) -> impl Iterator<Item = BlobPlan> + '_ {
    copy.blobs.iter().filter_map(|blob| {
        let (way, mount_from) = match &blob.state {
            BlobState::Present | BlobState::Earlier | BlobState::Elsewhere => return None,
            BlobState::Needed => (BlobWay::Send, None),
            BlobState::Mount { from } => (BlobWay::Mount, Some(from.clone())),
        };
        Some(BlobPlan {
            digest: blob.descriptor.digest,
            size_bytes: blob.descriptor.size_bytes,
            target: copy.request.target.repository().clone(),
            way,
            mount_from,
        })
    })
}
