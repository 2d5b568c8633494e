//! `s3-sync` as a command.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use landfall_artifacts::{AccountId, Class, EnvironmentKind, Problem, SyncSettings};
use landfall_aws::{AwsConfig, caller_identity};
use landfall_cli::{Opt, Values};
use landfall_run::Event;
use landfall_s3_sync::BucketName;
use landfall_s3_sync::tree::{
    Guards, HIDDEN, Keep, PRODUCTION, PlanOptions, RuleTexts, Rules, SyncRecord, Tree, TreeAddress, buckets,
    one_bucket,
};
use landfall_stages::s3_sync::{Config, read_record, run, run_undo};
use landfall_stages::{Outcome, Refusal};

use crate::{Context, Effects, Held, aws};

/// The command.
#[derive(Debug)]
pub struct Command;

/// The stage's own options.
const OPTIONS: [Opt; 22] = [
    Opt::positional("dir", "DIR", "the folder that is published").default("merged-files"),
    Opt::positional("target", "s3://BUCKET/PREFIX", "where it is published; in place of bucket and prefix"),
    Opt::value(
        "bucket",
        "NAME",
        "the bucket; where none is named, the one whose name contains --bucket-contains",
    )
    .env(&["NATIVE_BUCKET"])
    .key("sync.bucket"),
    Opt::value("prefix", "PREFIX", "the prefix of the keys").env(&["PLATFORM"]).key("sync.prefix"),
    Opt::value("bucket-contains", "TEXT", "what the bucket's name contains, where none is named")
        .key("sync.bucket_contains")
        .default("native-config"),
    Opt::switch("delete", "delete objects that the folder has no file for"),
    Opt::value(
        "max-delete",
        "N|N%",
        "refuse to delete more than this: a number, or a percentage of the objects; else 10%, and 5 in any case",
    ),
    Opt::value("expect-deletes", "N", "agree to exactly so many deletions, in place of --max-delete"),
    Opt::switch("whole-bucket", "let --delete be about a whole bucket, where there is no prefix"),
    Opt::list("exclude", "PATTERN", "neither upload nor delete what fits; may be given several times"),
    Opt::list("include", "PATTERN", "take in again what an exclusion leaves out; may be given several times"),
    Opt::switch("no-default-excludes", "take in hidden files, and `prod` folders outside production"),
    Opt::list("protect", "PATTERN", "refuse to delete what fits; may be given several times"),
    Opt::list(
        "header",
        "PATTERN=NAME: VALUE",
        "a header of what fits, the last that fits counts; may be given several times",
    ),
    Opt::switch(
        "manifest",
        "keep a manifest in the bucket, which knows headers, and content where ETags do not tell",
    ),
    Opt::switch("check-headers", "compare headers without a manifest too, by a request for each object"),
    Opt::value(
        "page-size",
        "N",
        "objects of a page of the listing at most, up to 8000; S3 itself never gives more than 1000",
    )
    .default("1000"),
    Opt::value(
        "keep-old",
        "DIR|s3://BUCKET/PREFIX|versions",
        "keep what is replaced or deleted, so that it can be undone; `versions` where the bucket does",
    )
    .env(&["LANDFALL_SYNC_KEEP_OLD"])
    .key("sync.keep_old"),
    Opt::value("record", "FILE", "what was changed, which --undo needs").default(SyncRecord::FILE_NAME),
    Opt::value("undo", "FILE", "bring back the state before the publication of this record"),
    Opt::switch("diff", "show the differences of small text files; each changed object is read for it"),
    Opt::value(
        "bucket-owner",
        "ID",
        "the AWS account that the bucket must belong to; else that of the environment",
    )
    .env(&["LANDFALL_SYNC_BUCKET_OWNER"]),
];

impl crate::Command for Command {
    const NAME: &'static str = "s3-sync";
    const SUMMARY: &'static str = "Make a prefix of a bucket hold what a folder holds, and go back again";
    const EFFECTS: Effects = Effects::Exclusive;

    fn options() -> Vec<Opt> {
        [OPTIONS.to_vec(), aws::OPTIONS.to_vec()].concat()
    }

    /// Going back is not held.
    fn held(context: &Context) -> Held {
        if context.values().text("undo").is_some() { Held::Never } else { Held::DeadOrFrozen }
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let undo = values.text("undo").map(PathBuf::from);
            let config = config(context, &mut values);
            let target: Option<TreeAddress> = values.parsed("target");
            let bucket: Option<BucketName> = values.parsed("bucket");
            let owner: Option<AccountId> = values.parsed("bucket-owner");
            let of_environment: Option<AccountId> = values.parsed("account");
            values.finish().map_err(Refusal)?;
            let config = config.ok_or_else(|| Refusal(Vec::new()))?;
            let record = undo.as_deref().map(read_record).transpose()?;
            let aws = aws::config(context, &context.http()?).await?;
            let owner = match owner.or(of_environment) {
                Some(owner) => owner,
                None => of_credentials(context, &aws).await?,
            };
            let address = match &record {
                Some(record) => {
                    let meant = Meant {
                        target: target.as_ref(),
                        bucket: bucket.as_ref(),
                        prefix: context.values().text("prefix"),
                        region: aws.region(),
                        environment: context.target().environment_text(),
                    };
                    of_record(record, &meant, undo.as_deref())?
                }
                None => address(context, &aws, &owner, target, bucket).await?,
            };
            context
                .run()
                .progress()
                .event(Event::Note(format!("publishing to {address} of account {owner}")));
            let tree = Tree::new(&aws, address, Some(owner), context.run().share())?;
            let (ledger, output, run_) = (&context.ledger, context.output(), context.run());
            match &record {
                Some(record) => {
                    let record = (record, undo.as_deref().unwrap_or(Path::new("")));
                    run_undo(context.target(), record, &tree, ledger, output, run_).await
                }
                None => run(&config, &tree, ledger, output, run_).await,
            }
        })
    }
}

/// The account of the credentials: the bucket must be its, where nothing else is said.
async fn of_credentials(context: &Context, aws: &AwsConfig) -> Result<AccountId, Refusal> {
    let identity = caller_identity(aws, context.run()).await?;
    identity.account.parse().map_err(|_| {
        let what = format!("STS names an account that is none: {}", identity.account);
        let problem = Problem::new("LF-AWS-ACCOUNT", Class::Refused, what);
        Refusal::one(problem.with_remedy("name the account: --bucket-owner, or account in landfall.toml"))
    })
}

async fn address(
    context: &Context,
    aws: &AwsConfig,
    account: &AccountId,
    target: Option<TreeAddress>,
    bucket: Option<BucketName>,
) -> Result<TreeAddress, Refusal> {
    if let Some(target) = target {
        return Ok(target);
    }
    let values = context.values();
    let bucket = if let Some(bucket) = bucket {
        bucket
    } else {
        let contains = values.text("bucket-contains").unwrap_or_default();
        one_bucket(&buckets(aws, context.run()).await?, &contains, account.as_str(), aws.region())?
    };
    TreeAddress::new(bucket, &values.text("prefix").unwrap_or_default()).map_err(|odd| {
        let problem = Problem::new("LF-CONFIG", Class::Input, odd.to_string());
        Refusal::one(
            problem.with_remedy("correct the prefix: --prefix, the variable PLATFORM, or sync.prefix"),
        )
    })
}

/// What a run is about, as far as it says so; an undo must not be about something else.
struct Meant<'a> {
    target: Option<&'a TreeAddress>,
    bucket: Option<&'a BucketName>,
    prefix: Option<String>,
    region: &'a str,
    environment: Option<String>,
}

/// An undo is about the prefix of its record and no other.
fn of_record(record: &SyncRecord, meant: &Meant<'_>, path: Option<&Path>) -> Result<TreeAddress, Refusal> {
    let shown = landfall_secret::escape(&path.unwrap_or(Path::new("")).to_string_lossy(), 200);
    let wrong = |what: String| {
        let problem = Problem::new("LF-SYNC-UNDO", Class::Input, what);
        problem.with_remedy("give the record of the publication that is to be undone, and its environment")
    };
    let address: TreeAddress = record
        .address
        .parse()
        .map_err(|odd| Refusal::one(wrong(format!("the record {shown} cannot be used: {odd}"))))?;
    let mut problems = Vec::new();
    let mut differs = |what: &str, recorded: &str, meant: &str| {
        if recorded != meant {
            let meant = landfall_secret::escape(meant, 200);
            let recorded = landfall_secret::escape(recorded, 200);
            problems.push(wrong(format!("the record {shown} is of {what} {recorded}, not of {meant}")));
        }
    };
    if let Some(target) = meant.target {
        differs("the prefix", &address.to_string(), &target.to_string());
    } else {
        if let Some(bucket) = meant.bucket {
            differs("the bucket", address.bucket().as_str(), bucket.as_str());
        }
        if let Some(prefix) = &meant.prefix {
            differs("the prefix", address.prefix().trim_matches('/'), prefix.trim_matches('/'));
        }
    }
    differs("the region", &record.region, meant.region);
    if let (Some(recorded), Some(environment)) = (&record.environment, &meant.environment) {
        differs("the environment", recorded, environment);
    }
    if problems.is_empty() { Ok(address) } else { Err(Refusal(problems)) }
}

fn config(context: &Context, values: &mut Values<'_>) -> Option<Config> {
    let settings = &context.settings.sync;
    let rules = rules(context, settings, values);
    let guards = Guards {
        max_deletes: values.parsed("max-delete").unwrap_or_default(),
        expected: values.parsed("expect-deletes"),
        whole_bucket: values.is_on("whole-bucket"),
    };
    let delete = values.is_on("delete");
    if guards.expected.is_some() && !delete {
        values.problem("LF-CONFIG", "--expect-deletes goes with --delete", Some("add --delete".to_owned()));
    }
    let keep = keep(values);
    Some(Config {
        target: context.target().clone(),
        folder: PathBuf::from(values.text("dir").unwrap_or_default()),
        rules: rules?,
        options: PlanOptions {
            delete,
            manifest: values.is_on("manifest"),
            check_headers: values.is_on("check-headers"),
            page_size: values.parsed("page-size").unwrap_or_default(),
        },
        guards,
        keep: keep?,
        record: PathBuf::from(values.text("record").unwrap_or_default()),
        diff: values.is_on("diff"),
    })
}

fn keep(values: &mut Values<'_>) -> Option<Keep> {
    match values.text("keep-old").as_deref() {
        None => Some(Keep::Nothing),
        Some("versions") => Some(Keep::Versions),
        Some(text) if text.starts_with("s3://") => values.parsed("keep-old").map(Keep::Prefix),
        Some(folder) => Some(Keep::Folder(PathBuf::from(folder))),
    }
}

/// What was given, after what `landfall.toml` says, after what is usual.
fn rules(context: &Context, settings: &SyncSettings, values: &mut Values<'_>) -> Option<Rules> {
    let row = context.target().environment.as_ref().and_then(|name| context.settings.environments.get(name));
    let is_production = row.is_some_and(|row| row.kind == EnvironmentKind::Production);
    let mut leave_out = Vec::new();
    if !values.is_on("no-default-excludes") {
        leave_out.push(HIDDEN.to_owned());
        if !is_production {
            leave_out.push(PRODUCTION.to_owned());
        }
    }
    let both = |of_file: &[String], given: Vec<String>| of_file.iter().cloned().chain(given).collect();
    let texts = RuleTexts {
        leave_out,
        exclude: both(&settings.exclude, values.list("exclude")),
        include: both(&settings.include, values.list("include")),
        protect: both(&settings.protect, values.list("protect")),
        headers: both(&settings.headers, values.list("header")),
        last: Vec::new(),
    };
    match Rules::new(&texts) {
        Ok(rules) => Some(rules),
        Err(errors) => {
            for error in errors {
                let remedy = "correct it where it is given: --exclude, --include, --protect, --header, or [sync] of landfall.toml";
                values.problem("LF-CONFIG", &error.to_string(), Some(remedy.to_owned()));
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BucketName, Meant, SyncRecord, TreeAddress, of_record};

    #[test]
    fn an_undo_is_about_what_its_record_is_about() {
        let record = SyncRecord {
            format_version: 1,
            address: "s3://acme-config/web/".to_owned(),
            region: "eu-west-2".to_owned(),
            time: String::new(),
            environment: Some("prod_eu00".to_owned()),
            release: None,
            is_complete: true,
            kept_in: None,
            had_manifest: None,
            changes: Vec::new(),
        };
        let web: TreeAddress = "s3://acme-config/web".parse().expect("an address");
        let other: TreeAddress = "s3://acme-config/other".parse().expect("an address");
        let (own, foreign): (BucketName, BucketName) =
            ("acme-config".parse().expect("a bucket"), "acme-other".parse().expect("a bucket"));
        let meant =
            || Meant { target: None, bucket: None, prefix: None, region: "eu-west-2", environment: None };
        let told = |meant: &Meant<'_>| of_record(&record, meant, None).map_err(|refusal| refusal.0.len());
        assert_eq!(told(&meant()), Ok(web.clone()));
        assert_eq!(told(&Meant { target: Some(&web), bucket: Some(&foreign), ..meant() }), Ok(web.clone()));
        let all_right = Meant {
            bucket: Some(&own),
            prefix: Some("/web/".to_owned()),
            environment: Some("prod_eu00".to_owned()),
            ..meant()
        };
        assert_eq!(told(&all_right), Ok(web));
        assert_eq!(told(&Meant { target: Some(&other), ..meant() }), Err(1));
        let all_wrong = Meant {
            bucket: Some(&foreign),
            prefix: Some("other".to_owned()),
            environment: Some("stg_eu00".to_owned()),
            region: "us-east-1",
            target: None,
        };
        assert_eq!(told(&all_wrong), Err(4));
        let odd = SyncRecord { address: "nowhere".to_owned(), ..record.clone() };
        assert!(of_record(&odd, &meant(), None).is_err());
    }
}
