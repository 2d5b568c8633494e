//! Trees against the sandbox's S3: the hostile list, held against one bar: no deletion that was not planned.

mod foretold;
mod listings;
mod odd;
mod opaque;
mod properties;
mod publish;
mod races;
mod refusals;
mod schemas;
mod undo;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use landfall_aws::{AwsConfig, AwsKeys, Endpoints};
use landfall_run::{MemoryJournal, RetryPolicy, Run, Share};
use landfall_s3_sync::tree::{
    Applied, Change, Guards, Labels, Plan, PlanOptions, RuleTexts, Rules, Source, Tree, TreeError, Why,
};
use landfall_sandbox::{Sandbox, SandboxOptions, Service, What};
use landfall_secret::Secret;
use landfall_transport::{Http, HttpConfig};
use tempfile::TempDir;

/// The bucket, and the prefix in it.
pub(crate) const BUCKET: &str = "acme-native-config";
pub(crate) const PREFIX: &str = "web/";

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    tree: Tree,
    pub(crate) folder: TempDir,
    pub(crate) rules: Rules,
    pub(crate) guards: Guards,
    pub(crate) options: PlanOptions,
    pub(crate) journal: Arc<MemoryJournal>,
}

/// How a publication went.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Before anything was changed.
    Refused(Vec<TreeError>),
    Applied(Box<(Plan, Applied)>),
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(SandboxOptions::default()).await
    }

    pub(crate) async fn of(options: SandboxOptions) -> Self {
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
        sandbox.s3.create_bucket(BUCKET);
        // What stands beside the prefix is nobody's business here.
        for beside in ["web", "web.json", "web-old/a", "wea/a", "other/b", "\u{1}"] {
            sandbox.s3.put(BUCKET, beside, "theirs");
        }
        let tree = tree_of(&sandbox, BUCKET, &sandbox.options().account);
        Self {
            sandbox,
            tree,
            folder: TempDir::new().expect("a folder"),
            rules: rules(&RuleTexts::default()),
            guards: Guards::default(),
            options: PlanOptions { delete: true, ..PlanOptions::default() },
            journal: Arc::default(),
        }
    }

    pub(crate) fn tree(&self) -> Tree {
        self.tree.clone()
    }

    pub(crate) fn tree_of(&self, bucket: &str, owner: &str) -> Tree {
        tree_of(&self.sandbox, bucket, owner)
    }

    /// Retries without pauses, and a journal that can be read.
    pub(crate) fn run(&self) -> Run {
        let quick = RetryPolicy { base: std::time::Duration::from_millis(1), ..RetryPolicy::default() };
        Run::builder().retry_policy(quick).journal(Arc::<MemoryJournal>::clone(&self.journal)).build()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    pub(crate) fn unlink(&self, name: &str) {
        std::fs::remove_file(self.folder.path().join(name)).expect("removed");
    }

    /// Puts an object below the prefix, as another tool does, with the usual headers.
    pub(crate) fn there(&self, name: &str, text: &str) {
        let headers = rules(&RuleTexts::default()).headers(name);
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.sandbox.s3.put_with(BUCKET, &format!("{PREFIX}{name}"), text.to_owned(), &headers);
    }

    /// Ten files that are published already, so that one deletion is within the limit.
    pub(crate) fn ten(&self) {
        for number in 0..10 {
            let (name, text) = (format!("f{number}.json"), format!("content {number}"));
            self.write(&name, &text);
            self.there(&name, &text);
        }
    }

    /// What the prefix holds, by name.
    pub(crate) fn holds(&self) -> BTreeMap<String, String> {
        let keys = self.sandbox.s3.keys(BUCKET);
        let below = keys.iter().filter_map(|key| key.strip_prefix(PREFIX));
        below.map(|name| (name.to_owned(), self.text(name).unwrap_or_default())).collect()
    }

    /// What the folder holds, by name.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let source = self.source().expect("a source");
        let read = |name: &str| std::fs::read(self.folder.path().join(name)).expect("read");
        source
            .names()
            .map(|name| (name.to_owned(), String::from_utf8_lossy(&read(name)).into_owned()))
            .collect()
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let object = self.sandbox.s3.object(BUCKET, &format!("{PREFIX}{name}"))?;
        Some(String::from_utf8_lossy(&object.bytes).into_owned())
    }

    pub(crate) fn source(&self) -> Result<Source, Vec<TreeError>> {
        Source::read(self.folder.path(), &self.rules, self.tree().address())
    }

    pub(crate) async fn plan(&self) -> Result<(Source, Plan), Vec<TreeError>> {
        let source = self.source()?;
        let plan = self.tree().plan(&source, &self.rules, self.options, &self.run()).await?;
        Ok((source, plan))
    }

    pub(crate) async fn apply(&self, source: &Source, plan: &Plan) -> Applied {
        self.tree().apply(plan, source, &self.rules, &Labels::default(), &self.run()).await
    }

    /// Plans, asks the guards and applies, as the stage does.
    pub(crate) async fn publish(&self) -> Ended {
        let (source, plan) = match self.plan().await {
            Ok(planned) => planned,
            Err(errors) => return Ended::Refused(errors),
        };
        let forbidden = self.guards.check(&plan, &source, &self.rules, self.tree().address());
        if !forbidden.is_empty() {
            return Ended::Refused(forbidden);
        }
        let applied = self.apply(&source, &plan).await;
        Ended::Applied(Box::new((plan, applied)))
    }

    /// Publishes, looks whether all came about, and that what stands beside the prefix is as it was.
    pub(crate) async fn published(&self) -> (Plan, Applied) {
        match self.publish().await {
            Ended::Applied(ended) => {
                let (plan, applied) = *ended;
                assert!(applied.is_complete(), "{:?}", codes(&applied));
                self.beside_is_untouched();
                (plan, applied)
            }
            Ended::Refused(errors) => panic!("refused: {errors:?}"),
        }
    }

    /// Publishes, which is to be refused with nothing written; gives the codes.
    pub(crate) async fn refused(&self) -> Vec<&'static str> {
        let before = self.holds();
        match self.publish().await {
            Ended::Refused(errors) => {
                assert_eq!(self.holds(), before, "refused means that nothing was changed");
                assert!(self.journal.records().is_empty(), "and nothing was intended");
                self.beside_is_untouched();
                errors.iter().map(landfall_artifacts::Explain::code).collect()
            }
            Ended::Applied(ended) => panic!("not refused: {ended:?}"),
        }
    }

    /// Publishes, which is to fail on the way; every object that is gone was a planned deletion. Gives the codes.
    pub(crate) async fn fails(&self) -> Vec<&'static str> {
        let before = self.holds();
        match self.publish().await {
            Ended::Applied(ended) => {
                let (plan, applied) = *ended;
                assert!(!applied.is_complete(), "{plan:?} {applied:?}");
                self.gone_was_planned(&before, &plan);
                codes(&applied)
            }
            Ended::Refused(errors) => panic!("refused: {errors:?}"),
        }
    }

    pub(crate) fn gone_was_planned(&self, before: &BTreeMap<String, String>, plan: &Plan) {
        let now = self.holds();
        let planned: BTreeSet<&str> = plan.deletes.iter().map(|extra| &*extra.name).collect();
        let unplanned: Vec<&String> = before
            .keys()
            .filter(|name| !now.contains_key(*name) && !planned.contains(name.as_str()))
            .collect();
        assert!(unplanned.is_empty(), "deleted without a plan: {unplanned:?}");
        self.beside_is_untouched();
    }

    pub(crate) fn beside_is_untouched(&self) {
        for beside in ["web", "web.json", "web-old/a", "wea/a", "other/b", "\u{1}"] {
            let object = self.sandbox.s3.object(BUCKET, beside);
            assert_eq!(object.map(|object| object.bytes), Some("theirs".into()), "{beside}");
            assert_eq!(self.sandbox.s3.writes(BUCKET, beside), 1, "{beside}");
        }
    }

    pub(crate) fn calls(&self, operation: &str) -> u64 {
        self.sandbox.s3.calls(operation)
    }

    /// Calls of all operations: lists, heads, gets, puts, batches of deletes, single deletes.
    pub(crate) fn all_calls(&self) -> [u64; 6] {
        ["ListObjectsV2", "HeadObject", "GetObject", "PutObject", "DeleteObjects", "DeleteObject"]
            .map(|operation| self.calls(operation))
    }
}

fn tree_of(sandbox: &Sandbox, bucket: &str, owner: &str) -> Tree {
    let keys = sandbox.static_keys();
    let keys = AwsKeys::new(&keys.access_key_id, Secret::new(&keys.secret_access_key), None);
    let endpoints = Endpoints { s3: Some(sandbox.url(Service::S3)), ..Endpoints::default() };
    let http = Http::new(HttpConfig::default()).expect("a client");
    let config = AwsConfig::new(&sandbox.options().region, keys, endpoints, http).expect("a configuration");
    let address = format!("s3://{bucket}/{PREFIX}").parse().expect("an address");
    Tree::new(&config, address, owner.parse().ok(), Share::default()).expect("a tree")
}

pub(crate) fn rules(texts: &RuleTexts) -> Rules {
    Rules::new(texts).expect("rules")
}

pub(crate) fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

/// The plan as a person would say it.
pub(crate) fn told(plan: &Plan) -> Vec<String> {
    let put = |put: &landfall_s3_sync::tree::Put| match put.why {
        Why::New => format!("+ {}", put.name),
        Why::Content => format!("~ {}", put.name),
        Why::Headers => format!("h {}", put.name),
    };
    let deletes = plan.deletes.iter().map(|extra| format!("- {}", extra.name));
    plan.puts.iter().map(put).chain(deletes).collect()
}

/// Codes of all that went wrong, each once, in their order.
pub(crate) fn codes(applied: &Applied) -> Vec<&'static str> {
    let results = applied.puts.iter().chain(&applied.deletes).chain(&applied.manifest);
    let errors = results.filter_map(|result| result.error.as_deref()).chain(&applied.errors);
    let mut codes: Vec<&'static str> = errors.map(landfall_artifacts::Explain::code).collect();
    codes.dedup();
    codes
}

pub(crate) fn changes(results: &[landfall_s3_sync::tree::ChangeResult]) -> Vec<Change> {
    results.iter().map(|result| result.change).collect()
}

/// An error of S3.
pub(crate) fn error(status: u16, code: &str) -> What {
    What::status(status)
        .header("content-type", "application/xml")
        .body(format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>"))
}

/// A document of S3 with status 200.
pub(crate) fn document(root: &str, members: &str) -> What {
    What::status(200)
        .header("content-type", "application/xml")
        .body(format!("<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{members}</{root}>"))
}
