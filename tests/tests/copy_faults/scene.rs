//! A sandbox with three images at the source, and a copy of them to the target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use landfall_artifacts::{Class, Explain as _, Problem, Reference};
use landfall_registry::{
    CopyOptions, CopyOutcome, CopyRequest, CopyResult, Error, Flavour, Login, Registries, Registry,
    RegistryOptions, apply, plan_copies,
};
use landfall_run::{Clock, MemoryJournal, RetryPolicy, Run};
use landfall_sandbox::images::{Format, Image, ImageIndex, Layer, base_layers};
use landfall_sandbox::{BUILD_KEY, Sandbox, SandboxOptions, Service};
use landfall_secret::Secret;
use landfall_transport::Http;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::pace::{Hangs, paced};

/// Bytes of each layer: enough that a cut has a middle.
const LAYER_BYTES: usize = 200 * 1024;
/// The version of every image.
const VERSION: &str = "1.0.0";
/// What the clock of every run shows.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-20 12:00:00 UTC);

/// An image of the batch.
pub(crate) struct Sample {
    project: &'static str,
    image: Image,
    /// What the source's tag names instead, where the image is behind an index.
    index: Option<ImageIndex>,
}

impl Sample {
    /// The tag at the target.
    pub(crate) fn tag(&self) -> String {
        format!("{}-{VERSION}", self.project)
    }

    /// The image that is to be under the tag.
    pub(crate) fn image(&self) -> &Image {
        &self.image
    }
}

/// Three images that share layers: one as it is, one in Docker's format, one behind an index with an attestation.
pub(crate) fn samples() -> &'static [Sample; 3] {
    static SAMPLES: OnceLock<[Sample; 3]> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let base = base_layers("amd64", LAYER_BYTES);
        let image = |project: &str, format, shared: &[Layer], seed| {
            let mut layers = shared.to_vec();
            layers.push(Layer::filler("var/task/index.js", LAYER_BYTES, seed));
            Image::new(format, "amd64", layers, &[("org.opencontainers.image.title", project)])
        };
        let orders = image("orders", Format::Oci, &base[..1], 103);
        let index = ImageIndex::new(vec![orders.clone()], true);
        [
            Sample { project: "cart", image: image("cart", Format::Oci, &base, 101), index: None },
            Sample { project: "stock", image: image("stock", Format::Docker, &base, 102), index: None },
            Sample { project: "orders", image: orders, index: Some(index) },
        ]
    })
}

/// Every blob of the batch, each once.
pub(crate) fn blobs() -> BTreeSet<Bytes> {
    samples().iter().flat_map(|sample| sample.image.blobs().cloned()).collect()
}

/// How the source gives its blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Downloads {
    /// Itself.
    Direct,
    /// By a redirect to the storage behind it.
    Redirected,
}

/// A fresh source and a fresh target.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    http: Http,
    ecr_password: String,
}

/// How a copy ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What the plan or the images ended with.
    pub(crate) problems: Vec<(Class, Problem)>,
    /// By the tag at the target; none where the plan had problems.
    pub(crate) outcomes: BTreeMap<String, CopyOutcome>,
    /// Whether an effect was begun in the run's journal and not ended.
    pub(crate) left_open: bool,
    /// On the clock of the run.
    pub(crate) took: Duration,
    /// Bytes of bodies that the run took.
    pub(crate) received_bytes: u64,
}

impl Ended {
    /// Whether it says that every image is where it is to be.
    pub(crate) fn says_done(&self) -> bool {
        self.outcomes.len() == samples().len() && self.outcomes.values().all(|outcome| is_done(*outcome))
    }

    /// Whether it says that there was nothing to do.
    pub(crate) fn says_unchanged(&self) -> bool {
        self.says_done() && self.outcomes.values().all(|outcome| *outcome == CopyOutcome::Unchanged)
    }
}

/// Whether an image is said to be where it is to be.
pub(crate) fn is_done(outcome: CopyOutcome) -> bool {
    matches!(outcome, CopyOutcome::Copied | CopyOutcome::Unchanged)
}

impl Scene {
    pub(crate) async fn new(http: &Http, downloads: Downloads) -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.expect("the sandbox starts");
        for sample in samples() {
            let repository = sandbox.source_repository(BUILD_KEY, sample.project);
            match &sample.index {
                Some(index) => sandbox.artifactory.put_index(&repository, VERSION, index),
                None => sandbox.artifactory.put_image(&repository, VERSION, &sample.image),
            };
        }
        sandbox.artifactory.configure(|quirks| quirks.redirect_blobs = downloads == Downloads::Redirected);
        let ecr_password = sandbox.ecr_password();
        Self { sandbox, http: http.clone(), ecr_password }
    }

    /// The repository at the target.
    pub(crate) fn repository(&self) -> &str {
        &self.sandbox.options().ecr_repository
    }

    /// `Authorization` as the login at the source makes it.
    pub(crate) fn source_login(&self) -> String {
        let access = self.sandbox.artifactory_access();
        format!("Basic {}", STANDARD.encode(format!("{}:{}", access.user, access.password)))
    }

    /// `Authorization` as the login at the target makes it.
    pub(crate) fn target_login(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("AWS:{}", self.ecr_password)))
    }

    /// Copies the three images as a process of its own would: with new clients and no memory of an earlier run.
    pub(crate) async fn copy(&self) -> Result<Ended, Hangs> {
        let policy = RetryPolicy { base: Duration::from_millis(1), ..RetryPolicy::default() };
        let journal = Arc::<MemoryJournal>::default();
        let run = Run::builder()
            .retry_policy(policy)
            .clock(Clock::fixed(NOW))
            .journal(Arc::<MemoryJournal>::clone(&journal))
            .build();
        let registries = self.registries();
        let begun = tokio::time::Instant::now();
        let activity = || {
            let traffic = run.counters().traffic();
            self.sandbox.journal().count() + traffic.received_bytes + traffic.sent_bytes
        };
        let copying = Box::pin(plan_and_apply(self.requests(), &registries, &run));
        let (errors, results) = paced(copying, activity).await?;
        let of_images = results.iter().filter_map(|result| result.error.as_deref());
        Ok(Ended {
            problems: errors
                .iter()
                .chain(of_images)
                .map(|error| (error.class(), Problem::of(error)))
                .collect(),
            outcomes: results
                .iter()
                .map(|result| {
                    (result.target.tag().map(ToString::to_string).unwrap_or_default(), result.outcome)
                })
                .collect(),
            left_open: journal.records().iter().any(|(_, outcome)| outcome.is_none()),
            took: begun.elapsed(),
            received_bytes: run.counters().traffic().received_bytes,
        })
    }

    fn registries(&self) -> Registries {
        let access = self.sandbox.artifactory_access();
        let source = Login::basic(access.user.clone(), Secret::new(access.password.as_str()));
        let target = Login::basic("AWS", Secret::new(self.ecr_password.as_str()));
        let registry = |service, login, flavour| {
            let options = RegistryOptions { flavour, ..RegistryOptions::default() };
            Registry::new(&self.http, &self.sandbox.host(service), Some(login), options)
                .expect("plain http is good on loopback")
        };
        [
            registry(Service::Artifactory, source, Flavour::Generic),
            registry(Service::EcrRegistry, target, Flavour::Ecr),
        ]
        .into_iter()
        .collect()
    }

    fn requests(&self) -> Vec<CopyRequest> {
        let reference = |service, path: &str, tag: &str| -> Reference {
            format!("{}/{path}:{tag}", self.sandbox.host(service)).parse().expect("a reference")
        };
        let request = |sample: &Sample| CopyRequest {
            project: Some(sample.project.parse().expect("a name")),
            version: Some(VERSION.to_owned()),
            ..CopyRequest::new(
                reference(
                    Service::Artifactory,
                    &self.sandbox.source_repository(BUILD_KEY, sample.project),
                    VERSION,
                ),
                reference(Service::EcrRegistry, self.repository(), &sample.tag()),
            )
        };
        samples().iter().map(request).collect()
    }
}

/// As the stage does it: nothing is applied where the plan has a problem.
async fn plan_and_apply(
    requests: Vec<CopyRequest>,
    registries: &Registries,
    run: &Run,
) -> (Vec<Error>, Vec<CopyResult>) {
    // The stage asks what hangs on the images beside the copy, and nothing depends on it.
    let options = CopyOptions { look_for_attached: false, ..CopyOptions::default() };
    let plan = plan_copies(requests, registries, options, run).await;
    if !plan.is_clear() {
        return (plan.problems.into_iter().map(|problem| problem.error).collect(), Vec::new());
    }
    (Vec::new(), apply(&plan, registries, run).await.images)
}
