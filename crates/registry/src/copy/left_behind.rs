//! Signatures and other referrers, which are not copied.

use futures_util::FutureExt as _;
use landfall_run::Run;

use super::at_once::at_once;
use super::plan::{CopyPlan, PlannedCopy, TargetState};
use super::registries::Registries;

/// Images that are looked at at once. It is nice to know, and the copy has the better claim on the registry.
const IMAGES_AT_ONCE: usize = 8;

impl CopyPlan {
    /// Adds a warning to each image that is to be copied and has signatures or other referrers at its source.
    pub async fn note_attached(&mut self, registries: &Registries, run: &Run) {
        let found = self.attached(registries, run).await;
        for (copy, warning) in self.copies.iter_mut().zip(found) {
            copy.warnings.extend(warning);
        }
    }

    /// Which images that are to be copied have signatures or other referrers at their source, in words; in the order of the
    /// images. They are not copied.
    pub async fn attached(&self, registries: &Registries, run: &Run) -> Vec<Option<String>> {
        let looking = self.copies.iter().map(|copy| attached_to(copy, registries, run).boxed()).collect();
        at_once(IMAGES_AT_ONCE, looking).await
    }
}

async fn attached_to(copy: &PlannedCopy, registries: &Registries, run: &Run) -> Option<String> {
    if copy.target_state == TargetState::Same {
        return None;
    }
    let digest = copy.source_index.unwrap_or(copy.digest());
    let source = copy.source.repository();
    let found = registries.get(source.host()).ok()?.attached(source.path(), digest, run).await;
    let referrers = match found.referrers {
        0 => None,
        1 => Some("1 referrer".to_owned()),
        many => Some(format!("{many} referrers")),
    };
    let signature = found.signature_tag.then(|| "a signature".to_owned());
    let what: Vec<String> = signature.into_iter().chain(referrers).collect();
    (!what.is_empty()).then(|| {
        format!("{} of {} not copied: they stay at the source", what.join(" and "), copy.request.source)
    })
}
