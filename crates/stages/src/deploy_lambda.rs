//! `deploy-lambda`: makes every function of the plan run its pinned image and proves it.

mod archives;
mod failed;
mod gates;
mod like;
mod part;
mod shown;

use std::collections::BTreeMap;
use std::path::PathBuf;

use landfall_artifacts::{
    Class, DeployReport, DeployedFunction, Digest, FileError, ImageLock, LambdaName, LedgerEvent,
    LockedImage, Mappings, MissingName, Mode, PinnedReference, Platform, Problem, ProjectName, ReleaseId,
    Repository, Shard, Tag, Versions, image_tag,
};
use landfall_lambda_deploy::{
    ApplyOptions, Archive, Check, Code, Desired, First, FunctionResult, LambdaClient, Live, Plan, apply,
    observe, plan,
};
use landfall_ledger::Ledger;
use landfall_ledger::gate::Content;
use landfall_registry::EcrClient;
use landfall_run::{Event, Run};
use landfall_s3_sync::ReleaseStore;

use crate::deploy_record::{earlier_record, record};
use crate::digests::{of_ledger, unknown_digest};
use crate::output::is_foretold;
use crate::stored_archives::StoredArchives;
use crate::verify_tags::verify_tags;
use crate::{Finished, Outcome, Output, Places, Refusal, Target};
pub use gates::Gates;
pub use like::{Example, Like, Parts, example, run_like};

/// How many functions are looked at side by side.
const LOOKS_AT_ONCE: usize = 50;

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Environment and release.
    pub target: Target,
    /// Where the files are.
    pub places: Places,
    /// `deploy-report.json`.
    pub report: PathBuf,
    /// The repository that images are deployed from; `None` takes it from the lock.
    pub registry: Option<Repository>,
    /// The part of the functions that this job does.
    pub shard: Option<Shard>,
    /// What the images are for, where there is no lock that says it.
    pub platform: Platform,
    /// How the plan is carried out.
    pub options: ApplyOptions,
    /// Whether functions that something stands in the way of are left out, and the others deployed.
    pub only_ready: bool,
    /// Whether a release has archives of its own for the environment.
    pub is_per_environment: bool,
    /// Whether what ran before can be found by another job: a ledger or a file that outlives this one.
    pub is_record_kept: bool,
    /// What the environment asks of a release before it may come; `None` asks nothing.
    pub gates: Option<Gates>,
}

/// Input: the mapping, and the lock or a ledger that knows the digests. Acts on: the functions of one environment, and their alias where one is
/// named; sends images by digest alone, waits until Lambda is done, reads back the digest that runs. Repeating it with the same digests changes
/// nothing. `check` is asked after each step of the traffic, or where there is no alias when all functions are updated.
///
/// `deploy-report.json` is written before the first change, with what runs then, and after the last. A deployment that fails is recorded in
/// the ledger, with the functions that it did not bring.
///
/// Source: AWS Lambda API 2015-03-31, UpdateFunctionCode and GetFunction.
///
/// # Errors
/// Bad files, a function or tag that the lock does not have, and whatever stands in the way of any function: all at once, before
/// anything is changed.
pub async fn run(
    config: &Config,
    client: &LambdaClient,
    ecr: Option<&EcrClient>,
    ledger: &Ledger,
    check: Option<&Check<'_>>,
    output: &Output,
    run: &Run,
) -> Outcome {
    let mappings = Mappings::read(&config.places.mappings)?;
    if mappings.is_empty() {
        return nothing(config, output);
    }
    let lock = match ImageLock::read(&config.places.lock) {
        Ok(lock) => Some(lock),
        Err(FileError::Missing { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let (mut desired, contents) = desired(config, &mappings, lock.as_ref(), ledger).await?;
    let release = release(config, lock.as_ref())?;
    let job = Job { config, client, check, release, contents, ledger, output, run };
    // Of a foretold lock the images are not there yet: that is what it foretells.
    let unverified = match ecr.filter(|_| !(output.is_dry_run() && is_foretold(&config.places.lock))) {
        Some(ecr) => unverified(&mappings, &desired, ecr, run).await?,
        None => BTreeMap::new(),
    };
    if config.only_ready {
        desired.retain(|one| !unverified.contains_key(&one.function));
    }
    let mut looked = job.look(&desired, None).await?;
    let problems: Vec<Problem> = unverified.into_values().collect();
    if config.only_ready {
        looked.left_out.extend(problems);
        return job.carry_out(looked, Vec::new(), BTreeMap::new()).await;
    }
    job.carry_out(looked, problems, BTreeMap::new()).await
}

/// Input: a release in a bucket, and `.deployment` files, where a service is not called as its function. Acts as [`run`] does, on functions of
/// archives: each gets the archive that the release's manifest names, and is proved to run those very bytes.
///
/// Source: AWS Lambda API 2015-03-31, UpdateFunctionCode (`S3Bucket`, `S3Key`), `CodeSha256`.
///
/// # Errors
/// A release that is not there, names that are none of Lambda's, and whatever stands in the way of any function, as an archive that is not
/// what the manifest says: all at once, before anything is changed.
pub async fn run_release(
    config: &Config,
    client: &LambdaClient,
    store: &ReleaseStore,
    ledger: &Ledger,
    check: Option<&Check<'_>>,
    output: &Output,
    run: &Run,
) -> Outcome {
    let Some(release) = config.target.release.clone() else {
        return Err(Refusal::one(
            Problem::new("LF-CONFIG-MISSING", Class::Input, "the release is missing")
                .with_remedy("give it by --release, or the variable LANDFALL_RELEASE, such as v1.0.0"),
        ));
    };
    let environment = config.target.environment.as_ref().filter(|_| config.is_per_environment);
    let manifest = store.read_manifest(&release, environment, run).await?;
    let desired = archives::desired(config, &manifest, store)?;
    let contents = archives::contents(&manifest);
    let job = Job { config, client, check, release, contents, ledger, output, run };
    let stored = StoredArchives::new(store, manifest.artifacts);
    let looked = job.look(&desired, Some(&stored)).await?;
    let kept = archives::kept(&looked.plan, store, config, run).await?;
    job.carry_out(looked, Vec::new(), kept).await
}

/// One deployment.
struct Job<'a, 'c> {
    config: &'a Config,
    client: &'a LambdaClient,
    check: Option<&'a Check<'c>>,
    release: ReleaseId,
    /// Everything that the release brings, also what other parts of the work do: what people approve is the whole.
    contents: Vec<Content>,
    /// What is told where the deployment fails.
    ledger: &'a Ledger,
    output: &'a Output,
    run: &'a Run,
}

/// What was seen, and what follows.
struct Looked {
    plan: Plan,
    /// Problems of functions that are left out.
    left_out: Vec<Problem>,
    /// What an earlier try of the same deployment left.
    earlier: Option<DeployReport>,
}

impl Job<'_, '_> {
    /// Looks at the functions, and decides what follows.
    ///
    /// # Errors
    /// A report of an earlier try that cannot be read.
    async fn look(
        &self,
        desired: &[Desired],
        archives: Option<&StoredArchives<'_>>,
    ) -> Result<Looked, Refusal> {
        let (config, environment) = (self.config, self.config.target.environment.as_ref());
        let earlier = earlier_record(&config.report, Some(&self.release), environment)?;
        let phase = Event::Phase { name: "look at the functions".into(), items: Some(desired.len() as u64) };
        self.run.progress().event(phase);
        let names: Vec<LambdaName> = desired.iter().map(|one| one.function.clone()).collect();
        let alias = self.config.options.alias.as_ref();
        let observed = observe(self.client, &names, alias, LOOKS_AT_ONCE, self.run).await;
        let live = Live { alias, publish: self.config.options.publish };
        let mut plan = plan(desired, &observed, live, self.client.place());
        if let Some(archives) = archives {
            archives.block(&mut plan, self.run).await;
        }
        if let Some(earlier) = &earlier {
            know_the_first_try(&mut plan, earlier);
        }
        let (plan, left_out) = if config.only_ready { plan.ready() } else { (plan, Vec::new()) };
        Ok(Looked { plan, left_out, earlier })
    }

    /// `kept` are archives from which what runs now can be put back.
    async fn carry_out(
        &self,
        looked: Looked,
        problems: Vec<Problem>,
        kept: BTreeMap<Digest, Archive>,
    ) -> Outcome {
        let Looked { plan, left_out, earlier } = looked;
        let (config, release, output, run) = (self.config, &self.release, self.output, self.run);
        let missing = self.missing(&plan).await?;
        let problems: Vec<Problem> = plan.problems().cloned().chain(problems).chain(missing).collect();
        if output.is_dry_run() {
            return self.dry_run(&plan, earlier.as_ref(), left_out, problems);
        }
        if !problems.is_empty() {
            return Err(Refusal(problems));
        }
        if !config.is_record_kept && !plan.is_done() {
            run.progress().event(Event::Warning(NOT_KEPT.to_owned()));
        }
        let options =
            ApplyOptions { release: Some(release.clone()), archives: kept, ..config.options.clone() };
        let record = record_of(config, release, plan.record(), earlier.as_ref());
        let mut files = vec![output.write(&config.report, &record.to_bytes(), Mode::Shared)?];

        run.progress().event(Event::Phase { name: "deploy".into(), items: Some(plan.steps.len() as u64) });
        let ended = apply(&plan, self.client, run, &options, self.check).await;

        let deployed = ended.functions.iter().map(FunctionResult::deployed).collect();
        let report = record_of(config, release, deployed, earlier.as_ref());
        let mut finished = shown::finish(&ended, run);
        finished.problems.extend(left_out);
        match output.write(&config.report, &report.to_bytes(), Mode::Shared) {
            Ok(file) => files = vec![file],
            Err(error) => finished.problems.push(Problem::of(&error)),
        }
        failed::write_down(release, config.target.environment.as_ref(), &ended, self.ledger, &mut finished)
            .await;
        finished.files = files;
        finished.release = Some(release.clone());
        Ok(finished)
    }
}

impl Job<'_, '_> {
    /// What would be done, and beside it what stands in the way: who is asked for an approval wants to see of what.
    ///
    /// # Errors
    /// A report that cannot be foretold.
    fn dry_run(
        &self,
        plan: &Plan,
        earlier: Option<&DeployReport>,
        left_out: Vec<Problem>,
        problems: Vec<Problem>,
    ) -> Outcome {
        let (config, release) = (self.config, &self.release);
        let mut finished = shown::foretell(plan);
        finished.release = Some(release.clone());
        finished.summary = format!("{}, release {release}", finished.summary);
        finished.problems = left_out.into_iter().chain(problems).collect();
        // Of functions that cannot be deployed nothing is foretold: no report would say that they were.
        if plan.problems().next().is_none() {
            let record = record_of(config, release, plan.record(), earlier);
            finished.files.push(self.output.write(&config.report, &record.to_bytes(), Mode::Shared)?);
        }
        Ok(finished)
    }
}

/// Tells the plan what functions ran before an earlier try of the same deployment, which has changed them already.
fn know_the_first_try(plan: &mut Plan, earlier: &DeployReport) {
    for step in &mut plan.steps {
        let recorded = earlier.function(&step.desired.function).and_then(|first| first.before.as_ref());
        let (Some(recorded), Some(now)) = (recorded, &step.before) else { continue };
        let first = First::of(now, recorded);
        let wanted = Some(step.desired.code.digest());
        if now.digest() == wanted && first.function.digest() != wanted {
            step.first = Some(first);
        }
    }
}

/// What is said where nothing of the rollback record outlives the job.
const NOT_KEPT: &str = "a rollback from another job will not be possible: the ledger is a folder of this job; give --ledger a place that \
    stays, or keep deploy-report.json as an artifact of the job and say so by --report-is-kept";

/// What the stage does where the mapping is empty: it writes a report without functions. No client is needed for it.
///
/// # Errors
/// A report that cannot be written.
pub fn nothing(config: &Config, output: &Output) -> Outcome {
    let report = DeployReport {
        release: config.target.release.clone(),
        environment: config.target.environment.clone(),
        alias: None,
        functions: Vec::new(),
    };
    let mut finished = Finished::new("nothing to deploy: the mapping is empty");
    finished.files.push(output.write(&config.report, &report.to_bytes(), Mode::Shared)?);
    Ok(finished)
}

/// Functions whose tag ECR does not have with the digest that is to be deployed.
async fn unverified(
    mappings: &Mappings,
    desired: &[Desired],
    ecr: &EcrClient,
    run: &Run,
) -> Result<BTreeMap<LambdaName, Problem>, Refusal> {
    let mut by_repository: BTreeMap<&Repository, BTreeMap<Tag, Option<Digest>>> = BTreeMap::new();
    for one in desired {
        if let Some(tag) = mappings.tags.get(&one.function) {
            let Code::Image { image, .. } = &one.code else { continue };
            let wanted = by_repository.entry(image.repository()).or_default();
            wanted.insert(tag.clone(), Some(image.digest()));
        }
    }
    let mut by_tag = BTreeMap::new();
    for (repository, wanted) in by_repository {
        by_tag.extend(verify_tags(ecr, repository, &wanted, run).await?);
    }
    let of =
        |one: &Desired| Some((one.function.clone(), by_tag.get(mappings.tags.get(&one.function)?)?.clone()));
    Ok(desired.iter().filter_map(of).collect())
}

/// The release: the given one, else the lock's, else the one that the versions are.
fn release(config: &Config, lock: Option<&ImageLock>) -> Result<ReleaseId, Refusal> {
    match (&config.target.release, lock) {
        (Some(release), _) => Ok(release.clone()),
        (None, Some(lock)) => Ok(lock.release.clone()),
        (None, None) => Ok(Versions::read(&config.places.versions)?.release_id()),
    }
}

/// What is wanted of this job: every row of the mapping with the digest that the lock, or else the ledger, has for it; and the contents
/// of all rows.
async fn desired(
    config: &Config,
    mappings: &Mappings,
    lock: Option<&ImageLock>,
    ledger: &Ledger,
) -> Result<(Vec<Desired>, Vec<Content>), Refusal> {
    let known = if lock.is_none() { Some(Known::read(config, ledger).await?) } else { None };
    let mut problems = Vec::new();
    let (mut desired, mut contents) = (Vec::new(), Vec::new());
    for (position, (function, tag)) in mappings.tags.iter().enumerate() {
        let pin = match (lock, &known) {
            (Some(lock), _) => of_lock(config, lock, function, tag),
            (None, Some(known)) => known.pin(config, function, tag),
            (None, None) => continue,
        };
        if let Ok(pin) = &pin {
            contents.push(Content {
                project: Some(pin.project.clone()),
                version: pin.version.parse().ok(),
                digest: pin.image.digest(),
            });
        }
        match pin {
            Err(problem) => problems.push(*problem),
            Ok(_) if !config.shard.is_none_or(|shard| shard.takes(position)) => {}
            Ok(pin) => desired.push(Desired {
                function: function.clone(),
                project: Some(pin.project),
                version: Some(pin.version),
                code: Code::Image { image: pin.image, platform: pin.platform },
                environment: config.target.environment.clone(),
                shard: config.shard,
            }),
        }
    }
    if problems.is_empty() { Ok((desired, contents)) } else { Err(Refusal(problems)) }
}

/// What the ledger and the repo say where there is no lock.
struct Known {
    versions: Versions,
    projects: BTreeMap<LambdaName, ProjectName>,
    events: Vec<LedgerEvent>,
}

impl Known {
    async fn read(config: &Config, ledger: &Ledger) -> Result<Self, Refusal> {
        let versions = Versions::read(&config.places.versions)?;
        let names = config.target.functions(&config.places.functions, &versions, MissingName::Skip)?;
        let projects = names.functions.into_iter().map(|(project, function)| (function, project)).collect();
        Ok(Self { versions, projects, events: ledger.events().await? })
    }

    fn pin(&self, config: &Config, function: &LambdaName, tag: &Tag) -> Result<Pin, Box<Problem>> {
        let lock = &config.places.lock;
        let unknown = |why: String| Box::new(unknown_digest(tag, lock, &why));
        let Some((project, entry)) =
            self.projects.get(function).and_then(|project| self.versions.projects.get_key_value(project))
        else {
            return Err(unknown(format!("no project of versions.json has function {function}")));
        };
        if !image_tag(function, &entry.version).is_ok_and(|expected| expected.tag == *tag) {
            return Err(unknown(format!("versions.json has {project} at {}", entry.version)));
        }
        let Some(repository) = &config.registry else {
            return Err(unknown(
                "the registry is not known: give it by --registry or ECR_REGISTRY_URI".to_owned(),
            ));
        };
        let Some(digest) = of_ledger(&self.events, project, &entry.version)? else {
            return Err(unknown(format!("the ledger does not know {project} {}", entry.version)));
        };
        Ok(Pin {
            project: project.clone(),
            version: entry.version.to_string(),
            image: repository.pinned(digest),
            platform: config.platform,
        })
    }
}

/// A function's image, by digest.
struct Pin {
    project: ProjectName,
    version: String,
    image: PinnedReference,
    platform: Platform,
}

fn of_lock(config: &Config, lock: &ImageLock, function: &LambdaName, tag: &Tag) -> Result<Pin, Box<Problem>> {
    let is_it = |image: &&LockedImage| image.lambda == *function && image.target.tag() == Some(tag);
    let Some(image) = lock.images.iter().find(is_it) else {
        let what = format!("the lock has no image {tag} of function {function}");
        return Err(Box::new(
            Problem::new("LF-LOCK-TAG", Class::Refused, what)
                .with_remedy("run retag-push-ecr again, which writes mapping and lock together"),
        ));
    };
    let repository = config.registry.as_ref().unwrap_or_else(|| image.target.repository());
    if repository != image.target.repository() {
        let what = format!("the lock has {function} in {}, not in {repository}", image.target.repository());
        return Err(Box::new(Problem::new("LF-LOCK-REGISTRY", Class::Refused, what).with_remedy(
            "give the lock of this environment's retag-push-ecr, or correct ECR_REGISTRY_URI",
        )));
    }
    Ok(Pin {
        project: image.project.clone(),
        version: image.version.to_string(),
        image: repository.pinned(image.digest),
        platform: lock.platform,
    })
}

fn record_of(
    config: &Config,
    release: &ReleaseId,
    functions: Vec<DeployedFunction>,
    earlier: Option<&DeployReport>,
) -> DeployReport {
    let alias = config.options.alias.as_ref();
    record(Some(release), config.target.environment.as_ref(), alias, functions, earlier)
}
