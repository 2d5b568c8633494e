//! What every store keeps, asked of both: a folder, and the sandbox's S3.

mod checkpoints;
mod locks;
mod notes;
mod parts;
mod s3;
mod writers;

use std::sync::Arc;

use landfall_artifacts::{Actor, EnvironmentName, EventKind};
use landfall_aws::{AwsConfig, AwsKeys, Endpoints};
use landfall_ledger::{Context, Draft, Error, Head, Ledger};
use landfall_run::{Clock, RetryPolicy, Run};
use landfall_sandbox::{Sandbox, SandboxOptions, Service};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use tempfile::TempDir;
use time::OffsetDateTime;

pub(crate) const BUCKET: &str = "acme-ledger";

/// A place for a ledger, which several may open.
#[derive(Clone)]
pub(crate) enum Place {
    Folder(Arc<TempDir>),
    S3(Arc<Sandbox>, AwsConfig),
}

impl Place {
    pub(crate) fn folder() -> Self {
        // In memory where there is such a place: what is asked is not the disk's.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self::Folder(Arc::new(folder.expect("a folder")))
    }

    pub(crate) async fn s3() -> Self {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.expect("the sandbox starts");
        sandbox.s3.create_bucket(BUCKET);
        let keys = sandbox.static_keys();
        let keys = AwsKeys::new(&keys.access_key_id, Secret::new(&keys.secret_access_key), None);
        let endpoints = Endpoints { s3: Some(sandbox.url(Service::S3)), ..Endpoints::default() };
        let http = Http::new(HttpConfig::default()).expect("a client");
        let config =
            AwsConfig::new(&sandbox.options().region, keys, endpoints, http).expect("a configuration");
        Self::S3(Arc::new(sandbox), config)
    }

    pub(crate) async fn both() -> [Self; 2] {
        [Self::folder(), Self::s3().await]
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        match self {
            Self::S3(sandbox, _) => sandbox,
            Self::Folder(_) => panic!("a folder has no sandbox"),
        }
    }

    /// A ledger of its own, as another process opens it.
    pub(crate) async fn open(&self, who: &str) -> Ledger {
        self.try_open(who, "app", Clock::system()).await.expect("a ledger")
    }

    pub(crate) async fn at(&self, who: &str, time: OffsetDateTime) -> Ledger {
        self.try_open(who, "app", Clock::fixed(time)).await.expect("a ledger")
    }

    pub(crate) async fn try_open(&self, who: &str, name: &str, clock: Clock) -> Result<Ledger, Error> {
        self.open_with(Self::context(who), name, clock).await
    }

    pub(crate) fn context(who: &str) -> Context {
        let actor = Actor { name: who.into(), source: "GITLAB_USER_LOGIN".into() };
        let mut context = Context::new(actor, "0.1.0");
        context.stage = Some("deploy-lambda".into());
        context
    }

    pub(crate) async fn open_with(
        &self,
        context: Context,
        name: &str,
        clock: Clock,
    ) -> Result<Ledger, Error> {
        match self {
            Self::Folder(folder) => Ledger::open(folder.path().join(name), context, clock).await,
            Self::S3(sandbox, config) => {
                let place = format!("s3://{BUCKET}/{name}").parse().expect("a place");
                let owner = sandbox.options().account.parse().ok();
                let policy =
                    RetryPolicy { base: std::time::Duration::from_millis(1), ..RetryPolicy::default() };
                let run = Run::builder().clock(clock).retry_policy(policy).build();
                Ledger::open_s3(config, &place, owner, run, context).await
            }
        }
    }
}

pub(crate) fn noted(reason: &str) -> Draft {
    Draft { reason: Some(reason.to_owned()), ..Draft::new(EventKind::Test) }
}

pub(crate) fn environment(name: &str) -> EnvironmentName {
    name.parse().expect("an environment")
}

pub(crate) async fn told(ledger: &Ledger) -> Vec<String> {
    ledger.events().await.expect("whole").into_iter().filter_map(|event| event.reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_back_as_they_were_told() {
    for place in Place::both().await {
        let ledger = place.open("ada").await;
        assert_eq!(ledger.verify(None).await.expect("empty").head, None);
        let mut heads: Vec<Head> = Vec::new();
        for reason in ["one", "two", "three"] {
            heads.push(ledger.append(noted(reason)).await.expect("appended"));
        }
        assert_eq!(heads.iter().map(|head| head.sequence).collect::<Vec<_>>(), [1, 2, 3]);

        let again = place.open("bob").await;
        assert_eq!(told(&again).await, ["one", "two", "three"]);
        assert_eq!(again.append(noted("four")).await.expect("appended").sequence, 4);
        assert_eq!(ledger.append(noted("five")).await.expect("it reads on").sequence, 5);
        for head in heads {
            assert_eq!(again.verify(Some(head)).await.expect("whole").records, 5);
        }
        let newer = Head { sequence: 6, digest: landfall_artifacts::Digest::of(b"") };
        assert!(matches!(again.verify(Some(newer)).await, Err(Error::Damaged { sequence: 6, .. })));
        assert_eq!(
            place
                .try_open("eve", "other", Clock::system())
                .await
                .expect("beside")
                .events()
                .await
                .expect("empty"),
            []
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_records_than_one_page_or_piece_holds_are_found() {
    for place in Place::both().await {
        let ledger = place.open("ada").await;
        for number in 0..1_203 {
            ledger.append(noted(&number.to_string())).await.expect("appended");
        }
        let again = place.open("bob").await;
        assert_eq!(again.verify(None).await.expect("whole").records, 1_203);
        let told = told(&again).await;
        assert!(told.iter().enumerate().all(|(at, text)| *text == at.to_string()), "in their order");
        assert_eq!(again.append(noted("next")).await.expect("appended").sequence, 1_204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_leaves_a_whole_record_or_none() {
    for place in Place::both().await {
        let ledger = place.open("ada").await;
        for number in 0..20 {
            let append = ledger.append(noted(&number.to_string()));
            let _ = tokio::time::timeout(std::time::Duration::from_micros(number * 50), append).await;
        }
        let records = place.open("bob").await.verify(None).await.expect("whole").records;
        ledger.append(noted("after")).await.expect("appended");
        assert!(ledger.verify(None).await.expect("whole").records > records);
    }
}
