//! `publish-artifacts`: puts the archives of a release into its store, once and for all.

use std::collections::BTreeSet;
use std::path::PathBuf;

use futures_util::StreamExt as _;
use landfall_artifacts::{Class, Explain as _, Problem, ReleaseId, ReleaseManifest};
use landfall_run::{Event, Run, human_bytes};
use landfall_s3_sync::{Error, ObjectOutcome, Presence, Published, ReleaseStore, verify_local};

use crate::{Finished, Item, Outcome, Output, Refusal};

/// Archives that are read from the disk at a time.
const AT_ONCE: usize = 4;

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The release, where one is named: that of the manifest must be it.
    pub release: Option<ReleaseId>,
    /// The folder of `manifest.json` and the archives.
    pub folder: PathBuf,
}

/// Puts every archive that the local manifest names at its key, and the manifest as the last.
///
/// Acts on: the bucket. A key is written once: what is there with the same bytes is left alone, other bytes are an
/// integrity error that names both, before anything is sent. Repeating it puts there what is missing.
///
/// # Errors
/// A bad manifest, another release, archives that are not what the manifest says, keys that hold other bytes or cannot be
/// looked at: all at once, before anything is sent.
pub async fn run(config: &Config, store: &ReleaseStore, output: &Output, run: &Run) -> Outcome {
    let manifest = ReleaseManifest::read(&config.folder.join(ReleaseManifest::FILE_NAME))?;
    check_release(config, &manifest)?;
    let count = manifest.artifacts.len() as u64;
    run.progress().event(Event::Phase { name: "check".into(), items: Some(count) });
    verify(config, &manifest).await?;
    run.progress().event(Event::Phase { name: "look at the store".into(), items: Some(count + 1) });
    let plan = plan(&manifest, store, run).await?;
    let mut finished = Finished { release: Some(manifest.release.clone()), ..Finished::default() };
    if output.is_dry_run() {
        foretell(&manifest, &plan, store, &mut finished);
        return Ok(finished);
    }
    run.progress().event(Event::Phase { name: "publish".into(), items: Some(plan.absent.len() as u64) });
    let published = store.publish_rest(&manifest, &config.folder, &plan.there, run).await;
    report(published, &manifest, store, run, &mut finished);
    Ok(finished)
}

fn check_release(config: &Config, manifest: &ReleaseManifest) -> Result<(), Refusal> {
    match &config.release {
        Some(wanted) if *wanted != manifest.release => Err(Refusal::one(
            Problem::new(
                "LF-PUBLISH-RELEASE",
                Class::Input,
                format!(
                    "the archives in {} are of {}, not of {wanted}",
                    config.folder.display(),
                    manifest.release
                ),
            )
            .with_remedy("package this release first, or name the folder of its archives by --from"),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Every archive must be what the manifest says.
async fn verify(config: &Config, manifest: &ReleaseManifest) -> Result<(), Refusal> {
    let artifacts = manifest.artifacts.clone();
    let checks = artifacts.into_iter().map(|artifact| {
        let folder = config.folder.clone();
        tokio::task::spawn_blocking(move || verify_local(&folder, &artifact))
    });
    let checked: Vec<_> = futures_util::stream::iter(checks).buffered(AT_ONCE).collect().await;
    let problems: Vec<Problem> = checked
        .into_iter()
        .filter_map(|checked| match checked {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Problem::of(&error)),
            Err(_) => Some(Problem::new("LF-DEFECT", Class::Defect, "an archive could not be checked")),
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Refusal(problems)) }
}

/// What is there, and what is to be put there.
struct Plan {
    there: BTreeSet<String>,
    absent: BTreeSet<String>,
}

async fn plan(manifest: &ReleaseManifest, store: &ReleaseStore, run: &Run) -> Result<Plan, Refusal> {
    let mut plan = Plan { there: BTreeSet::new(), absent: BTreeSet::new() };
    let mut problems = Vec::new();
    for (object, seen) in store.observe(manifest, run).await {
        match seen {
            Ok(Presence::Same) => drop(plan.there.insert(object.key)),
            Ok(Presence::Absent) => drop(plan.absent.insert(object.key)),
            Ok(Presence::Differs(found)) => problems.push(Problem::of(&Error::Differs {
                address: store.address(&object.key),
                wanted: object.sha256,
                wanted_bytes: object.size_bytes,
                found,
            })),
            Err(error) => problems.push(Problem::of(&error)),
        }
    }
    if problems.is_empty() && plan.there.is_empty() {
        store.check_bucket(run).await?;
    }
    if problems.is_empty() { Ok(plan) } else { Err(Refusal(problems)) }
}

fn foretell(manifest: &ReleaseManifest, plan: &Plan, store: &ReleaseStore, finished: &mut Finished) {
    let mut bytes = 0;
    for artifact in &manifest.artifacts {
        let key = artifact.key.as_str();
        let (word, text) = if plan.there.contains(key) {
            ("unchanged", "is there")
        } else {
            ("planned", "would be put there")
        };
        if word == "planned" {
            bytes += artifact.size_bytes;
        }
        let address = store.address(key);
        finished.lines.push(format!("{address} {text}: {}", human_bytes(artifact.size_bytes)));
        finished.items.push(
            Item::new(artifact.service.to_string(), word)
                .with("address", address)
                .with("sha256", artifact.sha256.to_string())
                .with("sizeBytes", artifact.size_bytes),
        );
    }
    let key = manifest.key();
    let word = if plan.there.contains(&key) { "unchanged" } else { "planned" };
    finished.items.push(Item::new("manifest", word).with("address", store.address(&key)));
    finished.summary = format!(
        "{} of {} objects would be put into {}: {}",
        plan.absent.len(),
        plan.absent.len() + plan.there.len(),
        store.address(manifest.folder()),
        human_bytes(bytes)
    );
}

fn report(
    published: Published,
    manifest: &ReleaseManifest,
    store: &ReleaseStore,
    run: &Run,
    finished: &mut Finished,
) {
    let count =
        |outcome: ObjectOutcome| published.objects.iter().filter(|object| object.outcome == outcome).count();
    let left = count(ObjectOutcome::NotTried);
    finished.note_stop(run, left);
    finished.summary = format!(
        "{} published, {} unchanged, {} failed, {} unknown, {left} not tried; {}",
        count(ObjectOutcome::Published),
        count(ObjectOutcome::Unchanged),
        count(ObjectOutcome::Failed),
        count(ObjectOutcome::Unknown),
        store.address(manifest.folder()),
    );
    for object in published.objects {
        let address = store.address(&object.key);
        let (word, text) = match object.outcome {
            ObjectOutcome::Published => ("published", format!("published, sha256 {}", object.sha256)),
            ObjectOutcome::Unchanged => ("unchanged", "was there already".to_owned()),
            ObjectOutcome::Failed => ("failed", "was not published".to_owned()),
            ObjectOutcome::Unknown => ("unknown", "may have been published".to_owned()),
            ObjectOutcome::NotTried => ("not-tried", "was not tried".to_owned()),
        };
        finished.lines.push(format!("{address} {text}"));
        let mut item = Item::new(object.name, word)
            .with("address", address)
            .with("sha256", object.sha256.to_string())
            .with("sizeBytes", object.size_bytes);
        item.changed = object.outcome == ObjectOutcome::Published;
        item.bytes = if item.changed { object.size_bytes } else { 0 };
        item.duration_ms = u64::try_from(object.took.as_millis()).unwrap_or(u64::MAX);
        // That the run was stopped is said once for all; that the manifest is missing follows from what is.
        item.problem = object
            .error
            .as_ref()
            .filter(|error| !matches!(error.class(), Class::Interrupted | Class::Partial))
            .map(|error| Problem::of(error));
        finished.items.push(item);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use landfall_artifacts::{CodeSha256, Digest, OutcomeKind, ReleaseArtifact};
    use landfall_aws::{AwsConfig, AwsKeys, Endpoints};
    use landfall_sandbox::{Fault, RELEASE_BUCKET, Sandbox, SandboxOptions, Service, What};
    use landfall_secret::Secret;
    use landfall_transport::{Http, HttpConfig};
    use tempfile::TempDir;

    use super::*;

    async fn world() -> (Sandbox, ReleaseStore, TempDir) {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.expect("the sandbox starts");
        let keys = sandbox.static_keys();
        let keys = AwsKeys::new(&keys.access_key_id, Secret::new(&keys.secret_access_key), None);
        let endpoints = Endpoints { s3: Some(sandbox.url(Service::S3)), ..Endpoints::default() };
        let http = Http::new(HttpConfig::default()).expect("a client");
        let aws = AwsConfig::new(&sandbox.options().region, keys, endpoints, http).expect("a configuration");
        let store =
            ReleaseStore::new(&aws, RELEASE_BUCKET.parse().expect("a bucket"), None).expect("a store");
        let folder = TempDir::new().expect("a folder");
        packaged(folder.path(), &[("a", b"one"), ("b", b"two")]);
        (sandbox, store, folder)
    }

    fn packaged(folder: &Path, services: &[(&str, &[u8])]) {
        let artifact = |(service, bytes): &(&str, &[u8])| {
            std::fs::write(folder.join(format!("{service}.zip")), bytes).expect("written");
            ReleaseArtifact {
                service: service.parse().expect("a service"),
                key: format!("v1.0.0/{service}.zip").parse().expect("a key"),
                sha256: CodeSha256::from(Digest::of(bytes)),
                size_bytes: bytes.len() as u64,
            }
        };
        let artifacts = services.iter().map(artifact).collect();
        let manifest =
            ReleaseManifest { release: "v1.0.0".parse().expect("a release"), commit: None, artifacts };
        manifest.write(&folder.join("manifest.json")).expect("written");
    }

    fn config(folder: &TempDir) -> Config {
        Config { release: None, folder: folder.path().to_owned() }
    }

    fn dry() -> Output {
        Output::DryRun { foretell: None }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_release_is_planned_published_and_left_alone() {
        let (sandbox, store, folder) = world().await;
        let run_ = Run::builder().build();
        let planned = run(&config(&folder), &store, &dry(), &run_).await.expect("planned");
        assert!(sandbox.s3.keys(RELEASE_BUCKET).is_empty());
        insta::assert_snapshot!(planned.summary, @"3 of 3 objects would be put into s3://acme-releases/v1.0.0: 6 B");
        let published = run(&config(&folder), &store, &Output::Real, &run_).await.expect("published");
        assert_eq!(published.verdict(), (OutcomeKind::Done, None));
        insta::assert_snapshot!(published.lines.join("\n"), @r"
        s3://acme-releases/v1.0.0/a.zip published, sha256 dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0=
        s3://acme-releases/v1.0.0/b.zip published, sha256 P8TM/nRYcOLA2Z9x8w/wZWyN7dQcwdfT03aw2+aF4vM=
        s3://acme-releases/v1.0.0/manifest.json published, sha256 7f/VL/Z8+QjAgnKlfyW6zGN9Kgcp3QBjttWtB18Gwv4=
        ");
        let puts = sandbox.s3.calls("PutObject");
        let again = run(&config(&folder), &store, &Output::Real, &run_).await.expect("published");
        assert_eq!(again.verdict(), (OutcomeKind::NothingToDo, None));
        assert_eq!(sandbox.s3.calls("PutObject"), puts, "what is there is not sent again");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn all_that_stands_in_the_way_is_told_before_anything_is_sent() {
        let (sandbox, store, folder) = world().await;
        let run_ = Run::builder().build();
        sandbox.s3.put(RELEASE_BUCKET, "v1.0.0/a.zip", "other");
        sandbox.s3.put(RELEASE_BUCKET, "v1.0.0/manifest.json", "other");
        let Refusal(problems) =
            run(&config(&folder), &store, &Output::Real, &run_).await.expect_err("refused");
        let codes: Vec<&str> = problems.iter().map(|problem| problem.code.as_str()).collect();
        assert_eq!(codes, ["LF-S3-DIFFERS", "LF-S3-DIFFERS"]);
        assert!(problems.iter().all(|problem| problem.class == Class::Integrity));
        assert_eq!(sandbox.s3.calls("PutObject"), 0);

        let calls = sandbox.s3.calls("HeadObject");
        std::fs::write(folder.path().join("a.zip"), "changed").expect("written");
        std::fs::remove_file(folder.path().join("b.zip")).expect("removed");
        let Refusal(problems) =
            run(&config(&folder), &store, &Output::Real, &run_).await.expect_err("refused");
        let codes: Vec<&str> = problems.iter().map(|problem| problem.code.as_str()).collect();
        assert_eq!(codes, ["LF-S3-CONTENT", "LF-S3-FILE"]);
        assert_eq!(sandbox.s3.calls("HeadObject"), calls, "the store is not asked");
        let other = Config { release: "v2.0.0".parse().ok(), ..config(&folder) };
        let Refusal(problems) = run(&other, &store, &Output::Real, &run_).await.expect_err("refused");
        assert_eq!(problems[0].code, "LF-PUBLISH-RELEASE");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_failed_is_left_for_the_next_run() {
        let (sandbox, store, folder) = world().await;
        let run_ = Run::builder().build();
        let denied = What::status(403)
            .header("content-type", "application/xml")
            .body("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>");
        sandbox.faults().add(Fault::new(denied).on(Service::S3).matching("x-id=PutObject"));
        let partly = run(&config(&folder), &store, &Output::Real, &run_).await.expect("tried");
        assert_eq!(partly.verdict(), (OutcomeKind::Partial, Some(Class::Partial)));
        assert!(!sandbox.s3.keys(RELEASE_BUCKET).contains(&"v1.0.0/manifest.json".to_owned()));
        let rest = run(&config(&folder), &store, &Output::Real, &run_).await.expect("published");
        assert_eq!(rest.verdict(), (OutcomeKind::Done, None));
        assert_eq!(sandbox.s3.keys(RELEASE_BUCKET).len(), 3);
    }
}
