//! Images of the example: which are here, and which have to be copied.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use landfall_artifacts::{
    Class, Digest, LambdaName, Platform, Problem, Reference, Repository, Tag, image_tag,
};
use landfall_lambda_deploy::Code;
use landfall_registry::{
    Choose, CopyOptions, CopyOutcome, CopyPlan, CopyRequest, Error, Registries, apply, plan_copies,
    resolve_for_lambda,
};
use landfall_run::{Event, Run, human_bytes};

use super::{Brought, Config, Example, One, Parts, item};
use crate::{Recorded, Refusal};

/// How many images are looked at side by side.
const LOOKS_AT_ONCE: usize = 16;

/// What functions of images are to run here, and the copies that bring it.
#[derive(Debug, Default)]
pub(super) struct Images {
    repository: Option<Repository>,
    by_function: BTreeMap<LambdaName, (Digest, Platform)>,
    copies: Option<CopyPlan>,
}

impl Images {
    /// Looks which images are here, and plans how the others come. Problems are added to `problems`.
    ///
    /// # Errors
    /// A repository that cannot be looked at.
    pub(super) async fn look(
        config: &Config,
        example: &Example,
        wanted: &[&One],
        parts: Parts<'_>,
        problems: &mut Vec<Problem>,
        run: &Run,
    ) -> Result<Self, Refusal> {
        let image = |one: &&One| match &one.code {
            Recorded::Image(image) => Some((image.clone(), (*one).clone())),
            Recorded::Archive(_) => None,
        };
        let wanted: Vec<_> = wanted.iter().filter_map(image).collect();
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let Some(repository) = config.registry.clone() else {
            return Err(Refusal::one(
                Problem::new("LF-CONFIG-MISSING", Class::Input, "the repository of images is missing")
                    .with_remedy("give it by --registry, the variable ECR_REGISTRY_URI, or ecr of the environment in landfall.toml"),
            ));
        };
        let name = "look for the images here".into();
        run.progress().event(Event::Phase { name, items: Some(wanted.len() as u64) });
        let digests: BTreeSet<Digest> = wanted.iter().map(|(image, _)| image.digest()).collect();
        let mut platforms = here(&repository, &digests, parts, run).await?;
        let (mut requests, mut of) = (Vec::new(), Vec::new());
        for (image, one) in wanted.iter().filter(|(image, _)| !platforms.contains_key(&image.digest())) {
            match tag(one, image.digest()) {
                Ok(tag) => {
                    requests.push(CopyRequest {
                        pinned: Some(image.digest()),
                        project: one.project.clone(),
                        version: one.version.as_ref().map(ToString::to_string),
                        environment: config.target.environment.clone(),
                        release: Some(example.release.clone()),
                        ..CopyRequest::new(Reference::from(image.clone()), repository.tagged(tag))
                    });
                    of.push(&one.there);
                }
                Err(problem) => problems.push(*problem),
            }
        }
        let copies = plan_copies(requests, parts.registries, options(), run).await;
        problems.extend(copies.problems.iter().map(|problem| {
            let function = of.get(problem.request).map(|name| name.as_str()).unwrap_or_default();
            obstacle(example, function, &problem.error)
        }));
        let known = |copy: &landfall_registry::PlannedCopy| Some((copy.digest(), copy.platform?));
        platforms.extend(copies.copies.iter().filter_map(known));
        let known = |(image, one): &(landfall_artifacts::PinnedReference, One)| {
            Some((one.here.clone(), (image.digest(), *platforms.get(&image.digest())?)))
        };
        let by_function = wanted.iter().filter_map(known).collect();
        Ok(Self { repository: Some(repository), by_function, copies: Some(copies) })
    }

    /// What a function is to run; `None` where its image is nowhere.
    pub(super) fn code(&self, function: &LambdaName) -> Option<Code> {
        let (digest, platform) = self.by_function.get(function)?;
        Some(Code::Image { image: self.repository.as_ref()?.pinned(*digest), platform: *platform })
    }

    /// What would be copied, a line each.
    pub(super) fn foretold(&self) -> Vec<String> {
        let copies = self.copies.iter().flat_map(|plan| &plan.copies);
        copies
            .map(|copy| {
                let bytes = human_bytes(copy.bytes_to_send());
                format!("{} would be copied from {}, {bytes}", copy.request.target, copy.source)
            })
            .collect()
    }

    /// Copies what is missing.
    pub(super) async fn bring(&self, registries: &Registries, run: &Run) -> Brought {
        let mut brought = Brought::default();
        let Some(plan) = self.copies.as_ref().filter(|plan| !plan.copies.is_empty()) else { return brought };
        let name = format!("copy {}", human_bytes(plan.bytes_to_send()));
        run.progress().event(Event::Phase { name, items: Some(plan.changes() as u64) });
        let ended = apply(plan, registries, run).await;
        for result in ended.images.iter().filter(|result| result.outcome != CopyOutcome::Unchanged) {
            let problem = match result.outcome {
                CopyOutcome::Copied | CopyOutcome::Unchanged => None,
                CopyOutcome::NotTried if result.error.is_none() => continue,
                CopyOutcome::Failed | CopyOutcome::Unknown | CopyOutcome::NotTried => {
                    result.error.as_deref().map(|error| Problem::of(error))
                }
            };
            if problem.is_none() {
                brought.lines.push(format!(
                    "{} copied, {}",
                    result.target,
                    human_bytes(result.moved.sent_bytes)
                ));
            }
            let mut item = item(result.target.to_string(), result.digest, problem);
            item.bytes = result.moved.sent_bytes;
            item.duration_ms = u64::try_from(result.took.as_millis()).unwrap_or(u64::MAX);
            brought.items.push(item);
        }
        brought
    }
}

fn options() -> CopyOptions {
    CopyOptions { choose: Choose::Lambda(None), look_for_attached: false, ..CopyOptions::default() }
}

/// Where nobody says a version, the tag says the content.
fn tag(one: &One, digest: Digest) -> Result<Tag, Box<Problem>> {
    let odd = |what: String| Box::new(Problem::new("LF-LIKE-TAG", Class::Input, what));
    match &one.version {
        Some(version) => {
            image_tag(&one.here, version).map(|tag| tag.tag).map_err(|error| odd(error.to_string()))
        }
        None => format!("{}-{}", one.here, digest.hex().get(..12).unwrap_or_default())
            .parse()
            .map_err(|error: landfall_artifacts::NameError| odd(error.to_string())),
    }
}

/// What stands in the way of a copy.
fn obstacle(example: &Example, function: &str, error: &Error) -> Problem {
    let problem = Problem::of(error);
    let what = format!("what {function} runs in {} cannot be copied: {}", example.environment, problem.what);
    let problem = Problem { what, ..problem };
    match error {
        Error::ImageMissing { .. } => problem.with_remedy(format!(
            "let clean-up keep what runs in {} (docs/access.md), and build and deploy that version anew",
            example.environment
        )),
        _ => problem,
    }
}

/// Those of the images that the repository has, with what each is for.
async fn here(
    repository: &Repository,
    digests: &BTreeSet<Digest>,
    parts: Parts<'_>,
    run: &Run,
) -> Result<BTreeMap<Digest, Platform>, Refusal> {
    let registry = parts.registries.get(repository.host())?;
    let digests: Vec<Digest> = digests.iter().copied().collect();
    let there: BTreeSet<Digest> = match parts.ecr {
        Some(ecr) => ecr.digests_there(repository.path(), &digests, run).await?,
        None => digests.iter().copied().collect(),
    };
    let looks = there.into_iter().map(|digest| async move {
        let version = landfall_artifacts::Version::Digest(digest);
        let Some(manifest) = registry.get_manifest(repository.path(), &version, run).await? else {
            return Ok(None);
        };
        let image = resolve_for_lambda(registry, repository.path(), manifest, None, run).await?;
        Ok::<_, Error>(Some((digest, image.platform)))
    });
    let found: Vec<Option<(Digest, Platform)>> =
        stream::iter(looks.collect::<Vec<_>>()).buffered(LOOKS_AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}
