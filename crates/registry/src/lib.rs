//! OCI registries: reading, pushing and copying images by digest; docker logins; Amazon ECR; Artifactory promotion.
//!
//! A [`Registry`] is one host, bound to the login that was configured for it; a redirect to another host carries no
//! credential, and a token server elsewhere is refused unless it was configured. Digests are computed from the bytes that
//! arrive, never taken from a header. A [`LoginChain`] finds a host's login in sources that are asked in their order, credential
//! helpers among them, and says where it came from. [`plan_copies`] looks at everything first and finds all problems together; [`apply`]
//! streams blob by blob from source to target without touching the disk, and names a tag only when all its content is there.
//!
//! Spoken: OCI distribution-spec 1.1 and Docker Registry HTTP API v2 with its token protocol; ECR API 2015-09-21;
//! JFrog's "Promote Docker Image". Not here: what a function runs, and who decides what is copied.
//!
//! ```no_run
//! # async fn f(token: landfall_secret::Secret) -> Result<(), Box<dyn std::error::Error>> {
//! # use landfall_registry::{CopyOptions, Login, Registries, Registry, RegistryOptions, copy_image};
//! # use landfall_run::Run;
//! # use landfall_transport::{Http, HttpConfig};
//! let (http, run) = (Http::new(HttpConfig::default())?, Run::builder().build());
//! let login = Some(Login::basic("bot", token));
//! let from = Registry::new(&http, "build.example.com", login, RegistryOptions::default())?;
//! let to = Registry::new(&http, "mirror.example.com", None, RegistryOptions::default())?;
//! let registries: Registries = [from, to].into_iter().collect();
//! let (source, target) = ("build.example.com/app:1.4.2".parse()?, "mirror.example.com/app:1.4.2".parse()?);
//! let copied = copy_image(source, target, &registries, CopyOptions::default(), &run).await?;
//! println!("{} with {} bytes sent", copied.digest, copied.moved.sent_bytes);
//! # Ok(()) }
//! ```
//!
//! A batch: the plan is looked at (and perhaps shown to somebody) before it is applied.
//!
//! ```no_run
//! # use landfall_registry::{CopyOptions, CopyRequest, Registries, apply, plan_copies};
//! # async fn f(requests: Vec<CopyRequest>, registries: Registries, run: landfall_run::Run) {
//! let plan = plan_copies(requests, &registries, CopyOptions::default(), &run).await;
//! if plan.is_clear() {
//!     let report = apply(&plan, &registries, &run).await;
//!     println!("{} of {} copied", report.totals.moved.sent_bytes, plan.copies.len());
//! }
//! # }
//! ```

mod artifactory;
mod attached;
mod blobs;
mod challenge;
mod copy;
mod descriptor;
#[cfg(feature = "ecr")]
mod ecr;
mod ecr_host;
#[cfg(feature = "ecr")]
mod ecr_images;
#[cfg(feature = "ecr")]
mod ecr_stored;
mod error;
mod explain;
mod lambda;
mod login;
mod logins;
mod manifest;
mod manifests;
mod misfit;
mod refusal;
mod registry;
mod source;
mod token;
mod uploads;

pub use artifactory::{
    Artifactory, DockerAccess, PromoteRequest, Promoted, PromotedHow, PromotionState, PromotionStep, Unfit,
    UnfitKey, keeps_shared_layers,
};
pub use attached::Attached;
pub use blobs::BlobStream;
pub use challenge::{Challenge, parse_challenges};
pub use copy::{
    BlobState, Choose, CopyLimits, CopyOptions, CopyOutcome, CopyPlan, CopyReport, CopyRequest, CopyResult,
    CopyTotals, Moved, PlanProblem, PlannedBlob, PlannedCopy, Registries, TargetState, apply, apply_each,
    copy_image, plan_copies,
};
pub use descriptor::Descriptor;
#[cfg(feature = "ecr")]
pub use ecr::{EcrClient, EcrLogin, EcrRepositories, EcrRepository};
pub use ecr_host::EcrHost;
#[cfg(feature = "ecr")]
pub use ecr_images::EcrImage;
#[cfg(feature = "ecr")]
pub use ecr_stored::{NotDeleted, StoredImage};
pub use error::Error;
pub use lambda::{LambdaImage, resolve_for_lambda};
pub use login::Login;
pub use logins::{Finds, FoundLogin, HelperFault, Helpers, LoginChain, LoginSource, LoginStep, Verdict};
pub use manifest::{ImageManifest, IndexEntry, IndexManifest, Manifest, ManifestFault, ManifestKind};
pub use manifests::Put;
pub use misfit::Misfit;
pub use registry::{Flavour, Registry, RegistryOptions, Scheme};
pub use uploads::{Begun, UploadSession};
